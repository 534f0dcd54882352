package oidc

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"almanac/infra/sandbox"
)

// maxForm bounds a form's body.
const maxForm = 64 << 10

// family is the chain of refresh tokens of one login: each use gives a new one, and a second use of an old one ends
// the chain, because one of the two users must be a thief (RFC 9700, 4.14.2).
type family struct {
	login
	current string // digest of the only good token
	expires time.Time
}

// answered is what the token endpoint answers.
type answered struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token,omitempty"`
	Refresh string `json:"refresh_token,omitempty"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
}

// errGrant is the one answer to every code or refresh token that is not good, so that it says nothing of why.
var errGrant = errors.New("the code or refresh token is not valid, or no longer")

// errScope is for a refresh that asks for more than was granted.
var errScope = errors.New("the scope was not granted at login")

// token is the token endpoint.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	form, client, ok := i.clientForm(w, r)
	if !ok {
		return
	}
	var out answered
	var err error
	switch form.Get("grant_type") {
	case "authorization_code":
		out, err = i.redeem(client, form)
	case "refresh_token":
		out, err = i.refresh(client, form)
	case "":
		fail(w, http.StatusBadRequest, "invalid_request", "grant_type is missing")
		return
	default:
		fail(w, http.StatusBadRequest, "unsupported_grant_type", "authorization_code or refresh_token")
		return
	}
	switch {
	case errors.Is(err, errGrant):
		fail(w, http.StatusBadRequest, "invalid_grant", errGrant.Error())
	case errors.Is(err, errScope):
		fail(w, http.StatusBadRequest, "invalid_scope", errScope.Error())
	case err != nil:
		fail(w, http.StatusInternalServerError, "server_error", err.Error())
	default:
		w.Header().Set("Pragma", "no-cache") // RFC 6749, 5.1
		sandbox.WriteJSON(w, http.StatusOK, out)
	}
}

// clientForm reads the form and checks who sends it, or answers the error.
func (i *Issuer) clientForm(w http.ResponseWriter, r *http.Request) (url.Values, Client, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		fail(w, http.StatusBadRequest, "invalid_request", "the body must be application/x-www-form-urlencoded")
		return nil, Client{}, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || repeated(r.PostForm) {
		fail(w, http.StatusBadRequest, "invalid_request", "the form cannot be read, or repeats a parameter")
		return nil, Client{}, false
	}
	id, given, basic := credentials(r)
	client, known := i.client(id)
	if !known || !same(given, client.Secret) || (basic && r.PostForm.Has("client_secret")) {
		if basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="almanac"`)
		}
		fail(w, http.StatusUnauthorized, "invalid_client", "the client is not known, or its secret is wrong")
		return nil, Client{}, false
	}
	return r.PostForm, client, true
}

// credentials returns client ID and secret, and whether they came in the Authorization header, where both are
// form-encoded first (RFC 6749, 2.3.1).
func credentials(r *http.Request) (string, string, bool) {
	user, password, basic := r.BasicAuth()
	if !basic {
		return r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), false
	}
	id, err := url.QueryUnescape(user)
	if err != nil {
		return "", "", true
	}
	given, err := url.QueryUnescape(password)
	if err != nil || (r.PostForm.Has("client_id") && r.PostForm.Get("client_id") != id) {
		return "", "", true
	}
	return id, given, true
}

// same compares without telling by its time how much was right.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// redeem trades a code. Whoever presents it, it is spent; presented again, what it gave is taken back.
func (i *Issuer) redeem(c Client, form url.Values) (answered, error) {
	key := digest(form.Get("code"))
	i.mu.Lock()
	if old, used := i.spent[key]; used {
		delete(i.families, old.family)
	}
	g, ok := i.codes[key]
	delete(i.codes, key)
	i.mu.Unlock()

	verifier := form.Get("code_verifier")
	switch {
	case !ok, !i.now().Before(g.expires), g.client != c.ID, g.redirect != form.Get("redirect_uri"):
		return answered{}, errGrant
	case !goodVerifier(verifier), !same(digest(verifier), g.challenge):
		return answered{}, errGrant
	}
	p, ok := i.person(g.subject)
	if !ok {
		return answered{}, errGrant
	}
	out, err := i.tokens(g.login, p)
	if err != nil {
		return answered{}, err
	}
	id, refresh := i.newFamily(g.login)
	out.Refresh = refresh
	i.mu.Lock()
	defer i.mu.Unlock()
	i.spent[key] = spentCode{family: id, expires: i.now().Add(refreshLife)}
	return out, nil
}

// goodVerifier applies RFC 7636, 4.1.
func goodVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && !strings.ContainsFunc(v, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}

func (i *Issuer) tokens(l login, p Person) (answered, error) {
	access, err := i.sign(i.accessClaims(l, p))
	if err != nil {
		return answered{}, err
	}
	out := answered{
		Access: access, Type: "Bearer", Expires: int(accessLife / time.Second), Scope: strings.Join(l.scopes, " "),
	}
	if slices.Contains(l.scopes, "openid") {
		claims := i.idClaims(l, p)
		half := sha256.Sum256([]byte(access))
		claims["at_hash"] = b64(half[:16])
		if out.ID, err = i.sign(claims); err != nil {
			return answered{}, err
		}
	}
	return out, nil
}

// newFamily starts a chain and returns its ID and first token. A token is its family's ID, a dot and a secret.
func (i *Issuer) newFamily(l login) (string, string) {
	id, token := secret(), secret()
	i.mu.Lock()
	defer i.mu.Unlock()
	for old, f := range i.families {
		if !i.now().Before(f.expires) {
			delete(i.families, old)
		}
	}
	i.families[id] = &family{login: l, current: digest(token), expires: i.now().Add(refreshLife)}
	return id, id + "." + token
}

// refresh trades a refresh token for the next one. Groups and scopes are those the person has now.
func (i *Issuer) refresh(c Client, form url.Values) (answered, error) {
	id, token, _ := strings.Cut(form.Get("refresh_token"), ".")
	asked := strings.Fields(form.Get("scope"))
	l, err := i.checkFamily(c, id, token)
	if err != nil {
		return answered{}, err
	}
	p, ok := i.person(l.subject)
	if !ok {
		i.endFamily(id)
		return answered{}, errGrant
	}
	if len(within(asked, l.scopes)) != len(asked) {
		return answered{}, errScope
	}
	if len(asked) > 0 {
		l.scopes = asked
	}
	l.scopes = within(l.scopes, p.scopes())
	l.nonce = "" // a refreshed ID token should have none (OpenID Connect Core, 12.2)
	out, err := i.tokens(l, p)
	if err != nil {
		return answered{}, err
	}
	next, ok := i.turnFamily(id, token)
	if !ok {
		return answered{}, errGrant
	}
	out.Refresh = next
	return out, nil
}

// checkFamily returns the login of a good refresh token; a used one ends its family.
func (i *Issuer) checkFamily(c Client, id, token string) (login, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f, ok := i.families[id]
	if !ok || f.client != c.ID || !i.now().Before(f.expires) {
		return login{}, errGrant
	}
	if f.current != digest(token) {
		delete(i.families, id)
		return login{}, errGrant
	}
	return f.login, nil
}

// turnFamily replaces the token by a new one, unless another request was faster.
func (i *Issuer) turnFamily(id, token string) (string, bool) {
	next := secret()
	i.mu.Lock()
	defer i.mu.Unlock()
	f, ok := i.families[id]
	if !ok || f.current != digest(token) {
		delete(i.families, id)
		return "", false
	}
	f.current = digest(next)
	return id + "." + next, true
}

func (i *Issuer) endFamily(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.families, id)
}

// fail answers an error in the form of RFC 6749, 5.2.
func fail(w http.ResponseWriter, status int, code, text string) {
	sandbox.WriteJSON(w, status, map[string]string{"error": code, "error_description": text})
}
