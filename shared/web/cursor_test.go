package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/web"
)

type (
	pageIn struct {
		ID    string `path:"id"`
		State string `query:"state" enum:"open,done" default:"open"`
		After string `query:"after" maxLength:"300"`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	bodyIn struct {
		web.Keyed
		Body struct {
			After string `json:"after,omitempty"`
		}
	}
)

// lists are routes whose pages tell where they began, with a gate that seals by writing down what for.
type lists struct {
	serve web.Handler
	fail  error
}

const sealedFor = "sealed for "

func newLists(t *testing.T) *lists {
	t.Helper()
	w, l := newWorld(t), &lists{}
	edge := w.edge()
	edge.Gate.Seal = func(_ context.Context, by access.Caller, of []string, position string) (string, error) {
		return sealedFor + strings.Join(append([]string{by.Org()}, of...), "|") + "!" + position, l.fail
	}
	edge.Gate.Open = func(_ context.Context, by access.Caller, of []string, sealed string) (string, error) {
		rest, ok := strings.CutPrefix(sealed, sealedFor+strings.Join(append([]string{by.Org()}, of...), "|")+"!")
		if !ok {
			return "", fault.New(fault.Invalid, "malformed_cursor", "None.")
		}
		return rest, nil
	}
	list := func(_ context.Context, _ web.Request, in *pageIn) (web.Page[string], error) {
		if in.After == "the end" {
			return web.NewPage([]string{in.After}, ""), nil
		}
		return web.NewPage([]string{in.After}, "the end"), nil
	}
	l.serve = edge.Serve(web.Routes{
		"GET /v1/things/{id}/parts":  web.Do(access.AvailabilityRead, "List parts", list),
		"GET /v1/things/{id}/owners": web.Do(access.AvailabilityRead, "List owners", list),
		"POST /v1/things/search": web.Do(access.HoldCreate, "Search", func(
			_ context.Context, _ web.Request, in *bodyIn,
		) (web.Page[string], error) {
			return web.NewPage([]string{in.Body.After}, "plain"), nil
		}),
	})
	return l
}

func (l *lists) page(t *testing.T, r string, as string) (int, web.Page[string], web.Problem) {
	t.Helper()
	path, raw, _ := strings.Cut(r, "?")
	res := mustSend(t, l.serve, claim(query(request(http.MethodGet, path, ""), raw), "sub", as))
	var page web.Page[string]
	var p web.Problem
	into := any(&page)
	if res.StatusCode != http.StatusOK {
		into = &p
	}
	if err := json.Unmarshal([]byte(res.Body), into); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, page, p
}

// A page's next is sealed for the organisation, the person, the route, the record and the filter, and leads on for
// those alone; a handler sees positions only.
func TestLists(t *testing.T) {
	l := newLists(t)
	const path, things = "/v1/things/1/parts", "/v1/things/"
	_, first, _ := l.page(t, path+"?state=done", "sub-1")
	want := sealedFor + orgA + "|sub-1|GET /v1/things/{id}/parts|/v1/things/1/parts|state=done!the end"
	if first.Next != want || !slices.Equal(first.Items, []string{""}) {
		t.Fatalf("next %q, want %q; %q", first.Next, want, first.Items)
	}
	after := "after=" + strings.NewReplacer(" ", "%20", "|", "%7C", "{", "%7B", "}", "%7D").Replace(first.Next)
	for _, q := range []string{"?state=done&" + after, "?" + after + "&limit=1&state=done"} {
		status, page, p := l.page(t, path+q, "sub-1")
		if status != 200 || page.Next != "" || !slices.Equal(page.Items, []string{"the end"}) {
			t.Errorf("%s: %d %+v %+v", q, status, page, p)
		}
	}
	for name, c := range map[string][2]string{
		"another person":   {path + "?state=done&" + after, "sub-2"},
		"another record":   {things + "2/parts?state=done&" + after, "sub-1"},
		"another route":    {things + "1/owners?state=done&" + after, "sub-1"},
		"another filter":   {path + "?state=open&" + after, "sub-1"},
		"no filter":        {path + "?" + after, "sub-1"},
		"a plain position": {path + "?state=done&after=the%20end", "sub-1"},
	} {
		if status, _, p := l.page(t, c[0], c[1]); status != 400 || p.Code != "malformed_cursor" {
			t.Errorf("%s: %d %+v", name, status, p)
		}
	}
	if status, page, _ := l.page(t, path+"?after=", "sub-1"); status != 200 || page.Items[0] != "" {
		t.Errorf("an empty one: %d %+v", status, page)
	}
}

// What cannot be sealed is not handed out plain, and what does not go on through the query is no concern of the edge.
func TestListsUnsealed(t *testing.T) {
	l := newLists(t)
	l.fail = fault.New(fault.Unavailable, "busy", "Not now.")
	if status, page, p := l.page(t, "/v1/things/1/parts", "sub-1"); status != 503 || page.Next != "" || p.Code != "busy" {
		t.Errorf("%d %+v %+v", status, page, p)
	}
	res := mustSend(t, l.serve, request(http.MethodPost, "/v1/things/search", `{"after":"plain"}`))
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Body, `{"items":["plain"],"next":"plain"}`) {
		t.Errorf("%d %s", res.StatusCode, res.Body)
	}
}
