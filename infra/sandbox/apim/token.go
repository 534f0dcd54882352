package apim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox"
)

// maxForm bounds a request for a token; an assertion signed with 4,096 bits takes about 1,200 bytes.
const maxForm = 64 << 10

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// grant is what a token stands for.
type grant struct {
	app     string
	expires time.Time
}

// tokenError is a refusal as the token endpoint words it. Words and statuses are those of the real one's published
// policies and tests: mostly 400, and 401 or 403 for what does not fit the registration.
type tokenError struct {
	status int
	kind   string
	text   string
}

// Error makes a refusal an error.
func (e tokenError) Error() string { return e.kind + ": " + e.text }

func invalid(text string) error { return tokenError{http.StatusBadRequest, "invalid_request", text} }

// stranger is a refusal of what does not fit the registration.
func stranger(text string) error { return tokenError{http.StatusUnauthorized, "invalid_request", text} }

func errQuota() error {
	return tokenError{http.StatusTooManyRequests, "ratelimit_exceeded", "The rate limit was exceeded"}
}

// ServeToken is the token endpoint: POST only, a form in, JSON out.
func (g *Gateway) ServeToken(w http.ResponseWriter, r *http.Request) {
	note := Request{
		At: g.config.Now(), API: "token", Operation: "token", Method: r.Method, Pattern: "/oauth2/token",
		Header: r.Header.Clone(),
	}
	note.Header.Del("Authorization")
	kind, err := g.Faults.Take(r.Context(), fits("token", "/oauth2/token"))
	note.Fault = kind
	if err != nil {
		g.record(note) // the caller left while a slow request waited
		return
	}
	if kind == LoseRequest {
		g.cut(note)
	}
	g.sendToken(w, r, note, g.token(w, r, &note))
}

// token answers a request for a token.
func (g *Gateway) token(w http.ResponseWriter, r *http.Request, note *Request) Answer {
	if a, ok := plannedToken(note.Fault); ok {
		return a
	}
	app, err := g.assertion(w, r, note)
	if err == nil && !g.allow("token "+app.Key, tokenQuota, time.Minute, false) {
		err = errQuota()
	}
	if err != nil {
		return refused(err)
	}
	token, now := newToken(), g.config.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.tokens, func(_ string, t grant) bool { return now.Sub(t.expires) > time.Hour })
	g.tokens[digest(token)] = grant{app: app.Key, expires: now.Add(tokenLife - time.Second)}
	return Answer{Status: http.StatusOK, Gateway: true, Body: map[string]string{
		"access_token": token,
		"expires_in":   strconv.Itoa(int(tokenLife/time.Second) - 1), // a string, as the real one gives it
		"token_type":   "Bearer",
		"issued_at":    strconv.FormatInt(now.UnixMilli(), 10),
	}}
}

// assertion reads the form and checks the assertion in it.
func (g *Gateway) assertion(w http.ResponseWriter, r *http.Request, note *Request) (App, error) {
	if r.Method != http.MethodPost {
		return App{}, tokenError{http.StatusMethodNotAllowed, "invalid_request", "the method must be POST"}
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return App{}, invalid("Missing or invalid content type - must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || repeated(r.PostForm) {
		return App{}, invalid("the form cannot be read, or repeats a parameter")
	}
	form := r.PostForm
	switch {
	case form.Get("grant_type") == "":
		return App{}, invalid("grant_type is missing")
	case form.Get("grant_type") != "client_credentials":
		return App{}, tokenError{http.StatusBadRequest, "unsupported_grant_type", "grant_type is invalid"}
	case form.Get("client_assertion_type") != assertionType:
		return App{}, invalid("Missing or invalid client_assertion_type - must be '" + assertionType + "'")
	case form.Get("client_assertion") == "":
		return App{}, invalid("Missing client_assertion")
	}
	app, err := g.checkAssertion(form.Get("client_assertion"), g.audience(r), note.Fault == UnknownKID)
	note.App = app.Key
	return app, err
}

// audience is the address of this endpoint as the caller wrote it. RequestURI keeps a prefix that a mux took off.
func (g *Gateway) audience(r *http.Request) string {
	if g.config.TokenURL != "" {
		return g.config.TokenURL
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return "http://" + r.Host + path
}

func repeated(form url.Values) bool {
	for _, values := range form {
		if len(values) > 1 {
			return true
		}
	}
	return false
}

func refused(err error) Answer {
	var e tokenError
	if !errors.As(err, &e) {
		e = tokenError{http.StatusInternalServerError, "unknown_error", err.Error()}
	}
	return Answer{Status: e.status, Code: e.kind, Gateway: true, Body: map[string]string{
		"error": e.kind, "error_description": e.text, "message_id": "rrt-" + uuid.NewString(),
	}}
}

// plannedToken is planned for the token endpoint, whose errors are not FHIR.
func plannedToken(kind string) (Answer, bool) {
	switch kind {
	case Fail, PlainError, Unavailable:
		status := http.StatusInternalServerError
		if kind == Unavailable {
			status = http.StatusServiceUnavailable
		}
		return refused(tokenError{status, "unknown_error", "An unknown error occurred processing this request. " +
			"Contact us for assistance diagnosing this issue: https://digital.nhs.uk/developer/help-and-support " +
			"quoting Message ID"}), true
	case Quota, Spike, Busy:
		return refused(errQuota()), true
	case Denied:
		return refused(stranger("Invalid 'iss'/'sub' claims in client_assertion JWT")), true
	}
	return foreign(kind)
}

// sendToken writes the answer without the headers that only the APIs behind the gateway have.
func (g *Gateway) sendToken(w http.ResponseWriter, r *http.Request, note Request, a Answer) {
	if a.Status == http.StatusMethodNotAllowed {
		a.Header = http.Header{"Allow": {http.MethodPost}}
	}
	w.Header().Set("Pragma", "no-cache") // RFC 6749, 5.1
	g.send(w, r, note, a)
}

// checkToken finds the application a request comes from, or the 401 for it.
func (g *Gateway) checkToken(r *http.Request, token string) (App, Answer, bool) {
	header := r.Header.Get("Authorization")
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.tokens[digest(token)]
	app, known := g.apps[t.app]
	switch {
	case header == "":
		return App{}, Unauthorised("Missing Authorization header"), false
	case token == "":
		return App{}, Unauthorised("Missing access token"), false
	case !ok || !known:
		return App{}, Unauthorised("Invalid Access Token"), false
	case !g.config.Now().Before(t.expires):
		return App{}, Unauthorised("Access Token expired"), false
	}
	return app, Answer{}, true
}

// endToken makes a token invalid, or run out.
func (g *Gateway) endToken(token string, expire bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t, ok := g.tokens[digest(token)]; ok && expire {
		t.expires = g.config.Now()
		g.tokens[digest(token)] = t
		return
	}
	delete(g.tokens, digest(token))
}

// appOf names the application of a request's token, for the record.
func (g *Gateway) appOf(r *http.Request) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tokens[digest(bearer(r))].app
}

// bearer is the token of a request, or "".
func bearer(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(token)
}

func newToken() string {
	b := make([]byte, 21)
	_, _ = rand.Read(b) // never fails: crypto/rand stops the program instead
	return hex.EncodeToString(b)
}

// digest is what a token is remembered by.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Controls serves the gateway's own address and control: POST /oauth2/token, /dev/faults.
func (g *Gateway) Controls(mux *http.ServeMux) {
	mux.HandleFunc("/oauth2/token", g.ServeToken)
	mux.Handle("/dev/faults", g.Faults)
	mux.HandleFunc("GET /dev/requests", func(w http.ResponseWriter, _ *http.Request) {
		sandbox.WriteJSON(w, http.StatusOK, g.Requests())
	})
}
