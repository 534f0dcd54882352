package video_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// granted has the account's owner connect it again.
func (h *heard) granted(t *testing.T) {
	t.Helper()
	h.Clock.Pass(time.Minute)
	h.reconnect(t, h.con)
	a := h.all[h.con]
	a.Granted = h.Clock.Now()
	h.all[h.con] = a
}

// complete writes that an appointment took place, as long as its time has not come.
func (h *heard) complete(t *testing.T, apt booking.Appointment) {
	t.Helper()
	k := h.Table.For(h.job)
	apt.Status = booking.Completed
	err := k.Write(t.Context(), table.Change{
		Action: access.VideoSync, Target: apt.ID, Event: event.Event{Name: event.VideoSyncing},
		Put: []table.Item{{Key: k.Appointment(apt.ID), Value: apt, Version: apt.Version}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An uninstalling was not erased to its end when the owner connected the account again. It is given up, whoever looks
// next, and the rooms that it took are made again; and the owner's own disconnecting erases it as ever.
func TestErasingGivenUp(t *testing.T) {
	for _, disconnected := range []bool{false, true} {
		t.Run(fmt.Sprint("disconnected ", disconnected), func(t *testing.T) {
			var moment clinictest.Moment
			h := newHeard(t, moment.Option())
			apt, _ := h.ready(t, tuesday)
			n := h.uninstalled(t)
			for calls := 1; ; calls++ { // until the first visit is taken, and the rest is not
				ctx, cancel := context.WithCancel(t.Context())
				moment.At(calls, cancel)
				err := h.video.Observe(ctx, n)
				cancel()
				if err == nil {
					t.Fatal("the erasing came to its end")
				}
				var v video.Visit
				k := h.Table.For(h.job)
				if err := k.Get(t.Context(), k.Visit(apt.ID), &v); err != nil {
					t.Fatal(err)
				}
				if v.Ref == "" {
					break
				}
			}
			h.granted(t)
			refused(t, h.video.Observe(t.Context(), n), "not_found: not_found")
			if disconnected {
				a := h.all[h.con]
				a.Usable, a.Ending, a.Why = false, true, "asked"
				h.all[h.con] = a
			}
			h.check(t)
			why, _, gone := h.tombstone(t, h.con)
			if gone != disconnected || gone && why != "asked" {
				t.Fatalf("erased: %t, %q", gone, why)
			}
			if disconnected {
				if !same(h.tasks(), []string{video.RoomsLost}) || h.raised[0].Count != 1 {
					t.Errorf("the staff were told %+v", h.raised)
				}
				return
			}
			if len(h.tasks()) > 0 || h.changes(t, apt, event.VideoAsked) != 1 {
				t.Errorf("the staff were told %v, the visit was asked for %d times", h.tasks(), h.changes(t, apt, event.VideoAsked))
			}
			// The surplus room goes, and the patient gets another one.
			h.sync(t, apt)
			h.check(t)
			h.only(t, apt, zoomsim.Ada)
			if h.rows(t, h.con, "ERA") > 0 {
				t.Error("the erasing still stands")
			}
		})
	}
}

// The owner connects the account again in the middle of an erasing: it ends there, and the account stays. With the very
// last call it goes, which in the table stands on the connection's version.
func TestConnectedDuringErase(t *testing.T) {
	erase := func(n int, again bool) (bool, int, error) {
		var moment clinictest.Moment
		var calls int
		h := newHeard(t, moment.Option(), clinictest.Intercept(func(_ context.Context, _ string, send func() error) error {
			calls++
			return send()
		}))
		h.ready(t, tuesday)
		told := h.uninstalled(t)
		calls = 0
		moment.At(n, func() {
			if again {
				h.granted(t)
			}
		})
		err := h.video.Observe(t.Context(), told)
		_, _, gone := h.tombstone(t, h.con)
		return gone, calls - 1, err
	}
	_, all, err := erase(1, false)
	if err != nil || all < 10 {
		t.Fatalf("%d calls, %v", all, err)
	}
	for n := all - 1; n > 0; n -= 4 {
		gone, _, err := erase(n, true)
		if gone || !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.NotFound) {
			t.Errorf("connected again before call %d of %d: erased %t, %v", n, all, gone, err)
		}
	}
}

// An uninstalling without a time of its own counts only if the account lets nobody in.
func TestUninstalledUndated(t *testing.T) {
	h := newHeard(t)
	apt, _ := h.ready(t, tuesday)
	n := h.uninstalled(t)
	h.granted(t)
	n.At, n.Received = time.Time{}, h.Clock.Now().Add(time.Minute)
	refused(t, h.video.Observe(t.Context(), n), "not_found: not_found")
	h.only(t, apt, zoomsim.Ada)
	h.fails(t, zoomsim.Unavailable, 9, zoomsim.OpList)
	if err := h.video.Observe(t.Context(), n); !fault.Is(err, fault.Unavailable) {
		t.Errorf("not known: %v", err)
	}
	h.zoom.Faults.Clear()
	h.dead[h.con] = true
	h.tell(t, n)
	if _, _, gone := h.tombstone(t, h.con); !gone {
		t.Error("it was not erased")
	}
}

// A deletion that is told twice without a time stands in the log once.
func TestUndatedOnce(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Delete(m.ID, true); err != nil {
		t.Fatal(err)
	}
	n := h.notices(t)[0]
	n.At = time.Time{}
	for range 3 {
		h.Clock.Pass(time.Minute)
		n.Received = h.Clock.Now()
		h.tell(t, n)
	}
	if got := h.log(t, apt); !same(got, []string{"we created", "created", "deleted"}) {
		t.Errorf("the log has %v", got)
	}
}

// While the room of the practitioner before is not replaced, the patient's link leads nowhere.
func TestJoinAfterChangeOfPractitioner(t *testing.T) {
	h := newHeard(t)
	h.join(t, h.subjects[1], zoomsim.Ben)
	apt, _ := h.ready(t, tuesday)
	visitor, link := access.System(h.Org, string(access.VideoVisitor)), h.link(t, apt)
	old, err := h.video.Join(t.Context(), visitor, link)
	if err != nil {
		t.Fatal(err)
	}
	apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
	h.fails(t, zoomsim.Unavailable, 100, zoomsim.OpDelete)
	for range 2 {
		if url, err := h.video.Join(t.Context(), visitor, link); url != "" {
			t.Error("the link leads into the other practitioner's room")
		} else {
			refused(t, err, "conflict: no_room")
		}
		if inv, err := h.video.Visitor(t.Context(), visitor, link); err != nil || inv.RoomReady || inv.HostThere {
			t.Errorf("the link says %+v, %v", inv, err)
		}
		if err := h.until(t, apt, 1); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	h.zoom.Faults.Clear()
	if err := h.until(t, apt, 5); err != nil {
		t.Fatal(err)
	}
	h.only(t, apt, zoomsim.Ben)
	if url, err := h.video.Join(t.Context(), visitor, link); err != nil || url == old {
		t.Errorf("the link leads to the same room: %t, %v", url == old, err)
	}
}

// A room that is said to be somebody else's is that visit's trouble: it gets another one, and the account goes on.
func TestNotHost(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, h *heard, apt booking.Appointment, m zoomsim.Meeting) booking.Appointment{
		"read for a move": func(t *testing.T, h *heard, apt booking.Appointment, _ zoomsim.Meeting) booking.Appointment {
			t.Helper()
			apt = h.move(t, apt, booking.Wish{Start: wednesday})
			h.fails(t, zoomsim.NotHost, 1, zoomsim.OpGet)
			h.sync(t, apt)
			return apt
		},
		"changed": func(t *testing.T, h *heard, apt booking.Appointment, _ zoomsim.Meeting) booking.Appointment {
			t.Helper()
			apt = h.move(t, apt, booking.Wish{Start: wednesday})
			h.fails(t, zoomsim.NotHost, 1, zoomsim.OpUpdate)
			h.sync(t, apt)
			return apt
		},
		"told of": func(t *testing.T, h *heard, apt booking.Appointment, m zoomsim.Meeting) booking.Appointment {
			t.Helper()
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(50)}); err != nil {
				t.Fatal(err)
			}
			h.fails(t, zoomsim.NotHost, 2, zoomsim.OpGet)
			h.hear(t)
			return apt
		},
		"looked at": func(t *testing.T, h *heard, apt booking.Appointment, m zoomsim.Meeting) booking.Appointment {
			t.Helper()
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(50)}); err != nil {
				t.Fatal(err)
			}
			h.notices(t)
			h.fails(t, zoomsim.NotHost, 2, zoomsim.OpGet)
			h.check(t)
			return apt
		},
		"started": func(t *testing.T, h *heard, apt booking.Appointment, _ zoomsim.Meeting) booking.Appointment {
			t.Helper()
			h.fails(t, zoomsim.NotHost, 3, zoomsim.OpGet)
			_, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
			refused(t, err, "unavailable: video_busy")
			if s, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID); err != nil || s.StartURL == "" {
				t.Errorf("started again: %v", err)
			}
			return apt
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			apt, m := h.ready(t, tuesday)
			apt = do(t, h, apt, m)
			v := h.stands(t, apt, video.Ready, "")
			if v.Ref == strconv.FormatInt(m.ID, 10) || v.Ref == "" {
				t.Errorf("the room is %q", v.Ref)
			}
			if len(h.lapsed) > 0 || !same(h.tasks(), []string{video.NotHost}) {
				t.Errorf("lapsed %v, told %v", h.lapsed, h.tasks())
			}
			h.check(t) // a room that is ours after all is one too many
			h.only(t, apt, zoomsim.Ada)
		})
	}
}

// What the provider says so of no room of ours is that visit's failure, or is tried again where a room may be there.
func TestNotHostWithoutRoom(t *testing.T) {
	h := newHeard(t)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.NotHost, 1, zoomsim.OpCreate)
	h.sync(t, apt)
	h.stands(t, apt, video.Failed, video.NotHost)
	if len(h.lapsed) > 0 || !same(h.tasks(), []string{video.NotHost}) {
		t.Errorf("lapsed %v, told %v", h.lapsed, h.tasks())
	}
	h.fails(t, zoomsim.NotHost, 1, zoomsim.OpList)
	h.check(t)
	if len(h.lapsed) > 0 {
		t.Errorf("lapsed %v", h.lapsed)
	}
	h.email(t, apt)
	h.sync(t, apt)
	h.only(t, apt, zoomsim.Ada)
}

// A room may have been made without our knowing in an account that nobody can get into when the visit goes elsewhere, or
// is over early. It is found when that account is back, and nothing is left of it when the account goes.
func TestLeftBehind(t *testing.T) {
	for name, there := range map[string]int{"moved": 1, "completed": 0} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			h.join(t, h.subjects[1], zoomsim.Ben)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
			refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
			a := h.all[h.con]
			a.Usable = false
			h.all[h.con] = a
			h.Clock.Pass(time.Minute)
			if name == "moved" {
				apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
			} else {
				h.complete(t, apt)
			}
			h.sync(t, apt)
			if h.rows(t, h.con, table.Makings) != 0 {
				t.Error("a room is still said to be being made")
			}
			h.reconnect(t, h.con)
			h.check(t)
			if a, b := len(h.there(zoomsim.Ada)), len(h.there(zoomsim.Ben)); a != 0 || b != there {
				t.Errorf("%d and %d rooms are there", a, b)
			}
			if len(h.lapsed) > 0 {
				t.Errorf("lapsed %v", h.lapsed)
			}
			if err := h.video.Erase(t.Context(), h.job, h.con, "asked"); err != nil {
				t.Fatal(err)
			}
			if n := h.left(t, h.con, ""); n > 0 {
				t.Errorf("%d items are left", n)
			}
		})
	}
}

// A visit that waited for its account until it was cancelled or over says nothing of that account any more: nobody would
// find it when the account goes.
func TestWaitedInVain(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		h := newHeard(t)
		apt := h.book(t, 0, tuesday)
		h.email(t, apt)
		h.fails(t, zoomsim.NoAuth, 1, zoomsim.OpCreate)
		h.sync(t, apt)
		h.stands(t, apt, video.Parked, video.NeedsReauth)
		if cancelled {
			h.cancel(t, apt)
		} else {
			h.complete(t, apt)
		}
		h.reconnect(t, h.con)
		h.sync(t, apt)
		if err := h.video.Erase(t.Context(), h.job, h.con, "asked"); err != nil {
			t.Fatal(err)
		}
		if n := h.left(t, h.con, ""); n > 0 {
			t.Errorf("cancelled %t: %d items are left", cancelled, n)
		}
	}
}

// It comes back: the row that was left is no hindrance, and the room is the visit's.
func TestLeftBehindAndBack(t *testing.T) {
	h := newHeard(t)
	h.join(t, h.subjects[1], zoomsim.Ben)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	for range 2 {
		h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
		refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
		a := h.all[h.con]
		a.Usable = false
		h.all[h.con] = a
		h.Clock.Pass(time.Minute)
		apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
		h.sync(t, apt)
		h.reconnect(t, h.con)
		h.check(t)
		apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[0].ID})
	}
	if err := h.until(t, apt, 5); err != nil {
		t.Fatal(err)
	}
	h.check(t)
	h.only(t, apt, zoomsim.Ada)
}

// Nor is what an earlier call may have made forgotten when a later one is refused, or when the room that came to light is
// under way as its appointment is cancelled.
func TestLeftBehindRefused(t *testing.T) {
	for _, how := range []string{"refused", "cancelled"} {
		t.Run(how, func(t *testing.T) {
			h := newHeard(t)
			h.join(t, h.subjects[1], zoomsim.Ben)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
			refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
			made := h.there(zoomsim.Ada)[0]
			h.Clock.Pass(time.Minute)
			if how == "refused" {
				h.fails(t, zoomsim.StaleList, 2, zoomsim.OpList)
				h.fails(t, zoomsim.Daily, 1, zoomsim.OpCreate)
				h.sync(t, apt)
				h.stands(t, apt, video.Parked, video.DailyQuota)
				apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
			} else {
				if err := h.zoom.Start(made.ID); err != nil {
					t.Fatal(err)
				}
				h.cancel(t, apt)
			}
			h.sync(t, apt)
			if how == "cancelled" {
				h.stands(t, apt, video.Ended, video.RoomStarted)
				if err := h.zoom.End(made.ID); err != nil {
					t.Fatal(err)
				}
				if err := h.zoom.Edit(made.ID, zoomsim.Change{Start: new(apt.Start)}); err != nil { // the host has it again
					t.Fatal(err)
				}
			}
			h.check(t)
			if n := len(h.there(zoomsim.Ada)); n != 0 {
				t.Errorf("%d rooms are there", n)
			}
		})
	}
}
