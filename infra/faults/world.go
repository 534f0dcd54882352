package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// world is what one run has for itself: an organisation, its diary and accounts, a Zoom of its own, and a clock.
type world struct {
	*house
	run    int // its number
	draw   *rand.Rand
	broken bool
	tally  tally
	err    error // the first thing that the run itself could not do

	clock  *clock
	reaper *reaper
	log    buffer
	chatty bool // a wrongly built variant: logs what Zoom answers
	// unswept is a wrongly built variant in which nobody looks for accounts whose time has come.
	unswept bool
	table   *table.Table
	keeper  *seal.Keeper
	dir     *clinic.Directory
	diary   *booking.Service
	tasks   *task.Service

	zoom    *zoomsim.Server
	server  *httptest.Server
	door    *httptest.Server
	heard   []heard // what arrived at the door
	users   []zoomsim.User
	cookies map[string]string // of what was begun, by state

	process // the one that is alive
	// What a wrongly built variant has instead: of the provider, of the reading of a notice, of dealing with one.
	provide func(video.Provider) video.Provider
	stamp   func(n *video.Notice)
	observe func(ctx context.Context, n video.Notice) error
	tokens  func(s *connection.Store) zoom.Tokens
	strip   func(types.TransactWriteItem) (types.TransactWriteItem, bool)

	org, site, service string
	practitioners      []string
	subjects           []string
	patients           []string
	visits             []*visit
	post               bag
	evidence           *evidence
}

// heard is one webhook as it arrived.
type heard struct {
	header http.Header
	body   []byte
}

// process is what a process of the product holds in its memory.
type process struct {
	conns *connection.Store
	video *video.Service
}

const (
	appID, appSecret = "appUnderFaults", "secret of the app under faults"
	ownURL           = "http://localhost:8400"
	hookSecret       = "webhook secret of the app under faults"
	formerSecret     = "the webhook secret before that one" //nolint:gosec // of nobody
	hookAge          = 2 * time.Hour                        // of a webhook, at most
	desk             = "front-desk"
	family           = "Zebedee-Canary" // which no log may have
)

// newWorld makes the world of a run.
func (h *house) newWorld(ctx context.Context, seed uint64, run int, broken bool) (*world, error) {
	w := &world{
		house: h, run: run, broken: broken, clock: &clock{}, reaper: &reaper{}, users: people(),
		cookies: map[string]string{}, evidence: newEvidence(),
		draw:    rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // a seed must repeat
		provide: func(p video.Provider) video.Provider { return p },
		tokens:  func(s *connection.Store) zoom.Tokens { return s.Token },
	}
	w.clock.at.Store(monday().UnixNano())
	w.table = h.open(w, w.spoil, w.witness, w.reaper.intercept)
	w.keeper = seal.New(aws.Config{
		Region: region, BaseEndpoint: &h.kms.URL, Credentials: aws.CredentialsProviderFunc(credentials),
	}, sealKey, w.table, w.clock.now)
	w.dir = clinic.NewDirectory(w.table, w.clock.now)
	w.diary = booking.New(w.table, w.dir, w.clock.now, id.New)
	w.tasks = task.New(w.table, w.clock.now)
	w.door = httptest.NewServer(http.HandlerFunc(w.receive))
	//nolint:contextcheck // the stand-in lives as long as the world
	if err := errors.Join(w.startZoom(), w.found(ctx)); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// open is the table as a process of the world sees it.
func (h *house) open(w *world, with ...func(*dynamodb.Options)) *table.Table {
	return table.New(h.client(with...), h.name, w.clock.now, id.New).WithKeys(h.keys)
}

// startZoom starts the stand-in for Zoom, whose clock is the world's.
func (w *world) startZoom() error {
	w.server = httptest.NewUnstartedServer(nil)
	own := "http://" + w.server.Listener.Addr().String()
	var err error
	w.zoom, err = zoomsim.New(zoomsim.Config{
		URL: own, Now: w.clock.now, Manual: true, Daily: -1, Seed: w.draw.Uint64(), Users: w.users,
		Lookup: func(string) (string, bool) { return "", false },
		App: zoomsim.App{
			ID: appID, Secret: appSecret, Name: "Almanac", RedirectURIs: []string{ownURL + connection.CallbackPath},
			Hook: zoomsim.Hook{URL: w.door.URL, Secret: hookSecret, NoCheck: true},
		},
	})
	if err != nil {
		return err
	}
	w.server.Config.Handler = w.zoom
	w.server.Start()
	return nil
}

func (w *world) close() {
	if w.zoom != nil {
		_ = w.zoom.Close() // it has no error
		w.server.Close()
	}
	w.door.Close()
}

// zoomPatience is how long is waited for an answer of Zoom's. The stand-in answers at once or not at all.
const zoomPatience = 2 * time.Second

// newProcess starts a process of the product: nothing of what another one had in its memory is in it.
func (w *world) newProcess() process {
	client := &http.Client{Timeout: zoomPatience, Transport: wire{w.reaper, ear{w, http.DefaultTransport}}}
	api, err := zoom.New(zoom.Settings{
		URL: w.server.URL, HTTP: client, Now: w.clock.now, Pace: func(context.Context, string) error { return nil },
	})
	w.must(err)
	dir := clinic.NewDirectory(w.table, w.clock.now)
	store := connection.New(connection.Parts{
		Table: w.table, Keeper: w.keeper, Directory: dir, API: api,
		Own: zoom.App{
			URL: w.server.URL, API: w.server.URL, ClientID: appID, ClientSecret: appSecret,
			Redirect: ownURL + connection.CallbackPath, Scopes: zoom.UserScopes(), HTTP: client, Now: w.clock.now,
		},
		Job: renewer, Alarm: func(_ context.Context, code, _ string, _ error) { w.logged(code) },
		Raise: w.tasks.OfAccount, Now: w.clock.now, ID: id.New,
	})
	return process{conns: store, video: video.New(video.Parts{
		Table: w.table, Keeper: w.keeper, Directory: dir, Provider: w.provide(zoom.NewRooms(api, w.tokens(store))),
		Diary: booking.New(w.table, dir, w.clock.now, id.New), Accounts: store.Accounts(),
		Raise: w.tasks.OfVisit, Job: rooms,
		Settle: video.Settle{Made: w.tasks.OfMade, Gone: w.tasks.OfGone, Visit: w.tasks.OfSettled},
		Now:    w.clock.now, ID: id.New,
	})}
}

func renewer(org string) access.Caller { return access.System(org, string(access.Renewer)) }

func rooms(org string) access.Caller { return access.System(org, string(access.VideoRooms)) }

func (w *world) job() access.Caller { return rooms(w.org) }

// must ends the run when there is something that it could not do itself.
func (w *world) must(err error) {
	if err != nil {
		w.err = err
		runtime.Goexit() // as a test ends at once
	}
}

// found sets the organisation up: open day and night, two practitioners, visits of half an hour by video.
func (w *world) found(ctx context.Context) error {
	w.org, w.site, w.service = id.New("org"), id.New("sit"), id.New("svc")
	k := w.table.For(access.NewCaller(w.org, "operator", []access.Role{access.Operator}, 0))
	site := clinic.Site{ID: w.site, Name: "Site", Zone: "Europe/London"}
	for _, d := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		site.Hours = append(site.Hours, clinic.Opening{Day: d, Opens: "00:00", Closes: "24:00"})
	}
	put := func(key table.Key, v any) table.Item { return table.Item{Key: key, Value: v, New: true} }
	items := []table.Item{
		put(k.Organisation(), clinic.Organisation{ID: w.org, Name: "Faults", Zone: site.Zone}),
		put(k.Site(w.site), site),
		put(k.Staff(desk), clinic.Staff{
			Subject: desk, Name: "Desk", Email: "desk@example.org", Roles: []access.Role{access.Receptionist},
		}),
	}
	for i := range 2 {
		p := clinic.Practitioner{ID: id.New("prc"), Name: "Dr " + strconv.Itoa(i)}
		for _, open := range site.Hours {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: w.site, Opening: open})
		}
		subject := "clinician-" + strconv.Itoa(i)
		w.practitioners, w.subjects = append(w.practitioners, p.ID), append(w.subjects, subject)
		items = append(items, put(k.Practitioner(p.ID), p), put(k.Staff(subject), clinic.Staff{
			Subject: subject, Name: p.Name, Email: subject + "@example.org", Roles: []access.Role{access.Clinician},
			PractitionerID: p.ID,
		}))
	}
	items = append(items, put(k.Service(w.service), clinic.Service{
		ID: w.service, Name: "Call", Minutes: visitMinutes, Step: 5, HorizonDays: 365, Mode: clinic.Video,
		PractitionerIDs: w.practitioners,
	}))
	err := k.Write(ctx, table.Change{
		Action: access.OrganisationCreate, Target: w.org, Put: items, Found: true,
		Event: event.Event{Name: event.OrganisationCreated},
	})
	if err != nil {
		return fmt.Errorf("found an organisation: %w", err)
	}
	return w.admit(ctx)
}

// admit adds the patients, each with an empty diary.
func (w *world) admit(ctx context.Context) error {
	s := patient.New(w.table, w.keeper, w.clock.now, id.New)
	for i := range 3 {
		by, err := w.dir.Caller(ctx, w.org, desk, true)
		if err != nil {
			return err
		}
		r, err := s.Create(ctx, by, access.Once{}, patient.Patient{
			Names: []patient.Name{{Use: patient.Usual, Given: []string{"Test"}, Family: family + string(rune('A'+i))}},
		})
		if err != nil {
			return fmt.Errorf("add a patient: %w", err)
		}
		w.patients = append(w.patients, r.ID)
	}
	return nil
}

// by is the caller behind a subject, judged afresh.
func (w *world) by(ctx context.Context, subject string) access.Caller {
	by, err := w.dir.Caller(ctx, w.org, subject, true)
	w.must(err)
	return by
}

// begin begins a connection as somebody, and gives what the browser takes along to Zoom.
func (w *world) begin(ctx context.Context, subject string) (connection.Begun, url.Values) {
	b, err := w.conns.Begin(ctx, w.by(ctx, subject), connection.Own)
	w.must(err)
	u, err := url.Parse(b.URL)
	w.must(err)
	w.cookies[u.Query().Get("state")] = b.Cookie
	w.evidence.plant("a browser's cookie", b.Cookie)
	return b, u.Query()
}

// allow has a Zoom user allow what somebody began, and gives the code.
func (w *world) allow(user string, q url.Values) string {
	code, err := w.zoom.Code(zoomsim.Login{
		User: user, RedirectURI: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"),
	})
	w.must(err)
	w.evidence.plant("a code of Zoom's", code)
	return code
}

// connect connects the Zoom user of a practitioner, and gives the connection.
func (w *world) connect(ctx context.Context, practitioner int, user string) connection.Connection {
	b, q := w.begin(ctx, w.subjects[practitioner])
	cb := connection.Callback{State: q.Get("state"), Code: w.allow(user, q), Cookie: b.Cookie}
	out, err := w.conns.Complete(ctx, cb)
	w.must(err)
	if out.Code != connection.Connected {
		w.must(fmt.Errorf("connecting came to %s", out.Code))
	}
	con, err := w.conns.Of(ctx, renewer(w.org), w.subjects[practitioner], connection.Own)
	w.must(err)
	return con
}

// connectAll connects both practitioners, each to an account of its own.
func (w *world) connectAll(ctx context.Context) {
	for i := range w.subjects {
		w.connect(ctx, i, w.user(i))
	}
}

// user is the Zoom user of a practitioner. The runs share a table, in which a user is one organisation's.
func (w *world) user(practitioner int) string { return w.users[practitioner].ID }

// people are the Zoom users of the practitioners, each in an account of its own.
func people() []zoomsim.User {
	var out []zoomsim.User
	for _, name := range []string{"ada", "ben"} {
		out = append(out, zoomsim.User{
			ID: id.New("usr"), AccountID: id.New("acc"), Email: name + "@zoom.example", First: name, Last: "Okonjo",
			Type: zoomsim.Licensed, Status: zoomsim.Active, Timezone: "Europe/London",
		})
	}
	return out
}

// fails has requests to Zoom go wrong.
func (w *world) fails(kind string, count int, on string) {
	w.must(w.zoom.Faults.Add(sandbox.Fault{Kind: kind, Count: count, On: on}))
}

// buffer keeps what was logged.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&w.log, nil)) }

func (w *world) logged(code string) { _, _ = fmt.Fprintln(&w.log, code) } // a buffer takes everything
