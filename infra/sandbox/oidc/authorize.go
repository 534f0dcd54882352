package oidc

import (
	_ "embed" // for the pages
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"almanac/infra/sandbox"
)

//go:embed pages.html
var pages string

// maxCodes bounds the codes that wait to be used.
const maxCodes = 10_000

// grant is what a code stands for.
type grant struct {
	login
	redirect  string
	challenge string
	expires   time.Time
}

// spentCode remembers a used code, so that its second use can end what the first began (RFC 6749, 4.1.2).
type spentCode struct {
	family  string
	expires time.Time
}

// request is an authorization request that passed its checks.
type request struct {
	client    Client
	redirect  string
	state     string
	nonce     string
	challenge string
	scopes    []string
}

// problem is why a request failed: shown when the redirect cannot be trusted, else sent to it.
type problem struct{ code, text string }

// authorize shows the people one can log in as.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	req, ok := i.accept(w, r, q)
	if !ok {
		return
	}
	people := i.People()
	if hint := q.Get("login_hint"); hint != "" {
		slices.SortStableFunc(people, func(a, b Person) int { return hinted(b, hint) - hinted(a, hint) })
	}
	// Browsers apply form-action to where the form's answer redirects, too.
	target, err := url.Parse(req.redirect)
	if err != nil {
		i.problemPage(w, "The redirect address cannot be read.")
		return
	}
	w.Header().Set("Content-Security-Policy", strings.Replace(sandbox.PagePolicy, "form-action 'self'",
		"form-action 'self' "+target.Scheme+"://"+target.Host, 1))
	i.page(w, http.StatusOK, "choose", "Choose who to log in as", map[string]any{
		"Action": i.prefix + "/authorize?" + r.URL.RawQuery, "Client": req.client.ID, "People": people,
	})
}

func hinted(p Person, hint string) int {
	if p.Subject == hint || strings.EqualFold(p.Email, hint) {
		return 1
	}
	return 0
}

// choose takes the chosen person and sends the browser back with a code.
func (i *Issuer) choose(w http.ResponseWriter, r *http.Request) {
	req, ok := i.accept(w, r, r.URL.Query())
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		i.problemPage(w, "The form cannot be read.")
		return
	}
	if r.PostForm.Get("cancel") != "" {
		i.answer(w, r, req.redirect, url.Values{"error": {"access_denied"}, "state": {req.state}})
		return
	}
	p, ok := i.person(r.PostForm.Get("subject"))
	if !ok {
		i.problemPage(w, "There is no such person. Go back and choose again.")
		return
	}
	scopes := within(req.scopes, p.scopes())
	if len(scopes) == 0 {
		i.answer(w, r, req.redirect, url.Values{"error": {"access_denied"}, "state": {req.state}})
		return
	}
	l := i.newLogin(req.client, p, scopes)
	l.nonce = req.nonce
	code, ok := i.keepCode(grant{login: l, redirect: req.redirect, challenge: req.challenge})
	if !ok {
		i.answer(w, r, req.redirect, url.Values{"error": {"temporarily_unavailable"}, "state": {req.state}})
		return
	}
	i.answer(w, r, req.redirect, url.Values{"code": {code}, "state": {req.state}})
}

// answer redirects to the client. The iss parameter tells it which issuer answered (RFC 9207).
func (i *Issuer) answer(w http.ResponseWriter, r *http.Request, redirect string, v url.Values) {
	v.Set("iss", i.url)
	if v.Get("state") == "" {
		v.Del("state")
	}
	separator := "?"
	if strings.Contains(redirect, "?") {
		separator = "&"
	}
	target := redirect + separator + v.Encode()
	http.Redirect(w, r, target, http.StatusSeeOther) //nolint:gosec // accept took registered addresses only
}

// accept checks an authorization request, and answers it when it fails: on our page as long as the client and its
// redirect are not certain (an open redirect otherwise), by redirect after.
func (i *Issuer) accept(w http.ResponseWriter, r *http.Request, q url.Values) (request, bool) {
	c, known := i.client(q.Get("client_id"))
	redirect := q.Get("redirect_uri")
	switch {
	case repeated(q):
		i.problemPage(w, "A parameter appears more than once.")
		return request{}, false
	case !known:
		i.problemPage(w, "The application that sent you here (client_id) is not known.")
		return request{}, false
	case !slices.Contains(c.RedirectURIs, redirect):
		i.problemPage(w, "The address to return to (redirect_uri) is not one registered for "+c.ID+".")
		return request{}, false
	}
	req := request{
		client: c, redirect: redirect, state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), scopes: strings.Fields(q.Get("scope")),
	}
	if len(req.scopes) == 0 {
		req.scopes = allScopes()
	}
	if p := checkRequest(q, req.scopes); p.code != "" {
		i.answer(w, r, redirect, url.Values{
			"error": {p.code}, "error_description": {p.text}, "state": {req.state},
		})
		return request{}, false
	}
	return req, true
}

func checkRequest(q url.Values, scopes []string) problem {
	switch {
	case q.Get("response_type") != "code":
		return problem{"unsupported_response_type", "response_type must be code"}
	case q.Has("request") || q.Has("request_uri"):
		return problem{"request_not_supported", "request objects are not supported"}
	case q.Get("response_mode") != "" && q.Get("response_mode") != "query":
		return problem{"invalid_request", "response_mode must be query"}
	case len(q.Get("state")) > 2048 || len(q.Get("nonce")) > 2048:
		return problem{"invalid_request", "state or nonce is too long"}
	case len(within(scopes, allScopes())) != len(scopes):
		return problem{"invalid_scope", "known scopes are " + strings.Join(allScopes(), " ")}
	case q.Get("prompt") == "none":
		return problem{"login_required", "there is no session: a person must be chosen"}
	}
	return checkChallenge(q)
}

// checkChallenge wants PKCE with S256. A method left out means plain (RFC 7636, 4.3), which proves nothing to whoever
// reads the request.
func checkChallenge(q url.Values) problem {
	if q.Get("code_challenge_method") != "S256" {
		return problem{"invalid_request", "code_challenge_method must be S256"}
	}
	if sum, err := base64.RawURLEncoding.DecodeString(q.Get("code_challenge")); err != nil || len(sum) != 32 {
		return problem{"invalid_request", "code_challenge is not a SHA-256 digest in base64url"}
	}
	return problem{}
}

// keepCode returns a new code for the grant, or false when too many wait.
func (i *Issuer) keepCode(g grant) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	for d, old := range i.codes {
		if !now.Before(old.expires) {
			delete(i.codes, d)
		}
	}
	for d, old := range i.spent {
		if !now.Before(old.expires) {
			delete(i.spent, d)
		}
	}
	if len(i.codes) >= maxCodes {
		return "", false
	}
	code := secret()
	g.expires = now.Add(codeLife)
	i.codes[digest(code)] = g
	return code, true
}

// within returns the members of list that are in allowed too, in list's order, each once.
func within(list, allowed []string) []string {
	var kept []string
	for _, s := range list {
		if slices.Contains(allowed, s) && !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func repeated(v url.Values) bool {
	for _, all := range v {
		if len(all) > 1 {
			return true
		}
	}
	return false
}

// problemPage tells a person why the login cannot go on.
func (i *Issuer) problemPage(w http.ResponseWriter, text string) {
	i.page(w, http.StatusBadRequest, "problem", "You cannot log in from here", text)
}

// page renders one of the templates in pages.html.
func (i *Issuer) page(w http.ResponseWriter, status int, name, title string, data any) {
	sandbox.Page(w, status, pages, name, nil, map[string]any{"Prefix": i.prefix, "Title": title, "Data": data})
}
