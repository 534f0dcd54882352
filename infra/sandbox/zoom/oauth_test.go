package zoom_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
)

// asking is an authorisation request.
func asking(change map[string]string) string {
	v := url.Values{
		"response_type": {"code"}, "client_id": {zoomtest.ClientID}, "redirect_uri": {zoomtest.Callback}, "state": {"s&1"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for name, value := range change {
		v.Set(name, value)
		if value == "" {
			v.Del(name)
		}
	}
	return "/oauth/authorize?" + v.Encode()
}

// browse opens a page, or posts a form, without following where it leads.
func browse(t *testing.T, z *zoomtest.Stand, path string, form url.Values) (int, string, string) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, z.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	z.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res := z.Do(r)
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return res.Status, res.Header.Get("Location"), string(res.Body)
}

// A redirect that is not on the list, character by character, is refused on Zoom's own page (facts 3.1).
func TestAuthoriseRefuses(t *testing.T) {
	z := zoomtest.New(t)
	for what, change := range map[string]map[string]string{
		"unknown client":  {"client_id": "other"},
		"trailing slash":  {"redirect_uri": zoomtest.Callback + "/"},
		"other host":      {"redirect_uri": "http://localhost:8401/zoom/callback"},
		"no redirect":     {"redirect_uri": ""},
		"implicit":        {"response_type": "token"},
		"plain challenge": {"code_challenge_method": "plain"},
		"short challenge": {"code_challenge": "abc"},
	} {
		status, to, _ := browse(t, z, asking(change), nil)
		if status != http.StatusBadRequest || to != "" {
			t.Errorf("%s: %d to %q", what, status, to)
		}
	}
}

// A person chooses who to be and allows or declines; the state comes back as it was (facts 3.1, 13.14).
func TestAuthorise(t *testing.T) {
	z := zoomtest.New(t)
	for what, c := range map[string]struct {
		form     url.Values
		change   map[string]string
		want     string
		scopes   string
		noState  bool
		wantCode bool
	}{
		"allow":             {form: url.Values{"user": {zoom.Ada}, "allow": {"1"}}, wantCode: true, scopes: strings.Join(zoom.UserScopes(), " ")},
		"allow some":        {form: url.Values{"user": {zoom.Ada}, "chosen": {"1"}, "scope": {"user:read:user"}}, wantCode: true, scopes: "user:read:user"},
		"who grants fewer":  {form: url.Values{"user": {zoom.Fay}}, wantCode: true, scopes: strings.Replace(strings.Join(zoom.UserScopes(), " "), "meeting:delete:meeting ", "", 1)},
		"decline":           {form: url.Values{"user": {zoom.Ada}, "deny": {"1"}}, want: "access_denied"},
		"from the market":   {form: url.Values{"user": {zoom.Ada}}, change: map[string]string{"state": ""}, wantCode: true, noState: true, scopes: strings.Join(zoom.UserScopes(), " ")},
		"a pending invitee": {form: url.Values{"user": {zoom.Dev}}, wantCode: true, scopes: strings.Join(zoom.UserScopes(), " ")},
	} {
		if status, _, page := browse(t, z, asking(c.change), nil); status != 200 || !strings.Contains(page, "Ada Okonjo") {
			t.Fatalf("%s: %d", what, status)
		}
		if status, _, page := browse(t, z, asking(c.change)+"&user="+zoom.Ada, nil); status != 200 || !strings.Contains(page, "Allow") {
			t.Fatalf("%s: consent %d", what, status)
		}
		status, to, _ := browse(t, z, asking(c.change), c.form)
		u, err := url.Parse(to)
		if err != nil || status != http.StatusFound || !strings.HasPrefix(to, zoomtest.Callback+"?") {
			t.Fatalf("%s: %d to %q", what, status, to)
		}
		q := u.Query()
		if q.Get("error") != c.want || q.Has("code") != c.wantCode || (q.Get("state") != "s&1") != c.noState {
			t.Errorf("%s: %v", what, q)
		}
		if !c.wantCode {
			continue
		}
		r := z.Ask(t, "", "token", zoomtest.Form("authorization_code", "code", q.Get("code"), "redirect_uri", zoomtest.Callback, "code_verifier", verifier))
		if got := r.Map(t)["scope"]; r.Status != 200 || got != c.scopes {
			t.Errorf("%s: %d, scopes %q", what, r.Status, got)
		}
	}
	if status, _, _ := browse(t, z, asking(nil), url.Values{"user": {zoom.Eve}}); status != http.StatusForbidden {
		t.Errorf("a deactivated user: %d", status)
	}
}

// The token endpoint's answers (facts 3.1 to 3.3).
func TestCode(t *testing.T) {
	z := zoomtest.New(t)
	good := func(code string) url.Values {
		return zoomtest.Form("authorization_code", "code", code, "redirect_uri", zoomtest.Callback, "code_verifier", verifier)
	}
	with := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	for what, c := range map[string]struct {
		app    string
		change func(url.Values)
		pass   time.Duration
		status int
		kind   string
	}{
		"good":           {status: 200},
		"other code":     {change: with("code", "x"), status: 400, kind: "invalid_request"},
		"other redirect": {change: with("redirect_uri", "http://localhost:8400/"), status: 400, kind: "invalid_request"},
		"other verifier": {change: with("code_verifier", strings.Repeat("a", 43)), status: 400, kind: "invalid_request"},
		"no verifier":    {change: func(v url.Values) { v.Del("code_verifier") }, status: 400, kind: "invalid_request"},
		"other app":      {app: zoom.Admin, status: 400, kind: "invalid_request"},
		"just in time":   {pass: 5*time.Minute - time.Second, status: 200},
		"too late":       {pass: 5 * time.Minute, status: 400, kind: "invalid_request"},
		"grant type":     {change: with("grant_type", "password"), status: 400, kind: "unsupported_grant_type"},
	} {
		form := good(z.Code(t, zoom.Ada, zoomtest.Callback, challenge))
		if c.change != nil {
			c.change(form)
		}
		z.Clock.Pass(c.pass)
		r := z.Ask(t, c.app, "token", form)
		kind, _ := r.Map(t)["error"].(string)
		if r.Status != c.status || kind != c.kind {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
		if again := z.Ask(t, "", "token", good(form.Get("code"))); again.Status != 400 && c.kind != "unsupported_grant_type" {
			t.Errorf("%s: the code is good twice", what)
		}
	}
	z.ClientSecret = "wrong"
	if r := z.Ask(t, "", "token", good("x")); r.Status != 401 || r.Map(t)["error"] != "invalid_client" {
		t.Errorf("wrong secret: %d %s", r.Status, r.Body)
	}
}

// The keys of a token answer, api_url among them (facts 3.2).
func TestTokenAnswer(t *testing.T) {
	z := zoomtest.New(t)
	tokens := z.Authorise(t, zoom.Ada)
	if tokens.APIURL != z.URL || tokens.Type != "bearer" || tokens.Expires != 3599 || tokens.Refresh == "" {
		t.Errorf("%+v", tokens)
	}
	z.Set(func(c *zoom.Config) { c.APIURL = "https://api-eu.attacker.example" })
	if got := z.Authorise(t, zoom.Ada).APIURL; got != "https://api-eu.attacker.example" {
		t.Errorf("api_url %q", got)
	}
}

func refresh(t *testing.T, z *zoomtest.Stand, token string) zoomtest.Reply {
	t.Helper()
	return z.Ask(t, "", "token", zoomtest.Form("refresh_token", "refresh_token", token))
}

// Refresh tokens are good once, and in parallel exactly one wins; the error is Zoom's own (facts 3.2, 3.3, 9).
func TestRefreshRotates(t *testing.T) {
	z := zoomtest.New(t)
	tokens := z.Authorise(t, zoom.Ada)
	for range 3 {
		var next zoomtest.Tokens
		r := refresh(t, z, tokens.Refresh)
		r.Into(t, &next)
		if next.Refresh == "" || next.Refresh == tokens.Refresh || next.Access == tokens.Access {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		if old := refresh(t, z, tokens.Refresh); old.Status != 400 || string(old.Body) != `{"error":"invalid_grant","reason":"Invalid Token!"}` {
			t.Fatalf("old: %d %s", old.Status, old.Body)
		}
		tokens = next
	}
	var wg sync.WaitGroup
	won := make(chan int, 16)
	for range 16 {
		wg.Go(func() { won <- refresh(t, z, tokens.Refresh).Status })
	}
	wg.Wait()
	close(won)
	count := map[int]int{}
	for status := range won {
		count[status]++
	}
	if count[200] != 1 || count[400] != 15 {
		t.Errorf("in parallel: %v", count)
	}
	last := z.Authorise(t, zoom.Ada)
	z.Clock.Pass(90 * 24 * time.Hour)
	if r := refresh(t, z, last.Refresh); r.Status != 400 {
		t.Errorf("after 90 days: %d", r.Status)
	}
}

// me asks who the token's owner is.
func me(t *testing.T, z *zoomtest.Stand, token string) zoomtest.Reply {
	t.Helper()
	return z.API(t, token, "GET", "/v2/users/me", nil)
}

// How a token ends (facts 3.2, 3.3, 5, 6.5).
func TestTokensEnd(t *testing.T) {
	z := zoomtest.New(t)
	for what, c := range map[string]struct {
		do           func(zoomtest.Tokens)
		status, code int
		refreshes    bool
	}{
		"nothing":         {func(zoomtest.Tokens) {}, 200, 0, true},
		"an hour":         {func(zoomtest.Tokens) { z.Clock.Pass(time.Hour) }, 401, 124, true},
		"expiry":          {func(zoomtest.Tokens) { _ = z.Expire("", zoom.Ada) }, 401, 124, true},
		"another log-in":  {func(zoomtest.Tokens) { z.Authorise(t, zoom.Ada) }, 401, 4741, false},
		"another's":       {func(zoomtest.Tokens) { z.Authorise(t, zoom.Ben) }, 200, 0, true},
		"the other app":   {func(zoomtest.Tokens) { z.AuthoriseAdmin(t, zoom.Gus) }, 200, 0, true},
		"uninstallation":  {func(zoomtest.Tokens) { _ = z.Uninstall("", zoom.Ada) }, 401, 4741, false},
		"a mere refresh":  {func(tk zoomtest.Tokens) { refresh(t, z, tk.Refresh) }, 200, 0, false},
		"revocation":      {func(tk zoomtest.Tokens) { z.Ask(t, "", "revoke", url.Values{"token": {tk.Access}}) }, 401, 4741, false},
		"a foreign revok": {func(tk zoomtest.Tokens) { z.Ask(t, zoom.Admin, "revoke", url.Values{"token": {tk.Access}}) }, 200, 0, true},
	} {
		tokens := z.Authorise(t, zoom.Ada)
		c.do(tokens)
		if r := me(t, z, tokens.Access); r.Status != c.status || r.Code() != c.code {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
		if r := refresh(t, z, tokens.Refresh); (r.Status == 200) != c.refreshes {
			t.Errorf("%s: refresh %d %s", what, r.Status, r.Body)
		}
	}
}

// Tokens go in the header only (facts 3.2).
func TestWhereTokensGo(t *testing.T) {
	z := zoomtest.New(t)
	tokens := z.Authorise(t, zoom.Ada)
	r := z.API(t, tokens.Access, "GET", "/v2/users/me?access_token="+tokens.Access, nil)
	if r.Status != 401 || r.Code() != 124 || !strings.Contains(string(r.Body), "not supported as query parameter string") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, token := range []string{"", "x", tokens.Refresh} {
		if r := me(t, z, token); r.Status != 401 || r.Code() != 124 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
}
