package video_test

import (
	"testing"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// The worker dies at any call to the table, before and after it, while it takes in what Zoom told: told again, it
// comes to the same, once.
func TestObserveDiesAnywhere(t *testing.T) {
	for _, x := range []struct {
		name  string
		do    func(*testing.T, *heard, zoomsim.Meeting)
		check func(*testing.T, *heard, booking.Appointment)
	}{
		{"moved", func(t *testing.T, h *heard, m zoomsim.Meeting) {
			t.Helper()
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-01-06T14:00:00Z"), Minutes: new(40)}); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, h *heard, apt booking.Appointment) {
			t.Helper()
			now := h.now(t, apt)
			h.only(t, now, zoomsim.Ada)
			if now.Sequence != 1 || h.changes(t, apt, event.AppointmentMoved) != 1 || h.asked(zoomsim.OpUpdate) != 0 {
				t.Errorf("sequence %d, %d updates", now.Sequence, h.asked(zoomsim.OpUpdate))
			}
		}},
		{"refused", func(t *testing.T, h *heard, m zoomsim.Meeting) {
			t.Helper()
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(33)}); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, h *heard, apt booking.Appointment) {
			t.Helper()
			h.only(t, apt, zoomsim.Ada)
			// A process that dies after the room was changed and before that is on record leaves the change to be sent again.
			if !same(h.tasks(), []string{video.TimeRefused}) || h.asked(zoomsim.OpUpdate) > 2 || h.now(t, apt).Version != apt.Version {
				t.Errorf("tasks %v, %d updates", h.tasks(), h.asked(zoomsim.OpUpdate))
			}
		}},
		{"deleted", func(t *testing.T, h *heard, m zoomsim.Meeting) {
			t.Helper()
			if err := h.zoom.Delete(m.ID, true); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, h *heard, apt booking.Appointment) {
			t.Helper()
			h.stands(t, apt, video.Removed, video.RoomGone)
			if now := h.now(t, apt); now.Status != booking.Cancelled || h.changes(t, apt, event.AppointmentCancelled) != 1 || len(h.tasks()) > 0 {
				t.Errorf("the appointment is %s, tasks %v", now.Status, h.tasks())
			}
		}},
		{"started", func(t *testing.T, h *heard, m zoomsim.Meeting) {
			t.Helper()
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, h *heard, apt booking.Appointment) {
			t.Helper()
			if !h.visit(t, apt).Live || !same(h.log(t, apt), []string{"we created", "created", "started", "joined host"}) {
				t.Errorf("the log has %v", h.log(t, apt))
			}
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			takes := some(t, 4)
			for n := int32(1); ; n++ {
				if !takes(int(n)) {
					continue
				}
				reached := false
				for _, after := range []bool{false, true} {
					var k killer
					h := newHeard(t, clinictest.Intercept(k.intercept))
					apt, m := h.ready(t, tuesday)
					x.do(t, h, m)
					told := h.notices(t)
					k.arm(n, after)
					for _, notice := range told {
						_ = h.video.Observe(t.Context(), notice) // whoever dies says nothing
					}
					k.armed.Store(false)
					reached = reached || k.calls.Load() >= n
					h.Clock.Pass(2 * 60 * 1e9)
					for range 2 {
						h.tell(t, told...)
						if err := h.until(t, apt, 3); err != nil {
							t.Fatal(err)
						}
						h.hear(t)
					}
					x.check(t, h, apt)
				}
				if !reached {
					if n < 5 {
						t.Errorf("%d calls", n-1)
					}
					return
				}
			}
		})
	}
}

// The worker dies at any call to the table while it erases an account: whoever goes on with it leaves the same,
// counts the same, and tells the staff once.
func TestEraseDiesAnywhere(t *testing.T) {
	takes := some(t, 9)
	for n := int32(1); ; n++ {
		if !takes(int(n)) {
			continue
		}
		reached := false
		for _, after := range []bool{false, true} {
			var k killer
			h := newHeard(t, clinictest.Intercept(k.intercept))
			apt, m := h.ready(t, tuesday)
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
			h.hear(t)
			waits := h.book(t, 0, wednesday)
			h.email(t, waits)
			told := h.uninstalled(t)
			k.arm(n, after)
			err := h.video.Observe(t.Context(), told)
			k.armed.Store(false)
			if k.calls.Load() >= n {
				reached = true
				if err == nil {
					t.Errorf("dead at %d (%t), and nobody heard of it", n, after)
				}
			}
			// The message is lost for good: the look at the account finds what was begun.
			begun := h.rows(t, h.con, "ERA") > 0
			if err := h.video.Check(t.Context(), h.job, h.con); err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("dead at %d (%t), then %v", n, after, err)
			}
			if _, _, ended := h.tombstone(t, h.con); begun && !ended {
				t.Errorf("dead at %d (%t): nobody went on with it", n, after)
			}
			h.tell(t, told)
			_, counts, ok := h.tombstone(t, h.con)
			if !ok || counts["visits"] != 2 || counts["rooms"] != 1 || counts["logEntries"] != 4 {
				t.Errorf("dead at %d (%t): the tombstone says %v", n, after, counts)
			}
			if left := h.left(t, h.con, ""); left > 0 || len(h.raised) != 1 || h.raised[0].Count != 2 {
				t.Errorf("dead at %d (%t): %d items are left, raised %+v", n, after, left, h.raised)
			}
			if h.now(t, apt).Status != booking.Booked {
				t.Error("the appointment is not what it was")
			}
		}
		if !reached {
			if n < 10 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
	}
}

// A notice that is at work while the account is erased leaves nothing behind, wherever the erasing comes in.
func TestEraseDuringObserve(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(*heard, zoomsim.Meeting) error
	}{
		{"of a meeting", func(h *heard, m zoomsim.Meeting) error { return h.zoom.Start(m.ID) }},
		{"of a move", func(h *heard, m zoomsim.Meeting) error {
			return h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(40)})
		}},
		{"of a name", func(h *heard, m zoomsim.Meeting) error { return h.zoom.Edit(m.ID, zoomsim.Change{Topic: new("x")}) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			takes := some(t, 3)
			for n := 1; ; n++ {
				if !takes(n) {
					continue
				}
				var moment clinictest.Moment
				h := newHeard(t, moment.Option())
				_, m := h.ready(t, tuesday)
				if err := x.do(h, m); err != nil {
					t.Fatal(err)
				}
				all := h.notices(t)
				moment.At(n, func() {
					if err := h.video.Erase(t.Context(), h.job, h.con, video.UninstalledByOwner); err != nil {
						t.Errorf("erase: %v", err)
					}
				})
				err := h.video.Observe(t.Context(), all[0])
				came := moment.Came()
				if came && h.left(t, h.con, "") > 0 {
					t.Errorf("erased before call %d (%v): something is left", n, err)
				}
				if !came {
					if n < 4 {
						t.Errorf("%d calls", n-1)
					}
					return
				}
			}
		})
	}
}

// Rooms that are being made while the account is disconnected: whoever disconnects waits for that.
func TestEraseWaitsForLease(t *testing.T) {
	h := newHeard(t)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
	v := h.visit(t, apt)
	k := h.Table.For(h.job)
	v.LeaseBy, v.LeaseUntil = "somebody", h.Clock.Now().Add(40*1e9)
	err := k.Write(t.Context(), table.Change{
		Action: "video.sync", Target: apt.ID, Event: event.Event{Name: event.VideoSyncing},
		Put: []table.Item{{Key: k.Visit(apt.ID), Value: v, Version: v.Version, Index: k.Listing(table.Visits, v.List, v.Start, apt.ID)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := h.all[h.con]
	a.Usable, a.Ending = false, true
	h.all[h.con] = a
	refused(t, h.video.Erase(t.Context(), h.job, h.con, "asked"), "unavailable: video_busy")
	h.Clock.Pass(41 * 1e9)
	if err := h.video.Erase(t.Context(), h.job, h.con, "asked"); err != nil {
		t.Fatal(err)
	}
	if len(h.there("")) > 0 || h.left(t, h.con, "") > 0 {
		t.Errorf("%d rooms are left", len(h.there("")))
	}
}

// A patient who is erased while a notice is at work stays so, wherever that comes in: nothing is written afterwards.
func TestObserveErasedMeanwhile(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(*heard, zoomsim.Meeting) error
	}{
		{"a meeting", func(h *heard, m zoomsim.Meeting) error { return h.zoom.Start(m.ID) }},
		{"a move", func(h *heard, m zoomsim.Meeting) error {
			return h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(40)})
		}},
		{"a time that is refused", func(h *heard, m zoomsim.Meeting) error {
			return h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(41)})
		}},
		{"a deletion", func(h *heard, m zoomsim.Meeting) error { return h.zoom.Delete(m.ID, true) }},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			takes := some(t, 3)
			for n := 1; ; n++ {
				if !takes(n) {
					continue
				}
				var moment clinictest.Moment
				h := newHeard(t, moment.Option())
				_, m := h.ready(t, tuesday)
				if err := x.do(h, m); err != nil {
					t.Fatal(err)
				}
				items := 0
				moment.At(n, func() {
					h.Erase(t, h.Patients[0])
					items = h.Items(t)
				})
				err := h.video.Observe(t.Context(), h.notices(t)[0])
				if !moment.Came() {
					if n < 4 || err != nil {
						t.Errorf("%d calls, %v", n-1, err)
					}
					return
				}
				if now := h.Items(t); err != nil && !fault.Is(err, fault.NotFound) || now != items {
					t.Errorf("erased before call %d: %d items became %d (%v)", n, items, now, err)
				}
			}
		})
	}
}

// Two notices of one meeting are worked on at the same time, each before any call of the other: what is under way is
// what both say together.
func TestObserveTogether(t *testing.T) {
	for n := 1; ; n++ {
		var moment clinictest.Moment
		h := newHeard(t, moment.Option())
		apt, m := h.ready(t, tuesday)
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.zoom.End(m.ID); err != nil {
			t.Fatal(err)
		}
		all := h.notices(t)
		first, last := all[0], all[len(all)-1]
		moment.At(n, func() { h.tell(t, last) })
		h.tell(t, first)
		if !moment.Came() {
			if n < 5 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
		if got := h.log(t, apt); h.visit(t, apt).Live || !same(got, []string{"we created", "created", "started", "ended"}) {
			t.Errorf("the end before call %d: a meeting is under way, and the log has %v", n, got)
		}
	}
}

// And the other way round: whatever is told while the account is being erased, nothing of it is left.
func TestObserveDuringErase(t *testing.T) {
	takes := some(t, 9)
	for n := 1; ; n++ {
		if !takes(n) {
			continue
		}
		var moment clinictest.Moment
		h := newHeard(t, moment.Option())
		apt, m := h.ready(t, tuesday)
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.zoom.Edit(m.ID, zoomsim.Change{Topic: new("x")}); err != nil {
			t.Fatal(err)
		}
		all := h.notices(t)
		moment.At(n, func() {
			for _, notice := range all {
				_ = h.video.Observe(t.Context(), notice) // it may be refused
			}
		})
		var err error
		for range 3 {
			if err = h.video.Erase(t.Context(), h.job, h.con, video.UninstalledByOwner); !fault.Is(err, fault.Unavailable) {
				break
			}
		}
		came := moment.Came()
		if left := h.left(t, h.con, ""); err != nil || left > 0 || len(h.log(t, apt)) > 0 {
			t.Errorf("told before call %d (%v): %d items are left, and of the log %v", n, err, left, h.log(t, apt))
		}
		if !came {
			if n < 10 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
	}
}
