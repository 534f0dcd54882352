package gateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"almanac/infra/cfn"
	"almanac/infra/gateway"
	"almanac/infra/lambdahost/hosttest"
)

// issuer gives out tokens and keys.
type issuer struct {
	*httptest.Server

	mu    sync.Mutex
	keys  map[string]*rsa.PrivateKey
	asked atomic.Int32 // for the key set
	down  atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	is := &issuer{keys: map[string]*rsa.PrivateKey{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if is.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": is.URL, "jwks_uri": is.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		is.asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": is.jwks()})
	})
	is.Server = httptest.NewServer(mux)
	t.Cleanup(is.Close)
	is.add(t, "one")
	return is
}

func (is *issuer) add(t *testing.T, kid string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	is.mu.Lock()
	defer is.mu.Unlock()
	is.keys[kid] = key
}

func (is *issuer) jwks() []map[string]string {
	is.mu.Lock()
	defer is.mu.Unlock()
	var out []map[string]string
	for kid, k := range is.keys {
		out = append(out, map[string]string{
			"kid": kid, "kty": "RSA", "use": "sig", "alg": "RS256", "n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes()),
		})
	}
	return out
}

// claims are those of a good token.
func (is *issuer) claims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": is.URL, "sub": "subject-1", "client_id": "staff", "token_use": "access", "scope": "openid almanac/use",
		"exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "cognito:groups": []string{"org_a", "org_b"},
		"admin": true, "level": 3,
	}
}

// token signs as the issuer does, after change has had its way with header and claims.
func (is *issuer) token(t *testing.T, change func(header map[string]any, claims jwt.MapClaims)) string {
	t.Helper()
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, is.claims())
	tok.Header["kid"] = "one"
	if change != nil {
		change(tok.Header, tok.Claims.(jwt.MapClaims))
	}
	is.mu.Lock()
	key := is.keys["one"]
	if k := is.keys[asText(tok.Header["kid"])]; k != nil {
		key = k
	}
	is.mu.Unlock()
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asText(v any) string {
	s, _ := v.(string)
	return s
}

// publicPEM is what a forger who confuses algorithms uses as shared secret.
func (is *issuer) publicPEM(t *testing.T) []byte {
	t.Helper()
	is.mu.Lock()
	defer is.mu.Unlock()
	der, err := x509.MarshalPKIXPublicKey(&is.keys["one"].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// front is a gateway before one function that the test plays.
type front struct {
	*httptest.Server

	issuer *issuer
	event  atomic.Value // the last event, as text
	answer atomic.Value // func(event []byte) hosttest.Answer
	calls  atomic.Int32
}

func newFront(t *testing.T, change func(*gateway.Config)) *front {
	t.Helper()
	f := &front{issuer: newIssuer(t)}
	f.answer.Store(func([]byte) hosttest.Answer { return hosttest.Answer{Body: `{"statusCode":200,"body":"ok"}`} })
	h := hosttest.Brain(t, "fn", func(p []byte) hosttest.Answer {
		f.calls.Add(1)
		f.event.Store(string(p))
		return f.answer.Load().(func([]byte) hosttest.Answer)(p)
	})
	c := gateway.Config{
		Invoke: h.Invoke, Client: &http.Client{Timeout: 2 * time.Second}, Log: slog.New(slog.DiscardHandler),
		API: cfn.API{ID: "Api", Authorizers: map[string]cfn.Authorizer{
			"Login": {Name: "Login", Issuer: f.issuer.URL, Audience: []string{"staff", "operator"}},
		}},
		Routes: []gateway.Route{
			route("GET", "/open", ""), route("POST", "/open", ""), route("ANY", "/any/{proxy+}", ""), route("GET", "/items/{id}", ""),
			route("GET", "/items/mine", ""), route("GET", "/any/fixed", ""), route("GET", "/items/{id}/parts/{part}", ""),
			route("GET", "/use", "Login", "almanac/use"), route("GET", "/operate", "Login", "almanac/operate"),
			route("POST", "/use", "Login", "almanac/use"), route("GET", "/login", "Login"),
		},
	}
	if change != nil {
		change(&c)
	}
	g, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	f.Server = httptest.NewServer(g)
	t.Cleanup(f.Close)
	return f
}

func route(method, path, authorizer string, scopes ...string) gateway.Route {
	return gateway.Route{Function: "fn", Route: cfn.Route{
		API: "Api", Method: method, Path: path, Authorizer: authorizer, Scopes: scopes, Timeout: 30 * time.Second,
	}}
}

// reply is an answer with its body read.
type reply struct {
	*http.Response

	text string
}

// do sends a request whose headers are pairs of name and value.
func (f *front) do(t *testing.T, method, path string, body io.Reader, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{Response: resp, text: string(b)}
}

func (f *front) with(token string) []string { return []string{"Authorization", "Bearer " + token} }
