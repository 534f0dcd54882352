// Package zoomtest runs the stand-in for Zoom for a test, with both apps registered there, a clock that the test moves,
// users who log in without a browser, and an ear for its webhooks.
//
//	z := zoomtest.New(t)                         // z.URL is both ZOOM_URL and ZOOM_OAUTH_URL
//	z.Hook(t, srv.URL+"/zoom/events")            // signed with z.Secrets[0]
//	tokens := z.Authorise(t, zoom.Ada)           // or z.Code(t, zoom.Ada, redirect, challenge) for the callback
//	_ = z.Faults.Add(sandbox.Fault{Kind: zoom.LoseReply, Count: 1, On: zoom.OpCreate})
//	_ = z.Edit(id, zoom.Change{Start: &later})   // what the host does in Zoom itself
package zoomtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox/sandboxtest"
	"almanac/infra/sandbox/zoom"
)

// What the apps of a Stand are registered as.
const (
	ClientID      = "appUnderTest"
	ClientSecret  = "secret of the app under test"
	AdminID       = "adminAppUnderTest"
	AdminSecret   = "secret of the admin app under test"
	Callback      = "http://localhost:8400/zoom/callback"
	hookSecret    = "webhook secret of the production app"
	oldHookSecret = "webhook secret of the development app"
)

// Stand is the stand-in, served.
type Stand struct {
	*zoom.Server

	URL                              string
	ClientID, ClientSecret           string
	AdminClientID, AdminClientSecret string
	Secrets                          []string // of webhooks; the first signs

	Clock *sandboxtest.Clock
	HTTP  *http.Client
}

// New serves the stand-in until the test ends. Its clock stands at 21 November 2026, 09:00 UTC, unless the test's
// change gives it another; there is no limit of requests a second.
func New(tb testing.TB, change ...func(*zoom.Config)) *Stand {
	tb.Helper()
	srv := httptest.NewUnstartedServer(nil)
	s := &Stand{
		URL: "http://" + srv.Listener.Addr().String(), ClientID: ClientID, ClientSecret: ClientSecret,
		AdminClientID: AdminID, AdminClientSecret: AdminSecret, Secrets: []string{hookSecret, oldHookSecret},
		Clock: sandboxtest.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)),
	}
	config := zoom.Config{
		URL: s.URL, Now: s.Clock.Now, Lookup: func(string) (string, bool) { return "", false },
		App:   zoom.App{ID: ClientID, Secret: ClientSecret, Name: "Almanac", RedirectURIs: []string{Callback}},
		Admin: zoom.App{ID: AdminID, Secret: AdminSecret, Name: "Almanac users", RedirectURIs: []string{Callback}},
	}
	for _, c := range change {
		c(&config)
	}
	var err error
	if s.Server, err = zoom.New(config); err != nil {
		tb.Fatal(err)
	}
	srv.Config.Handler = s.Server
	srv.Start()
	s.HTTP = srv.Client()
	tb.Cleanup(func() {
		_ = s.Close() // it has no error
		srv.Close()
	})
	return s
}

// Hook sends the app's webhooks to an address, signed with the first of Secrets, from now on. change may spoil them.
// endpoint.url_validation is not sent by itself.
func (s *Stand) Hook(tb testing.TB, address string, change ...func(*zoom.Hook)) {
	tb.Helper()
	h := zoom.Hook{URL: address, Secret: s.Secrets[0], NoCheck: true}
	for _, c := range change {
		c(&h)
	}
	if err := s.SetHook("", h); err != nil {
		tb.Fatal(err)
	}
}

// Code logs a user in to the app and allows it, and returns the code that Zoom would send to the callback.
func (s *Stand) Code(tb testing.TB, user, redirect, challenge string) string {
	tb.Helper()
	return s.Login(tb, zoom.Login{User: user, RedirectURI: redirect, Challenge: challenge})
}

// Login is Code for either app and any scopes.
func (s *Stand) Login(tb testing.TB, l zoom.Login) string {
	tb.Helper()
	code, err := s.Server.Code(l)
	if err != nil {
		tb.Fatal(err)
	}
	return code
}

// Tokens is the answer of the token endpoint.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	APIURL  string `json:"api_url"`
}

// Authorise gets tokens of the user-managed app for a user, with these scopes or all that the user grants.
func (s *Stand) Authorise(tb testing.TB, user string, scopes ...string) Tokens {
	tb.Helper()
	code := s.Login(tb, zoom.Login{User: user, RedirectURI: Callback, Scopes: scopes})
	form := Form("authorization_code", "code", code, "redirect_uri", Callback)
	return s.tokens(tb, s.Ask(tb, "", "token", form))
}

// AuthoriseAdmin gets tokens of the admin-managed app for an owner of an account.
func (s *Stand) AuthoriseAdmin(tb testing.TB, owner string) Tokens {
	tb.Helper()
	code := s.Login(tb, zoom.Login{App: zoom.Admin, User: owner, RedirectURI: Callback})
	form := Form("authorization_code", "code", code, "redirect_uri", Callback)
	return s.tokens(tb, s.Ask(tb, zoom.Admin, "token", form))
}

func (s *Stand) tokens(tb testing.TB, r Reply) Tokens {
	tb.Helper()
	var t Tokens
	r.Into(tb, &t)
	if r.Status != http.StatusOK || t.Access == "" {
		tb.Fatalf("no token: %d %s", r.Status, r.Body)
	}
	return t
}

// Form is a form of the token endpoint, with pairs of names and values.
func Form(grantType string, pairs ...string) url.Values {
	v := url.Values{"grant_type": {grantType}}
	for n := 0; n+1 < len(pairs); n += 2 {
		v.Set(pairs[n], pairs[n+1])
	}
	return v
}

// Reply is an answer, read to its end.
type Reply struct{ sandboxtest.Reply }

// Map is the body as a map.
func (r Reply) Map(tb testing.TB) map[string]any {
	tb.Helper()
	m := map[string]any{}
	r.Into(tb, &m)
	return m
}

// Code is Zoom's own code of an error, or 0.
func (r Reply) Code() int {
	var e struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(r.Body, &e) // no JSON has no code
	return e.Code
}

// Ask posts a form to /oauth/{what} with the credentials of an app.
func (s *Stand) Ask(tb testing.TB, app, what string, form url.Values) Reply {
	tb.Helper()
	id, secret := s.ClientID, s.ClientSecret
	if app == zoom.Admin {
		id, secret = s.AdminClientID, s.AdminClientSecret
	}
	r := s.request(tb, http.MethodPost, "/oauth/"+what, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
	return s.Do(r)
}

// API asks the API, path from /v2 on, with a token; a body goes out as JSON.
func (s *Stand) API(tb testing.TB, token, method, path string, body any) Reply {
	tb.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			tb.Fatal(err)
		}
	}
	r := s.request(tb, method, path, bytes.NewReader(raw))
	r.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return s.Do(r)
}

func (s *Stand) request(tb testing.TB, method, path string, body io.Reader) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, s.URL+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// Do sends a request.
func (s *Stand) Do(r *http.Request) Reply { return Reply{sandboxtest.Do(s.HTTP, r)} }
