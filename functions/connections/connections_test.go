package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

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
	if mine := d.mine(t, clinictest.Clinician); len(mine) != 1 || mine[0].Provider != "zoom" || mine[0].State != "not-connected" {
		t.Errorf("at first it is %+v", mine)
	}
	res := d.Must(t, 200, d.Ask(t, clinictest.Clinician, "POST", "/v1/connections/zoom", nil).Keyless())
	for _, want := range []string{
		"__Host-almanac-connect=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age=600",
	} {
		if len(res.Cookies) != 1 || !strings.Contains(res.Cookies[0], want) {
			t.Errorf("the cookies %q lack %q", res.Cookies, want)
		}
	}
	if strings.Contains(res.Body, "cookie") || strings.Contains(strings.ToLower(res.Cookies[0]), "domain") {
		t.Errorf("answered %s with %q", res.Body, res.Cookies)
	}
	res = d.link(t, clinictest.Clinician, connection.Own, zoomsim.Login{User: zoomsim.Ben})
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Body, "Zoom is connected") || !strings.Contains(res.Body, "40 minutes") {
		t.Errorf("back from Zoom: %d %s", res.StatusCode, res.Body)
	}
	if len(res.Cookies) != 1 || !strings.Contains(res.Cookies[0], "Max-Age=0") {
		t.Errorf("the cookie is not taken back: %q", res.Cookies)
	}
	now := d.Clock.Now()
	got := d.mine(t, clinictest.Clinician)[0]
	if got.State != "linked" || got.Plan != "basic" || got.Note == "" || got.ConnectedAs != "ben.whitlow@zoom.example" ||
		got.Since == nil || !got.Since.Equal(now) || !got.LastSuccess.Equal(now) {
		t.Errorf("connected it is %+v", got)
	}
	ended := clinictest.Read[connected](t, d.Must(t, 200, d.Ask(t, clinictest.Clinician, "DELETE", "/v1/connections/zoom", nil).Keyless()))
	if ended.State != "ending" || ended.Why != connection.Asked || ended.ConnectedAs != "" {
		t.Errorf("disconnected it is %+v", ended)
	}
	// Ending what there is not is what was asked for.
	none := clinictest.Read[connected](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "DELETE", "/v1/connections/zoom", nil).Keyless()))
	if none.State != notConnected {
		t.Errorf("%+v", none)
	}
	d.Refused(t, 403, "denied", d.Ask(t, clinictest.Clinician, "DELETE", "/v1/connections/zoom-admin", nil).Keyless())
	for range 4 {
		d.begin(t, clinictest.Receptionist, connection.Own)
	}
	d.begin(t, clinictest.Receptionist, connection.Own)
	d.Refused(t, 429, "busy", d.Ask(t, clinictest.Receptionist, "POST", "/v1/connections/zoom", nil).Keyless())
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
			q, cookie := url.Values{"state": {b.query.Get("state")}, "code": {d.allow(t, b, zoomsim.Login{User: c.user})}}, b.cookie
			secrets := []string{q.Get("code"), q.Get("state"), strings.TrimPrefix(cookie, cookieName+"="), planted, "PlantedCode"}
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

func TestProvision(t *testing.T) {
	d := newDesk(t)
	d.employ(t, "new-physio", "Jo Example Physio", "jo@zoom.example")
	ask := func() clinictest.Request {
		return d.Ask(t, clinictest.Manager, "POST", "/v1/staff/new-physio/zoom-user", clinictest.Body{"licensed": true})
	}
	d.Refused(t, 409, "zoom_admin_needed", ask())
	d.linkAdmin(t)
	login := func() connection.Login { return clinictest.Read[connection.Login](t, d.Must(t, 200, ask())) }
	fault := func(kind, on string) {
		if err := d.zoom.Faults.Add(sandbox.Fault{Kind: kind, Count: 1, On: on}); err != nil {
			t.Fatal(err)
		}
	}
	fault(zoomsim.LoseReply, zoomsim.OpNewUser)
	if got := login(); got.State != connection.LoginPending || got.Subject != "new-physio" {
		t.Errorf("with the answer lost it is %+v", got)
	}
	if got := login(); got.State != connection.LoginPending {
		t.Errorf("asked again it is %+v", got)
	}
	if n := len(d.zoom.Requests(zoomsim.OpNewUser)); n != 1 {
		t.Errorf("Zoom was asked %d times to make a user", n)
	}
	made := slices.DeleteFunc(d.zoom.Users(), func(u zoomsim.User) bool { return u.Email != "jo@zoom.example" })
	if len(made) != 1 || made[0].First != "Jo Example" || made[0].Last != "Physio" || made[0].Type != zoomsim.Licensed {
		t.Errorf("Zoom has %+v", made)
	}
	if err := d.zoom.Activate("jo@zoom.example"); err != nil {
		t.Fatal(err)
	}
	if got := login(); got.State != connection.LoginActive {
		t.Errorf("accepted it is %+v", got)
	}
	if err := d.zoom.Deactivate("jo@zoom.example"); err != nil {
		t.Fatal(err)
	}
	if got := login(); got.State != connection.LoginExists {
		t.Errorf("deactivated it is %+v", got)
	}
	d.employ(t, "elsewhere", "Cara Lindqvist", "cara.lindqvist@zoom.example")
	d.Refused(t, 409, "zoom_user_elsewhere", d.Ask(t, clinictest.Manager, "POST", "/v1/staff/elsewhere/zoom-user", clinictest.Body{"licensed": false}))
	d.Refused(t, 404, "not_found", d.Ask(t, clinictest.Manager, "POST", "/v1/staff/nobody/zoom-user", clinictest.Body{"licensed": false}))
	for _, q := range d.zoom.Requests() {
		if q.Method == http.MethodPatch || q.Method == http.MethodPut || q.Method == http.MethodDelete {
			t.Errorf("a user was changed: %s %s", q.Method, q.Path)
		}
	}
	fault(zoomsim.NoScope, zoomsim.OpUser)
	d.Refused(t, 409, "zoom_admin_needed", ask())
	if mine := d.mine(t, clinictest.Manager); mine[1].State != "needs-reauth" {
		t.Errorf("without a scope the clinic's account is %+v", mine[1])
	}
	d.linkAdmin(t)
	if err := d.zoom.Kill(zoomsim.Admin, zoomsim.Gus); err != nil {
		t.Fatal(err)
	}
	d.Clock.Pass(time.Hour)
	d.Refused(t, 409, "zoom_admin_needed", ask())
	if mine := d.mine(t, clinictest.Manager); mine[1].State != "needs-reauth" {
		t.Errorf("the clinic's account is %+v", mine[1])
	}
	for _, name := range []string{"jo@zoom", "Physio", "gus.ivory"} {
		if strings.Contains(d.Log.String(), name) {
			t.Errorf("the log shows %q", name)
		}
	}
}
