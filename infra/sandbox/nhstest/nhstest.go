// Package nhstest runs the stand-ins for NHS services for a test, with an application that is registered there, a clock
// that the test moves, and a client that signs its assertions and sends the headers as it should.
package nhstest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/pds"
	"almanac/infra/sandbox/sandboxtest"
	"almanac/infra/sandbox/scr"
)

// What the application of a Stand is registered as, and for whom its client asks.
const (
	APIKey = "application-under-test"
	KID    = "key-1"
	ODS    = "Y90001"
)

// Stand is the stand-ins, served. The addresses are those a client is configured with.
type Stand struct {
	*nhs.Server

	URL, TokenURL, PDSURL, SCRURL, GPURL string

	Key   *rsa.PrivateKey    // of the application, 2,048 bits
	Clock *sandboxtest.Clock // of the stand-ins' tokens and dates
	HTTP  *http.Client

	token string
}

// key is the application's in every test of a process: to make one takes longer than most tests.
var key = sync.OnceValues(func() (*rsa.PrivateKey, error) { //nolint:gochecknoglobals // only tests import this package
	return rsa.GenerateKey(rand.Reader, 2048)
})

// New serves the stand-ins until the test ends. There is no limit of requests unless the test's change sets one.
func New(tb testing.TB, change ...func(*nhs.Config)) *Stand {
	tb.Helper()
	key, err := key()
	if err != nil {
		tb.Fatal(err)
	}
	s := &Stand{Key: key, Clock: sandboxtest.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))}
	config := nhs.Config{
		Apps: []apim.App{{Key: APIKey, Name: "Test", Keys: apim.Fixed(KID, &key.PublicKey)}},
		Rate: -1, Now: s.Clock.Now,
		Lookup: func(string) (string, bool) { return "", false },
	}
	for _, c := range change {
		c(&config)
	}
	if s.Server, err = nhs.New(config); err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(s.Server)
	tb.Cleanup(func() { srv.CloseClientConnections(); srv.Close() }) // one that was told to hang is not waited for
	s.URL, s.HTTP = srv.URL, srv.Client()
	s.TokenURL, s.PDSURL = srv.URL+nhs.TokenPath, srv.URL+pds.Base
	s.SCRURL, s.GPURL = srv.URL+scr.Base, srv.URL+scr.GPBase
	return s
}

// Sign signs a SHA-512 digest with the application's key, as AWS KMS would.
func (s *Stand) Sign(_ context.Context, digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(rand.Reader, s.Key, crypto.SHA512, digest)
}

// Claims are those of a good assertion, to be changed by a test.
func (s *Stand) Claims() map[string]any {
	return map[string]any{
		"iss": APIKey, "sub": APIKey, "aud": s.TokenURL, "jti": uuid.NewString(),
		"exp": s.Clock.Now().Add(4 * time.Minute).Unix(),
	}
}

// Assertion signs header and claims, whatever they say.
func (s *Stand) Assertion(tb testing.TB, header, claims map[string]any) string {
	tb.Helper()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(header) + "." + part(claims)
	sum := sha512.Sum512([]byte(text))
	signature, err := s.Sign(tb.Context(), sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Header is that of a good assertion.
func Header() map[string]any { return map[string]any{"alg": "RS512", "typ": "JWT", "kid": KID} }

// Form is a request for a token with this assertion.
func Form(assertion string) url.Values {
	return url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
}

// Reply is an answer, read to its end.
type Reply struct{ sandboxtest.Reply }

// Code is the Spine code of an OperationOutcome, or the text that stands in its place.
func (r Reply) Code() string {
	var o struct {
		Issue []struct {
			Details struct {
				Coding []struct {
					Code string `json:"code"`
				} `json:"coding"`
				Text string `json:"text"`
			} `json:"details"`
		} `json:"issue"`
	}
	if json.Unmarshal(r.Body, &o) != nil || len(o.Issue) == 0 {
		return ""
	}
	if d := o.Issue[0].Details; len(d.Coding) > 0 {
		return d.Coding[0].Code
	}
	return o.Issue[0].Details.Text
}

// AskToken sends a form to the token endpoint.
func (s *Stand) AskToken(tb testing.TB, form url.Values) Reply {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, s.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.send(r)
}

// Token gets a token, or fails the test. The client uses it from now on.
func (s *Stand) Token(tb testing.TB) string {
	tb.Helper()
	var out struct {
		Token string `json:"access_token"`
	}
	res := s.AskToken(tb, Form(s.Assertion(tb, Header(), s.Claims())))
	res.Into(tb, &out)
	if res.Status != http.StatusOK || out.Token == "" {
		tb.Fatalf("no token: %d %s", res.Status, res.Body)
	}
	s.token = out.Token
	return out.Token
}

// Get asks with a token and good headers. change may spoil the request.
func (s *Stand) Get(tb testing.TB, address string, change ...func(*http.Request)) Reply {
	tb.Helper()
	return s.Send(tb, http.MethodGet, address, nil, change...)
}

// Send makes any request with a token and good headers; a body goes out as JSON.
func (s *Stand) Send(tb testing.TB, method, address string, body any, change ...func(*http.Request)) Reply {
	tb.Helper()
	if s.token == "" {
		s.Token(tb)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	if body == nil {
		raw = nil
	}
	r, err := http.NewRequestWithContext(tb.Context(), method, address, bytes.NewReader(raw))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("X-Request-ID", uuid.NewString())
	r.Header.Set("NHSD-End-User-Organisation-ODS", ODS)
	if body != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for _, c := range change {
		c(r)
	}
	return s.send(r)
}

func (s *Stand) send(r *http.Request) Reply { return Reply{sandboxtest.Do(s.HTTP, r)} }
