package video_test

import (
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// What staff must see to cannot be told at the first try: nothing is put down as seen to, so it is told at the next.
func TestToldFirst(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		why string
		do  func(t *testing.T, h *heard) error
	}{
		"deleted late": {video.RoomDeletedLate, func(t *testing.T, h *heard) error {
			t.Helper()
			_, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Pass(2*time.Hour + 10*time.Minute)
			h.reconnect(t, h.con)
			if err := h.zoom.Delete(m.ID, true); err != nil {
				t.Fatal(err)
			}
			return h.inVain(t)
		}},
		"a time that is refused": {video.TimeRefused, func(t *testing.T, h *heard) error {
			t.Helper()
			_, m := h.ready(t, tuesday)
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(33)}); err != nil {
				t.Fatal(err)
			}
			return h.inVain(t)
		}},
		"a room that is refused": {video.ProviderRefused, func(t *testing.T, h *heard) error {
			t.Helper()
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.fails(t, zoomsim.NotInPlan, 2, zoomsim.OpCreate)
			h.refuse = fault.New(fault.Unavailable, "busy", "")
			err := h.video.Sync(t.Context(), h.job, apt.ID)
			h.refuse = nil
			h.Clock.Pass(5 * time.Minute) // nobody gave the lease back
			h.sync(t, apt)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			if err := x.do(t, h); !fault.Is(err, fault.Unavailable) {
				t.Errorf("nobody could be told, and the queue hears %v", err)
			}
			if !same(h.tasks(), []string{x.why}) {
				t.Errorf("told: %v", h.tasks())
			}
		})
	}
}

// inVain hands on what Zoom told while nobody can be told of anything, and then again.
func (h *heard) inVain(t *testing.T) error {
	t.Helper()
	told := h.notices(t)
	h.refuse = fault.New(fault.Unavailable, "busy", "")
	var err error
	for _, n := range told {
		if got := h.video.Observe(t.Context(), n); got != nil && !fault.Is(got, fault.NotFound) {
			err = got
		}
	}
	h.refuse = nil
	h.tell(t, told...)
	return err
}

// Somebody is at work on a visit when its room is found changed, gone, or another's: what was read may be the middle of
// that work, so nothing is done about it before it is over.
func TestObserveHeld(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		do     func(h *heard, m zoomsim.Meeting) error
		status booking.Status // in the end
	}{
		"changed": {func(h *heard, m zoomsim.Meeting) error {
			return h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(40)})
		}, booking.Booked},
		"gone": {func(h *heard, m zoomsim.Meeting) error { return h.zoom.Delete(m.ID, true) }, booking.Cancelled},
		"another's": {func(h *heard, m zoomsim.Meeting) error {
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(40)}); err != nil {
				return err
			}
			return h.zoom.Faults.Add(sandbox.Fault{Kind: zoomsim.NotHost, Count: 2, On: zoomsim.OpGet})
		}, booking.Booked},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			apt, m := h.ready(t, tuesday)
			v := h.visit(t, apt)
			v.LeaseBy, v.LeaseUntil = "somebody", h.Clock.Now().Add(40*time.Second)
			k := h.Table.For(h.job)
			err := k.Write(t.Context(), table.Change{
				Action: "video.sync", Target: apt.ID, Event: event.Event{Name: event.VideoSyncing},
				Put: []table.Item{{Key: k.Visit(apt.ID), Value: v, Version: v.Version, Index: k.Listing(table.Visits, v.List, v.Start, apt.ID)}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := x.do(h, m); err != nil {
				t.Fatal(err)
			}
			n := h.notices(t)[0]
			refused(t, h.video.Observe(t.Context(), n), "unavailable: video_busy")
			now := h.now(t, apt)
			if got := h.visit(t, apt); now.Version != apt.Version || got.Version != v.Version+1 || got.State != video.Ready {
				t.Errorf("the appointment is %s, the visit %s at version %d", now.Status, got.State, got.Version)
			}
			h.Clock.Pass(41 * time.Second)
			h.tell(t, n)
			if now := h.now(t, apt); now.Status != x.status {
				t.Errorf("in the end the appointment is %s", now.Status)
			}
		})
	}
}
