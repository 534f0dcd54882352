package zoom

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"almanac/infra/sandbox"
)

// maxForm bounds a form's body.
const maxForm = 64 << 10

func (s *Server) oauthRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /oauth/authorize", s.authorise)
	mux.HandleFunc("POST /oauth/authorize", s.consent)
	mux.HandleFunc("POST /oauth/token", s.tokenEndpoint)
	mux.HandleFunc("POST /oauth/revoke", s.tokenEndpoint)
}

// asked is an authorisation request that passed its checks.
type asked struct {
	name      string // of the app
	app       App
	redirect  string
	state     string
	challenge string
}

// granted are the scopes of the app that the user grants.
func granted(app App, u *User) []string {
	if len(u.Grants) == 0 {
		return slices.Clone(app.Scopes)
	}
	return slices.DeleteFunc(slices.Clone(app.Scopes), func(s string) bool {
		return !slices.Contains(u.Grants, s) && !strings.HasSuffix(s, ":admin")
	})
}

// accept checks an authorisation request. Zoom sends nobody anywhere before app and redirect are certain.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) (asked, bool) {
	q := r.URL.Query()
	s.mu.Lock()
	name, app, known := s.appByID(q.Get("client_id"))
	s.mu.Unlock()
	a := asked{name, app, q.Get("redirect_uri"), q.Get("state"), q.Get("code_challenge")}
	trouble := ""
	sum, err := base64.RawURLEncoding.DecodeString(a.challenge)
	switch {
	case !known:
		trouble = "Invalid client_id (4,702)."
	case !slices.Contains(app.RedirectURIs, a.redirect):
		trouble = "Invalid redirect: the address is not on the app's allow list, character by character (4,709)."
	case q.Get("response_type") != "code":
		trouble = "Invalid response type: it must be code (4,700)."
	case q.Has("code_challenge") && (err != nil || len(sum) != 32 || q.Get("code_challenge_method") != "S256"):
		trouble = "Invalid code challenge: only S256 is offered here (4,700)."
	}
	if trouble != "" {
		s.page(w, http.StatusBadRequest, "problem", object{
			"Title": "You cannot log in from here", "Text": trouble, "Root": "../",
		})
		return a, false
	}
	return a, true
}

// authorise shows the users one can log in as, then what the app wants of the one chosen.
func (s *Server) authorise(w http.ResponseWriter, r *http.Request) {
	a, ok := s.accept(w, r)
	if !ok {
		return
	}
	q := r.URL.Query()
	chosen := q.Get("user")
	q.Del("user")
	data := object{"Title": "Log in to Zoom", "App": a.app.Name, "Here": "authorize?" + q.Encode(), "Root": "../"}
	if chosen == "" {
		data["Users"], data["Admin"] = s.Users(), a.name == Admin
		s.page(w, http.StatusOK, "login", data)
		return
	}
	s.mu.Lock()
	var user User
	var scopes []string
	u, err := s.mustUser(chosen)
	if err == nil {
		user, scopes = *u, granted(a.app, u)
	}
	s.mu.Unlock()
	if err != nil {
		s.page(w, http.StatusNotFound, "problem", object{
			"Title": "There is no such user", "Text": "Go back and choose again.", "Root": "../",
		})
		return
	}
	// Browsers apply form-action to where the form's answer redirects, too.
	if target, err := url.Parse(a.redirect); err == nil {
		w.Header().Set("Content-Security-Policy", strings.Replace(sandbox.PagePolicy, "form-action 'self'",
			"form-action 'self' "+target.Scheme+"://"+target.Host, 1))
	}
	data["Title"], data["User"], data["Scopes"], data["Granted"] = "Allow this app?", user, a.app.Scopes, scopes
	s.page(w, http.StatusOK, "consent", data)
}

// consent sends the browser back, with a code or without.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	a, ok := s.accept(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	v := url.Values{}
	if a.state != "" {
		v.Set("state", a.state)
	}
	if r.PostForm.Has("deny") {
		v.Set("error", "access_denied")
		goBack(w, r, a.redirect, v)
		return
	}
	login := Login{App: a.name, User: r.PostForm.Get("user"), RedirectURI: a.redirect, Challenge: a.challenge}
	if r.PostForm.Has("chosen") {
		login.Scopes = slices.DeleteFunc(slices.Clone(a.app.Scopes), func(one string) bool {
			return !slices.Contains(r.PostForm["scope"], one)
		})
	}
	code, err := s.Code(login)
	if err != nil {
		s.page(w, http.StatusForbidden, "problem", object{
			"Title": "This user cannot allow the app", "Text": err.Error(), "Root": "../",
		})
		return
	}
	v.Set("code", code)
	goBack(w, r, a.redirect, v)
}

// goBack redirects to the app.
func goBack(w http.ResponseWriter, r *http.Request, redirect string, v url.Values) {
	separator := "?"
	if strings.Contains(redirect, "?") {
		separator = "&"
	}
	http.Redirect(w, r, redirect+separator+v.Encode(), http.StatusFound) // accept took registered addresses only
}
