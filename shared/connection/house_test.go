package connection_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// house is a clinic beside Zoom, with its connections.
type house struct {
	*clinictest.Clinic
	zoom *zoomtest.Stand
	connection.Zoom
}

func newHouse(t *testing.T, with ...func(*dynamodb.Options)) *house {
	t.Helper()
	h := &house{Clinic: clinictest.New(t, with...).Found(t)}
	h.zoom = zoomtest.New(t, func(z *zoomsim.Config) { z.Now, z.Manual = h.Clock.Now, true })
	h.Zoom = h.process(t)
	return h
}

func renewer(org string) access.Caller { return access.System(org, string(access.Renewer)) }

func rooms(org string) access.Caller { return access.System(org, string(access.VideoRooms)) }

// process is another process of the same installation.
func (h *house) process(t *testing.T) connection.Zoom {
	t.Helper()
	z, err := connection.NewZoom(connection.Settings{
		API: h.zoom.URL, OAuth: h.zoom.URL, ClientID: h.zoom.ClientID, Secret: h.zoom.ClientSecret,
		AdminID: h.zoom.AdminClientID, AdminSecret: h.zoom.AdminClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     h.Table, Keeper: h.Keeper, Directory: clinic.NewDirectory(h.Table, h.Clock.Now),
		Log: slog.New(slog.NewJSONHandler(h.Log, nil)), Now: h.Clock.Now, Clock: time.Now, ID: id.New, Job: renewer,
	})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// parts are those of a Store whose calls to Zoom go through a transport of the test's.
func (h *house) parts(t *testing.T, tbl *table.Table, transport http.RoundTripper) connection.Parts {
	t.Helper()
	client := &http.Client{Transport: transport}
	api, err := zoom.New(zoom.Settings{
		URL: h.zoom.URL, HTTP: client, Now: time.Now, Pace: func(context.Context, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return connection.Parts{
		Table: tbl, Keeper: h.Keeper, Directory: clinic.NewDirectory(tbl, h.Clock.Now), API: api,
		Own: zoom.App{
			URL: h.zoom.URL, API: h.zoom.URL, ClientID: h.zoom.ClientID, ClientSecret: h.zoom.ClientSecret,
			Redirect: zoomtest.Callback, Scopes: zoom.UserScopes(), HTTP: client, Now: h.Clock.Now,
		},
		Job: renewer, Alarm: func(context.Context, string, string, error) {}, Now: h.Clock.Now, ID: id.New,
	}
}

// begun is a connection that somebody is at Zoom for.
type begun struct {
	connection.Begun
	state, challenge string
}

func (h *house) begin(t *testing.T, subject, provider string) begun {
	t.Helper()
	b, err := h.Begin(t.Context(), h.By(t, subject), provider)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("redirect_uri") != zoomtest.Callback || q.Get("code_challenge_method") != "S256" {
		t.Fatalf("sent to Zoom with %v", q)
	}
	return begun{b, q.Get("state"), q.Get("code_challenge")}
}

// back is what the browser brings back when a Zoom user allowed it.
func (h *house) back(t *testing.T, b begun, l zoomsim.Login) connection.Callback {
	t.Helper()
	l.RedirectURI, l.Challenge = zoomtest.Callback, b.challenge
	return connection.Callback{State: b.state, Code: h.zoom.Login(t, l), Cookie: b.Cookie}
}

func (h *house) complete(t *testing.T, cb connection.Callback) connection.Outcome {
	t.Helper()
	out, err := h.Complete(t.Context(), cb)
	if err != nil {
		t.Fatalf("complete: %v", err)
	}
	return out
}

// link has somebody connect a Zoom user, and tells what came of it.
func (h *house) link(t *testing.T, subject, user string) connection.Outcome {
	t.Helper()
	return h.complete(t, h.back(t, h.begin(t, subject, connection.Own), zoomsim.Login{User: user}))
}

// linked has somebody connect a Zoom user, and gives the connection.
func (h *house) linked(t *testing.T, subject, user string) connection.Connection {
	t.Helper()
	if out := h.link(t, subject, user); out.Code != connection.Connected {
		t.Fatalf("connecting came to %s", out.Code)
	}
	return h.of(t, subject)
}

func (h *house) of(t *testing.T, subject string) connection.Connection {
	t.Helper()
	con, err := h.Of(t.Context(), renewer(h.Org), subject, connection.Own)
	if err != nil {
		t.Fatalf("the connection of %s: %v", subject, err)
	}
	return con
}

func (h *house) read(t *testing.T, con string) connection.Connection {
	t.Helper()
	got, err := h.Read(t.Context(), renewer(h.Org), con)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (h *house) host(con connection.Connection) video.Host {
	return video.Host{Org: h.Org, Subject: con.Subject, Connection: con.ID}
}

// works checks that a connection's token is one that Zoom takes.
func (h *house) works(t *testing.T, con connection.Connection) {
	t.Helper()
	got, err := h.Token(t.Context(), h.host(con), "")
	if err != nil {
		t.Fatalf("token: %v", err)
	}
	if r := h.zoom.API(t, got.Token, http.MethodGet, "/v2/users/me", nil); r.Status != http.StatusOK {
		t.Fatalf("Zoom answers the token with %d %s", r.Status, r.Body)
	}
}

// count counts the events of a name that a record has.
func (h *house) count(t *testing.T, target, name string) int {
	t.Helper()
	n := 0
	for _, e := range h.History(t, h.Org, target) {
		if string(e.Name) == name {
			n++
		}
	}
	return n
}

func (h *house) fault(t *testing.T, kind, on string, n int) {
	t.Helper()
	if err := h.zoom.Faults.Add(sandbox.Fault{Kind: kind, Count: n, On: on}); err != nil {
		t.Fatal(err)
	}
}

// leave has a member of staff leave.
func (h *house) leave(t *testing.T, subject string) {
	t.Helper()
	k := h.Table.For(renewer(h.Org))
	var s clinic.Staff
	if err := k.Get(t.Context(), k.Staff(subject), &s); err != nil {
		t.Fatal(err)
	}
	s.Left = true
	h.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(subject), Value: s, Version: s.Version}}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}
