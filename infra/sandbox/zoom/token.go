package zoom

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// link is what a user and an app have together.
type link struct {
	app, user string
	active    bool // uninstalling ends it
	last      time.Time
}

// token is an access or a refresh token.
type token struct {
	app, user string
	scopes    []string
	expires   time.Time
	dead      bool // by a later log-in, by revocation, or used already
}

// grantCode is what a code stands for.
type grantCode struct {
	app, user, redirect, challenge string
	scopes                         []string
	expires                        time.Time
}

// secret is a new random text.
func secret() string { return rand.Text() + rand.Text() }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// same compares without telling by its time how much was right.
func same(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(digest(a)), []byte(digest(b))) == 1
}

// oauthError is Zoom's form of an error of OAuth.
func oauthError(status int, reason, kind string) answer {
	return answer{status: status, body: object{"reason": reason, "error": kind}}
}

// tokenEndpoint is POST /oauth/token and POST /oauth/revoke.
func (s *Server) tokenEndpoint(w http.ResponseWriter, r *http.Request) {
	c := &call{r: r, now: s.config.Now()}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err != nil || media != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		send(w, r, "", oauthError(http.StatusBadRequest, "Missing grant type", "invalid_request"))
		return
	}
	c.op = operation{name: OpToken, do: (*Server).redeem}
	switch {
	case r.URL.Path == "/oauth/revoke":
		c.op = operation{name: OpRevoke, do: (*Server).revoke}
	case r.PostForm.Get("grant_type") == "refresh_token":
		c.op = operation{name: OpRefresh, do: (*Server).rotate}
	case r.PostForm.Get("grant_type") != "authorization_code":
		c.op.do = func(*Server, *call) answer {
			return oauthError(http.StatusBadRequest, "Unsupported grant type", "unsupported_grant_type")
		}
	}
	names := []string{c.op.name}
	s.mu.Lock()
	s.findToken(c)
	if c.owner != nil {
		names = append(names, c.owner.ID, c.owner.Email)
	}
	s.mu.Unlock()
	if c.fault, err = s.Faults.Take(r.Context(), fits(names...)); err != nil {
		panic(http.ErrAbortHandler) // the client left while it waited
	}
	a := s.oauthAnswer(c)
	s.note(c, a)
	send(w, r, c.fault, a)
}

// findToken says whose the token or code of a form is.
func (s *Server) findToken(c *call) {
	form := c.r.PostForm
	user := s.codes[digest(form.Get("code"))].user
	for _, t := range []*token{s.refresh[digest(form.Get("refresh_token"))], s.access[digest(form.Get("token"))]} {
		if t != nil {
			c.token, user = t, t.user
		}
	}
	c.owner, _ = s.user(user)
}

func (s *Server) oauthAnswer(c *call) answer {
	if c.fault == LoseRequest {
		return answer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.config.Now()
	if a, ok := instead(c.fault, c); ok {
		return a
	}
	s.spoilToken(c)
	user, password, _ := c.r.BasicAuth()
	id, err := url.QueryUnescape(user)
	name, app, known := s.appByID(id)
	given, err2 := url.QueryUnescape(password)
	if !known || err != nil || err2 != nil || !same(given, app.Secret) {
		return oauthError(http.StatusUnauthorized, "Invalid client_id or client_secret", "invalid_client")
	}
	c.app = name
	a := c.op.do(s, c)
	if a.status < http.StatusMultipleChoices {
		a = spoil(c.fault, a)
	}
	return a
}

// redeem trades a code, which is spent by whoever presents it.
func (s *Server) redeem(c *call) answer {
	form := c.r.PostForm
	key := digest(form.Get("code"))
	g, ok := s.codes[key]
	delete(s.codes, key)
	switch {
	case !ok || !c.now.Before(g.expires) || g.app != c.app:
		return oauthError(http.StatusBadRequest, "Invalid authorization code "+form.Get("code"), "invalid_request")
	case g.redirect != form.Get("redirect_uri"):
		return oauthError(http.StatusBadRequest, "Redirect URI mismatch.", "invalid_request") // 4709
	case g.challenge != "" && !same(challenge(form.Get("code_verifier")), g.challenge):
		return oauthError(http.StatusBadRequest, "Invalid code verifier.", "invalid_request")
	case g.challenge == "" && form.Has("code_verifier"):
		return oauthError(http.StatusBadRequest, "Code challenge is missing.", "invalid_request")
	}
	s.kill(g.app, g.user) // the last one issued is the valid one
	s.links[g.app+"/"+g.user] = &link{app: g.app, user: g.user, active: true, last: c.now}
	return s.tokens(g.app, g.user, g.scopes, c.now)
}

// challenge is the S256 challenge of a verifier.
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// rotate trades a refresh token: each is good once.
func (s *Server) rotate(c *call) answer {
	t := s.refresh[digest(c.r.PostForm.Get("refresh_token"))]
	owner := c.owner
	if t == nil || t.dead || t.app != c.app || !c.now.Before(t.expires) || owner.Removed || owner.Status == Inactive {
		return oauthError(http.StatusBadRequest, "Invalid Token!", "invalid_grant")
	}
	t.dead = true
	return s.tokens(t.app, t.user, t.scopes, c.now)
}

// tokens makes a pair of tokens. The caller holds the lock.
func (s *Server) tokens(app, user string, scopes []string, now time.Time) answer {
	access, refresh := secret(), secret()
	s.access[digest(access)] = &token{app: app, user: user, scopes: scopes, expires: now.Add(accessLife)}
	s.refresh[digest(refresh)] = &token{app: app, user: user, scopes: scopes, expires: now.Add(s.config.RefreshLife)}
	return answer{status: http.StatusOK, body: object{
		"access_token": access, "token_type": "bearer", "refresh_token": refresh,
		"expires_in": int(accessLife/time.Second) - 1, "scope": strings.Join(scopes, " "), "api_url": s.config.APIURL,
	}}
}

// revoke ends all that the app has of the token's owner. Zoom then tells the app as after an uninstallation.
func (s *Server) revoke(c *call) answer {
	t := c.token
	if t == nil || t.app != c.app || t.dead {
		return oauthError(http.StatusBadRequest, "Invalid Token!", "invalid_request")
	}
	s.uninstall(t.app, c.owner)
	return answer{status: http.StatusOK, body: object{"status": "success"}}
}

// kill ends all tokens that an app has of a user. The caller holds the lock.
func (s *Server) kill(app, user string) {
	for _, all := range []map[string]*token{s.access, s.refresh} {
		for _, t := range all {
			if t.app == app && t.user == user {
				t.dead = true
			}
		}
	}
}

// uninstall ends a user's link with an app, and tells the app once. The caller holds the lock.
func (s *Server) uninstall(app string, u *User) {
	s.kill(app, u.ID)
	if l := s.links[app+"/"+u.ID]; l != nil && l.active {
		s.deauthorised(app, u)
		l.active = false
	}
}

// linked tells whether the user has the app installed. The caller holds the lock.
func (s *Server) linked(app, user string) bool {
	l := s.links[app+"/"+user]
	return l != nil && l.active
}

// Login is what Code logs in with.
type Login struct {
	App, User   string // App: "" or Admin; User: an ID or e-mail address
	RedirectURI string
	Challenge   string   // of PKCE, S256; empty: none
	Scopes      []string // nil: what the user grants
}

// Code logs a user in without a browser, and returns the code that the redirect would carry.
func (s *Server) Code(l Login) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, ok := s.app(l.App)
	if !ok {
		return "", fmt.Errorf("%w: there is no such app", ErrAct)
	}
	u, err := s.mustUser(l.User)
	switch {
	case err != nil:
		return "", err
	case u.Status == Inactive:
		return "", fmt.Errorf("%w: the user is deactivated", ErrAct)
	case l.App == Admin && !u.Owner:
		return "", fmt.Errorf("%w: only an account's owner installs an admin-managed app", ErrAct)
	}
	scopes := l.Scopes
	if scopes == nil {
		scopes = granted(app, u)
	}
	code := secret()
	s.codes[digest(code)] = grantCode{
		app: l.App, user: u.ID, redirect: l.RedirectURI, challenge: l.Challenge, scopes: scopes,
		expires: s.config.Now().Add(codeLife),
	}
	return code, nil
}

// Expire lets the access tokens that an app has of a user run out now.
func (s *Server) Expire(app, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.mustUser(user)
	if err != nil {
		return err
	}
	for _, t := range s.access {
		if t.app == app && t.user == u.ID {
			t.expires = s.config.Now()
		}
	}
	return nil
}
