package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/visits"
)

// newOffice is a bench of the parts as this function puts them together, with the staff's tasks.
func newOffice(t *testing.T) (*bench, *task.Service) {
	t.Helper()
	b := newBench(t)
	log := slog.New(slog.NewJSONHandler(b.Log, nil))
	of, err := visits.New(connection.Settings{
		API: b.zoom.URL, OAuth: b.zoom.URL, ClientID: b.zoom.ClientID, Secret: b.zoom.ClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     b.Table, Keeper: b.Keeper, Directory: b.Directory, Log: log,
		Now: b.Clock.Now, Clock: time.Now, ID: id.New,
	}, access.System)
	if err != nil {
		t.Fatal(err)
	}
	b.z, b.video = of.Zoom, of.Visits
	b.each = queue.Edge{Log: log}.Each(event.Video, access.VideoRooms, work(b.z.Store, b.video))
	return b, task.New(b.Table, b.Clock.Now)
}

// tasks gives the staff's tasks in a state, each with its kind and how it settled.
func (b *bench) tasks(t *testing.T, s *task.Service, state task.State) ([]task.Task, string) {
	t.Helper()
	all, _, err := s.List(t.Context(), b.By(t, clinictest.Receptionist), state, "", 50)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range all {
		out = append(out, strings.TrimSuffix(x.Kind+" "+x.Settled, " "))
	}
	slices.Sort(out)
	return all, strings.Join(out, ", ")
}

func (b *bench) end(t *testing.T) {
	t.Helper()
	if _, err := b.z.End(t.Context(), b.By(t, b.host), connection.Own); err != nil {
		t.Fatal(err)
	}
	b.drain(t, 2)
}

// stands checks how visits stand.
func (b *bench) stands(t *testing.T, state string, apts ...booking.Appointment) {
	t.Helper()
	for _, apt := range apts {
		if view, err := b.video.Show(t.Context(), b.By(t, b.host), apt.ID); err != nil || view.State != state {
			t.Errorf("the visit is %s %s, want %s (%v)\n%s", view.State, view.Why, state, err, b.Log)
		}
	}
}

// dies has Zoom take the grant for dead, and somebody notice.
func (b *bench) dies(t *testing.T, user, start string) booking.Appointment {
	t.Helper()
	b.Clock.Pass(time.Minute)
	if err := b.zoom.Kill("", user); err != nil {
		t.Fatal(err)
	}
	apt := b.book(t, start)
	b.email(t, apt)
	b.drain(t, 1)
	b.stands(t, "parked", apt)
	return apt
}

// The task of a dead grant is done by itself when the account is connected again, and not by what tells of the
// connecting before that once more; and it is done when the account ends.
func TestTasksOfAccountsSettle(t *testing.T) {
	b, tasks := newOffice(t)
	b.connect(t, zoomsim.Ada)
	b.drain(t, 1)
	first := b.dies(t, zoomsim.Ada, "2027-01-05T09:30")
	if _, got := b.tasks(t, tasks, task.Open); got != video.NeedsReauth {
		t.Fatalf("open: %s", got)
	}
	b.connect(t, zoomsim.Ada)
	var made []event.Message
	for _, m := range b.waiting(t) {
		if m.Name == event.ConnectionMade {
			made = append(made, m)
		}
	}
	b.drain(t, 2)
	b.stands(t, "ready", first)
	if _, got := b.tasks(t, tasks, task.Done); got != "needs_reauth connected" {
		t.Errorf("done: %s", got)
	}
	second := b.dies(t, zoomsim.Ada, "2027-01-05T10:30")
	for _, m := range made {
		b.work(t, m)
	}
	if _, got := b.tasks(t, tasks, task.Open); got != video.NeedsReauth || len(made) != 1 {
		t.Errorf("told again of %d connectings, open: %s", len(made), got)
	}
	b.end(t)
	if _, got := b.tasks(t, tasks, task.Done); got != "needs_reauth account_gone, needs_reauth connected" {
		t.Errorf("done: %s", got)
	}
	all, got := b.tasks(t, tasks, task.Open)
	if got != video.RoomsLost || all[0].Count != 2 || fmt.Sprint(all[0].AppointmentIDs) != fmt.Sprint([]string{first.ID, second.ID}) {
		t.Fatalf("open: %+v", all)
	}
	b.stands(t, "parked", first, second)
	// Another Zoom user, even: the rooms are made in that one.
	b.connect(t, zoomsim.Ben)
	b.drain(t, 2)
	b.stands(t, "ready", first, second)
	bens := slices.DeleteFunc(b.there(), func(m zoomsim.Meeting) bool { return m.Host != zoomsim.Ben })
	if _, got := b.tasks(t, tasks, task.Open); got != "" || len(bens) != 2 {
		t.Errorf("open: %s, %d meetings", got, len(bens))
	}
}

// Another Zoom user is connected instead: the rooms are made anew in that account by themselves, those of before are
// taken away, and nobody has anything to see to.
func TestReplaced(t *testing.T) {
	b, tasks := newOffice(t)
	b.connect(t, zoomsim.Ada)
	apt := b.book(t, "2027-01-05T09:30")
	b.email(t, apt)
	b.drain(t, 1)
	link := func() string {
		token, err := video.Links{Table: b.Table, Keeper: b.Keeper}.Of(t.Context(), access.System(b.Org, string(access.VideoRooms)), apt.ID)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	before := link()
	b.Clock.Pass(time.Minute)
	b.connect(t, zoomsim.Ben)
	b.drain(t, 2)
	b.stands(t, "ready", apt)
	if all := b.there(); len(all) != 1 || all[0].Host != zoomsim.Ben || link() != before || b.zoom.Linked("", zoomsim.Ada) {
		t.Errorf("%+v", all)
	}
	if _, got := b.tasks(t, tasks, task.Open); got != "" {
		t.Errorf("open: %s", got)
	}
}

// The index shows a visit in an account only when that is no more: the event of its end has it looked at.
func TestEndedIsLookedThrough(t *testing.T) {
	b, _ := newOffice(t)
	b.connect(t, zoomsim.Ada)
	b.drain(t, 1)
	job := access.System(b.Org, string(access.VideoRooms))
	con, err := b.z.Of(t.Context(), job, b.host, connection.Own)
	if err != nil {
		t.Fatal(err)
	}
	b.end(t)
	apt := b.book(t, "2027-01-05T09:30")
	k := b.Table.For(job)
	err = k.Write(t.Context(), table.Change{
		Action: access.VideoSync, Target: apt.ID, Event: event.Event{Name: event.VideoSettled},
		Put: []table.Item{{
			Key: k.Visit(apt.ID), New: true, Index: k.Listing(table.Visits, con.ID, apt.Start, apt.ID),
			Value: video.Visit{
				AppointmentID: apt.ID, PatientID: apt.PatientID, State: video.Wanted, List: con.ID, Start: apt.Start,
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Waiting(t) {
		if e.Name == event.ConnectionEnded && !b.work(t, e.Message()) {
			t.Error("its message was not taken")
		}
	}
	b.drain(t, 1)
	b.stands(t, "parked", apt)
}
