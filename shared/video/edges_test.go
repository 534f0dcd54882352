package video_test

import (
	"context"
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
	"almanac/shared/zoom"
)

// A meeting of a room that the visit has no more is told of when there is another room: it stands in the log, and nobody
// is taken to be in the new one.
func TestObserveFormerRoom(t *testing.T) {
	t.Parallel()
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	late := h.notices(t)
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Delete(m.ID, true); err != nil {
		t.Fatal(err)
	}
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	h.sync(t, apt)
	if other := h.only(t, apt, zoomsim.Ada); other.ID == m.ID {
		t.Fatal("it is the same room")
	}
	h.tell(t, late...)
	started := false
	for _, what := range h.log(t, apt) {
		started = started || what == "started"
	}
	if h.visit(t, apt).Live || !started {
		t.Errorf("live %t, the log has %v", h.visit(t, apt).Live, h.log(t, apt))
	}
}

// forgetful gives no answer when a room is read back that was just changed.
type forgetful struct {
	video.Provider
	changed bool
}

func (f *forgetful) Update(ctx context.Context, h video.Host, ref string, d video.Difference) error {
	f.changed = true
	return f.Provider.Update(ctx, h, ref, d)
}

func (f *forgetful) Get(ctx context.Context, h video.Host, ref string) (video.Room, error) {
	if f.changed {
		f.changed = false
		return video.Room{}, fault.New(fault.Unavailable, video.ProviderUnavailable, "")
	}
	return f.Provider.Get(ctx, h, ref)
}

// The room was changed, and could not be read back: nobody takes it for agreed before it was seen.
func TestChangeNotReadBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	h.video = h.service(t, &forgetful{Provider: h.rooms(t)})
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: provider_unavailable")
	if v := h.visit(t, apt); v.Acked.Sequence == apt.Sequence || v.Acked.Start.IsZero() {
		t.Errorf("it is put down as %+v", v.Acked)
	}
	h.Clock.Pass(time.Minute)
	h.sync(t, apt)
	m := h.only(t, apt, zoomsim.Ada)
	if v := h.stands(t, apt, video.Ready, ""); !v.Acked.Start.Equal(m.Start) || v.Acked.Sequence != apt.Sequence {
		t.Errorf("it is put down as %+v", v.Acked)
	}
	if n := h.asked(zoomsim.OpUpdate); n != 1 {
		t.Errorf("%d updates", n)
	}
}

// deaf gives no list.
type deaf struct{ video.Provider }

func (deaf) Upcoming(context.Context, video.Host) ([]video.Room, error) {
	return nil, fault.New(fault.Unavailable, video.ProviderUnavailable, "")
}

// An erasing that has closed the rooms comes no further for now, while a notice is at work: from then on nothing is
// written of it, wherever that comes in.
func TestObserveDuringHalfErase(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		var moment clinictest.Moment
		h := newHeard(t, moment.Option())
		apt, m := h.ready(t, tuesday)
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		all := h.notices(t)
		var then []string
		moment.At(n, func() {
			a := h.all[h.con]
			a.Usable, a.Ending = false, true
			h.all[h.con] = a
			err := h.whole(t, deaf{h.rooms(t)}).Erase(t.Context(), h.job, h.con, "asked")
			refused(t, err, "unavailable: provider_unavailable")
			then = h.log(t, apt)
		})
		err := h.video.Observe(t.Context(), all[0])
		if !moment.Came() {
			if n < 4 || err != nil {
				t.Errorf("%d calls, %v", n-1, err)
			}
			return
		}
		if got := h.log(t, apt); len(got) != len(then) || err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("half erased before call %d (%v): the log had %v, and has %v", n, err, then, got)
		}
	}
}

// A room that is another connection's by now keeps what says so when the former one goes.
func TestErasePointerOfAnother(t *testing.T) {
	t.Parallel()
	h := newHeard(t)
	_, m := h.ready(t, tuesday)
	name := zoomsim.AccountOne + "#" + strconv.FormatInt(m.ID, 10)
	p, err := h.Table.WhoseIs(t.Context(), zoom.Provider+"-room", name)
	if err != nil || p.Ref != h.con {
		t.Fatalf("%+v, %v", p, err)
	}
	k := h.Table.For(access.System(h.Org, string(access.Renewer)))
	err = k.Write(t.Context(), table.Change{
		Action: access.ConnectionMake, Target: h.con, Event: event.Event{Name: event.ConnectionMade},
		Put: []table.Item{{
			Key: k.Pointer(zoom.Provider+"-room", name), Version: p.Version, Value: table.Pointer{Org: h.Org, Ref: "con_another"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.video.Erase(t.Context(), h.job, h.con, video.UninstalledByOwner); err != nil {
		t.Fatal(err)
	}
	if p, err := h.Table.WhoseIs(t.Context(), zoom.Provider+"-room", name); err != nil || p.Ref != "con_another" {
		t.Errorf("%+v, %v", p, err)
	}
}

// A room may have been made without our knowing, and for a moment Zoom takes us for somebody else: it is looked for
// again, and not given up.
func TestNotHostWhilePending(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
	h.fails(t, zoomsim.NotHost, 1, zoomsim.OpList)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "conflict: not_host")
	if v := h.stands(t, apt, video.Making, video.NotHost); !v.Pending || len(h.raised) > 0 {
		t.Errorf("pending %t, raised %v", v.Pending, h.raised)
	}
	h.sync(t, apt)
	h.only(t, apt, zoomsim.Ada)
}

// Zoom tells of a meeting a day late, and not of its end: nobody is taken to be in it still.
func TestObserveMeetingLongAgo(t *testing.T) {
	t.Parallel()
	for late, live := range map[time.Duration]bool{23 * time.Hour: true, 25 * time.Hour: false} {
		h := newHeard(t)
		apt, m := h.ready(t, wednesday)
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		told := h.notices(t)
		h.Clock.Pass(late)
		h.tell(t, told...)
		if got := h.visit(t, apt).Live; got != live {
			t.Errorf("told %v late: live %t", late, got)
		}
	}
}

// A room that was made without our knowing is put on record while a notice of it is at work: it is never taken for one
// of nobody's, wherever that comes in.
func TestObserveStoredMeanwhile(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		var moment clinictest.Moment
		h := newHeard(t, moment.Option())
		apt := h.book(t, 0, tuesday)
		h.email(t, apt)
		h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
		refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
		told := h.notices(t)
		moment.At(n, func() { h.sync(t, apt) })
		err := h.video.Observe(t.Context(), told[0])
		if fault.Is(err, fault.NotFound) {
			t.Errorf("on record before call %d: %v", n, err)
		}
		if !moment.Came() {
			if n < 3 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
	}
}

// An account that is being disconnected is nobody's any more: no visit waits in it, where it would keep that from its
// end.
func TestSyncWhileEnding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	con := h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	a := h.all[con]
	a.Usable, a.Ending = false, true
	h.all[con] = a
	h.sync(t, apt)
	if v := h.stands(t, apt, video.Parked, video.NotConnected); v.List == con || v.Connection == con {
		t.Errorf("it is listed under %s, in %s", v.List, v.Connection)
	}
}

// An account that was connected again is looked at now: what its host did to the rooms meanwhile nobody told us of.
func TestResumeLooks(t *testing.T) {
	t.Parallel()
	h := newHeard(t)
	h.ready(t, tuesday)
	h.due = nil
	if err := h.video.Resume(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	if len(h.due) != 1 || h.due[0].After(h.Clock.Now()) {
		t.Errorf("due %v", h.due)
	}
}

// A meeting begins right after it was seen that none goes on: what tells of that counts.
func TestMeetingAfterTheLook(t *testing.T) {
	t.Parallel()
	h := newHeard(t)
	apt, m := h.ready(t, "2027-01-04T09:00")
	h.Clock.Set(apt.Start)
	h.reconnect(t, h.con)
	if err := h.zoom.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	h.Clock.Pass(10 * time.Minute)
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	h.notices(t) // nobody was told
	h.check(t)
	if h.visit(t, apt).Live {
		t.Fatal("it is still under way")
	}
	h.Clock.Pass(20 * time.Second)
	if err := h.zoom.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	if !h.visit(t, apt).Live {
		t.Error("the one that began then is not under way")
	}
}

// However many meetings there were in a room, whether one goes on is told by the last.
func TestManyMeetings(t *testing.T) {
	t.Parallel()
	h := newHeard(t)
	apt, m := h.ready(t, "2027-01-04T09:00")
	h.Clock.Set(apt.Start)
	h.reconnect(t, h.con)
	for n := range 10 {
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		h.hear(t)
		if !h.visit(t, apt).Live {
			t.Fatalf("meeting %d is not under way", n+1)
		}
		h.Clock.Pass(time.Minute)
		if err := h.zoom.End(m.ID); err != nil {
			t.Fatal(err)
		}
		h.hear(t)
		if h.visit(t, apt).Live {
			t.Fatalf("meeting %d is still under way", n+1)
		}
		h.Clock.Pass(time.Minute)
	}
}

// A room that its host deleted while the appointment was on is not made anew because the account ends: nobody asked.
func TestEraseAfterLateDeletion(t *testing.T) {
	t.Parallel()
	h := newHeard(t)
	apt, m := h.ready(t, "2027-01-04T09:00")
	h.Clock.Set(apt.Start.Add(10 * time.Minute))
	h.reconnect(t, h.con)
	if err := h.zoom.Delete(m.ID, true); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	h.stands(t, apt, video.Removed, video.RoomGone)
	if err := h.video.Erase(t.Context(), h.job, h.con, video.UninstalledByOwner); err != nil {
		t.Fatal(err)
	}
	if v := h.stands(t, apt, video.Removed, ""); v.List != "" || !same(h.tasks(), []string{video.RoomDeletedLate}) {
		t.Errorf("listed under %q, told %v", v.List, h.tasks())
	}
}
