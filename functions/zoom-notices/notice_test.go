package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/task"
	"almanac/shared/video"
)

// The sample events in order: a meeting told backwards and twice, a move, what cannot be read, and the end.
func TestEvents(t *testing.T) {
	b := newBench(t)
	apt, room := b.ready(t, "2027-01-05T09:30")
	if failed := b.handle(t, sample(t, "meeting", room)); failed != 0 {
		t.Errorf("%d of the meeting failed\n%s", failed, b.Log)
	}
	var log []string
	entries, err := b.video.Log(t.Context(), b.job, apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		log = append(log, e.Source+" "+string(e.Kind)+" "+e.As)
	}
	want := []string{"almanac created ", "zoom joined guest", "zoom left guest", "zoom started "}
	if slices.Sort(log); !slices.Equal(log, want) {
		t.Errorf("the log has %q", log)
	}
	later := time.Date(2027, 1, 6, 14, 0, 0, 0, time.UTC)
	if err := b.zoom.Edit(room, zoomsim.Change{Start: &later}); err != nil {
		t.Fatal(err)
	}
	if failed := b.handle(t, sample(t, "moved", room)); failed != 0 || !b.now(t, apt).Start.Equal(later) {
		t.Errorf("%d failed, the appointment is at %s\n%s", failed, b.now(t, apt).Start, b.Log)
	}
	if failed := b.handle(t, sample(t, "poison", room)); failed != 2 {
		t.Errorf("%d failed of what cannot be read", failed)
	}
	b.Clock.Pass(11 * time.Minute)
	if failed := b.handle(t, sample(t, "uninstalled", room)); failed != 0 {
		t.Errorf("the uninstalling failed\n%s", b.Log)
	}
	if _, err := b.connection(t); !fault.Is(err, fault.NotFound) {
		t.Errorf("the connection: %v", err)
	}
	for _, secret := range []string{"Okonjo", "zak=", "pwd=", "HarbourEPe", b.zoom.URL} {
		if strings.Contains(b.Log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, b.Log)
		}
	}
	clinictest.Sampled(t, "zoom-notices", 4)
}

// A room that Zoom refuses to show is asked for once, however often what was told of it comes, and the staff are told.
func TestRefusedRoom(t *testing.T) {
	b := newBench(t)
	_, room := b.ready(t, "2027-01-05T09:30")
	if err := b.zoom.Edit(room, zoomsim.Change{Minutes: new(40)}); err != nil {
		t.Fatal(err)
	}
	told := b.told(t)
	if err := b.zoom.Faults.Add(sandbox.Fault{Kind: zoomsim.NotInPlan, Count: 99, On: zoomsim.OpGet}); err != nil {
		t.Fatal(err)
	}
	before := len(b.zoom.Requests())
	if failed, asked := b.work(t, told...), len(b.zoom.Requests())-before; failed > 0 || asked != 1 {
		t.Errorf("%d failed, after %d requests\n%s", failed, asked, b.Log)
	}
	b.work(t, told...) // told again, it is the same task
	tasks, _, err := b.tasks.List(t.Context(), b.By(t, clinictest.Receptionist), task.Open, "", 10)
	if err != nil || len(tasks) != 1 || tasks[0].Kind != video.ProviderRefused {
		t.Errorf("the staff are told %+v, %v", tasks, err)
	}
}

// Redriven twice, in any order and after everything was erased: each is dealt with, and nothing comes back.
func TestRedriven(t *testing.T) {
	b := newBench(t)
	apt, room := b.ready(t, "2027-01-05T09:30")
	later := time.Date(2027, 1, 6, 14, 0, 0, 0, time.UTC)
	for _, do := range []func() error{
		func() error { return b.zoom.Edit(room, zoomsim.Change{Start: &later}) },
		func() error { return b.zoom.Start(room) },
		func() error { return b.zoom.End(room) },
		func() error { return b.zoom.Delete(room, false) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	all := b.told(t)
	for range 2 {
		slices.Reverse(all)
		if failed := b.work(t, all...); failed != 0 {
			t.Errorf("%d failed\n%s", failed, b.Log)
		}
	}
	if now := b.now(t, apt); now.CancelReason != booking.DeletedByHost || now.Sequence != 1 {
		t.Errorf("the appointment is %s at %s", now.Status, now.Start)
	}
	b.Clock.Pass(time.Minute)
	if err := b.zoom.Uninstall("", zoomsim.Ada); err != nil {
		t.Fatal(err)
	}
	end := b.told(t)
	if failed := b.work(t, end...); failed != 0 {
		t.Errorf("%d failed\n%s", failed, b.Log)
	}
	items := b.Items(t)
	for range 2 {
		if failed := b.work(t, append(all, end...)...); failed != 0 || b.Items(t) != items {
			t.Errorf("%d failed, %d items became %d", failed, items, b.Items(t))
		}
	}
	if n := strings.Count(b.Log.String(), `"outcome":"gone"`); n < len(all) {
		t.Errorf("%d of them are logged as gone", n)
	}
}

// The same clinic connects again right after: what tells of the old connection's end says nothing of the new one.
func TestConnectedAgain(t *testing.T) {
	b := newBench(t)
	apt, _ := b.ready(t, "2027-01-05T09:30")
	b.Clock.Pass(time.Minute)
	if err := b.zoom.Uninstall("", zoomsim.Ada); err != nil {
		t.Fatal(err)
	}
	late := b.told(t)
	b.Clock.Pass(time.Minute)
	b.connect(t)
	if failed := b.work(t, late...); failed != 0 {
		t.Errorf("%d failed", failed)
	}
	con, err := b.connection(t)
	if err != nil || con.State != connection.Linked {
		t.Fatalf("%+v, %v", con.State, err)
	}
	if err := b.video.Sync(t.Context(), b.job, apt.ID); err != nil {
		t.Error(err)
	}
	if view, err := b.video.Show(t.Context(), b.By(t, b.host), apt.ID); err != nil || view.State != "ready" {
		t.Errorf("%+v, %v", view, err)
	}
}

// Uninstalled is what was uninstalled: another app of ours, or one that is not ours, is another matter.
func TestApps(t *testing.T) {
	b := newBench(t)
	for app, want := range map[string]string{"": "zoom", "own": "zoom", "admin": connection.Admin, "other": ""} {
		n, err := apps{own: "own", admin: "admin"}.meant(video.Notice{Kind: video.Uninstalled, Provider: "zoom", App: app})
		if want == "" && !fault.Is(err, fault.NotFound) || want != "" && (err != nil || n.Provider != want) {
			t.Errorf("%q is %q, %v", app, n.Provider, err)
		}
	}
	n := video.Notice{
		V: 1, Provider: "zoom", Kind: video.Uninstalled, Account: zoomsim.AccountOne, User: zoomsim.Ada, App: "somebody-elses",
		At: b.Clock.Now().Add(time.Hour), Received: b.Clock.Now(),
	}
	body, err := video.EncodeNotice(n)
	if err != nil {
		t.Fatal(err)
	}
	if failed := b.work(t, body); failed != 0 {
		t.Error("it comes again")
	}
	if _, err := b.connection(t); err != nil {
		t.Error(err)
	}
}

// Zoom tells of a room before its answer to us is on record: that is looked at again after a moment, and is not lost.
func TestTooEarly(t *testing.T) {
	b := newBench(t)
	apt, err := b.diary.Book(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: b.Service.ID, SiteID: b.Site.ID, PractitionerID: b.Practitioners[0].ID, PatientID: b.Patients[0], Start: "2027-01-05T09:30",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.video.Email(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := b.zoom.Faults.Add(sandbox.Fault{Kind: zoomsim.LoseReply, Count: 1, On: zoomsim.OpCreate}); err != nil {
		t.Fatal(err)
	}
	if err := b.video.Sync(t.Context(), b.job, apt.ID); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	b.told(t)
	all := b.zoom.Meetings(zoomsim.Ada)
	if err := b.zoom.Start(all[len(all)-1].ID); err != nil {
		t.Fatal(err)
	}
	early := b.told(t)
	if failed := b.work(t, early...); failed != len(early) || failed == 0 {
		t.Fatalf("%d of %d come again\n%s", failed, len(early), b.Log)
	}
	for _, h := range b.hidden {
		if h != [2]time.Duration{2 * time.Second, 4 * time.Second} {
			t.Errorf("hidden from %s to %s", h[0], h[1])
		}
	}
	b.Clock.Pass(time.Minute)
	if err := b.video.Sync(t.Context(), b.job, apt.ID); err != nil {
		t.Fatal(err)
	}
	if failed := b.work(t, early...); failed != 0 {
		t.Errorf("%d failed\n%s", failed, b.Log)
	}
	if entries, err := b.video.Log(t.Context(), b.job, apt.ID); err != nil || !slices.ContainsFunc(entries, func(h video.Happening) bool {
		return h.Kind == video.MeetingBegan
	}) {
		t.Errorf("the log has %+v, %v", entries, err)
	}
}

// A host who cannot be asked is told once, and what was told is found when the account is connected again.
func TestDead(t *testing.T) {
	b := newBench(t)
	apt, room := b.ready(t, "2027-01-05T09:30")
	later := time.Date(2027, 1, 6, 14, 0, 0, 0, time.UTC)
	if err := b.zoom.Edit(room, zoomsim.Change{Start: &later}); err != nil {
		t.Fatal(err)
	}
	if err := b.zoom.Kill("", zoomsim.Ada); err != nil {
		t.Fatal(err)
	}
	all := b.told(t)
	for range 2 {
		if failed := b.work(t, all...); failed != 0 {
			t.Errorf("%d failed\n%s", failed, b.Log)
		}
	}
	tasks, _, err := b.tasks.List(t.Context(), b.By(t, clinictest.Receptionist), task.Open, "", 10)
	if err != nil || len(tasks) != 1 || tasks[0].Kind != video.NeedsReauth || tasks[0].Subject != b.host {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
	b.connect(t)
	con, err := b.connection(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.video.Resume(t.Context(), b.job, con.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.video.Check(t.Context(), access.System(b.Org, string(access.VideoRooms)), con.ID); err != nil {
		t.Fatal(err)
	}
	if now := b.now(t, apt); !now.Start.Equal(later) {
		t.Errorf("the appointment is at %s", now.Start)
	}
}

// The clinic's account goes when its owner uninstalls the app that it is connected to, and no other does.
func TestClinicsAccountUninstalled(t *testing.T) {
	b := newBench(t)
	clinics := func() connection.Connection {
		begun, err := b.z.Begin(t.Context(), b.By(t, clinictest.Manager), connection.Admin)
		if err != nil {
			t.Fatal(err)
		}
		b.finish(t, begun, zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus})
		con, err := b.z.Of(t.Context(), b.job, "", connection.Admin)
		if err != nil {
			t.Fatal(err)
		}
		return con
	}
	err := b.zoom.SetHook(zoomsim.Admin, zoomsim.Hook{URL: "http://127.0.0.1:9/events", Secret: b.zoom.Secrets[0], NoCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	con := clinics()
	told := func(app string, at time.Time) string {
		body, err := video.EncodeNotice(video.Notice{
			V: 1, Provider: "zoom", Kind: video.Uninstalled, Account: con.Account, User: con.User, App: app, At: at,
			Received: b.Clock.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	b.Clock.Pass(time.Minute)
	now := b.Clock.Now()
	if failed := b.work(t, told(b.zoom.ClientID, now), told("", now), told(b.zoom.AdminClientID, con.Made.Add(-time.Hour))); failed != 0 {
		t.Errorf("%d failed\n%s", failed, b.Log)
	}
	if _, err := b.z.Read(t.Context(), b.job, con.ID); err != nil {
		t.Errorf("it went with another app, or for what was before: %v", err)
	}
	b.Clock.Pass(time.Minute)
	undated := told(b.zoom.AdminClientID, time.Time{})
	if failed := b.work(t, undated); failed != 0 {
		t.Errorf("%d failed\n%s", failed, b.Log)
	}
	if _, err := b.z.Read(t.Context(), b.job, con.ID); err != nil {
		t.Errorf("it went for what nobody dated, though Zoom lets us in: %v", err)
	}
	if err := b.zoom.Kill(zoomsim.Admin, zoomsim.Gus); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if failed := b.work(t, undated); failed != 0 {
			t.Errorf("%d failed\n%s", failed, b.Log)
		}
	}
	if _, err := b.z.Read(t.Context(), b.job, con.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is there still: %v", err)
	}
	if _, err := b.Table.WhoseIs(t.Context(), connection.Admin, con.Account+"#"+con.User); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is pointed to: %v", err)
	}
	if _, err := b.connection(t); err != nil {
		t.Errorf("the host's own: %v", err)
	}
	again := clinics()
	if failed := b.work(t, told(b.zoom.AdminClientID, now)); failed != 0 {
		t.Errorf("%d failed", failed)
	}
	if _, err := b.z.Read(t.Context(), b.job, again.ID); err != nil {
		t.Errorf("connected again: %v", err)
	}
	b.Clock.Pass(time.Minute)
	if err := b.zoom.Uninstall(zoomsim.Admin, zoomsim.Gus); err != nil {
		t.Fatal(err)
	}
	end := b.told(t)
	if failed := b.work(t, end...); failed != 0 || len(end) != 1 {
		t.Errorf("%d failed of %q", failed, end)
	}
	if _, err := b.z.Read(t.Context(), b.job, again.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("as Zoom tells it, it is there still: %v", err)
	}
}
