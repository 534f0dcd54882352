package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"almanac/infra/sandbox/oidc"
)

// FuzzAuthorize sends any query: a browser is only ever sent to the registered address, and no text of the request
// becomes markup.
func FuzzAuthorize(f *testing.F) {
	issuer := fuzzed(f)
	f.Add(authRequest().Encode())
	f.Add(authRequest("state", "\"><script>", "scope", "openid openid").Encode())
	f.Add(authRequest("redirect_uri", callback+"@example.com").Encode())
	f.Fuzz(func(t *testing.T, query string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost/authorize", strings.NewReader("subject=sub"))
			r.URL.RawQuery = query
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			issuer.ServeHTTP(w, r)
			to := w.Header().Get("Location")
			if w.Code >= 500 || strings.Contains(w.Body.String(), "<script") {
				t.Errorf("%s %q: %d %s", method, query, w.Code, w.Body)
			}
			if to != "" && !strings.HasPrefix(to, callback+"?") {
				t.Errorf("%s %q: sent to %q", method, query, to)
			}
		}
	})
}

// FuzzToken sends any form: nothing but a real code or refresh token gets tokens.
func FuzzToken(f *testing.F) {
	issuer := fuzzed(f)
	f.Add(tokenForm("x").Encode(), "")
	f.Add(refreshForm("a.b").Encode(), "Basic YTpi")
	f.Fuzz(func(t *testing.T, form, auth string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/token", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		issuer.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest && w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d %s", form, w.Code, w.Body)
		}
	})
}

func fuzzed(f *testing.F) *oidc.Issuer {
	f.Helper()
	issuer, err := oidc.New(oidc.Config{
		Issuer: "http://localhost", Clients: []oidc.Client{{ID: "almanac", RedirectURIs: []string{callback}}},
		People: []oidc.Person{{Subject: "sub", Name: "Somebody"}},
		Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		f.Fatal(err)
	}
	return issuer
}
