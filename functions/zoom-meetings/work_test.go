package main

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
)

// bench is the worker over the real engine and the stand-in for Zoom, and a clinic that books.
type bench struct {
	*clinictest.Clinic
	zoom  *zoomtest.Stand
	z     connection.Zoom
	diary *booking.Service
	video *video.Service
	each  queue.Handler
	host  string
	seen  map[string]bool // events that were worked on
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Clinic: clinictest.New(t).Found(t), seen: map[string]bool{}}
	b.Change(t, func(k table.Clinic) []table.Item {
		b.Service.Mode, b.Service.Needs = clinic.Video, nil
		return []table.Item{{Key: k.Service(b.Service.ID), Value: b.Service, Version: 1}}
	})
	b.diary = booking.New(b.Table, b.Directory, b.Clock.Now, id.New)
	b.zoom = zoomtest.New(t, func(z *zoomsim.Config) { z.Now, z.Manual = b.Clock.Now, true })
	as := func(job access.Role) func(string) access.Caller {
		return func(org string) access.Caller { return access.System(org, string(job)) }
	}
	log := slog.New(slog.NewJSONHandler(b.Log, nil))
	var err error
	b.z, err = connection.NewZoom(connection.Settings{
		API: b.zoom.URL, OAuth: b.zoom.URL, ClientID: b.zoom.ClientID, Secret: b.zoom.ClientSecret,
		AdminID: b.zoom.AdminClientID, AdminSecret: b.zoom.AdminClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     b.Table, Keeper: b.Keeper, Directory: b.Directory, Log: log,
		Now: b.Clock.Now, Clock: time.Now, ID: id.New, Job: as(access.Renewer),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.video = video.New(video.Parts{
		Table: b.Table, Keeper: b.Keeper, Directory: b.Directory, Diary: b.diary, Provider: b.z.Rooms, Accounts: b.z.Accounts(),
		Job: as(access.VideoRooms), Now: b.Clock.Now, ID: id.New, Raise: task.New(b.Table, b.Clock.Now).OfVisit,
	})
	b.each = queue.Edge{Log: log}.Each(event.Video, access.VideoRooms, work(b.z.Store, b.video))
	b.host = b.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, PractitionerID: b.Practitioners[0].ID})
	return b
}

func (b *bench) connect(t *testing.T, user string) {
	t.Helper()
	begun, err := b.z.Begin(t.Context(), b.By(t, b.host), connection.Own)
	if err != nil {
		t.Fatal(err)
	}
	b.finish(t, begun, zoomsim.Login{User: user})
}

// finish has somebody allow at Zoom what was begun.
func (b *bench) finish(t *testing.T, begun connection.Begun, l zoomsim.Login) {
	t.Helper()
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	l.RedirectURI, l.Challenge = zoomtest.Callback, u.Query().Get("code_challenge")
	out, err := b.z.Complete(t.Context(), connection.Callback{
		State: u.Query().Get("state"), Cookie: begun.Cookie,
		Code: b.zoom.Login(t, l),
	})
	if err != nil || out.Code != connection.Connected {
		t.Fatal(out.Code, err)
	}
}

func (b *bench) book(t *testing.T, start string) booking.Appointment {
	t.Helper()
	apt, err := b.diary.Book(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: b.Service.ID, SiteID: b.Site.ID, PractitionerID: b.Practitioners[0].ID, PatientID: b.Patients[0], Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	return apt
}

func (b *bench) email(t *testing.T, apt booking.Appointment) {
	t.Helper()
	if _, err := b.video.Email(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false); err != nil {
		t.Fatal(err)
	}
}

// waiting gives the messages to the worker's queue that were not worked on.
func (b *bench) waiting(t *testing.T) []event.Message {
	t.Helper()
	var out []event.Message
	for _, e := range b.Waiting(t) {
		if slices.Contains(event.Queues(e.Name), event.Video) && !b.seen[e.ID] {
			out = append(out, e.Message())
		}
	}
	slices.SortFunc(out, func(a, b event.Message) int { return strings.Compare(a.Event, b.Event) })
	return out
}

// drain works on everything that waits, with copies in any order, until nothing does.
func (b *bench) drain(t *testing.T, copies int) {
	t.Helper()
	for range 20 {
		all := b.waiting(t)
		if len(all) == 0 {
			return
		}
		for range copies {
			for _, m := range slices.Backward(all) {
				b.work(t, m)
			}
		}
		for _, m := range all {
			b.seen[m.Event] = true
		}
		b.Clock.Pass(time.Minute)
	}
	t.Fatal("there is always something that waits")
}

func (b *bench) work(t *testing.T, m event.Message) bool {
	t.Helper()
	body, err := queue.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	res, err := b.each(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: m.Event, Body: body}}})
	if err != nil {
		t.Fatal(err)
	}
	return len(res.BatchItemFailures) == 0
}

func (b *bench) there() []zoomsim.Meeting {
	return slices.DeleteFunc(b.zoom.Meetings(""), func(m zoomsim.Meeting) bool { return m.Trashed || m.Erased })
}

// Asked for, moved and cancelled, with every message three times and the later ones first.
func TestWork(t *testing.T) {
	b := newBench(t)
	b.connect(t, zoomsim.Ada)
	apt := b.book(t, "2027-01-05T09:30")
	b.drain(t, 3)
	if n := len(b.there()); n > 0 {
		t.Fatalf("%d meetings before anybody asked", n)
	}
	b.email(t, apt)
	apt, err := b.diary.Move(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, apt.Version, booking.Wish{Start: "2027-01-06T14:00"})
	if err != nil {
		t.Fatal(err)
	}
	b.drain(t, 3)
	if all := b.there(); len(all) != 1 || !all[0].Start.Equal(apt.Start) {
		t.Fatalf("%+v", all)
	}
	if _, err := b.diary.Cancel(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, apt.Version, booking.ByClinic); err != nil {
		t.Fatal(err)
	}
	b.drain(t, 3)
	if n := len(b.there()); n > 0 {
		t.Errorf("%d meetings are left", n)
	}
	if log := b.Log.String(); strings.Contains(log, b.zoom.URL) || strings.Contains(log, "pwd=") {
		t.Errorf("the log tells a way in:\n%s", log)
	}
}

// What was asked for while the account was dead is made when its owner is back.
func TestWorkReconnected(t *testing.T) {
	b := newBench(t)
	b.connect(t, zoomsim.Ada)
	b.drain(t, 1)
	if err := b.zoom.Kill("", zoomsim.Ada); err != nil {
		t.Fatal(err)
	}
	apt := b.book(t, "2027-01-05T09:30")
	b.email(t, apt)
	b.drain(t, 2)
	view, err := b.video.Show(t.Context(), b.By(t, b.host), apt.ID)
	if err != nil || view.State != "parked" || view.Why != video.NeedsReauth || len(b.there()) > 0 {
		t.Fatalf("%+v %v", view, err)
	}
	b.connect(t, zoomsim.Ada)
	b.drain(t, 1)
	if all := b.there(); len(all) != 1 || !all[0].Start.Equal(apt.Start) {
		t.Errorf("%+v", all)
	}
}

// What Zoom did not tell is found by the look at the account when that is due.
func TestWorkDue(t *testing.T) {
	b := newBench(t)
	b.connect(t, zoomsim.Ada)
	apt := b.book(t, "2027-01-05T09:30")
	b.email(t, apt)
	b.drain(t, 1)
	later := apt.Start.Add(2 * time.Hour)
	if err := b.zoom.Edit(b.there()[0].ID, zoomsim.Change{Start: &later}); err != nil {
		t.Fatal(err)
	}
	con, err := b.z.Of(t.Context(), access.System(b.Org, string(access.VideoRooms)), b.host, connection.Own)
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Set(con.Due)
	if !b.work(t, event.Message{V: 1, Event: id.New("evt"), Name: event.ConnectionDue, Org: b.Org, Target: con.ID}) {
		t.Errorf("failed\n%s", b.Log)
	}
	now, err := b.diary.Get(t.Context(), b.By(t, clinictest.Receptionist), apt.ID)
	if err != nil || !now.Start.Equal(later) {
		t.Errorf("the appointment is at %s (%v)", now.Start, err)
	}
}

// The clinic's account is kept alive by the same messages, and taken away when another one has replaced it.
func TestWorkClinics(t *testing.T) {
	b := newBench(t)
	for _, u := range b.zoom.Users() {
		if u.ID == zoomsim.Ada {
			u.Owner = true
			b.zoom.AddUser(u)
		}
	}
	job := access.System(b.Org, string(access.VideoRooms))
	connect := func(user string) connection.Connection {
		begun, err := b.z.Begin(t.Context(), b.By(t, clinictest.Manager), connection.Admin)
		if err != nil {
			t.Fatal(err)
		}
		b.finish(t, begun, zoomsim.Login{App: zoomsim.Admin, User: user})
		con, err := b.z.Of(t.Context(), job, "", connection.Admin)
		if err != nil {
			t.Fatal(err)
		}
		return con
	}
	con := connect(zoomsim.Gus)
	b.drain(t, 2)
	b.Clock.Pass(8 * 24 * time.Hour)
	due := event.Message{V: 1, Event: id.New("evt"), Name: event.ConnectionDue, Org: b.Org, Target: con.ID}
	for range 2 {
		if !b.work(t, due) {
			t.Errorf("failed\n%s", b.Log)
		}
	}
	if now, err := b.z.Read(t.Context(), job, con.ID); err != nil || now.Grant != 2 || !now.Due.After(b.Clock.Now()) {
		t.Errorf("it is %+v, %v", now, err)
	}
	other := connect(zoomsim.Ada)
	b.drain(t, 2)
	if _, err := b.z.Read(t.Context(), job, con.ID); !fault.Is(err, fault.NotFound) || b.zoom.Linked(zoomsim.Admin, zoomsim.Gus) {
		t.Errorf("replaced, it is there still: %v", err)
	}
	if now, err := b.z.Read(t.Context(), job, other.ID); err != nil || now.State != connection.Linked {
		t.Errorf("the other is %+v, %v", now, err)
	}
}

// Disconnected, the account is erased with the rooms in it; the message come again finds nothing.
func TestWorkEnding(t *testing.T) {
	b := newBench(t)
	b.connect(t, zoomsim.Ada)
	apt := b.book(t, "2027-01-05T09:30")
	b.email(t, apt)
	b.drain(t, 1)
	con, err := b.z.End(t.Context(), b.By(t, b.host), connection.Own)
	if err != nil {
		t.Fatal(err)
	}
	b.drain(t, 2)
	if _, err := b.z.Read(t.Context(), b.By(t, b.host), con.ID); !fault.Is(err, fault.NotFound) || len(b.there()) > 0 {
		t.Errorf("%v, %d meetings are left\n%s", err, len(b.there()), b.Log)
	}
}

// The samples are of appointments that do not exist here: each is dealt with, none fails but what is malformed.
func TestSamples(t *testing.T) {
	b := newBench(t)
	for file, want := range map[string]int{"asked": 0, "moved": 0, "poison": 2} {
		raw, err := os.ReadFile("../../events/zoom-meetings." + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var e events.SQSEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		res, err := b.each(t.Context(), e)
		if err != nil || len(res.BatchItemFailures) != want {
			t.Errorf("%s: %d failed, want %d (%v)", file, len(res.BatchItemFailures), want, err)
		}
	}
}
