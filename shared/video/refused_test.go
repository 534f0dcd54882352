package video_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// A room that Zoom refuses to show keeps no other one from being looked at, and is told of once.
func TestCheckOneRefused(t *testing.T) {
	h := newHeard(t)
	_, bad := h.ready(t, tuesday)
	good, m := h.ready(t, wednesday)
	for _, id := range []int64{bad.ID, m.ID} {
		if err := h.zoom.Edit(id, zoomsim.Change{Minutes: new(40)}); err != nil {
			t.Fatal(err)
		}
	}
	h.fails(t, zoomsim.NotInPlan, 99, fmt.Sprintf("%s %d", zoomsim.OpGet, bad.ID))
	for range 3 {
		h.check(t)
	}
	if now := h.now(t, good); now.End.Sub(now.Start) != 40*time.Minute || h.next(t) != 45*time.Minute {
		t.Errorf("it lasts %s, and the next look is in %s", now.End.Sub(now.Start), h.next(t))
	}
	if !same(h.tasks(), []string{video.ProviderRefused}) {
		t.Errorf("tasks %v", h.tasks())
	}
}

// Nor does one that it refuses to take away, or to show after its appointment.
func TestCheckRefusedElsewhere(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if _, err := h.zoom.Schedule(zoomsim.Ada, zoomsim.Change{Start: new(apt.Start), Agenda: new(m.Agenda)}); err != nil {
		t.Fatal(err)
	}
	h.fails(t, zoomsim.NotInPlan, 99, zoomsim.OpDelete)
	h.check(t)
	if n := h.asked(zoomsim.OpDelete); n != 1 || h.next(t) != 6*time.Hour && h.next(t) != 45*time.Minute {
		t.Errorf("%d tries to delete it, and the next look is in %s", n, h.next(t))
	}
	h.historic(true)
	h.Clock.Set(apt.End.Add(time.Hour))
	h.reconnect(t, h.con)
	for _, op := range []string{zoomsim.OpGet, zoomsim.OpPast} {
		h.fails(t, zoomsim.NotInPlan, 99, op)
	}
	h.check(t)
}

// An account whose rooms Zoom refuses to list is asked again as seldom as one without rooms, and the staff hear of it.
func TestCheckRefused(t *testing.T) {
	h := newHeard(t)
	h.ready(t, tuesday)
	h.fails(t, zoomsim.NotInPlan, 99, zoomsim.OpList)
	before := len(h.zoom.Requests())
	h.check(t)
	if n := len(h.zoom.Requests()) - before; n != 1 || h.next(t) != 6*time.Hour {
		t.Errorf("%d calls, and the next look is in %s", n, h.next(t))
	}
	h.check(t)
	if len(h.raised) != 1 || h.raised[0].Why != video.ProviderRefused || h.raised[0].Connection != h.con {
		t.Errorf("raised %+v", h.raised)
	}
}

// What is told of a room that Zoom refuses to show is a matter for people, and for no other try.
func TestObserveRefusedRoom(t *testing.T) {
	h := newHeard(t)
	_, m := h.ready(t, tuesday)
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(40)}); err != nil {
		t.Fatal(err)
	}
	told := h.notices(t)
	h.fails(t, zoomsim.NotInPlan, 99, zoomsim.OpGet)
	for _, n := range told {
		if err := h.video.Observe(t.Context(), n); err != nil {
			t.Error(err)
		}
	}
	if !same(h.tasks(), []string{video.ProviderRefused}) {
		t.Errorf("tasks %v", h.tasks())
	}
}

// faulty is a provider that cannot be asked for a fault of ours.
type faulty struct{ video.Provider }

func (faulty) Upcoming(context.Context, video.Host) ([]video.Room, error) {
	return nil, errors.New("a secret of ours is wrong")
}

// A fault of ours is told, and the next look is planned all the same: its message finds that somebody was here.
func TestCheckOwnFault(t *testing.T) {
	h := newHeard(t)
	h.video = h.whole(t, faulty{h.rooms(t)})
	if err := h.video.Check(t.Context(), h.job, h.con); !fault.Is(err, fault.Internal) || h.next(t) != 15*time.Minute {
		t.Errorf("%v, and the next look is in %s", err, h.next(t))
	}
}

// While Zoom does not answer, a look is one call, however many visits wait; when it does, each is asked for again.
func TestCheckInSilence(t *testing.T) {
	h := newHeard(t)
	var all []booking.Appointment
	for _, start := range []string{tuesday, wednesday, "2027-01-07T10:00", "2027-01-08T10:00"} {
		apt := h.book(t, 0, start)
		h.email(t, apt)
		all = append(all, apt)
	}
	h.fails(t, zoomsim.Unavailable, 99, "")
	for range 3 {
		before := len(h.zoom.Requests())
		h.check(t)
		if n := len(h.zoom.Requests()) - before; n != 1 || h.next(t) != 5*time.Minute {
			t.Errorf("%d calls, and the next look is in %s", n, h.next(t))
		}
		h.Clock.Pass(5 * time.Minute)
	}
	for i, want := range []int{0, 1} {
		if i == 1 {
			h.zoom.Faults.Clear()
			h.Clock.Pass(time.Minute)
			h.check(t)
		}
		for _, apt := range all {
			if n := h.changes(t, apt, event.VideoAsked); n != want {
				t.Errorf("asked for %d times, not %d", n, want)
			}
		}
	}
}

// What is tried in vain is taken up by the look at its account, so that its message need not come for ever.
func TestTakenUp(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Minutes: new(40)}); err != nil {
		t.Fatal(err)
	}
	told := h.notices(t)
	h.move(t, apt, booking.Wish{Start: wednesday})
	h.fails(t, zoomsim.Unavailable, 99, zoomsim.OpGet)
	for name, work := range map[string]func() error{
		"the diary": func() error { return h.video.Sync(t.Context(), h.job, apt.ID) },
		"Zoom":      func() error { return h.video.Observe(t.Context(), told[0]) },
	} {
		h.due = nil
		err := work()
		if !fault.Is(err, fault.Unavailable) || fault.Of(err).Enough != 4 || h.next(t) != 5*time.Minute {
			t.Errorf("%s: %v, enough after %d tries, planned %v", name, err, fault.Of(err).Enough, h.due)
		}
		h.Clock.Pass(time.Minute)
	}
}
