package main

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/id"
	"almanac/shared/table"
)

// desk is a staffed clinic beside Zoom, and this function in front of it.
type desk struct {
	*clinictest.Desk
	zoom *zoomtest.Stand
	z    connection.Zoom
}

func newDesk(t *testing.T, without ...string) *desk {
	t.Helper()
	h := clinictest.New(t)
	stand := zoomtest.New(t, func(c *zoomsim.Config) { c.Now, c.Manual = h.Clock.Now, true })
	set := connection.Settings{
		API: stand.URL, OAuth: stand.URL, ClientID: stand.ClientID, Secret: stand.ClientSecret,
		AdminID: stand.AdminClientID, AdminSecret: stand.AdminClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     h.Table, Keeper: h.Keeper, Directory: h.Directory,
		Log: slog.New(slog.NewJSONHandler(h.Log, nil)), Now: h.Clock.Now, Clock: time.Now, ID: id.New,
		Job: func(org string) access.Caller { return access.System(org, string(access.Renewer)) },
	}
	if len(without) > 0 {
		set.ClientID, set.AdminID = "", ""
	}
	z, err := connection.NewZoom(set)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{clinictest.NewDesk(h.Found(t), h.Edge().Serve(routes(z))), stand, z}
}

// begunAnswer is the way to Zoom that the function gave.
type begunAnswer struct {
	AuthoriseURL string
	ExpiresAt    time.Time
	cookie       string
	query        url.Values
}

func (d *desk) begin(t *testing.T, subject, provider string) begunAnswer {
	t.Helper()
	return begunOf(t, d.Must(t, 200, d.Ask(t, subject, "POST", "/v1/connections/"+provider, nil).Keyless()))
}

func begunOf(t *testing.T, res events.APIGatewayV2HTTPResponse) begunAnswer {
	t.Helper()
	b := clinictest.Read[begunAnswer](t, res)
	if len(res.Cookies) != 1 {
		t.Fatalf("%d cookies", len(res.Cookies))
	}
	b.cookie, _, _ = strings.Cut(res.Cookies[0], ";")
	u, err := url.Parse(b.AuthoriseURL)
	if err != nil {
		t.Fatal(err)
	}
	b.query = u.Query()
	return b
}

// allow logs a Zoom user in, who allows what is asked for, and gives the code.
func (d *desk) allow(t *testing.T, b begunAnswer, l zoomsim.Login) string {
	t.Helper()
	l.RedirectURI, l.Challenge = b.query.Get("redirect_uri"), b.query.Get("code_challenge")
	return d.zoom.Login(t, l)
}

// complete finishes what was begun, as the page does that Zoom sends people back to.
func (d *desk) complete(t *testing.T, b begunAnswer, code string) {
	t.Helper()
	name, cookie, _ := strings.Cut(b.cookie, "=")
	out, err := d.z.Complete(t.Context(), connection.Callback{State: b.query.Get("state"), Code: code, Cookie: cookie})
	if err != nil || name != connection.CookieName || out.Code != connection.Connected {
		t.Fatalf("connecting with the cookie %s: %+v, %v", name, out, err)
	}
}

// link has somebody connect a Zoom user.
func (d *desk) link(t *testing.T, subject, provider string, l zoomsim.Login) {
	t.Helper()
	b := d.begin(t, subject, provider)
	d.complete(t, b, d.allow(t, b, l))
}

// linkAdmin has the manager connect the clinic's account.
func (d *desk) linkAdmin(t *testing.T) {
	t.Helper()
	d.link(t, clinictest.Manager, connection.Admin, zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus})
}

func (d *desk) mine(t *testing.T, subject string) []connected {
	t.Helper()
	return clinictest.Read[connections](t, d.Must(t, 200, d.Ask(t, subject, "GET", "/v1/connections", nil))).Items
}

// employ adds a member of staff with a name and an address of their own.
func (d *desk) employ(t *testing.T, subject, name, email string) {
	t.Helper()
	d.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(subject), New: true, Value: clinic.Staff{
			Subject: subject, Name: name, Email: email, JobRole: "Physiotherapist", Roles: []access.Role{access.Clinician},
		}}}
	})
}
