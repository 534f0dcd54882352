package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"almanac/infra/sandbox"
)

// revoke ends a refresh token (RFC 7009). It answers 200 whatever the token was.
func (i *Issuer) revoke(w http.ResponseWriter, r *http.Request) {
	form, client, ok := i.clientForm(w, r)
	if !ok {
		return
	}
	id, _, _ := strings.Cut(form.Get("token"), ".")
	i.mu.Lock()
	if f, ok := i.families[id]; ok && f.client == client.ID {
		delete(i.families, id)
	}
	i.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}

// userInfo tells who the bearer of an access token is.
func (i *Issuer) userInfo(w http.ResponseWriter, r *http.Request) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := i.verify(token, "access")
	subject, _ := claims["sub"].(string)
	p, known := i.person(subject)
	if !bearer || err != nil || !known {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		fail(w, http.StatusUnauthorized, "invalid_token", "the access token is not valid")
		return
	}
	out := map[string]any{"sub": p.Subject}
	granted, _ := claims["scope"].(string)
	scopes := strings.Fields(granted)
	if slices.Contains(scopes, "profile") {
		out["name"] = p.Name
	}
	if slices.Contains(scopes, "email") && p.Email != "" {
		out["email"], out["email_verified"] = p.Email, true
	}
	sandbox.WriteJSON(w, http.StatusOK, out)
}

// logout ends the login an ID token came from and sends the browser back where the client may have it sent. It takes
// OpenID Connect's parameter names and Cognito's (client_id with logout_uri).
func (i *Issuer) logout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	clientID := q.Get("client_id")
	if hint := q.Get("id_token_hint"); hint != "" {
		claims, err := i.verify(hint, "id")
		audience, _ := claims["aud"].(string)
		if err != nil || (clientID != "" && clientID != audience) {
			i.problemPage(w, "The ID token that came along is not valid.")
			return
		}
		clientID = audience
		i.endLogin(claims["origin_jti"])
	}
	target := q.Get("post_logout_redirect_uri")
	if target == "" {
		target = q.Get("logout_uri")
	}
	if target == "" {
		i.page(w, http.StatusOK, "bye", "You are logged out", nil)
		return
	}
	if c, known := i.client(clientID); !known || !slices.Contains(c.LogoutURIs, target) {
		i.problemPage(w, "The address to return to after logging out is not a registered one.")
		return
	}
	if state := q.Get("state"); state != "" {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + url.Values{"state": {state}}.Encode()
	}
	http.Redirect(w, r, target, http.StatusSeeOther) //nolint:gosec // a registered address, checked above
}

// endLogin ends every refresh token of one login.
func (i *Issuer) endLogin(originID any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for id, f := range i.families {
		if f.originID == originID {
			delete(i.families, id)
		}
	}
}
