package zoom_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/zoom"
)

func (r *rig) app() zoom.App {
	return zoom.App{
		URL: r.URL + "/", API: r.URL, ClientID: "client", ClientSecret: "shh", Redirect: "https://almanac.example/zoom/callback",
		Scopes: zoom.UserScopes(), HTTP: http.DefaultClient, Now: r.clock,
	}
}

func granted(more string) string {
	return `{"access_token":"a.b","token_type":"bearer","refresh_token":"r.s","expires_in":3600,` +
		`"scope":"user:read:user meeting:write:meeting"` + more + `}`
}

func TestAuthoriseURL(t *testing.T) {
	a := zoom.App{URL: "https://zoom.us/", ClientID: "c&d", Redirect: "https://almanac.example/zoom/callback"}
	u, err := url.Parse(a.AuthoriseURL("st=1", "chal"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme+u.Host+u.Path != "httpszoom.us/oauth/authorize" || q.Get("client_id") != "c&d" || q.Get("state") != "st=1" ||
		q.Get("redirect_uri") != a.Redirect || q.Get("code_challenge") != "chal" ||
		q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || len(q) != 6 {
		t.Errorf("%s", u)
	}
}

func TestGrant(t *testing.T) {
	r := newRig(t, js(200, granted("")))
	g, err := r.app().Exchange(t.Context(), "code-1", "verifier-1")
	if err != nil {
		t.Fatal(err)
	}
	if g.Access != "a.b" || g.Refresh != "r.s" || !g.Expires.Equal(noon.Add(time.Hour)) || len(g.Scopes) != 2 || g.APIURL != r.URL {
		t.Error("the grant is not what was said")
	}
	one := r.requests()[0]
	form, err := url.ParseQuery(one.body)
	if err != nil || one.method != "POST" || one.path != "/oauth/token" || one.query != "" || form.Get("code") != "code-1" ||
		form.Get("code_verifier") != "verifier-1" || form.Get("grant_type") != "authorization_code" ||
		form.Get("redirect_uri") != "https://almanac.example/zoom/callback" ||
		one.auth != "Basic "+base64.StdEncoding.EncodeToString([]byte("client:shh")) {
		t.Errorf("%+v", one)
	}
	r.say(js(200, granted("")))
	if _, err = r.app().Refresh(t.Context(), "r.1"); err != nil {
		t.Fatal(err)
	}
	if form, _ = url.ParseQuery(r.requests()[0].body); form.Get("refresh_token") != "r.1" || form.Get("grant_type") != "refresh_token" || len(form) != 2 {
		t.Errorf("%v", form)
	}
}

// Whatever is printed of what lets somebody in, it is not shown.
func TestNothingSecretPrints(t *testing.T) {
	for _, v := range []any{
		zoom.Grant{Access: marked},
		&zoom.Grant{Refresh: marked},
		zoom.Access{Token: marked},
		zoom.App{ClientSecret: marked},
		zoom.User{Email: marked},
		zoom.NewUser{First: marked},
		zoom.Answer{PlainToken: marked},
		[]zoom.Grant{{Access: marked}},
	} {
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("v", v))
		logged := b.String()
		if _, list := v.([]zoom.Grant); list {
			logged = "" // slog writes lists as JSON
		}
		if all := fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v) + logged; strings.Contains(all, marked) {
			t.Errorf("%T prints as %s", v, all)
		}
	}
}

func TestGrantsThatCannotBeRead(t *testing.T) {
	for name, body := range map[string]string{
		"empty": "", "a page": "<html>" + marked, "null": "null", "a list": "[]", "cut off": `{"access_token":"a","refr`,
		"without refresh token": `{"access_token":"` + marked + `"}`, "without access token": `{"refresh_token":"a"}`,
		"twice":                        `{"access_token":"a","access_token":"b","refresh_token":"c"}`,
		"not for a header":             `{"access_token":"a\nb","refresh_token":"c"}`,
		"of another type":              `{"access_token":"a","refresh_token":"c","token_type":"mac"}`,
		"with more after it":           granted("") + granted(""),
		"far too long":                 `{"access_token":"` + strings.Repeat("a", 20<<10) + `","refresh_token":"c"}`,
		"a number for a token":         `{"access_token":1,"refresh_token":"c"}`,
		"in other capitals than keys'": `{"Access_Token":"a","Refresh_Token":"c"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, js(200, body))
			_, err := r.app().Refresh(t.Context(), "r")
			check(t, err, "unavailable: outcome_unknown")
			if n := len(r.requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestLifeOfAGrant(t *testing.T) {
	for life, want := range map[string]time.Duration{
		`3599`: 3599 * time.Second, `"1800"`: 30 * time.Minute, `0`: time.Hour, `-1`: time.Hour, `1e9`: time.Hour,
		`99999999`: time.Hour, `null`: time.Hour, `""`: time.Hour, `12.5`: time.Hour,
	} {
		r := newRig(t, js(200, `{"access_token":"a","refresh_token":"b","expires_in":`+life+`}`))
		g, err := r.app().Refresh(t.Context(), "r")
		if err != nil || g.Expires.Sub(noon) != want {
			t.Errorf("%s: %v, %v", life, g.Expires.Sub(noon), err)
		}
	}
}

// The address that comes with a token is where the token would be sent to.
func TestAPIURL(t *testing.T) {
	for said, want := range map[string]string{
		"https://api-uk.zoom.us": "https://api-uk.zoom.us", "https://api-eu.zoom.us/": "https://api-eu.zoom.us",
		"https://api.zoom.us": "https://api.zoom.us", "": "https://api.zoom.us",
		"http://api-uk.zoom.us": "", "https://api-uk.zoom.us.evil.example": "", "https://evil.example/api-uk.zoom.us": "",
		"https://api-uk.zoom.us@evil.example": "", "https://evil@api-uk.zoom.us": "", "https://api-uk.zoom.us:8443": "",
		"https://api-ukk.zoom.us": "", "https://api-.zoom.us": "", "https://api-1x.zoom.us": "", "https://apiXzoom.us": "",
		"https://api-uk.zoom.us/v3": "", "https://api-uk.zoom.us?x=1": "", "https://api-uk.zoom.us#x": "",
		"https://169.254.169.254": "", "//api-uk.zoom.us": "", "https://API-UK.zoom.us": "", "https://api-uk.zoom.us\\@evil.example": "",
		"https://api-uk.zoom.us%2eevil.example": "", "javascript:alert(1)": "", "https://api-uk.zoom.us.": "",
	} {
		if want == "" {
			want = "https://api.zoom.us"
		}
		r := newRig(t, js(200, fmt.Sprintf(`{"access_token":"a","refresh_token":"b","api_url":%q}`, said)))
		a := r.app()
		a.API = "https://api.zoom.us"
		if g, err := a.Refresh(t.Context(), "r"); err != nil || g.APIURL != want {
			t.Errorf("%q: %q, %v", said, g.APIURL, err)
		}
		if g, err := r.app().Refresh(t.Context(), "r"); err != nil || g.APIURL != r.URL {
			t.Errorf("on one host, %q: %q, %v", said, g.APIURL, err)
		}
	}
}

func TestOAuthRefusals(t *testing.T) {
	const (
		dead     = "denied: needs_reauth"
		refused  = "invalid: authorisation_refused"
		config   = "internal: zoom_misconfigured"
		strange  = "internal: zoom_unexpected"
		later    = "unavailable: provider_unavailable"
		unknown  = "unavailable: outcome_unknown"
		busy     = "limited: provider_busy"
		reason   = `{"reason":"` + marked + `","error":`
		noRevoke = ""
	)
	for name, x := range map[string]struct {
		says                      said
		refresh, exchange, revoke string
	}{
		"invalid_grant":           {js(400, reason+`"invalid_grant"}`), dead, refused, noRevoke},
		"a bad code":              {js(400, reason+`"invalid_request"}`), strange, refused, noRevoke},
		"invalid_client 400":      {js(400, reason+`"invalid_client"}`), config, config, config},
		"invalid_client 401":      {js(401, reason+`"invalid_client"}`), config, config, config},
		"401 alone":               {js(401, `{"reason":"`+marked+`"}`), config, config, config},
		"401 of something else":   {js(401, `<html>`+marked), later, later, later},
		"invalid_grant in a 200":  {js(200, reason+`"invalid_grant"}`), dead, refused, noRevoke},
		"grant and our own fault": {js(400, `{"error":"invalid_grant","code":4702}`), config, config, config},
		"an unknown word":         {js(400, reason+`"`+marked+`"}`), strange, strange, strange},
		"403":                     {js(403, `{}`), strange, strange, strange},
		"403 of something else":   {js(403, marked), later, later, later},
		"404 of something else":   {js(404, ``), later, later, later},
		"429":                     {js(429, reason+`"x"}`), busy, busy, busy},
		"500":                     {js(500, reason+`"invalid_grant"}`), later, later, later},
		"503":                     {js(503, marked), later, later, later},
		"502":                     {js(502, marked), unknown, unknown, unknown},
		"504":                     {js(504, reason+`"invalid_grant"}`), unknown, unknown, unknown},
		"a redirect":              {said{status: 302, header: map[string]string{"Location": "/elsewhere"}}, later, later, later},
		"an answer cut off":       {said{cut: true}, unknown, unknown, later},
		"4700":                    {coded(400, 4700), strange, strange, strange},
		"4711":                    {coded(400, 4711), dead, refused, noRevoke},
		"4717 as text":            {js(400, `{"errorCode":"4717"}`), dead, refused, noRevoke},
		"4733":                    {coded(400, 4733), dead, refused, noRevoke},
		"4735":                    {coded(400, 4735), dead, refused, noRevoke},
		"4737":                    {coded(401, 4737), dead, refused, noRevoke},
		"4738":                    {coded(400, 4738), dead, refused, noRevoke},
		"4740":                    {coded(400, 4740), dead, refused, noRevoke},
		"4741":                    {coded(401, 4741), dead, refused, noRevoke},
		"4702":                    {coded(400, 4702), config, config, config},
		"4704":                    {coded(401, 4704), config, config, config},
		"4705":                    {coded(400, 4705), config, config, config},
		"4706":                    {coded(400, 4706), config, config, config},
		"4709":                    {coded(400, 4709), config, config, config},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, x.says)
			_, err := r.app().Refresh(t.Context(), "r")
			check(t, err, x.refresh)
			_, err = r.app().Exchange(t.Context(), "c", "v")
			check(t, err, x.exchange)
			if x.says.status != 200 {
				check(t, r.app().Revoke(t.Context(), "token-1"), x.revoke)
			}
			for _, one := range r.requests() {
				if one.path == "/elsewhere" {
					t.Error("a redirect was followed")
				}
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	r := newRig(t, js(200, granted("")))
	a := r.app()
	a.URL = "http://127.0.0.1:1"
	_, err := a.Refresh(t.Context(), "r")
	check(t, err, "unavailable: provider_unavailable")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.app().Refresh(over, "r")
	check(t, err, "unavailable: provider_unavailable")
}

func TestRevoke(t *testing.T) {
	r := newRig(t, js(200, `{"status":"success"}`))
	check(t, r.app().Revoke(t.Context(), "tok"), "")
	if one := r.requests()[0]; one.path != "/oauth/revoke" || one.body != "token=tok" || one.query != "" {
		t.Errorf("%+v", one)
	}
}

func TestCheckOfAnApp(t *testing.T) {
	whole := newRig(t, js(200, "")).app()
	if err := whole.Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(a *zoom.App){
		"no address": func(a *zoom.App) { a.URL = "" }, "no API": func(a *zoom.App) { a.API = "zoom" },
		"not https":    func(a *zoom.App) { a.API = "http://api.zoom.us" },
		"a password":   func(a *zoom.App) { a.URL = "https://secret@zoom.us" },
		"no client id": func(a *zoom.App) { a.ClientID = "" }, "no secret": func(a *zoom.App) { a.ClientSecret = "" },
		"no scopes": func(a *zoom.App) { a.Scopes = nil }, "a relative return": func(a *zoom.App) { a.Redirect = "/x" },
		"no HTTP": func(a *zoom.App) { a.HTTP = nil }, "no clock": func(a *zoom.App) { a.Now = nil },
	} {
		a := whole
		spoil(&a)
		if err := a.Check(); err == nil || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMissing(t *testing.T) {
	user, admin := zoom.App{Scopes: zoom.UserScopes()}, zoom.App{Scopes: zoom.AdminScopes()}
	all := func(suffix string) []string {
		var out []string
		for _, s := range zoom.UserScopes() {
			out = append(out, s+suffix)
		}
		return out
	}
	without := slices.DeleteFunc(zoom.UserScopes(), func(s string) bool { return s == "meeting:delete:meeting" })
	for name, x := range map[string]struct {
		app     zoom.App
		granted []string
		want    []string
	}{
		"nothing":                  {user, nil, zoom.UserScopes()},
		"all":                      {user, zoom.UserScopes(), nil},
		"more":                     {user, append(zoom.UserScopes(), "user:read:email"), nil},
		"for the whole account":    {user, all(":admin"), nil},
		"for the master account":   {user, all(":master"), nil},
		"all but deleting":         {user, without, []string{"meeting:delete:meeting"}},
		"classic":                  {user, []string{"user:read", "meeting:read", "meeting:write"}, nil},
		"classic for all":          {user, []string{"user:read:admin", "meeting:read:admin", "meeting:write:admin"}, nil},
		"classic reading only":     {user, []string{"user:read", "meeting:read"}, []string{"meeting:write:meeting", "meeting:update:meeting", "meeting:delete:meeting"}},
		"admin":                    {admin, zoom.AdminScopes(), nil},
		"admin by a user's scopes": {admin, []string{"user:read:user", "user:write:user"}, zoom.AdminScopes()},
		"admin, classic":           {admin, []string{"user:read:admin", "user:write:admin"}, nil},
		"admin, classic of a user": {admin, []string{"user:read", "user:write"}, zoom.AdminScopes()},
		"admin by master":          {admin, []string{"user:read:user:master", "user:write:user:master"}, nil},
	} {
		if got := x.app.Missing(x.granted); !slices.Equal(got, x.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
