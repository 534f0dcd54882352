package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/oidc"
)

func TestLogin(t *testing.T) {
	s := newStand(t)
	a := s.ask(tokenForm(s.code("sub-reception")), 200)
	const scope = "openid profile email almanac/use"
	if a.Type != "Bearer" || a.Expires != 3600 || a.Scope != scope {
		t.Errorf("answer %+v", a)
	}
	at, until := float64(s.clock.now().Unix()), float64(s.clock.now().Add(time.Hour).Unix())
	s.claims(a.Access, map[string]any{
		"sub": "sub-reception", "username": "sub-reception", "client_id": "almanac", "aud": "", "token_use": "access",
		"scope": scope, "iat": at, "auth_time": at, "exp": until, "cognito:groups": "[org_a]", "iss": s.URL(),
	})
	s.claims(a.ID, map[string]any{
		"sub": "sub-reception", "aud": "almanac", "client_id": "", "token_use": "id", "nonce": "no", "iat": at, "exp": until,
		"name": "Rowan Reception", "email": "rowan@example.com", "cognito:groups": "[org_a]", "iss": s.URL(),
	})
	operator := s.ask(tokenForm(s.code("sub-operator")), 200)
	s.claims(operator.Access, map[string]any{"scope": scope + " almanac/operate", "cognito:groups": ""})
}

func TestUserInfo(t *testing.T) {
	s := newStand(t)
	a := s.ask(tokenForm(s.code("sub-reception")), 200)
	for token, want := range map[string]int{a.Access: 200, a.ID: 401, "": 401} {
		resp, body := s.do("GET", "/userinfo", "", "", "Authorization", "Bearer "+token)
		if resp.Status != want || strings.Contains(body, "Rowan") != (want == 200) {
			t.Errorf("%d %s", resp.Status, body)
		}
	}
}

func TestRequestsThatMustNotRedirect(t *testing.T) {
	s := newStand(t)
	for name, q := range map[string]url.Values{
		"unknown client":        authRequest("client_id", "other"),
		"no redirect":           authRequest("redirect_uri", "-"),
		"longer redirect":       authRequest("redirect_uri", callback+"/x"),
		"redirect in capitals":  authRequest("redirect_uri", "http://LOCALHOST:8080/callback"),
		"redirect to elsewhere": authRequest("redirect_uri", "https://example.com/"),
		"two redirects": func() url.Values {
			v := authRequest()
			v.Add("redirect_uri", "https://example.com/")
			return v
		}(),
	} {
		for _, method := range []string{"GET", "POST"} {
			resp, body := s.do(method, "/authorize?"+q.Encode(), "application/x-www-form-urlencoded", "subject=sub-reception")
			if resp.Status != 400 || resp.Header.Get("Location") != "" || !strings.Contains(body, "cannot log in") {
				t.Errorf("%s, %s: %d to %q", name, method, resp.Status, resp.Header.Get("Location"))
			}
		}
	}
}

func TestRequestsRefusedByRedirect(t *testing.T) {
	s := newStand(t)
	for _, c := range []struct {
		name string
		q    url.Values
		want string
	}{
		{"implicit flow", authRequest("response_type", "token"), "unsupported_response_type"},
		{"no challenge", authRequest("code_challenge", "-"), "invalid_request"},
		{"plain challenge", authRequest("code_challenge_method", "plain"), "invalid_request"},
		{"method left out, so plain", authRequest("code_challenge_method", "-"), "invalid_request"},
		{"short challenge", authRequest("code_challenge", "abc"), "invalid_request"},
		{"unknown scope", authRequest("scope", "openid root"), "invalid_scope"},
		{"no page wanted", authRequest("prompt", "none"), "login_required"},
		{"request object", authRequest("request", "e30"), "request_not_supported"},
		{"fragment answer", authRequest("response_mode", "fragment"), "invalid_request"},
	} {
		resp, _ := s.do("GET", "/authorize?"+c.q.Encode(), "", "")
		to := resp.location(t)
		if q := to.Query(); resp.Status != 303 || q.Get("error") != c.want || q.Get("state") != "st" || q.Get("iss") != s.URL() {
			t.Errorf("%s: %s, want %s", c.name, to, c.want)
		}
	}
	for subject, form := range map[string]url.Values{
		"cancelled":      {"cancel": {"yes"}},
		"too much asked": {"subject": {"sub-reception"}},
	} {
		resp, _ := s.form("/authorize?"+authRequest("scope", "almanac/operate").Encode(), form)
		if to := resp.location(t); to.Query().Get("error") != "access_denied" {
			t.Errorf("%s: %v", subject, to)
		}
	}
}

func TestCode(t *testing.T) {
	s := newStand(t)
	for _, c := range []struct {
		name   string
		change []string
	}{
		{"another verifier", []string{"code_verifier", strings.Repeat("x", 50)}},
		{"no verifier", []string{"code_verifier", "-"}},
		{"another registered redirect", []string{"redirect_uri", callback + "?a=b"}},
		{"no redirect", []string{"redirect_uri", "-"}},
		{"no code", []string{"code", "-"}},
		{"another client", []string{"client_id", "almanac-web", "client_secret", "s3cret/+ "}},
	} {
		code := s.code("sub-reception")
		if a := s.ask(tokenForm(code, c.change...), 400); a.Error != "invalid_grant" {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
	t.Run("lives 60 seconds", func(*testing.T) {
		in, out := s.code("sub-reception"), s.code("sub-reception")
		s.clock.pass(59 * time.Second)
		s.ask(tokenForm(in), 200)
		s.clock.pass(time.Second)
		s.ask(tokenForm(out), 400)
	})
	t.Run("used twice ends what it gave", func(*testing.T) {
		code := s.code("sub-reception")
		first := s.ask(tokenForm(code), 200)
		s.ask(tokenForm(code), 400)
		s.ask(refreshForm(first.Refresh), 400)
	})
	t.Run("of a removed person", func(*testing.T) {
		code := s.code("sub-operator")
		s.RemovePerson("sub-operator")
		s.ask(tokenForm(code), 400)
	})
	t.Run("raced, is good once", func(t *testing.T) {
		code := s.code("sub-reception")
		won := make(chan int, 20)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				resp, _ := s.form("/token", tokenForm(code))
				won <- resp.Status
			})
		}
		wg.Wait()
		close(won)
		good := 0
		for status := range won {
			if status == 200 {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d requests got tokens for one code", good)
		}
	})
}

func TestTokenRequests(t *testing.T) {
	s := newStand(t)
	basic := func(user, password string) []string {
		raw := url.QueryEscape(user) + ":" + url.QueryEscape(password)
		return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(raw))}
	}
	web := func(change ...string) url.Values {
		return tokenForm(s.code("sub-reception", "client_id", "almanac-web"), append([]string{"client_id", "-"}, change...)...)
	}
	s.ask(web(), 200, basic("almanac-web", "s3cret/+ ")...)
	s.ask(web("client_id", "almanac-web", "client_secret", "s3cret/+ "), 200)
	if a := s.ask(web(), 401, basic("almanac-web", "wrong")...); a.Error != "invalid_client" {
		t.Errorf("wrong secret: %+v", a)
	}
	s.ask(web("client_id", "almanac-web"), 401)
	s.ask(web("client_id", "almanac"), 401, basic("almanac-web", "s3cret/+ ")...)
	s.ask(web("client_id", "other"), 401)
	s.ask(web("client_secret", "s3cret/+ "), 401, basic("almanac-web", "s3cret/+ ")...)
	if a := s.ask(tokenForm("x", "grant_type", "password"), 400); a.Error != "unsupported_grant_type" {
		t.Errorf("password grant: %+v", a)
	}
	twice := tokenForm(s.code("sub-reception"))
	twice.Add("code", "y")
	if a := s.ask(twice, 400); a.Error != "invalid_request" {
		t.Errorf("code twice: %+v", a)
	}
	for contentType, body := range map[string]string{
		"application/json":                  `{"grant_type":"authorization_code"}`,
		"application/x-www-form-urlencoded": "a=" + strings.Repeat("x", 70<<10),
	} {
		if resp, body := s.do("POST", "/token", contentType, body); resp.Status != 400 {
			t.Errorf("%s: %d %s", contentType, resp.Status, body)
		}
	}
}

func refreshForm(token string, change ...string) url.Values {
	return changed(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {"almanac"}, "refresh_token": {token},
	}, change...)
}

func TestRefresh(t *testing.T) {
	s := newStand(t)
	start := func() string { return s.ask(tokenForm(s.code("sub-reception")), 200).Refresh }
	first := start()
	if err := s.AddPerson(oidc.Person{Subject: "sub-reception", Name: "Rowan", Groups: []string{"org_b"}}); err != nil {
		t.Fatal(err)
	}
	a := s.ask(refreshForm(first), 200)
	if c, err := s.check(a.Access); err != nil || fmt.Sprint(c["cognito:groups"]) != "[org_b]" {
		t.Errorf("the new group is missing: %v %v", c, err)
	}
	if narrow := s.ask(refreshForm(a.Refresh, "scope", "almanac/use"), 200); narrow.Scope != "almanac/use" || narrow.ID != "" {
		t.Errorf("narrowed: %+v", narrow)
	}
	t.Run("of an operator who is none any more", func(*testing.T) {
		token := s.ask(tokenForm(s.code("sub-operator")), 200).Refresh
		if err := s.AddPerson(oidc.Person{Subject: "sub-operator", Name: "Oli"}); err != nil {
			s.t.Fatal(err)
		}
		s.claims(s.ask(refreshForm(token), 200).Access, map[string]any{"scope": "openid profile email almanac/use"})
	})
	t.Run("reuse ends the chain", func(*testing.T) {
		one := start()
		two := s.ask(refreshForm(one), 200).Refresh
		s.ask(refreshForm(one), 400)
		s.ask(refreshForm(two), 400)
	})
	t.Run("more scope than granted", func(t *testing.T) {
		if a := s.ask(refreshForm(start(), "scope", "almanac/operate"), 400); a.Error != "invalid_scope" {
			t.Errorf("%+v", a)
		}
	})
	t.Run("another client", func(*testing.T) {
		s.ask(refreshForm(start(), "client_id", "almanac-web", "client_secret", "s3cret/+ "), 400)
	})
	t.Run("revoked", func(*testing.T) {
		token := start()
		s.form("/revoke", url.Values{"client_id": {"almanac"}, "token": {token}})
		s.ask(refreshForm(token), 400)
	})
	t.Run("after 30 days", func(*testing.T) {
		token := start()
		s.clock.pass(30 * 24 * time.Hour)
		s.ask(refreshForm(token), 400)
	})
	t.Run("of a removed person", func(*testing.T) {
		token := start()
		s.RemovePerson("sub-reception")
		s.ask(refreshForm(token), 400)
	})
}

func TestLogout(t *testing.T) {
	s := newStand(t)
	a := s.ask(tokenForm(s.code("sub-reception")), 200)
	resp, _ := s.do("GET", "/logout?"+url.Values{
		"id_token_hint": {a.ID}, "post_logout_redirect_uri": {bye}, "state": {"x"},
	}.Encode(), "", "")
	if resp.Status != 303 || resp.Header.Get("Location") != bye+"?state=x" {
		t.Errorf("logout: %d to %q", resp.Status, resp.Header.Get("Location"))
	}
	s.ask(refreshForm(a.Refresh), 400)
	if resp, _ := s.do("GET", "/logout?client_id=almanac&logout_uri="+url.QueryEscape(bye), "", ""); resp.Status != 303 {
		t.Errorf("Cognito's logout: %d", resp.Status)
	}
	for _, q := range []string{
		"client_id=almanac&logout_uri=https://example.com", "logout_uri=" + url.QueryEscape(bye),
		"id_token_hint=" + a.Access, "id_token_hint=" + a.ID + "&client_id=almanac-web",
	} {
		if resp, _ := s.do("GET", "/logout?"+q, "", ""); resp.Status != 400 {
			t.Errorf("%s: %d", q, resp.Status)
		}
	}
	if resp, body := s.do("GET", "/logout", "", ""); resp.Status != 200 || !strings.Contains(body, "logged out") {
		t.Errorf("plain logout: %d", resp.Status)
	}
}

func TestDiscovery(t *testing.T) {
	s := newStand(t)
	resp, body := s.do("GET", "/.well-known/openid-configuration", "", "")
	var d map[string]any
	if err := json.Unmarshal([]byte(body), &d); err != nil || resp.Status != 200 || d["issuer"] != s.URL() {
		t.Fatalf("%d %v %v", resp.Status, d["issuer"], err)
	}
	for name, v := range d {
		at, isURL := v.(string)
		if !isURL || name == "issuer" {
			continue
		}
		path, ours := strings.CutPrefix(at, s.URL())
		if resp, _ := s.do("GET", path, "", ""); !ours || resp.Status == 404 {
			t.Errorf("%s: %s is not served", name, at)
		}
	}
}

func TestMintedTokens(t *testing.T) {
	s := newStand(t)
	good, err := s.Token("sub-operator")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.check(good); err != nil || c["scope"] != "openid profile email almanac/use almanac/operate" {
		t.Fatalf("%v %v", c, err)
	}
	wrong, err := s.WrongTokens("sub-operator")
	if err != nil {
		t.Fatal(err)
	}
	if len(wrong) < 20 {
		t.Errorf("only %d kinds of wrong token", len(wrong))
	}
	for _, w := range wrong {
		if c, err := s.check(w.Token); err == nil {
			t.Errorf("%s: accepted: %v", w.Name, c)
		}
		if resp, _ := s.do("GET", "/userinfo", "", "", "Authorization", "Bearer "+w.Token); resp.Status != 401 &&
			!strings.Contains(w.Name, "client") && !strings.Contains(w.Name, "audience") {
			t.Errorf("%s: userinfo %d", w.Name, resp.Status)
		}
	}
	if _, err := s.Token("nobody"); !errors.Is(err, oidc.ErrSubject) {
		t.Errorf("token for nobody: %v", err)
	}
}

func TestRotateKey(t *testing.T) {
	s := newStand(t)
	old, err := s.Token("sub-operator")
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := s.do("POST", "/dev/rotate", "", ""); resp.Status != 204 {
		t.Fatalf("rotate: %d", resp.Status)
	}
	if _, err := s.check(old); err != nil {
		t.Errorf("the old key is gone too early: %v", err)
	}
	if err := s.RotateKey(false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(old); err == nil {
		t.Error("a token of a withdrawn key is still good")
	}
	if token, err := s.Token("sub-operator"); err != nil {
		t.Error(err)
	} else if _, err := s.check(token); err != nil {
		t.Error(err)
	}
}

func TestDevEndpoints(t *testing.T) {
	s := newStand(t)
	const asJSON = "application/json"
	resp, body := s.do("PUT", "/dev/people", asJSON, `{"subject":"sub-new","name":"Nia New","groups":["org_c"]}`)
	if resp.Status != 200 {
		t.Fatalf("put: %d %s", resp.Status, body)
	}
	var a answer
	resp, body = s.do("POST", "/dev/token", asJSON, `{"subject":"sub-new"}`)
	if err := json.Unmarshal([]byte(body), &a); err != nil || resp.Status != 200 {
		t.Fatalf("token: %d %s", resp.Status, body)
	}
	if c, err := s.check(a.Access); err != nil || fmt.Sprint(c["cognito:groups"]) != "[org_c]" {
		t.Errorf("%v %v", c, err)
	}
	for body, want := range map[string]int{
		`{"subject":"sub-new","scope":"almanac/use"}`: 200, `{"subject":"sub-new","scope":"almanac/operate"}`: 400,
		`{"subject":"nobody"}`: 400, `{}`: 400, `x`: 400, `{"subject":"sub-new","typo":1}`: 400,
		`{"subject":"sub-new"}{}`: 400,
	} {
		if resp, _ := s.do("POST", "/dev/token", asJSON, body); resp.Status != want {
			t.Errorf("%s: %d, want %d", body, resp.Status, want)
		}
	}
	for _, bad := range []string{
		`{"subject":"","name":"N"}`, `{"subject":"a b","name":"N"}`, `{"subject":"a","name":" "}`,
		`{"subject":"a","name":"N","email":"x@example.com, y@example.com"}`, `{"subject":"a","name":"N\nM"}`,
		`{"subject":"a","name":"N","groups":[""]}`,
	} {
		if resp, _ := s.do("PUT", "/dev/people", asJSON, bad); resp.Status != 400 {
			t.Errorf("%s: %d", bad, resp.Status)
		}
	}
	if resp, _ := s.do("DELETE", "/dev/people/sub-new", "", ""); resp.Status != 204 || len(s.People()) != 2 {
		t.Errorf("delete: %d, %d people left", resp.Status, len(s.People()))
	}
}

func TestPage(t *testing.T) {
	s := newStand(t)
	hostile := oidc.Person{Subject: "sub-x", Name: `<script>alert(1)</script>`, Note: `"><img src=x>`, Email: "x@example.com"}
	if err := s.AddPerson(hostile); err != nil {
		t.Fatal(err)
	}
	q := authRequest("state", `"><script>`, "login_hint", "x@EXAMPLE.com")
	resp, body := s.do("GET", "/authorize?"+q.Encode(), "", "")
	if resp.Status != 200 || strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("%d\n%s", resp.Status, body)
	}
	if strings.Index(body, "sub-x") > strings.Index(body, "sub-reception") {
		t.Error("the hinted person is not first")
	}
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self' http://localhost:8080;") ||
		strings.Contains(csp, "script-src") {
		t.Errorf("policy %q", csp)
	}
	if resp, css := s.do("GET", "/style.css", "", ""); resp.Status != 200 || strings.Contains(css, "url(") {
		t.Errorf("stylesheet: %d", resp.Status)
	}
}

func TestForeignPagesAreKeptOut(t *testing.T) {
	s := newStand(t)
	resp, _ := s.do("POST", "/dev/token", "text/plain", `{"subject":"sub-operator"}`, "Sec-Fetch-Site", "cross-site")
	if resp.Status != 403 {
		t.Errorf("a foreign page got %d", resp.Status)
	}
	rebound := httptest.NewRequestWithContext(t.Context(), "POST", s.URL()+"/dev/token", strings.NewReader(`{"subject":"sub-operator"}`))
	rebound.Host = "evil.example.com"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, rebound)
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign host name got %d", w.Code)
	}
}

func TestConfig(t *testing.T) {
	good := func() oidc.Config {
		return oidc.Config{
			Issuer: "http://localhost:9000", Clients: []oidc.Client{{ID: "a"}},
			Lookup: func(string) (string, bool) { return "", false },
		}
	}
	for name, change := range map[string]func(*oidc.Config){
		"public address":     func(c *oidc.Config) { c.Issuer = "http://example.com" },
		"trailing slash":     func(c *oidc.Config) { c.Issuer += "/" },
		"query":              func(c *oidc.Config) { c.Issuer += "?a" },
		"no client":          func(c *oidc.Config) { c.Clients = nil },
		"client twice":       func(c *oidc.Config) { c.Clients = append(c.Clients, c.Clients[0]) },
		"redirect to script": func(c *oidc.Config) { c.Clients[0].RedirectURIs = []string{"javascript:alert(1)"} },
		"nameless person":    func(c *oidc.Config) { c.People = []oidc.Person{{Subject: "a"}} },
	} {
		c := good()
		change(&c)
		if _, err := oidc.New(c); !errors.Is(err, oidc.ErrConfig) && !errors.Is(err, oidc.ErrPerson) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := good()
	c.Lookup = func(name string) (string, bool) { return "booking", name == "AWS_LAMBDA_FUNCTION_NAME" }
	if _, err := oidc.New(c); !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("started on Lambda: %v", err)
	}
	if _, err := oidc.New(good()); err != nil {
		t.Errorf("good configuration: %v", err)
	}
}
