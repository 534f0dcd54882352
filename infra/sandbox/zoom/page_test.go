package zoom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

// path of an absolute address of the stand-in.
func within(z *zoomtest.Stand, address string) string { return strings.TrimPrefix(address, z.URL) }

// The links lead to pages that start and join (facts 6.4): a start_url for two hours, a join_url with its passcode.
func TestLinks(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, nil)
	state := func() string { got, _ := z.Meeting(m.ID); return got.Status }
	for what, c := range map[string]struct {
		path string
		want int
	}{
		"no key":         {strings.Split(within(z, m.StartURL), "?")[0], 403},
		"wrong key":      {strings.Split(within(z, m.StartURL), "?")[0] + "?zak=x", 403},
		"wrong passcode": {strings.Split(within(z, m.JoinURL), "?")[0] + "?pwd=x", 403},
		"no meeting":     {"/j/123?pwd=x", 404},
	} {
		if status, _, _ := browse(t, z, c.path, nil); status != c.want || state() != zoom.Waiting {
			t.Errorf("%s: %d, %s", what, status, state())
		}
	}
	_, _, page := browse(t, z, within(z, m.JoinURL), nil)
	if !strings.Contains(page, "wait for the host to start") {
		t.Error(page)
	}
	status, _, page := browse(t, z, within(z, m.StartURL), nil)
	if status != 200 || !strings.Contains(page, "started") || state() != zoom.Started {
		t.Errorf("%d %s", status, state())
	}
	_, _, page = browse(t, z, within(z, m.JoinURL)+"&uname=Pat", nil)
	if !strings.Contains(page, "wait for the host to let you in") || !strings.Contains(page, "Pat") {
		t.Error(page)
	}
	if err := z.Admit(m.ID, ""); err != nil {
		t.Fatal(err)
	}
	got, _ := z.Meeting(m.ID)
	people := got.Instances[0].People
	_, _, page = browse(t, z, within(z, m.JoinURL)+"&me="+url.QueryEscape(people[len(people)-1].UUID), nil)
	if again, _ := z.Meeting(m.ID); !strings.Contains(page, "You have joined the meeting") || len(again.Instances[0].People) != len(people) {
		t.Error(page)
	}
	_ = z.End(m.ID)
	z.Clock.Pass(2 * time.Hour)
	if status, _, _ := browse(t, z, within(z, m.StartURL), nil); status != 403 {
		t.Errorf("after two hours: %d", status)
	}
}

// act asks for one act as a program does.
func act(t *testing.T, z *zoomtest.Stand, name string, order map[string]any) zoomtest.Reply {
	t.Helper()
	raw, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, z.URL+"/control/"+name, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return z.Do(r)
}

// Every act that the package comment names, by HTTP.
func TestControl(t *testing.T) {
	z := zoomtest.New(t, func(c *zoom.Config) { c.Manual = true })
	ear := z.Listen(t)
	z.Authorise(t, zoom.Ada)
	z.AuthoriseAdmin(t, zoom.Gus)
	var m zoom.Meeting
	act(t, z, "schedule", map[string]any{"user": zoom.Ada, "topic": "Tea", "start": "2026-12-01T10:00:00Z", "minutes": 10}).Into(t, &m)
	var p zoom.Participant
	with := func(more map[string]any) map[string]any {
		if more == nil {
			more = map[string]any{}
		}
		more["meeting"] = fmt.Sprint(m.ID)
		return more
	}
	for _, c := range []struct {
		name   string
		order  map[string]any
		status int
		into   any
	}{
		{"edit", with(map[string]any{"minutes": 25, "topic": "Tea & more"}), 200, nil},
		{"delete", with(nil), 200, nil},
		{"edit", with(nil), 409, nil},
		{"recover", with(nil), 200, nil},
		{"start", map[string]any{"meeting": m.ID}, 200, nil},
		{"join", with(map[string]any{"name": "Pat"}), 200, &p},
		{"admit", with(nil), 409, nil},
		{"leave", with(map[string]any{"participant": "x"}), 409, nil},
		{"end", with(nil), 200, nil},
		{"end", with(nil), 409, nil},
		{"expire", map[string]any{"user": zoom.Ada}, 200, nil},
		{"kill", map[string]any{"user": zoom.Ada}, 200, nil},
		{"uninstall", map[string]any{"user": zoom.Ada}, 200, nil},
		{"uninstall", map[string]any{"user": zoom.Ada}, 409, nil},
		{"uninstall", map[string]any{"user": zoom.Gus, "app": "admin"}, 200, nil},
		{"deactivate", map[string]any{"user": "ada.okonjo@zoom.example"}, 200, nil},
		{"activate", map[string]any{"user": zoom.Ada}, 200, nil},
		{"grant", map[string]any{"user": zoom.Ada, "scopes": []string{"user:read:user"}}, 200, nil},
		{"code", map[string]any{"user": zoom.Ada, "redirectUri": zoomtest.Callback}, 200, nil},
		{"spend", map[string]any{"user": zoom.Ada, "count": 3}, 200, nil},
		{"emit", map[string]any{"event": "x", "payload": map[string]any{"event": "x"}}, 200, nil},
		{"shuffle", nil, 200, nil},
		{"deliver", map[string]any{"delivery": 1}, 200, nil},
		{"deliver", map[string]any{}, 200, nil},
		{"validate", map[string]any{}, 409, nil},
		{"remove", map[string]any{"user": zoom.Ada}, 200, nil},
		{"remove", map[string]any{"user": zoom.Ada}, 409, nil},
		{"edit", map[string]any{"meating": 1}, 400, nil},
		{"dance", nil, 404, nil},
	} {
		order := c.order
		if order == nil {
			order = map[string]any{}
		}
		r := act(t, z, c.name, order)
		if r.Status != c.status {
			t.Errorf("%s %v: %d %s", c.name, c.order, r.Status, r.Body)
		}
		if c.into != nil {
			r.Into(t, c.into)
		}
	}
	if p.State != zoom.InMeeting || p.Name != "Pat" || len(ear.Heard()) < 9 {
		t.Errorf("%+v, %d heard", p, len(ear.Heard()))
	}
	for _, where := range []string{"state", "requests?op=token", "deliveries?state=delivered", "hook"} {
		if status, _, text := browse(t, z, "/control/"+where, nil); status != 200 || len(text) < 20 || strings.Contains(text, z.Secrets[0]) {
			t.Errorf("%s: %d %s", where, status, text)
		}
	}
}

// The page has a form for what a Zoom user does, and goes back to itself.
func TestPage(t *testing.T) {
	z := zoomtest.New(t)
	z.Listen(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, map[string]any{"topic": "<script>"})
	form := func(pairs ...string) url.Values {
		v := url.Values{"meeting": {fmt.Sprint(m.ID)}, "back": {fmt.Sprintf("../#m%d", m.ID)}}
		for n := 0; n < len(pairs); n += 2 {
			v.Set(pairs[n], pairs[n+1])
		}
		return v
	}
	status, to, _ := browse(t, z, "/control/edit", form("start", "2027-07-01T10:00", "minutes", "35", "topic", ""))
	got, _ := z.Meeting(m.ID)
	if status != 303 || to != form().Get("back") || !got.Start.Equal(time.Date(2027, 7, 1, 9, 0, 0, 0, time.UTC)) || got.Minutes != 35 || got.Topic != "<script>" {
		t.Errorf("%d to %q, %+v", status, to, got)
	}
	for what, f := range map[string]url.Values{
		"another site": form("back", "https://example.com/"), "a bad number": form("minutes", "x"), "a bad start": form("start", "x"),
	} {
		if status, _, _ := browse(t, z, "/control/edit", f); status != 400 {
			t.Errorf("%s: %d", what, status)
		}
	}
	if status, _, _ := browse(t, z, "/control/end", form()); status != 409 {
		t.Errorf("not possible: %d", status)
	}
	settle(t, z)
	for _, kind := range []string{zoom.Fail, zoom.DropEvent} {
		browse(t, z, "/add-fault", url.Values{"kind": {kind}, "count": {"2"}, "delay": {"1s"}})
	}
	_, _, page := browse(t, z, "/", nil)
	for _, want := range []string{"&lt;script&gt;", "Ada Okonjo", "meeting.created", "Faults are on", "fail 2 times", "drop 2 times", "Thu 1 July 2027, 10:00 BST"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, token) || strings.Contains(page, z.Secrets[0]) {
		t.Error("the page has what it should not")
	}
	browse(t, z, "/clear-faults", url.Values{})
	if len(z.Faults.List())+len(z.EventFaults.List()) != 0 {
		t.Error("faults are left")
	}
}

// The stand-in works below a path, on this computer only, and never on Lambda.
func TestMounted(t *testing.T) {
	z := zoomtest.New(t)
	s, err := zoom.New(zoom.Config{URL: "http://localhost:8403/zoom", App: zoom.App{ID: "a", Secret: "b"}, Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	m, err := s.Schedule(zoom.Ada, zoom.Change{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/zoom/", http.StripPrefix("/zoom", s))
	for path, want := range map[string]int{
		fmt.Sprintf("/zoom/j/%d?pwd=%s.1", m.ID, m.Pwd): 200, "/zoom/": 200, "/zoom/style.css": 200, "/zoom/v2/users/me": 401, "/zoom/v2/x": 404,
	} {
		if got := ask(t, mux, "localhost:8403", path); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	if got := ask(t, z, "zoom.example", "/"); got != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name: %d", got)
	}
	for what, c := range map[string]zoom.Config{
		"outside": {URL: "http://192.168.0.1", App: zoom.App{ID: "a", Secret: "b"}}, "slash": {URL: "http://localhost/", App: zoom.App{ID: "a", Secret: "b"}},
		"no app": {URL: "http://localhost"}, "plan": {URL: "http://localhost", App: zoom.App{ID: "a", Secret: "b"}, Plan: "gold"},
		"one ID": {URL: "http://localhost", App: zoom.App{ID: "a", Secret: "b"}, Admin: zoom.App{ID: "a", Secret: "c"}},
		"a hook": {URL: "http://localhost", App: zoom.App{ID: "a", Secret: "b", Hook: zoom.Hook{URL: "http://localhost"}}},
	} {
		if _, err := zoom.New(c); !errors.Is(err, zoom.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = zoom.New(zoom.Config{Lookup: func(string) (string, bool) { return "x", true }})
	if !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("on Lambda: %v", err)
	}
}

func ask(t *testing.T, h http.Handler, host, path string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}
