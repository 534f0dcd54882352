package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/video"
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
	d.link(t, clinictest.Clinician, connection.Own, zoomsim.Login{User: zoomsim.Ben})
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
}

// Who begins too often is told when to try again; the clinic's account is counted apart from the person's own.
func TestBeginTooOften(t *testing.T) {
	d := newDesk(t)
	d.Clock.Set(d.Clock.Now().Truncate(connection.PendingFor).Add(3*time.Minute + 30*time.Second))
	for range 5 {
		d.begin(t, clinictest.Manager, connection.Own)
	}
	for _, c := range []struct {
		left time.Duration
		says string
	}{{6*time.Minute + 30*time.Second, "Try again in 7 minutes."}, {40 * time.Second, "Try again in a minute."}} {
		d.Clock.Set(d.Clock.Now().Truncate(connection.PendingFor).Add(connection.PendingFor - c.left))
		r := d.Ask(t, clinictest.Manager, "POST", "/v1/connections/zoom", nil).Keyless()
		d.Refused(t, 429, "too_often", r)
		res := clinictest.Send(t, d.Serve, r)
		if res.Headers["retry-after"] != strconv.Itoa(int(c.left.Seconds())) || !strings.Contains(res.Body, c.says) {
			t.Errorf("%s before the end it is refused with %q and %s", c.left, res.Headers["retry-after"], res.Body)
		}
	}
	d.begin(t, clinictest.Manager, connection.Admin)
	d.Clock.Pass(40 * time.Second)
	d.begin(t, clinictest.Manager, connection.Own)
}

// A state and a reason that would say the same are said once.
func TestWhy(t *testing.T) {
	for why, want := range map[string]string{
		video.NeedsReauth: "", connection.GrantDead: connection.GrantDead, video.AccountGone: video.AccountGone,
	} {
		got := shown(connection.Connection{Provider: connection.Own, State: connection.NeedsReauth, Why: why})
		if got.State != "needs-reauth" || got.Why != want {
			t.Errorf("because of %s it is %s %q", why, got.State, got.Why)
		}
	}
}

// Every code that a connection can have is one that the documentation explains: those that its package declares, and
// those of who uses it.
func TestCodes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "connection", "connection.go"))
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{video.AccountGone, video.UninstalledByOwner, video.LongDead, video.NotHost}
	for _, m := range regexp.MustCompile(`(?m)^\t[A-Z]\w+ += "([a-z_]+)"$`).FindAllStringSubmatch(string(text), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 9 {
		t.Errorf("only %v", codes)
	}
	for _, c := range codes {
		if !slices.ContainsFunc(connected{}.Codes()["why"], func(x [2]string) bool { return x[0] == c }) {
			t.Errorf("%s is not explained", c)
		}
	}
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
