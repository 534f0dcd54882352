package gateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"almanac/infra/gateway"
)

func TestGoodToken(t *testing.T) {
	f := newFront(t, nil)
	token := f.issuer.token(t, nil)
	for _, header := range []string{"Bearer " + token, "bearer " + token, token} {
		if r := f.do(t, "GET", "/use", nil, "Authorization", header); r.StatusCode != http.StatusOK || r.text != "ok" {
			t.Fatalf("%d %s %s", r.StatusCode, r.text, r.Header.Get("Www-Authenticate"))
		}
	}
	got := f.lastEvent(t).RequestContext.Authorizer.JWT
	if len(got.Claims["exp"]) != 10 || len(got.Claims["iat"]) != 10 {
		t.Errorf("%v", got.Claims)
	}
	delete(got.Claims, "exp")
	delete(got.Claims, "iat")
	want := &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
		Scopes: []string{"almanac/use"},
		Claims: map[string]string{
			"iss": f.issuer.URL, "sub": "subject-1", "client_id": "staff", "token_use": "access", "scope": "openid almanac/use",
			"cognito:groups": "[org_a org_b]", "admin": "true", "level": "3",
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if n := f.issuer.asked.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestOtherGoodTokens(t *testing.T) {
	f := newFront(t, nil)
	cases := map[string]func(jwt.MapClaims){
		"aud counts, where there is one": func(c jwt.MapClaims) { c["aud"] = "operator"; delete(c, "client_id") },
		"one of several audiences":       func(c jwt.MapClaims) { c["aud"] = []string{"x", "operator"}; delete(c, "client_id") },
		"scp as a list":                  func(c jwt.MapClaims) { delete(c, "scope"); c["scp"] = []string{"almanac/use"} },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			token := f.issuer.token(t, func(_ map[string]any, c jwt.MapClaims) { change(c) })
			if r := f.do(t, "GET", "/use", nil, f.with(token)...); r.StatusCode != http.StatusOK {
				t.Errorf("%d %s", r.StatusCode, r.Header.Get("Www-Authenticate"))
			}
		})
	}
}

const refusal = `{"message":"Unauthorized"}` //nolint:misspell // API Gateway's words

func TestForgedTokens(t *testing.T) {
	f := newFront(t, nil)
	is := f.issuer
	thief, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a key set named by the token was fetched")
	}))
	defer own.Close()
	claim := func(name string, value any) string {
		return is.token(t, func(_ map[string]any, c jwt.MapClaims) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		})
	}
	header := func(name string, value any) string {
		return is.token(t, func(h map[string]any, _ jwt.MapClaims) {
			if h[name] = value; value == nil {
				delete(h, name)
			}
		})
	}
	sign := func(m jwt.SigningMethod, key any, more map[string]any) string {
		tok := jwt.NewWithClaims(m, is.claims())
		tok.Header["kid"] = "one"
		maps.Copy(tok.Header, more)
		s, err := tok.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := is.token(t, nil)
	parts := strings.Split(good, ".")
	der := is.publicPEM(t)
	now := time.Now()
	cases := map[string]string{
		"alg none":                       sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"alg None, signature dropped":    base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None","kid":"one"}`)) + "." + parts[1] + ".",
		"HS256 with the public key":      sign(jwt.SigningMethodHS256, der, nil),
		"HS256 with the public key, PEM": sign(jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil),
		"PS256":                          sign(jwt.SigningMethodPS256, is.keys["one"], nil),
		"RS512":                          sign(jwt.SigningMethodRS512, is.keys["one"], nil),
		"another's key":                  sign(jwt.SigningMethodRS256, thief, nil),
		"another's key, with jku":        sign(jwt.SigningMethodRS256, thief, map[string]any{"jku": own.URL, "kid": "theirs"}),
		"another's key, with x5u":        sign(jwt.SigningMethodRS256, thief, map[string]any{"x5u": own.URL, "kid": "theirs"}),
		"another's key, with jwk": sign(jwt.SigningMethodRS256, thief, map[string]any{"kid": "theirs", "jwk": map[string]any{
			"kty": "RSA", "kid": "theirs", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(thief.N.Bytes()),
		}}),
		"kid unknown":            header("kid", "two"),
		"kid missing":            header("kid", nil),
		"kid a number":           header("kid", 1),
		"kid a path":             header("kid", "../one"),
		"critical extension":     header("crit", []string{"b64"}),
		"iss wrong":              claim("iss", "http://127.0.0.1:1"),
		"iss with a slash more":  claim("iss", is.URL+"/"),
		"iss missing":            claim("iss", nil),
		"client wrong":           claim("client_id", "other"),
		"client missing":         claim("client_id", nil),
		"aud wrong, client good": claim("aud", "other"),
		"aud empty, client good": claim("aud", ""),
		"aud a number":           claim("aud", 5),
		"exp missing":            claim("exp", nil),
		"exp past":               claim("exp", now.Add(-time.Second).Unix()),
		"exp as text":            claim("exp", "9999999999"),
		"nbf to come":            claim("nbf", now.Add(time.Minute).Unix()),
		"iat to come":            claim("iat", now.Add(time.Minute).Unix()),
		"claims changed":         parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + "." + parts[2],
		"signature cut":          parts[0] + "." + parts[1] + "." + parts[2][:20],
		"signature empty":        parts[0] + "." + parts[1] + ".",
		"two parts":              parts[0] + "." + parts[1],
		"garbage":                "garbage",
		"too long":               claim("pad", strings.Repeat("x", 6000)),
		"nothing":                "",
	}
	for name, token := range cases {
		t.Run(name, func(t *testing.T) {
			r := f.do(t, "GET", "/use", nil, f.with(token)...)
			if r.StatusCode != http.StatusUnauthorized || r.text != refusal {
				t.Errorf("%d %s", r.StatusCode, r.text)
			}
			if !strings.HasPrefix(r.Header.Get("Www-Authenticate"), "Bearer") {
				t.Errorf("challenge %q", r.Header.Get("Www-Authenticate"))
			}
		})
	}
	if n := f.calls.Load(); n != 0 {
		t.Errorf("the function was called %d times", n)
	}
}

func TestTokenElsewhereThanInItsHeader(t *testing.T) {
	f := newFront(t, nil)
	good := f.issuer.token(t, nil)
	headers := map[string][]string{
		"no header":   nil,
		"basic":       {"Authorization", "Basic " + good},
		"two headers": {"Authorization", "Bearer " + good, "Authorization", "Bearer " + good},
		"three words": {"Authorization", "Bearer " + good + " x"},
		"in a cookie": {"Cookie", "Authorization=" + good},
	}
	for name, h := range headers {
		t.Run(name, func(t *testing.T) {
			if r := f.do(t, "GET", "/use?access_token="+good, nil, h...); r.StatusCode != http.StatusUnauthorized {
				t.Error(r.StatusCode)
			}
		})
	}
}

func TestScopes(t *testing.T) {
	f := newFront(t, nil)
	for name, scope := range map[string]any{"another": "openid", "none": nil, "part of a word": "almanac/user almanac", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			token := f.issuer.token(t, func(_ map[string]any, c jwt.MapClaims) {
				if c["scope"] = scope; scope == nil {
					delete(c, "scope") // as an ID token
				}
			})
			r := f.do(t, "GET", "/use", nil, f.with(token)...)
			if r.StatusCode != http.StatusForbidden || r.text != `{"message":"Forbidden"}` {
				t.Errorf("%d %s", r.StatusCode, r.text)
			}
			if r := f.do(t, "GET", "/login", nil, f.with(token)...); r.StatusCode != http.StatusOK {
				t.Errorf("a route without scopes: %d", r.StatusCode)
			}
		})
	}
	if r := f.do(t, "GET", "/operate", nil, f.with(f.issuer.token(t, nil))...); r.StatusCode != http.StatusForbidden {
		t.Errorf("another route's scope: %d", r.StatusCode)
	}
	if n := f.calls.Load(); n != 4 { // those of /login
		t.Errorf("the function was called %d times", n)
	}
}

func TestKeysChange(t *testing.T) {
	now := time.Now()
	f := newFront(t, func(c *gateway.Config) {
		c.Now, c.KeyRefresh = func() time.Time { return now }, time.Second
	})
	get := func(kid string) int {
		token := f.issuer.token(t, func(h map[string]any, c jwt.MapClaims) {
			h["kid"] = kid
			c["iat"] = now.Unix()
			c["exp"] = now.Add(time.Minute).Unix()
		})
		return f.do(t, "GET", "/use", nil, f.with(token)...).StatusCode
	}
	if s := get("one"); s != http.StatusOK {
		t.Fatal(s)
	}
	f.issuer.add(t, "two")
	// Floods of unknown keys must not become floods at the issuer.
	for range 50 {
		get("three")
	}
	if n := f.issuer.asked.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	deadline := time.Now().Add(4 * time.Second)
	for get("two") != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("the new key is never taken")
		}
		time.Sleep(50 * time.Millisecond)
	}
	// Keys that have grown old are not trusted when they cannot be fetched again.
	now = now.Add(3 * time.Hour)
	f.issuer.down.Store(true)
	time.Sleep(time.Second)
	if s := get("one"); s != http.StatusUnauthorized {
		t.Errorf("issuer down: %d", s)
	}
	f.issuer.down.Store(false)
	time.Sleep(300 * time.Millisecond)
	if s := get("one"); s != http.StatusOK {
		t.Errorf("issuer back: %d", s)
	}
}

// A document that belongs to another issuer must not lend its keys, though they fit.
func TestIssuerThatNamesAnother(t *testing.T) {
	var keys string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"https://elsewhere.example","jwks_uri":"` + keys + `"}`))
	}))
	defer other.Close()
	f := newFront(t, func(c *gateway.Config) {
		a := c.API.Authorizers["Login"]
		a.Issuer = other.URL
		c.API.Authorizers["Login"] = a
	})
	keys = f.issuer.URL + "/keys"
	token := f.issuer.token(t, func(_ map[string]any, c jwt.MapClaims) { c["iss"] = other.URL })
	if r := f.do(t, "GET", "/use", nil, f.with(token)...); r.StatusCode != http.StatusUnauthorized {
		t.Error(r.StatusCode)
	}
}
