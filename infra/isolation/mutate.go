package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mutate changes a request at random, as somebody would who tries what can be had.
func (w *gust) mutate(q *request, a *asked, rt route) {
	q.header = maps.Clone(q.header)
	if body, ok := q.body.(object); ok {
		q.body = maps.Clone(body)
	}
	w.bound(q, rt)
	if w.draw.IntN(2) == 0 {
		return
	}
	for range 1 + w.draw.IntN(2) {
		w.mutation(q, a)
	}
}

// bound keeps the organisations from growing without end: what sets them up is carried out a few times at most, because
// its keys are few.
func (w *gust) bound(q *request, rt route) {
	if !rt.keyed || len(rt.names) > 0 {
		return
	}
	switch noun(rt.pattern) {
	case "appointments", "holds":
		return
	}
	q.header["Idempotency-Key"] = "storm-" + strconv.Itoa(w.draw.IntN(3))
}

// mutation makes one change: to the body, half the time where there is one, or to what surrounds it.
func (w *gust) mutation(q *request, a *asked) {
	if body, ok := q.body.(object); ok && len(body) > 0 && w.draw.IntN(2) == 0 {
		w.bodily(q, a, body)
		return
	}
	switch w.draw.IntN(7) {
	case 0:
		a.org = w.one([]string{w.h.own.org.id, w.h.foreign.org.id, newID(kindOrganisation), "org_", w.h.own.id})
		q.header["Almanac-Organisation"] = a.org
	case 1:
		q.path = with(q.path, "after", w.cursor())
	case 2:
		name := w.one([]string{"org", "patientId", "limit", "of", "at"})
		if !strings.Contains(q.path, name+"=") {
			q.path = with(q.path, name, w.one(w.s.all))
		}
	case 3:
		delete(q.header, w.one([]string{"Idempotency-Key", "If-Match"}))
	case 4:
		w.borrow(q)
	case 5:
		w.claims(q)
	case 6:
		q.header["Content-Type"] = w.one([]string{"text/plain", "application/xml", "application/json; charset=utf-16"})
	}
}

// bodily changes the body: a field that nobody knows, one with another value, one twice, or something else altogether.
func (w *gust) bodily(q *request, a *asked, body object) {
	switch w.draw.IntN(4) {
	case 0:
		name := w.one([]string{"org", "organisationId", "id", "version", "by", "roles", "patient", "Names"})
		body[name] = w.one(w.s.all)
	case 1:
		for name := range body {
			w.instead(a, body, name)
			break
		}
	case 2:
		w.twice(q, body)
	case 3:
		texts := []string{"", "{", "null", "[]", `"text"`, "\xff\xfe", strings.Repeat("[", 200)}
		q.body, q.raw = nil, []byte(w.one(texts))
	}
}

// borrow takes a key that somebody used before.
func (w *gust) borrow(q *request) {
	w.s.mu.Lock()
	key := w.one(w.s.keys)
	w.s.mu.Unlock()
	if key != "" && q.header["Idempotency-Key"] != "" {
		q.header["Idempotency-Key"] = key
	}
}

// claims sends what only the gateway may say, and what other systems believe.
func (w *gust) claims(q *request) {
	names := []string{
		"X-Forwarded-User", "X-Amzn-Oidc-Identity", "X-Organisation", "X-Amzn-Request-Context", "X-Original-Url",
		"X-Http-Method-Override", "Cognito-Groups", "X-Forwarded-For",
	}
	values := []string{w.h.foreign.org.id, w.h.own.org.id, w.h.foreign.org.boss.subject, http.MethodGet, "10.0.0.1"}
	q.header[w.one(names)] = w.one(values)
}

// twice says one field of the body twice, the second time with somebody else's id.
func (w *gust) twice(q *request, body object) {
	for name := range body {
		first, err := json.Marshal(body)
		if err != nil || len(first) < 2 {
			return
		}
		second, err := json.Marshal(w.one(w.s.all))
		if err != nil {
			return
		}
		q.body, q.raw = nil, []byte(string(first[:len(first)-1])+`,"`+name+`":`+string(second)+`}`)
		return
	}
}

// odd is a value that hardly belongs anywhere.
func (w *gust) odd() any {
	return []any{
		nil, true, -1, 1e300, "", "\u202etxt", strings.Repeat("x", 5000),
		[]any{},
		object{"$ne": ""},
		"2026-02-30",
		"=cmd|'/c calc'!A1",
	}[w.draw.IntN(11)]
}

// cursor is one that somebody was given, perhaps somebody else, and perhaps not as it was given.
func (w *gust) cursor() string {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	text := w.one(w.s.after)
	switch {
	case text == "" || w.draw.IntN(4) == 0:
		return w.one(w.s.all)
	case w.draw.IntN(3) == 0:
		i := w.draw.IntN(len(text))
		return text[:i] + "A" + text[i+1:]
	}
	return text
}

func with(path, name, value string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + name + "=" + url.QueryEscape(value)
}

// after is the cursor of a page.
func after(got answer) string {
	var page struct {
		Next string `json:"next"`
	}
	_ = json.Unmarshal(got.body, &page) // no page has no cursor
	return page.Next
}

// instead puts an odd value, or another id, where something stood, and notes it where an id was: a text would only show
// the id to those who may read the text.
func (w *gust) instead(a *asked, body object, name string) {
	body[name] = w.odd()
	a.slots = slices.Clone(a.slots)
	for i, s := range a.slots {
		if s.name != name || s.inPath {
			continue
		}
		if w.draw.IntN(2) == 0 {
			body[name] = w.one(w.s.all)
		}
		a.slots[i].id, _ = body[name].(string)
	}
}
