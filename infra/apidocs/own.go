package main

// answers are an operation's, by status: what each says, and of what media type it is where there is a body.
type answers map[string][2]string

// open is an operation that has no log-in and no permission. Those are written down here: what answers them has no
// route table.
type open struct {
	id, summary, tag, about string
	parameters              []any
	body                    object
	answers                 answers
}

func (p open) object() object {
	responses := object{}
	for status, a := range p.answers {
		one := object{"description": a[0]}
		if a[1] != "" {
			one["content"] = object{a[1]: object{}}
		}
		responses[status] = one
	}
	out := object{
		"operationId": p.id, "summary": p.summary, "tags": []any{p.tag}, "security": []any{}, "responses": responses,
	}
	if p.about != "" {
		out["description"] = p.about
	}
	if p.parameters != nil {
		out["parameters"] = p.parameters
	}
	if p.body != nil {
		out["requestBody"] = p.body
	}
	return out
}

const (
	ofAPI, ofPages, ofHooks = "This API", "Pages for people", "Webhooks"
	html                    = "text/html"
)

// ownPaths are the addresses that no function's own document has.
func ownPaths() object {
	get := func(id, summary, kind string) object {
		return object{"get": open{
			id: id, summary: summary, tag: ofAPI, answers: answers{"200": {"OK", kind}},
		}.object()}
	}
	return object{
		"/docs":            get("readDocumentation", "Read the documentation", html),
		"/v1/openapi.json": get("getOpenapiDocument", "Get the OpenAPI document", "application/json"),
		"/healthz":         get("checkHealth", "Check that the API answers", "application/json"),
		"/v/{token}":       object{"get": visitPage().object()},
		"/v/{token}/join":  object{"get": backToPage().object(), "post": joinCall().object()},
		"/zoom/callback":   object{"get": callbackPage().object()},
		"/zoom/events":     object{"post": webhook().object()},
	}
}

func asked(in, name, about, example string, required bool) object {
	return object{
		"in": in, "name": name, "required": required, "description": about,
		"schema": object{"type": "string", "examples": []any{example}},
	}
}

// token is the end of a patient's link.
func token() object {
	return asked("path", "token", "The end of a patient's link, as it was mailed.",
		"AZLVfWgwfNqe08uD8nYk0ZqHl4mC2s5T0vXw1yB7eKo", true)
}

const (
	noLink  = "There is no such link: a wrong one, one that was replaced, or another clinic's. All look the same."
	tooMany = "It was asked for too often."
	notNow  = "The page is not available just now."
)

func visitPage() open {
	return open{
		id: "showVisitPage", summary: "Show the page of a patient's link", tag: ofPages,
		about: "What a patient's link opens: when the appointment is, with whom, and whether the call can be joined. " +
			"Opening it changes nothing, because scanners of mail open every link.",
		parameters: []any{token(), asked("query", "refresh", "off: the page does not ask again by itself.",
			"off", false)},
		answers: answers{
			"200": {"The page", html}, "404": {noLink, html}, "410": {"The link has expired", html},
			"429": {tooMany, html}, "503": {notNow, html},
		},
	}
}

func backToPage() open {
	return open{
		id: "goBackToVisitPage", summary: "Go back to the page of a patient's link", tag: ofPages,
		about:      "For whoever opens or reloads the button's address.",
		parameters: []any{token()},
		answers:    answers{"303": {"To the page of the link", ""}},
	}
}

func joinCall() open {
	return open{
		id: "joinVisit", summary: "Join the call", tag: ofPages,
		about: "The button of the page. It leads on to the room from ten minutes before the start, and notes that " +
			"somebody with the link did so.",
		parameters: []any{token()},
		answers: answers{
			"303": {"To the room", ""}, "404": {noLink, html},
			"409": {"There is no call to join now; the page says why", html},
			"429": {tooMany, html}, "503": {notNow, html},
		},
	}
}

func callbackPage() open {
	return open{
		id: "finishConnection", summary: "Finish connecting Zoom", tag: ofPages,
		about: "Zoom sends the browser here. The connection is made only in the browser in which it was begun, which " +
			"its cookie tells, once, and within ten minutes.",
		parameters: []any{
			asked("query", "state", "As Almanac sent it along.", "AZLVfWgwfNqe08uD8nYk0ZqHl4mC2s5T0vXw1yB7eKo", false),
			asked("query", "code", "What Zoom grants.", "obBEe8ewaL_KdyNjniT4KPd8ffDWt9fGA", false),
			asked("query", "error", "access_denied, where the person did not allow it.", "access_denied", false),
			asked("cookie", "__Host-almanac-connect", "What the answer to the request that began it has set. Once it "+
				"has served it is taken away.", "5Jr8wq0ZtY1uXcV2bNmKdA", false),
		},
		answers: answers{
			"200": {"It is connected, or the person did not want that", html},
			"400": {"It was begun in another browser, has been used, or is too old", html},
			"403": {"The person may not connect Zoom at this clinic", html},
			"409": {"The Zoom account is connected elsewhere, or cannot be used yet", html},
			"503": {"Zoom does not answer just now", html},
		},
	}
}

func webhook() open {
	const sentBy = "By Zoom, over the time and the body (x-zm-request-timestamp, x-zm-signature)."
	return open{
		id: "tellZoomEvent", summary: "Take what Zoom tells", tag: ofHooks,
		about: "Zoom posts an event here; it is checked, put into a queue and answered at once. What is signed " +
			"rightly and means nothing to Almanac is taken and dropped.",
		parameters: []any{
			asked("header", "x-zm-signature", sentBy, "v0=6b2e…", true),
			asked("header", "x-zm-request-timestamp", sentBy, "1795430400", true),
		},
		body: object{"required": true, "content": object{"application/json": object{"schema": object{
			"type": "object", "description": "An event as Zoom describes it.",
			"examples": []any{object{"event": "meeting.started", "event_ts": 1795430400000, "payload": object{}}},
		}}}},
		answers: answers{
			"200": {"It is taken; the answer to endpoint.url_validation is as Zoom asks for it", "application/json"},
			"400": {"An endpoint.url_validation without a token", ""},
			"401": {"Not signed by Zoom, or too old", ""},
			"503": {"It cannot be taken just now; Zoom sends it again", ""},
		},
	}
}
