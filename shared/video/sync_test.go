package video_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

const tuesday, wednesday = "2027-01-05T09:30", "2027-01-06T14:00"

// From the first asking to the cancellation: nothing before, one meeting, moved, deleted.
func TestSync(t *testing.T) {
	h := newHouse(t)
	con := h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "not_found: not_found")
	before := len(h.zoom.Requests())
	if _, err := h.video.Show(t.Context(), h.By(t, h.subjects[0]), apt.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(h.zoom.Requests()) - before; n > 0 || len(h.there("")) > 0 {
		t.Fatalf("%d requests before anybody asked", n)
	}
	h.email(t, apt)
	for range 3 {
		h.sync(t, apt)
	}
	m := h.only(t, apt, zoomsim.Ada)
	if m.Topic != "Video visit, Test clinic" || m.Agenda == "" || has(m.Agenda, apt.ID) || has(m.Agenda+m.Topic, h.Patients[0]) ||
		has(m.Topic, h.Service.Name) || m.Timezone != "Europe/London" || m.Settings["waiting_room"] != true {
		t.Errorf("the meeting is %+v", m)
	}
	v := h.stands(t, apt, video.Ready, "")
	if v.Connection != con || has(string(v.JoinURL), "pwd") || h.rows(t, con, table.Makings) != 0 || h.rows(t, con, table.RoomsOf) != 1 {
		t.Errorf("the visit is %+v", v)
	}
	if n := h.asked(zoomsim.OpCreate); n != 1 {
		t.Errorf("%d creations", n)
	}
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	for range 3 {
		h.sync(t, apt)
	}
	moved := h.only(t, apt, zoomsim.Ada)
	if moved.ID != m.ID || h.asked(zoomsim.OpUpdate) != 1 {
		t.Errorf("meeting %d became %d, with %d updates", m.ID, moved.ID, h.asked(zoomsim.OpUpdate))
	}
	for _, r := range h.zoom.Requests() {
		if r.Op == zoomsim.OpUpdate && (!has(r.Body, "2027-01-06T14:00:00Z") || has(r.Body, "duration")) {
			t.Errorf("the update sent %s", r.Body)
		}
	}
	h.cancel(t, apt)
	for range 3 {
		h.sync(t, apt)
	}
	v = h.stands(t, apt, video.Removed, "")
	if n := len(h.there("")); n > 0 || h.asked(zoomsim.OpDelete) != 1 || len(v.JoinURL) > 0 {
		t.Errorf("%d meetings are left after %d deletions", n, h.asked(zoomsim.OpDelete))
	}
	if len(h.raised)+len(h.lapsed) > 0 {
		t.Errorf("raised %v, lapsed %v", h.raised, h.lapsed)
	}
	log, err := h.video.Log(t.Context(), h.job, apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	var did []video.Kind
	for _, e := range log {
		if e.Source == video.Almanac && e.Room == v.Ref && e.Connection == con {
			did = append(did, e.Kind)
		}
	}
	if slices.Sort(did); !slices.Equal(did, []video.Kind{video.RoomCreated, video.RoomDeleted, video.RoomUpdated}) {
		t.Errorf("the log says %+v", log)
	}
}

// In summer the same wall clock is another instant; Zoom is told the instant.
func TestSyncInSummer(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, "2027-07-05T09:30")
	h.email(t, apt)
	h.sync(t, apt)
	if m := h.only(t, apt, zoomsim.Ada); m.Start.Hour() != 8 {
		t.Errorf("the meeting is at %s", m.Start)
	}
}

// Ten workers and two people at once: one meeting.
func TestSyncTogether(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	by, host := h.By(t, clinictest.Receptionist), h.By(t, h.subjects[0])
	for range 3 {
		apt := h.book(t, 0, tuesday)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if _, err := h.video.Email(t.Context(), by, clinictest.Once(), apt.ID, false); err != nil {
					t.Errorf("email: %v", err)
				}
			})
			wait.Go(func() {
				if s, err := h.video.Start(t.Context(), host, apt.ID); err != nil || !has(s.StartURL, "zak=") {
					t.Errorf("start: %v", err)
				}
			})
			wait.Go(func() {
				err := h.video.Sync(t.Context(), h.job, apt.ID)
				if err != nil && !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.NotFound) {
					t.Errorf("sync: %v", err)
				}
			})
		}
		wait.Wait()
		if err := h.until(t, apt, 3); err != nil {
			t.Fatal(err)
		}
		h.only(t, apt, zoomsim.Ada)
		if v := h.stands(t, apt, video.Ready, ""); v.Linked != 4 {
			t.Errorf("asked for %d times", v.Linked)
		}
		h.cancel(t, apt)
		h.sync(t, apt)
		if n := len(h.there("")); n > 0 {
			t.Fatalf("%d meetings are left", n)
		}
	}
}

// Whoever comes while the room is being made is sent away, and makes no second one.
func TestSyncLease(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	slow := sandbox.Fault{Kind: sandbox.Slow, Count: 1, On: zoomsim.OpCreate, Delay: sandbox.Delay(time.Second)}
	if err := h.zoom.Faults.Add(slow); err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() { first <- h.video.Sync(t.Context(), h.job, apt.ID) }()
	for !h.visit(t, apt).Pending {
		time.Sleep(time.Millisecond)
	}
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: video_busy")
	if err := <-first; err != nil {
		t.Error(err)
	}
	h.only(t, apt, zoomsim.Ada)
	if n := h.asked(zoomsim.OpCreate); n != 1 {
		t.Errorf("%d creations", n)
	}
}

// A worker that is so slow that it is taken for dead does not undo what another did since; the account is looked through
// for the room that it made all the same.
func TestSyncTakenForDead(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	slow := sandbox.Fault{Kind: sandbox.Slow, Count: 1, On: zoomsim.OpCreate, Delay: sandbox.Delay(time.Second)}
	if err := h.zoom.Faults.Add(slow); err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() { first <- h.video.Sync(t.Context(), h.job, apt.ID) }()
	for !h.visit(t, apt).Pending {
		time.Sleep(time.Millisecond)
	}
	for len(h.zoom.Faults.List()) > 0 { // it is on its way
		time.Sleep(time.Millisecond)
	}
	h.Clock.Pass(time.Minute)
	h.sync(t, apt)
	ref := h.visit(t, apt).Ref
	refused(t, <-first, "unavailable: video_busy")
	v := h.stands(t, apt, video.Ready, "")
	if v.Ref != ref || len(h.there("")) != 2 || len(h.due) == 0 {
		t.Errorf("the room was %s and is %s; %d meetings, due %v", ref, v.Ref, len(h.there("")), h.due)
	}
	h.sync(t, apt)
}

// Somebody who asks for the link while the room is being made is not forgotten, and neither is the room; a move in that
// time is caught up with.
func TestSyncMeanwhile(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	slow := sandbox.Fault{Kind: sandbox.Slow, Count: 1, On: zoomsim.OpCreate, Delay: sandbox.Delay(time.Second)}
	if err := h.zoom.Faults.Add(slow); err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() { first <- h.video.Sync(t.Context(), h.job, apt.ID) }()
	for !h.visit(t, apt).Pending {
		time.Sleep(time.Millisecond)
	}
	h.email(t, apt)
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	if err := <-first; err != nil {
		t.Error(err)
	}
	h.only(t, apt, zoomsim.Ada)
	if v := h.stands(t, apt, video.Ready, ""); v.Linked != 2 {
		t.Errorf("asked for %d times", v.Linked)
	}
}

// The appointment goes to another practitioner: the room is at the new host's, and gone at the old one's.
func TestSyncAnotherHost(t *testing.T) {
	for name, x := range map[string]struct {
		old  func(*house, string)
		left int // meetings that stay at the old host's
	}{
		"who can be reached":         {func(*house, string) {}, 0},
		"who must connect again":     {func(h *house, con string) { _ = h.lapse(t.Context(), h.job, con, "gone") }, 1},
		"whose account is gone":      {func(h *house, con string) { delete(h.all, con) }, 1},
		"whose meeting is under way": {func(h *house, _ string) { _ = h.zoom.Start(h.there("")[0].ID) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			con := h.connect(t, h.subjects[0], zoomsim.Ada)
			h.connect(t, h.subjects[1], zoomsim.Ben)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.sync(t, apt)
			x.old(h, con)
			apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
			for range 2 {
				h.sync(t, apt)
			}
			v := h.stands(t, apt, video.Ready, "")
			if n, o := len(h.there(zoomsim.Ben)), len(h.there(zoomsim.Ada)); n != 1 || o != x.left || v.Subject != h.subjects[1] {
				t.Errorf("%d meetings at the new host's, %d at the old one's, of %s", n, o, v.Subject)
			}
			if h.rows(t, v.Connection, table.RoomsOf) != 1 {
				t.Error("the room is not the appointment's")
			}
		})
	}
}

// What waits for an account is made as soon as there is one, whichever is missing.
func TestSyncParked(t *testing.T) {
	t.Run("until the account is connected again", func(t *testing.T) {
		h := newHouse(t)
		con := h.connect(t, h.subjects[0], zoomsim.Ada)
		apt := h.book(t, 0, tuesday)
		h.dead[con] = true
		h.email(t, apt)
		for range 3 {
			h.sync(t, apt)
		}
		v := h.stands(t, apt, video.Parked, video.NeedsReauth)
		if len(h.lapsed) != 1 || v.List != con || v.Pending || h.rows(t, con, table.Makings) > 0 {
			t.Errorf("lapsed %v, %+v", h.lapsed, v)
		}
		h.reconnect(t, con)
		h.resumes(t, con, apt)
		h.only(t, apt, zoomsim.Ada)
	})

	t.Run("until the practitioner connects one", func(t *testing.T) {
		h := newHouse(t)
		h.connect(t, h.subjects[0], zoomsim.Ada)
		apt := h.book(t, 0, tuesday)
		h.email(t, apt)
		h.sync(t, apt)
		apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
		for range 3 {
			h.sync(t, apt)
		}
		if v := h.stands(t, apt, video.Parked, video.NotConnected); len(h.there("")) > 0 || v.List != h.Practitioners[1].ID {
			t.Errorf("%+v", v)
		}
		if len(h.raised) != 1 || h.raised[0].Why != video.NotConnected { // nobody else would be told
			t.Errorf("raised %+v", h.raised)
		}
		con := h.connect(t, h.subjects[1], zoomsim.Ben)
		h.resumes(t, con, apt)
		h.only(t, apt, zoomsim.Ben)
	})

	t.Run("and is deleted then, if it was cancelled meanwhile", func(t *testing.T) {
		h := newHouse(t)
		con := h.connect(t, h.subjects[0], zoomsim.Ada)
		apt := h.book(t, 0, tuesday)
		h.email(t, apt)
		h.sync(t, apt)
		h.dead[con] = true
		h.cancel(t, apt)
		for range 3 {
			h.sync(t, apt)
		}
		h.stands(t, apt, video.Parked, video.NeedsReauth)
		if len(h.there("")) != 1 || len(h.lapsed) != 1 {
			t.Errorf("%d meetings, lapsed %v", len(h.there("")), h.lapsed)
		}
		h.reconnect(t, con)
		h.resumes(t, con, apt)
		h.stands(t, apt, video.Removed, "")
		if len(h.there("")) > 0 {
			t.Error("the meeting is left")
		}
	})

	t.Run("and a connection that came just as it was parked is noticed", func(t *testing.T) {
		var h *house
		var apt booking.Appointment
		var con string
		var once sync.Once
		h = newHouse(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
			err := send()
			if h != nil && op == "TransactWriteItems" && len(h.lapsed) > 0 { // the park was just written
				once.Do(func() { h.reconnect(t, con) })
			}
			return err
		}))
		con = h.connect(t, h.subjects[0], zoomsim.Ada)
		apt = h.book(t, 0, tuesday)
		h.dead[con] = true
		h.email(t, apt)
		refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: video_busy")
		h.sync(t, apt)
		h.only(t, apt, zoomsim.Ada)
	})
}

// resumes checks that a connection's coming back has the visit looked at again, and looks.
func (h *house) resumes(t *testing.T, con string, apt booking.Appointment) {
	t.Helper()
	if err := h.video.Resume(t.Context(), h.job, con); err != nil {
		t.Fatal(err)
	}
	all := h.Waiting(t)
	asked := 0
	for _, e := range all {
		if e.Name == event.VideoAsked && e.Target == apt.ID {
			asked++
		}
	}
	if asked != 1 {
		t.Fatalf("%d events ask for it among %d", asked, len(all))
	}
	h.sync(t, apt)
}

// A room that was deleted in Zoom while the diary moved the appointment is made anew: the diary wins.
func TestSyncRoomGone(t *testing.T) {
	h := newHouse(t)
	con := h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	first := h.only(t, apt, zoomsim.Ada)
	if err := h.zoom.Delete(first.ID, true); err != nil {
		t.Fatal(err)
	}
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	h.sync(t, apt)
	if m := h.only(t, apt, zoomsim.Ada); m.ID == first.ID {
		t.Error("it is the same meeting")
	}
	if n := h.rows(t, con, table.RoomsOf); n != 2 {
		t.Errorf("%d rooms are known", n)
	}
}

// A change that Zoom does not take is noted and told once, and not tried for ever.
func TestSyncNotTaken(t *testing.T) {
	for name, x := range map[string]struct {
		do   func(*testing.T, *house, *booking.Appointment)
		why  string
		sent int // updates
	}{
		"the start is passed over in silence": {func(t *testing.T, h *house, apt *booking.Appointment) {
			t.Helper()
			h.fails(t, zoomsim.IgnoreStart, 1, zoomsim.OpUpdate)
			*apt = h.move(t, *apt, booking.Wish{Start: wednesday})
		}, video.NotTaken, 1},
		"the new start has passed by now": {func(t *testing.T, h *house, apt *booking.Appointment) {
			t.Helper()
			*apt = h.move(t, *apt, booking.Wish{Start: "2027-01-04T09:00"})
			h.Clock.Pass(2*time.Hour + 10*time.Minute)
		}, video.NotTaken, 1},
		"the meeting is under way": {func(t *testing.T, h *house, apt *booking.Appointment) {
			t.Helper()
			if err := h.zoom.Start(h.there("")[0].ID); err != nil {
				t.Fatal(err)
			}
			*apt = h.move(t, *apt, booking.Wish{Start: wednesday})
		}, video.RoomStarted, 0},
		"Zoom refuses": {func(t *testing.T, h *house, apt *booking.Appointment) {
			t.Helper()
			h.fails(t, zoomsim.NotInPlan, 1, zoomsim.OpUpdate)
			*apt = h.move(t, *apt, booking.Wish{Start: wednesday})
		}, video.ProviderRefused, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.connect(t, h.subjects[0], zoomsim.Ada)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.sync(t, apt)
			was := h.only(t, apt, zoomsim.Ada)
			x.do(t, h, &apt)
			for range 3 {
				h.sync(t, apt)
			}
			v := h.stands(t, apt, video.Ready, x.why)
			if !v.Acked.Start.Equal(was.Start) || v.Acked.Sequence != apt.Sequence || h.asked(zoomsim.OpUpdate) != x.sent {
				t.Errorf("acked %+v after %d updates", v.Acked, h.asked(zoomsim.OpUpdate))
			}
			if len(h.raised) != 1 || h.raised[0].Why != x.why || h.raised[0].AppointmentID != apt.ID {
				t.Errorf("raised %+v", h.raised)
			}
		})
	}
}

// A cancelled appointment whose meeting is under way cannot be deleted: it ends there, and the staff are told.
func TestSyncCancelledUnderWay(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	if err := h.zoom.Start(h.there("")[0].ID); err != nil {
		t.Fatal(err)
	}
	h.cancel(t, apt)
	for range 3 {
		h.sync(t, apt)
	}
	h.stands(t, apt, video.Ended, video.RoomStarted)
	if len(h.raised) != 1 || h.asked(zoomsim.OpDelete) != 1 {
		t.Errorf("raised %v, %d deletions", h.raised, h.asked(zoomsim.OpDelete))
	}
}

// The breaker stops what goes back and forth: after six changes of a room within an hour it waits for the hour's end.
func TestSyncBreaker(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	for n := range 8 {
		apt = h.move(t, apt, booking.Wish{Start: "2027-01-06T1" + strconv.Itoa(n%2) + ":00"})
		h.sync(t, apt)
	}
	v := h.stands(t, apt, video.Parked, video.TooManyMoves)
	if n := h.asked(zoomsim.OpUpdate); n != 5 || len(h.raised) == 0 || len(h.due) == 0 || v.Again.Before(h.Clock.Now().Add(50*time.Minute)) {
		t.Errorf("%d updates, raised %v, due %v, again %s", n, h.raised, h.due, v.Again)
	}
	h.Clock.Pass(time.Hour)
	h.sync(t, apt)
	h.only(t, apt, zoomsim.Ada)
	h.stands(t, apt, video.Ready, "")
}

// Ninety of our own changes in a host's day leave ten for what the host does.
func TestSyncDay(t *testing.T) {
	h := newHouse(t)
	con := h.connect(t, h.subjects[0], zoomsim.Ada)
	k := h.Table.For(h.job)
	day := map[string]any{"n": 89}
	err := k.Write(t.Context(), table.Change{
		Action: "video.sync", Target: con, Event: event.Event{Name: event.VideoSyncing},
		Put: []table.Item{{Key: k.Usage(con, h.Clock.Now()), Value: day, New: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	first, second := h.book(t, 0, tuesday), h.book(t, 0, wednesday)
	h.email(t, first)
	h.email(t, second)
	h.sync(t, first)
	h.sync(t, second)
	h.stands(t, first, video.Ready, "")
	v := h.stands(t, second, video.Parked, video.DailyQuota)
	if midnight := time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC); v.Again.Before(midnight) || v.Again.After(midnight.Add(11*time.Minute)) {
		t.Errorf("again at %s", v.Again)
	}
	h.Clock.Set(v.Again)
	h.sync(t, second)
	h.stands(t, second, video.Ready, "")
}

// Somebody who is erased meanwhile stays so, and the room goes.
func TestSyncErased(t *testing.T) {
	for at := 1; ; at++ {
		var moment clinictest.Moment
		h := newHouse(t, moment.Option())
		h.connect(t, h.subjects[0], zoomsim.Ada)
		apt := h.book(t, 0, tuesday)
		h.email(t, apt)
		h.sync(t, apt)
		apt = h.move(t, apt, booking.Wish{Start: wednesday})
		items := 0
		moment.At(at, func() {
			h.Erase(t, h.Patients[0])
			items = h.Items(t)
		})
		err := h.video.Sync(t.Context(), h.job, apt.ID)
		if !moment.Came() {
			if at < 4 || err != nil {
				t.Errorf("%d calls, %v", at-1, err)
			}
			return
		}
		if h.Items(t) != items {
			t.Errorf("erased before call %d: %d items became %d", at, items, h.Items(t))
		}
		if err == nil && h.visit(t, apt).Acked.Sequence == apt.Sequence { // all was done by then
			continue
		}
		refused(t, err, "not_found: not_found")
		if n := len(h.there("")); n > 0 {
			t.Errorf("erased before call %d: %d meetings", at, n)
		}
	}
}

// Nothing of the ways in, and nobody, stands in the table in clear.
func TestNothingInClear(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	started, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	token := h.link(t, apt)
	all := fmt.Sprintf("%s", h.Stored(t))
	_, zak, _ := strings.Cut(started.StartURL, "zak=")
	for _, secret := range []string{token, zak, h.there("")[0].Pwd, h.there("")[0].Passcode, "pwd=", "zak="} {
		if secret == "" || has(all, secret) {
			t.Errorf("the table holds %q", secret)
		}
	}
}
