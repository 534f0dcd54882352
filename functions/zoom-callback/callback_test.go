package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/table"
)

func TestConnecting(t *testing.T) {
	d := newDesk(t)
	res := d.link(t, clinictest.Clinician, connection.Own, zoomsim.Login{User: zoomsim.Ben})
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Body, "Zoom is connected") || !strings.Contains(res.Body, "40 minutes") {
		t.Errorf("back from Zoom: %d %s", res.StatusCode, res.Body)
	}
	// A browser takes a cookie away that has the same name, path and attributes as when it was set.
	gone := connection.CookieName + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	if len(res.Cookies) != 1 || res.Cookies[0] != gone {
		t.Errorf("the cookie is not taken back: %q", res.Cookies)
	}
	con, err := d.z.Of(t.Context(), d.who(t, clinictest.Clinician), clinictest.Clinician, connection.Own)
	if err != nil || con.State != connection.Linked {
		t.Errorf("the connection is %+v, %v", con, err)
	}
	res = d.link(t, clinictest.Manager, connection.Admin, zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus})
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Body, "log-ins for your staff") {
		t.Errorf("connecting the clinic's account: %d %s", res.StatusCode, res.Body)
	}
}

// Only the way back that a browser's cookie belongs to takes the cookie away: any other leaves the one that somebody
// may still finish with.
func TestCookieServes(t *testing.T) {
	d := newDesk(t)
	earlier, b := d.begin(t, clinictest.Clinician, connection.Own), d.begin(t, clinictest.Clinician, connection.Own)
	for name, q := range map[string]url.Values{
		"nothing":         {},
		"the marketplace": {"code": {"x"}},
		"no state":        {"state": {"x"}, "code": {"x"}},
		"one before":      {"state": {earlier.state(t)}, "code": {"x"}},
		"one that served": {"state": {earlier.state(t)}, "code": {"y"}},
	} {
		if res := d.back(t, q, b.cookie()); len(res.Cookies) != 0 {
			t.Errorf("%s: %d sets %q", name, res.StatusCode, res.Cookies)
		}
	}
	q := url.Values{"state": {b.state(t)}, "code": {d.allow(t, b, zoomsim.Login{User: zoomsim.Ada})}}
	res := d.back(t, q, b.cookie())
	if res.StatusCode != http.StatusOK || len(res.Cookies) != 1 || !strings.Contains(res.Cookies[0], "Max-Age=0") {
		t.Errorf("%d %q", res.StatusCode, res.Cookies)
	}
	declined := d.begin(t, clinictest.Clinician, connection.Own)
	res = d.back(t, url.Values{"state": {declined.state(t)}, "error": {"access_denied"}}, declined.cookie())
	if len(res.Cookies) != 1 {
		t.Errorf("declined, it leaves %q", declined.cookie())
	}
}

// Who connects another Zoom user is told what becomes of the first one's rooms, and nobody else is.
func TestReplacing(t *testing.T) {
	d := newDesk(t)
	const says = "get new rooms in this one"
	for n, c := range []struct {
		who, kind string
		login     zoomsim.Login
		says      bool
	}{
		{clinictest.Clinician, connection.Own, zoomsim.Login{User: zoomsim.Ada}, false},
		{clinictest.Clinician, connection.Own, zoomsim.Login{User: zoomsim.Ada}, false},
		{clinictest.Clinician, connection.Own, zoomsim.Login{User: zoomsim.Ben}, true},
		{clinictest.Manager, connection.Own, zoomsim.Login{User: zoomsim.Cara}, false},
		{clinictest.Manager, connection.Admin, zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus}, false},
	} {
		if res := d.link(t, c.who, c.kind, c.login); res.StatusCode != http.StatusOK || strings.Contains(res.Body, says) != c.says {
			t.Errorf("%d: %d %s", n, res.StatusCode, res.Body)
		}
	}
}

// Who has an account that serves, and allows too little of another one, reads that the first one goes on, and nobody else
// does.
func TestKeeping(t *testing.T) {
	d := newDesk(t)
	const says = "stays in use"
	few := []string{"user:read:user", "meeting:read:meeting"}
	for n, c := range []struct {
		login         zoomsim.Login
		partly, keeps bool
	}{
		{zoomsim.Login{User: zoomsim.Ben, Scopes: few}, true, false},
		{zoomsim.Login{User: zoomsim.Ada}, false, false},
		{zoomsim.Login{User: zoomsim.Fay}, true, true},
	} {
		res := d.link(t, clinictest.Clinician, connection.Own, c.login)
		if strings.Contains(res.Body, "not fully connected") != c.partly || strings.Contains(res.Body, says) != c.keeps {
			t.Errorf("%d: %d %s", n, res.StatusCode, res.Body)
		}
	}
}

// TestPage opens the page in every way that somebody can come back. What came along is never shown or logged, no page
// runs anything, and every page says what to do.
func TestPage(t *testing.T) {
	d := newDesk(t)
	d.link(t, clinictest.Manager, connection.Own, zoomsim.Login{User: zoomsim.Ada})
	const planted = "PlantedCode<script>"
	for _, c := range []struct {
		name   string
		user   string
		spoil  func(q url.Values, cookie *string)
		status int
		says   string
	}{
		{"licensed", zoomsim.Cara, nil, 200, "Zoom is connected"},
		{"scopes missing", zoomsim.Fay, nil, 200, "delete meetings when an appointment is cancelled"},
		{"declined", zoomsim.Cara, func(q url.Values, _ *string) {
			q.Del("code")
			q.Set("error", "access_denied")
		}, 200, "You did not allow it"},
		{"an unknown error", zoomsim.Cara, func(q url.Values, _ *string) {
			q.Del("code")
			q.Set("error", planted)
		}, 400, "served already"},
		{"a wrong code", zoomsim.Cara, func(q url.Values, _ *string) { q.Set("code", planted) }, 400, "served already"},
		{"a wrong state", zoomsim.Cara, func(q url.Values, _ *string) { q.Set("state", planted) }, 400, "served already"},
		{"two states", zoomsim.Cara, func(q url.Values, _ *string) { q.Add("state", planted) }, 400, "served already"},
		{"nothing", zoomsim.Cara, func(q url.Values, _ *string) { clear(q) }, 400, "served already"},
		{"another browser", zoomsim.Cara, func(_ url.Values, cookie *string) { *cookie = "other=1" }, 400, "another browser"},
		{"the marketplace", zoomsim.Cara, func(q url.Values, _ *string) { q.Del("state") }, 200, "marketplace"},
		{"used elsewhere", zoomsim.Ada, nil, 409, "connected already"},
		{"a pending user", zoomsim.Dev, nil, 409, "accept it first"},
		{"Zoom down", zoomsim.Cara, func(url.Values, *string) {
			_ = d.zoom.Faults.Add(sandbox.Fault{Kind: zoomsim.Fail, Count: 1, On: zoomsim.OpToken})
		}, 503, "does not answer"},
		{"somebody who left", zoomsim.Cara, nil, 403, "may not connect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := d.NewStaff(t, access.Clinician)
			b := d.begin(t, who, connection.Own)
			q, cookie := url.Values{"state": {b.state(t)}, "code": {d.allow(t, b, zoomsim.Login{User: c.user})}}, b.cookie()
			secrets := []string{q.Get("code"), q.Get("state"), strings.TrimPrefix(cookie, connection.CookieName+"="), planted, "PlantedCode"}
			if c.spoil != nil {
				c.spoil(q, &cookie)
			}
			if c.name == "somebody who left" {
				d.dismiss(t, who)
			}
			res := d.back(t, q, cookie)
			if res.StatusCode != c.status || !strings.Contains(res.Body, c.says) {
				t.Errorf("%d %s", res.StatusCode, res.Body)
			}
			for _, s := range secrets {
				if strings.Contains(res.Body, s) || strings.Contains(d.Log.String(), s) {
					t.Errorf("%q is shown or logged", s)
				}
			}
			csp := res.Headers["content-security-policy"]
			if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "script") ||
				strings.Contains(res.Body, "<script") || res.Headers["referrer-policy"] != "no-referrer" ||
				res.Headers["cache-control"] != "no-store" {
				t.Errorf("the page has the policy %q", csp)
			}
			if !strings.Contains(res.Body, "Almanac") && !strings.Contains(res.Body, "Ask a manager") {
				t.Error("it does not say what to do")
			}
		})
	}
	res := d.back(t, url.Values{})
	if strings.Contains(d.Log.String(), "state=") || res.Headers["location"] != "" {
		t.Error("the query is logged, or leads away")
	}
}

// dismiss has a member of staff leave.
func (d *desk) dismiss(t *testing.T, subject string) {
	t.Helper()
	k := d.Table.For(access.System(d.Org, "test"))
	var s clinic.Staff
	if err := k.Get(t.Context(), k.Staff(subject), &s); err != nil {
		t.Fatal(err)
	}
	s.Left = true
	d.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(subject), Value: s, Version: s.Version}}
	})
}
