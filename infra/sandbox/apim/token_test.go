package apim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/nhstest"
	"almanac/infra/sandbox/pds"
)

// refusal is the body of the token endpoint's errors.
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	MessageID   string `json:"message_id"`
}

func refused(t *testing.T, what string, r nhstest.Reply, status int, description string) {
	t.Helper()
	var e refusal
	r.Into(t, &e)
	if r.Status != status || e.Error == "" || e.MessageID == "" || !strings.Contains(e.Description, description) {
		t.Errorf("%s: %d %+v, want %d %q", what, r.Status, e, status, description)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: content type %q", what, got)
	}
}

func TestToken(t *testing.T) {
	s := nhstest.New(t)
	r := s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), s.Claims())))
	var out map[string]any
	r.Into(t, &out)
	if r.Status != http.StatusOK || out["expires_in"] != "599" || out["token_type"] != "Bearer" || out["access_token"] == "" ||
		out["issued_at"] != fmt.Sprint(s.Clock.Now().UnixMilli()) || len(out) != 4 {
		t.Errorf("%d %v", r.Status, out)
	}
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Request-ID") != "" {
		t.Errorf("%v", r.Header)
	}
}

// TestAssertion spoils one thing of a good assertion at a time. The words are those of the real endpoint's tests.
func TestAssertion(t *testing.T) {
	s := nhstest.New(t)
	now := s.Clock.Now().Unix()
	set := func(name string, v any) func(h, c map[string]any) {
		return func(h, c map[string]any) {
			into := c
			if name == "alg" || name == "typ" || name == "kid" {
				into = h
			}
			if into[name] = v; v == nil {
				delete(into, name)
			}
		}
	}
	const (
		pair = "Missing or non-matching 'iss'/'sub' claims"
		alg  = "Invalid 'alg' header in client_assertion JWT - unsupported JWT algorithm - must be 'RS512'"
	)
	for what, c := range map[string]struct {
		change func(h, c map[string]any)
		status int
		text   string
	}{
		"RS256":               {set("alg", "RS256"), 400, alg},
		"none":                {set("alg", "none"), 400, alg},
		"rs512":               {set("alg", "rs512"), 400, alg},
		"no alg":              {set("alg", nil), 400, alg},
		"no typ":              {set("typ", nil), 400, "Invalid 'typ' header"},
		"other typ":           {set("typ", "at+jwt"), 400, "Invalid 'typ' header"},
		"small typ":           {set("typ", "jwt"), 200, ""},
		"no kid":              {set("kid", nil), 400, "Missing 'kid' header"},
		"unknown kid":         {set("kid", "key-2"), 401, "no matching public key"},
		"no iss":              {set("iss", nil), 400, pair},
		"no sub":              {set("sub", nil), 400, pair},
		"sub is not iss":      {set("sub", "x"), 400, pair},
		"unknown application": {func(_, c map[string]any) { c["iss"], c["sub"] = "x", "x" }, 401, "Invalid 'iss'/'sub'"},
		"no jti":              {set("jti", nil), 400, "Missing 'jti'"},
		"jti is a number":     {set("jti", 1), 400, "must be a unique string"},
		"no aud":              {set("aud", nil), 401, "'aud'"},
		"other aud":           {set("aud", s.TokenURL+"/"), 401, "'aud'"},
		"list as aud":         {set("aud", []string{s.TokenURL}), 401, "'aud'"},
		"no exp":              {set("exp", nil), 400, "Missing 'exp'"},
		"exp is text":         {set("exp", fmt.Sprint(now+60)), 400, "must be an integer"},
		"exp has a fraction":  {set("exp", float64(now)+60.5), 400, "must be an integer"},
		"exp in milliseconds": {set("exp", (now+60)*1000), 400, "more than 5 minutes"},
		"290 s ahead":         {set("exp", now+290), 200, ""},
		"310 s ahead":         {set("exp", now+310), 200, ""},
		"311 s ahead":         {set("exp", now+311), 400, "more than 5 minutes"},
		"expired 9 s ago":     {set("exp", now-9), 200, ""},
		"expired 10 s ago":    {set("exp", now-10), 400, "has expired"},
		"six minutes fast":    {set("exp", now+600), 400, "more than 5 minutes"},
		"claims nobody needs": {set("nbf", now), 200, ""},
		"untouched":           {func(_, _ map[string]any) {}, 200, ""},
	} {
		h, claims := nhstest.Header(), s.Claims()
		c.change(h, claims)
		r := s.AskToken(t, nhstest.Form(s.Assertion(t, h, claims)))
		if c.status == http.StatusOK && r.Status != http.StatusOK {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
		if c.status != http.StatusOK {
			refused(t, what, r, c.status, c.text)
		}
	}
}

func TestAssertionThatIsNoneOrAltered(t *testing.T) {
	s := nhstest.New(t)
	good := s.Assertion(t, nhstest.Header(), s.Claims())
	parts := strings.Split(good, ".")
	other := strings.Split(s.Assertion(t, nhstest.Header(), s.Claims()), ".")
	for what, c := range map[string]struct {
		text   string
		status int
		reason string
	}{
		"text":                     {"x", 400, "Malformed"},
		"two parts":                {parts[0] + "." + parts[1], 400, "Malformed"},
		"four parts":               {good + ".x", 400, "Malformed"},
		"not base64url":            {parts[0] + "." + parts[1] + ".+/+/", 400, "Malformed"},
		"a list as claims":         {parts[0] + ".W10." + parts[2], 400, "Malformed"},
		"null as header":           {"bnVsbA." + parts[1] + "." + parts[2], 400, "Malformed"},
		"claims of another":        {parts[0] + "." + other[1] + "." + parts[2], 401, "signature"},
		"no signature":             {parts[0] + "." + parts[1] + ".", 401, "signature"},
		"empty":                    {"", 400, "Missing client_assertion"},
		"good after all the rest ": {good, 200, ""},
	} {
		r := s.AskToken(t, nhstest.Form(c.text))
		if c.status == http.StatusOK {
			continue
		}
		refused(t, what, r, c.status, c.reason)
	}
	if r := s.AskToken(t, nhstest.Form(good)); r.Status != http.StatusOK && r.Status != http.StatusBadRequest {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestJTI: an assertion that got a token gets none again, also under another clock or in another form; one that was
// refused may be mended and sent with its jti.
func TestJTI(t *testing.T) {
	s := nhstest.New(t)
	claims := s.Claims()
	good := s.Assertion(t, nhstest.Header(), claims)
	if r := s.AskToken(t, nhstest.Form(good)); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	refused(t, "the same again", s.AskToken(t, nhstest.Form(good)), 400, "Non-unique 'jti'")
	s.Clock.Pass(3 * time.Minute)
	claims["exp"] = s.Clock.Now().Add(time.Minute).Unix()
	refused(t, "the jti again", s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), claims))), 400, "Non-unique")

	claims = s.Claims()
	claims["aud"] = "x"
	refused(t, "wrong aud", s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), claims))), 401, "aud")
	claims["aud"] = s.TokenURL
	if r := s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), claims))); r.Status != http.StatusOK {
		t.Errorf("mended: %d %s", r.Status, r.Body)
	}
}

func TestTokenForm(t *testing.T) {
	s := nhstest.New(t)
	for what, c := range map[string]struct {
		name  string
		value []string
		kind  string
		text  string
	}{
		"no grant":     {"grant_type", nil, "invalid_request", "grant_type is missing"},
		"other grant":  {"grant_type", []string{"authorization_code"}, "unsupported_grant_type", "grant_type is invalid"},
		"no type":      {"client_assertion_type", nil, "invalid_request", "client_assertion_type"},
		"other type":   {"client_assertion_type", []string{"x"}, "invalid_request", "client_assertion_type"},
		"no assertion": {"client_assertion", nil, "invalid_request", "Missing client_assertion"},
		"two grants":   {"grant_type", []string{"client_credentials", "client_credentials"}, "invalid_request", "repeats"},
	} {
		form := nhstest.Form(s.Assertion(t, nhstest.Header(), s.Claims()))
		form[c.name] = c.value
		r := s.AskToken(t, form)
		refused(t, what, r, 400, c.text)
		if !strings.Contains(string(r.Body), `"`+c.kind+`"`) {
			t.Errorf("%s: %s", what, r.Body)
		}
	}
	for method, status := range map[string]int{http.MethodGet: 405, http.MethodPost: 400} {
		r := s.Send(t, method, s.TokenURL, nil)
		if r.Status != status {
			t.Errorf("%s without a form: %d %s", method, r.Status, r.Body)
		}
	}
}

// TestKeyRotation changes what the application publishes: the old key counts while it is published.
func TestKeyRotation(t *testing.T) {
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := nhstest.New(t)
	ask := func() nhstest.Reply { return s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), s.Claims()))) }
	register := func(keys ...apim.Key) {
		t.Helper()
		if err := s.Register(apim.App{Key: nhstest.APIKey, Keys: func() ([]apim.Key, error) { return keys, nil }}); err != nil {
			t.Fatal(err)
		}
	}
	register(apim.Key{ID: "key-2", Public: &next.PublicKey}, apim.Key{ID: nhstest.KID, Public: &s.Key.PublicKey})
	if r := ask(); r.Status != http.StatusOK {
		t.Errorf("old key beside the new one: %d %s", r.Status, r.Body)
	}
	register(apim.Key{ID: nhstest.KID, Public: &next.PublicKey})
	refused(t, "another key under the name", ask(), 401, "signature")
	register(apim.Key{ID: "key-2", Public: &next.PublicKey})
	refused(t, "old key gone", ask(), 401, "no matching public key")
	if err := s.Register(apim.App{Key: nhstest.APIKey, Keys: func() ([]apim.Key, error) { return nil, errors.New("down") }}); err != nil {
		t.Fatal(err)
	}
	refused(t, "JWKS cannot be reached", ask(), 403, "can't be reached")
	if err := s.Register(apim.App{Key: nhstest.APIKey, Keys: apim.Fixed(nhstest.KID, &s.Key.PublicKey), Unapproved: true}); err != nil {
		t.Fatal(err)
	}
	refused(t, "not approved", ask(), 401, "not approved")
	if err := s.Register(apim.App{Key: "x"}); !errors.Is(err, apim.ErrConfig) {
		t.Errorf("no keys: %v", err)
	}
}

func TestTokenQuota(t *testing.T) {
	tick := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := nhstest.New(t, func(c *nhs.Config) { c.Ticks = func() time.Time { return tick } })
	ask := func() nhstest.Reply { return s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), s.Claims()))) }
	for n := range 300 {
		if r := ask(); r.Status != http.StatusOK {
			t.Fatalf("%d: %d %s", n, r.Status, r.Body)
		}
	}
	refused(t, "301st", ask(), 429, "rate limit")
	tick = tick.Add(time.Minute)
	if r := ask(); r.Status != http.StatusOK {
		t.Errorf("a minute later: %d", r.Status)
	}
	if n := s.Refused(); n != 1 {
		t.Errorf("%d refused", n)
	}
}

func TestTokenFaults(t *testing.T) {
	s := nhstest.New(t)
	for kind, status := range map[string]int{
		apim.Fail: 500, apim.Unavailable: 503, apim.BadGateway: 502, apim.Maintenance: 503, apim.GatewayTimeout: 504,
		apim.Quota: 429, apim.UnknownKID: 401, apim.Denied: 401, apim.LoseRequest: 0, apim.LoseReply: 0,
	} {
		if err := s.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 1, On: "token"}}); err != nil {
			t.Fatal(err)
		}
		r := s.AskToken(t, nhstest.Form(s.Assertion(t, nhstest.Header(), s.Claims())))
		if r.Status != status || (status == 0) != (r.Err != nil) {
			t.Errorf("%s: %d %v %s", kind, r.Status, r.Err, r.Body)
		}
		s.Token(t) // the next one works
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: sandbox.Slow, Count: 1, On: "token", Delay: sandbox.Delay(50 * time.Millisecond)}}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.Token(t)
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("a hanging endpoint answered after %v", took)
	}
}

// TestTokenLife uses a token until it ends, is revoked, or is none.
func TestTokenLife(t *testing.T) {
	s := nhstest.New(t)
	ask := func(auth string) nhstest.Reply {
		return s.Get(t, s.PDSURL+"/Patient/"+pds.Plain.Number(), func(r *http.Request) {
			if r.Header.Del("Authorization"); auth != "" {
				r.Header.Set("Authorization", auth)
			}
		})
	}
	denied := func(what string, r nhstest.Reply, why string) {
		t.Helper()
		if r.Status != http.StatusUnauthorized || r.Code() != "ACCESS_DENIED" || !strings.Contains(string(r.Body), why) ||
			r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	token := "Bearer " + s.Token(t)
	denied("no header", ask(""), "Missing Authorization header")
	denied("bare Bearer", ask("Bearer"), "Missing access token")
	denied("Basic", ask("Basic x"), "Missing access token")
	denied("unknown", ask("Bearer x"), "Invalid Access Token")
	s.Clock.Pass(599*time.Second - time.Millisecond)
	if r := ask(token); r.Status != http.StatusOK {
		t.Errorf("just before its end: %d %s", r.Status, r.Body)
	}
	s.Clock.Pass(time.Millisecond)
	denied("after 599 s", ask(token), "Access Token expired")
	token = "Bearer " + s.Token(t)
	s.RevokeTokens()
	denied("revoked", ask(token), "Invalid Access Token")

	for kind, why := range map[string]string{apim.Revoke: "Invalid Access Token", apim.Expire: "Access Token expired"} {
		token = "Bearer " + s.Token(t)
		if err := s.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 1, On: "get"}}); err != nil {
			t.Fatal(err)
		}
		denied(kind+" in the middle", ask(token), why)
		denied("and it stays so", ask(token), why)
	}
}

// FuzzAssertion sends any text as assertion: only a good one gets a token, and nothing breaks.
func FuzzAssertion(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	gateway, err := apim.New(apim.Config{
		Apps:   []apim.App{{Key: "app", Keys: apim.Fixed("k", &key.PublicKey)}},
		Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("e30.e30.e30")
	f.Add("eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJpc3MiOiJhcHAiLCJzdWIiOiJhcHAifQ.AAAA")
	f.Add("eyJhbGciOiJub25lIn0..")
	f.Fuzz(func(t *testing.T, assertion string) {
		form := nhstest.Form(assertion)
		for _, body := range []string{form.Encode(), assertion, form.Encode() + "&" + assertion} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/oauth2/token", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			gateway.ServeToken(w, r)
			if (w.Code != 400 && w.Code != 401) || !strings.Contains(w.Body.String(), "error_description") {
				t.Errorf("%q: %d %s", body, w.Code, w.Body)
			}
		}
	})
}
