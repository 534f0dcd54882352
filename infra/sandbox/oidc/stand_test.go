package oidc_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"almanac/infra/sandbox/oidc"
)

const (
	callback = "http://localhost:8080/callback"
	bye      = "http://localhost:8080/"
	verifier = "a-verifier-of-more-than-forty-three-characters_0123"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// stand is a running issuer and a browser that follows no redirect.
type stand struct {
	*oidc.Issuer
	t     *testing.T
	clock *clock
	http  *http.Client
}

func newStand(t *testing.T) *stand {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	issuer, err := oidc.New(oidc.Config{
		Issuer: "http://" + srv.Listener.Addr().String() + "/login",
		Clients: []oidc.Client{
			{ID: "almanac", RedirectURIs: []string{callback, callback + "?a=b"}, LogoutURIs: []string{bye}},
			{ID: "almanac-web", Secret: "s3cret/+ ", RedirectURIs: []string{callback}},
		},
		People: []oidc.Person{
			{Subject: "sub-reception", Name: "Rowan Reception", Email: "rowan@example.com", Groups: []string{"org_a"}},
			{Subject: "sub-operator", Name: "Oli Operator", Operator: true},
		},
		Now:    c.now,
		Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = issuer
	srv.Start()
	t.Cleanup(srv.Close)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &stand{Issuer: issuer, t: t, clock: c, http: client}
}

// reply is an answer whose body was read.
type reply struct {
	Status int
	Header http.Header
}

// location is where the answer sends a browser.
func (r reply) location(t *testing.T) *url.URL {
	t.Helper()
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil || to.Host == "" {
		t.Fatalf("%d sends to %q: %v", r.Status, r.Header.Get("Location"), err)
	}
	return to
}

// do sends a request and returns the answer with its body.
func (s *stand) do(method, path, contentType, body string, header ...string) (reply, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	resp, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header}, string(text)
}

func (s *stand) form(path string, v url.Values, header ...string) (reply, string) {
	s.t.Helper()
	return s.do("POST", path, "application/x-www-form-urlencoded", v.Encode(), header...)
}

func authRequest(change ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	v := url.Values{
		"client_id": {"almanac"}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"st"}, "nonce": {"no"},
		"scope":                 {"openid profile email almanac/use almanac/operate"},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}
	return changed(v, change...)
}

// changed sets pairs of name and value; the value "-" removes.
func changed(v url.Values, change ...string) url.Values {
	for n := 0; n < len(change); n += 2 {
		v.Set(change[n], change[n+1])
		if change[n+1] == "-" {
			v.Del(change[n])
		}
	}
	return v
}

// code logs somebody in and returns the code.
func (s *stand) code(subject string, change ...string) string {
	s.t.Helper()
	resp, body := s.form("/authorize?"+authRequest(change...).Encode(), url.Values{"subject": {subject}})
	if resp.Status != http.StatusSeeOther {
		s.t.Fatalf("choose: %d %s", resp.Status, body)
	}
	to := resp.location(s.t)
	q := to.Query()
	if q.Get("state") != "st" || q.Get("iss") != s.URL() || q.Get("code") == "" {
		s.t.Fatalf("redirected to %s", to)
	}
	return q.Get("code")
}

func tokenForm(code string, change ...string) url.Values {
	return changed(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"almanac"}, "code": {code}, "redirect_uri": {callback},
		"code_verifier": {verifier},
	}, change...)
}

type answer struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
}

func (s *stand) ask(v url.Values, status int, header ...string) answer {
	s.t.Helper()
	resp, body := s.form("/token", v, header...)
	var a answer
	if err := json.Unmarshal([]byte(body), &a); err != nil || resp.Status != status {
		s.t.Fatalf("token: %d %s (%v), want %d", resp.Status, body, err, status)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		s.t.Errorf("token answer may be cached: %v", resp.Header)
	}
	return a
}

// check verifies a token as a careful relying party does, with keys fetched by HTTP.
func (s *stand) check(token string) (jwt.MapClaims, error) {
	s.t.Helper()
	_, body := s.do("GET", "/.well-known/jwks.json", "", "")
	var set struct {
		Keys []struct{ Kid, Kty, Alg, Use, N, E string }
	}
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		s.t.Fatal(err)
	}
	keys := map[any]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, err1 := base64.RawURLEncoding.DecodeString(k.N)
		e, err2 := base64.RawURLEncoding.DecodeString(k.E)
		if err := errors.Join(err1, err2); err != nil || k.Kty != "RSA" || k.Alg != "RS256" || k.Use != "sig" {
			s.t.Fatalf("key %+v: %v", k, err)
		}
		keys[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if k, ok := keys[t.Header["kid"]]; ok {
			return k, nil
		}
		return nil, fmt.Errorf("kid %v", t.Header["kid"])
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuer(s.URL()),
		jwt.WithIssuedAt(), jwt.WithTimeFunc(s.clock.now))
	if err == nil && claims["token_use"] == "access" && claims["client_id"] != "almanac" {
		err = errors.New("token of another client")
	}
	return claims, err
}

// claims fails the test unless the token is good and its claims print as wanted; "" wants a claim missing.
func (s *stand) claims(token string, want map[string]any) {
	s.t.Helper()
	got, err := s.check(token)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, w := range want {
		v, there := got[name]
		if w == "" && !there {
			continue
		}
		if fmt.Sprint(v) != fmt.Sprint(w) {
			s.t.Errorf("%s is %v, want %v", name, v, w)
		}
	}
}
