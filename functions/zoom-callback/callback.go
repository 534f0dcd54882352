package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"almanac/shared/access"
	"almanac/shared/connection"
	"almanac/shared/page"
)

// completing is connection.Store.Complete.
type completing = func(ctx context.Context, cb connection.Callback) (connection.Outcome, error)

// callback is the page that Zoom sends people back to. It shows nothing that came with the request.
func callback(complete completing, sheet *page.Sheet) page.Func {
	return func(ctx context.Context, r page.Request) (page.Answer, error) {
		out, err := complete(ctx, connection.Callback{
			State: only(r.Query, "state"), Code: only(r.Query, "code"), Error: only(r.Query, "error"),
			Cookie: secret(r.Cookies),
		})
		if err != nil {
			return page.Answer{}, err
		}
		says := speak(out)
		a := page.Answer{
			Status: says.status, Sheet: sheet, Content: says, Title: says.Heading,
			Org: out.Org, Action: string(access.ConnectionMake), State: out.Code,
		}
		if out.Served { // any other cookie is of a connection that may still be finished
			a.Cookies = []string{connection.CookieName + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"}
		}
		return a, nil
	}
}

// repeated stands for a parameter that came more than once, which is none of Zoom's.
const repeated = "?"

// only gives the one value of a parameter.
func only(q url.Values, name string) string {
	switch values := q[name]; len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	}
	return repeated
}

// secret finds the cookie that was set when the connection was begun.
func secret(cookies []string) string {
	for _, c := range cookies {
		if value, ok := strings.CutPrefix(strings.TrimSpace(c), connection.CookieName+"="); ok {
			return value
		}
	}
	return ""
}

// words are what the page says.
type words struct {
	Heading string
	Says    []string
	Missing []string // what was not allowed, each in words
	Next    string
	status  int
}

const (
	goBack  = "You can close this page and go back to Almanac."
	onceNew = "Go back to Almanac, open your profile and choose to connect Zoom once more."
)

// speak finds the words of an outcome.
func speak(out connection.Outcome) words {
	admin := out.Provider == connection.Admin
	w := words{Next: onceNew}
	switch out.Code {
	case connection.Connected:
		w.Heading, w.Next = "Zoom is connected", goBack
		w.Says = made(out, admin)
	case connection.Partly:
		w.Heading = "Zoom is not fully connected"
		w.Says = []string{"Almanac cannot use this Zoom account yet, because it was not allowed to:"}
		w.Missing = inWords(out.Missing)
		w.Next = onceNew + " Allow everything that Zoom asks for."
		if out.Keeps {
			w.Next += " Until then the account that you had connected before stays in use."
		}
	case connection.Declined:
		w.Heading, w.Says = "Zoom was not connected", []string{"You did not allow it, so nothing was changed."}
		w.Next = "To connect it after all, go back to Almanac, open your profile and choose to connect Zoom."
	case connection.Elsewhere:
		w.status = http.StatusConflict
		w.Heading = "This Zoom account is connected already"
		w.Says = []string{
			"Somebody else has connected the same Zoom user, here or at another clinic. That connection goes on.",
			"To use it here, disconnect it there first, or remove Almanac from your apps at Zoom.",
			"Or log in to Zoom as another user.",
		}
	default:
		return failed(out.Code)
	}
	return w
}

// made finds the words for an account that is connected now.
func made(out connection.Outcome, admin bool) []string {
	if admin {
		return []string{"Almanac can make Zoom log-ins for your staff in this account from now on."}
	}
	says := []string{"Almanac makes your video visits in this Zoom account from now on."}
	if out.Replaces {
		says = append(says, "It takes the place of the Zoom account that you had connected before. Visits that are "+
			"still to come get new rooms in this one by themselves, and the links that patients have stay right.")
	}
	if !out.Licensed {
		says = append(says, "This is a Basic Zoom user: Zoom ends its meetings after 40 minutes.")
	}
	return says
}

// failed finds the words of what did not come to anything.
func failed(code string) words {
	w := words{Heading: "Zoom was not connected", Next: onceNew, status: http.StatusBadRequest}
	switch code {
	case connection.Marketplace:
		w.status = http.StatusOK
		w.Says = []string{
			"You came here from Zoom’s marketplace, so Almanac cannot know which clinic you belong to.",
			"Nothing was changed.",
		}
		w.Next = "Log in to Almanac, open your profile and choose to connect Zoom."
	case connection.OtherBrowser:
		w.Says = []string{
			"This was begun in another browser, or more than once. Begin and finish it in the same one.",
		}
	case connection.Inactive:
		w.status = http.StatusConflict
		w.Says = []string{
			"Zoom does not let this user hold meetings yet. If Zoom has invited you by email, accept it first.",
		}
	case connection.StillEnding:
		w.status = http.StatusConflict
		w.Says = []string{"This account is being disconnected just now. Wait a few minutes."}
	case connection.NotAllowed:
		w.status = http.StatusForbidden
		w.Says = []string{"You may not connect Zoom at this clinic."}
		w.Next = "Ask a manager of your clinic."
	case connection.TryAgain:
		w.status = http.StatusServiceUnavailable
		w.Says = []string{"Zoom does not answer just now. Wait a minute."}
	default:
		w.Says = []string{
			"This page is only for the way back from Zoom. It has served already, was opened too late (there are ten " +
				"minutes to connect Zoom), or was not reached from there.",
		}
	}
	return w
}

// inWords tells what scopes are for; of those that nobody expected, nothing is said.
func inWords(scopes []string) []string {
	var out []string
	for _, s := range scopes {
		switch strings.TrimSuffix(s, ":admin") {
		case "user:read:user":
			out = append(out, "see which Zoom user you are")
		case "user:write:user":
			out = append(out, "invite users")
		case "meeting:read:meeting", "meeting:read:list_meetings":
			out = append(out, "look at your meetings")
		case "meeting:write:meeting":
			out = append(out, "make meetings")
		case "meeting:update:meeting":
			out = append(out, "change meetings when an appointment is moved")
		case "meeting:delete:meeting":
			out = append(out, "delete meetings when an appointment is cancelled")
		}
	}
	return slices.Compact(out)
}
