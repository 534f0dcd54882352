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
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/id"
)

// desk is a staffed clinic beside Zoom, and this function in front of it.
type desk struct {
	*clinictest.Desk
	zoom *zoomtest.Stand
	z    connection.Zoom
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	h := clinictest.New(t)
	stand := zoomtest.New(t, func(c *zoomsim.Config) { c.Now, c.Manual = h.Clock.Now, true })
	log := slog.New(slog.NewJSONHandler(h.Log, nil))
	z, err := connection.NewZoom(connection.Settings{
		API: stand.URL, OAuth: stand.URL, ClientID: stand.ClientID, Secret: stand.ClientSecret,
		AdminID: stand.AdminClientID, AdminSecret: stand.AdminClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     h.Table, Keeper: h.Keeper, Directory: h.Directory, Log: log, Now: h.Clock.Now, Clock: time.Now, ID: id.New,
		Job: func(org string) access.Caller { return access.System(org, string(access.Renewer)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{clinictest.NewDesk(h.Found(t), edge(log, h.Clock.Now).Serve(routes(z.Complete))), stand, z}
}

// who is a member of staff as the API knows them.
func (d *desk) who(t *testing.T, subject string) access.Caller {
	t.Helper()
	by, err := d.Directory.Caller(t.Context(), d.Org, subject, true)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// begun is a connection that was begun: the way to Zoom, and the browser's secret.
type begun struct{ connection.Begun }

func (d *desk) begin(t *testing.T, subject, provider string) begun {
	t.Helper()
	b, err := d.z.Begin(t.Context(), d.who(t, subject), provider)
	if err != nil {
		t.Fatal(err)
	}
	return begun{b}
}

// cookie is what the browser sends along.
func (b begun) cookie() string { return connection.CookieName + "=" + b.Cookie }

// asks gives what is asked of Zoom.
func (b begun) asks(t *testing.T) url.Values {
	t.Helper()
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func (b begun) state(t *testing.T) string {
	t.Helper()
	return b.asks(t).Get("state")
}

// allow logs a Zoom user in, who allows what is asked for, and gives the code.
func (d *desk) allow(t *testing.T, b begun, l zoomsim.Login) string {
	t.Helper()
	q := b.asks(t)
	l.RedirectURI, l.Challenge = q.Get("redirect_uri"), q.Get("code_challenge")
	return d.zoom.Login(t, l)
}

// back opens the page that Zoom sends people back to.
func (d *desk) back(t *testing.T, query url.Values, cookies ...string) events.APIGatewayV2HTTPResponse {
	t.Helper()
	r := d.Ask(t, "", "GET", "/zoom/callback?"+query.Encode(), nil)
	r.RequestContext.Authorizer, r.Cookies = nil, cookies
	return clinictest.Send(t, d.Serve, r)
}

// link has somebody connect a Zoom user.
func (d *desk) link(t *testing.T, subject, provider string, l zoomsim.Login) events.APIGatewayV2HTTPResponse {
	t.Helper()
	b := d.begin(t, subject, provider)
	return d.back(t, url.Values{"state": {b.state(t)}, "code": {d.allow(t, b, l)}}, b.cookie())
}
