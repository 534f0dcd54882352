package video_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/video"
)

// However long the log of a meeting is, one more notice of it reads none of the log but its own entry.
func TestObserveLongLog(t *testing.T) {
	var armed atomic.Bool
	var mu sync.Mutex
	asked := map[string]int{}
	h := newHeard(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		if armed.Load() {
			mu.Lock()
			asked[op]++
			mu.Unlock()
		}
		return send()
	}))
	apt, m := h.ready(t, "2027-01-04T09:00")
	h.crowd(t, m, 3)
	all := h.notices(t)
	armed.Store(true)
	h.tell(t, all...)
	armed.Store(false)
	if asked["Query"] > 0 || asked["GetItem"] == 0 || len(h.took(t, apt)) != 10 {
		t.Errorf("asked %v for %v", asked, h.took(t, apt))
	}
}

// A room whose answer was lost is found when its start has passed, too, whichever of its lists Zoom has it in.
func TestAdoptStarted(t *testing.T) {
	for _, toEnd := range []bool{false, true} {
		t.Run(fmt.Sprint(toEnd), func(t *testing.T) {
			t.Parallel()
			h := newHeard(t)
			h.zoom.Set(func(c *zoomsim.Config) { c.UpcomingToEnd = toEnd })
			apt := h.book(t, 0, "2027-01-04T09:00")
			h.Clock.Set(apt.Start.Add(-time.Second))
			h.reconnect(t, h.con)
			h.email(t, apt)
			h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
			refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
			h.Clock.Pass(2 * time.Minute)
			if err := h.until(t, apt, 3); err != nil {
				t.Fatal(err)
			}
			h.only(t, apt, zoomsim.Ada)
			h.stands(t, apt, video.Ready, "")
		})
	}
}

// A room that nobody knows of is deleted when its start has passed, too: by the look at an account in which one may have
// been left behind, and when the account is disconnected.
func TestAstrayStarted(t *testing.T) {
	for _, ends := range []bool{false, true} {
		t.Run(fmt.Sprint(ends), func(t *testing.T) {
			t.Parallel()
			h := newHeard(t)
			apt := h.book(t, 0, "2027-01-04T09:00")
			h.Clock.Set(apt.Start.Add(-time.Second))
			h.reconnect(t, h.con)
			h.email(t, apt)
			h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
			refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
			h.Clock.Set(apt.End.Add(-time.Minute))
			if ends {
				a := h.all[h.con]
				a.Usable, a.Ending = false, true
				h.all[h.con] = a
				if err := h.video.Erase(t.Context(), h.job, h.con, "asked"); err != nil {
					t.Fatal(err)
				}
			} else {
				h.Clock.Pass(2 * time.Minute)
				h.sync(t, apt)
				h.stands(t, apt, video.Ended, video.Passed)
				h.check(t)
			}
			if n := len(h.there("")); n > 0 {
				t.Errorf("%d meetings are left", n)
			}
		})
	}
}

// Of an appointment that was cancelled there is nothing to read, and its room is put aside like others.
func TestPastCancelled(t *testing.T) {
	h := newHeard(t)
	h.historic(true)
	apt, _ := h.ready(t, "2027-01-04T09:00")
	h.cancel(t, apt)
	h.sync(t, apt)
	h.until20(t, apt)
	before := len(h.zoom.Requests())
	h.check(t)
	if n := len(h.zoom.Requests()) - before; n != 1 || h.asked(zoomsim.OpPast) > 0 {
		t.Errorf("%d calls", n)
	}
	h.Clock.Set(apt.End.Add(7 * 24 * time.Hour))
	h.reconnect(t, h.con)
	h.check(t)
	v := h.stands(t, apt, video.Removed, "")
	if h.rows(t, h.con, table.RoomsOf) != 0 || v.Ref != "" {
		t.Errorf("it is not put aside: %+v", v)
	}
}

// A provider may tell of somebody under another name than it has afterwards, and a moment later: that is one coming all
// the same, and of one much later it is another.
func TestPastNear(t *testing.T) {
	for _, x := range []struct {
		lag  time.Duration
		want int
	}{{1500 * time.Millisecond, 1}, {3 * time.Second, 2}} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprint(x.lag, late), func(t *testing.T) {
				t.Parallel()
				h := newHeard(t)
				h.historic(true)
				apt, m := h.ready(t, "2027-01-04T09:00")
				h.Clock.Set(apt.Start)
				h.reconnect(t, h.con)
				h.crowd(t, m, 1)
				all := h.notices(t)
				for i := range all {
					if all[i].Kind == video.Joined && !all[i].Host {
						all[i].At, all[i].Participant = all[i].At.Add(x.lag), "somebody"
					}
					if all[i].Kind == video.MeetingBegan || all[i].Kind == video.MeetingEnded {
						all[i].At = all[i].At.Add(time.Minute) // that happens once, whenever it was
					}
				}
				if !late {
					h.tell(t, all...)
				}
				h.until20(t, apt)
				h.check(t)
				h.tell(t, all...)
				n := map[string]int{}
				for _, text := range h.log(t, apt) {
					n[text]++
				}
				if n["joined guest"] != x.want || n["started"] != 1 || n["ended"] != 1 {
					t.Errorf("it came %d times: %v", n["joined guest"], h.log(t, apt))
				}
			})
		}
	}
}

// Whatever is told of a room whose account begins to be erased in that moment, nothing is noted any more from then on.
func TestObserveClosedMeanwhile(t *testing.T) {
	for n := 1; ; n++ {
		var moment clinictest.Moment
		h := newHeard(t, moment.Option())
		apt, m := h.ready(t, tuesday)
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		noted := 0
		moment.At(n, func() {
			k := h.Table.For(h.job)
			key := k.RoomOf(h.con, strconv.FormatInt(m.ID, 10))
			var p video.Placing
			if err := k.Get(t.Context(), key, &p); err != nil {
				t.Fatal(err)
			}
			version := p.Version
			p.Closed = true
			err := k.Write(t.Context(), table.Change{
				Action: access.VideoErase, Target: apt.ID, Event: event.Event{Name: event.VideoErased},
				Put: []table.Item{{Key: key, Value: p, Version: version}},
			})
			if err != nil {
				t.Fatal(err)
			}
			noted = len(h.log(t, apt))
		})
		_ = h.video.Observe(t.Context(), h.notices(t)[0]) // it may be refused
		if !moment.Came() {
			if n < 4 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
		if now := len(h.log(t, apt)); now != noted {
			t.Errorf("closed before call %d: %d entries became %d", n, noted, now)
		}
	}
}

// A room is not put aside while somebody is at its visit; and one of that name may have been put aside before.
func TestPutAsideLater(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, "2027-01-04T09:00")
	ref := strconv.FormatInt(m.ID, 10)
	h.Clock.Set(apt.End.Add(7 * 24 * time.Hour))
	h.reconnect(t, h.con)
	v := h.visit(t, apt)
	v.LeaseBy, v.LeaseUntil = "somebody", h.Clock.Now().Add(40*time.Second)
	k := h.Table.For(h.job)
	err := k.Write(t.Context(), table.Change{
		Action: access.VideoSync, Target: apt.ID, Event: event.Event{Name: event.VideoSyncing},
		Put: []table.Item{
			{Key: k.Visit(apt.ID), Value: v, Version: v.Version},
			{Key: k.PastRoomOf(h.con, ref), Value: video.Placing{AppointmentID: apt.ID}, New: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.check(t)
	if h.rows(t, h.con, table.RoomsOf) != 1 {
		t.Error("it is put aside")
	}
	h.Clock.Pass(40 * time.Second)
	h.check(t)
	if h.rows(t, h.con, table.RoomsOf) != 0 || h.rows(t, h.con, table.PastRoomsOf) != 1 {
		t.Error("it is not put aside")
	}
}

// Of several who came in one second, the one who is told of late takes the place of that very one.
func TestPastSameSecond(t *testing.T) {
	h := newHeard(t)
	h.historic(true)
	apt, m := h.ready(t, "2027-01-04T09:00")
	h.Clock.Set(apt.Start)
	h.reconnect(t, h.con)
	if err := h.zoom.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if _, err := h.zoom.Join(m.ID, zoomsim.Guest{Name: "Guest"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.zoom.Admit(m.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	late := h.notices(t)
	h.until20(t, apt)
	h.check(t)
	before := h.who(t, apt)
	slices.Reverse(late)
	for _, n := range late {
		h.tell(t, n)
		if got := h.who(t, apt); len(got) != 14 || !slices.Equal(got, before) {
			t.Fatalf("%s was told, and those who were there were\n%v, not\n%v", n.Kind, got, before)
		}
	}
}

// And of several who came one after the other, under whatever name, the one of the same second.
func TestPastOneAfterTheOther(t *testing.T) {
	h := newHeard(t)
	h.historic(true)
	apt, m := h.ready(t, "2027-01-04T09:00")
	h.Clock.Set(apt.Start.Add(900 * time.Millisecond))
	h.reconnect(t, h.con)
	h.crowd(t, m, 4)
	late := h.notices(t)
	h.until20(t, apt)
	h.check(t)
	before := h.took(t, apt)
	for i, n := range late {
		if n.Participant != "" {
			n.Participant = strconv.Itoa(i)
		}
		h.tell(t, n)
	}
	if got := h.took(t, apt); !slices.Equal(got, before) {
		t.Errorf("the log has\n%v, not\n%v", got, before)
	}
}

// A room of which nothing can be read keeps no other one from being read.
func TestPastOneSilent(t *testing.T) {
	for bad := range 2 {
		h := newHeard(t)
		h.historic(true)
		var apts []booking.Appointment
		var rooms []zoomsim.Meeting
		for _, start := range []string{"2027-01-04T09:00", "2027-01-04T10:00"} {
			apt, m := h.ready(t, start)
			apts, rooms = append(apts, apt), append(rooms, m)
		}
		h.Clock.Set(apts[0].Start)
		h.reconnect(t, h.con)
		for _, m := range rooms {
			h.crowd(t, m, 1)
		}
		h.notices(t) // which are lost
		h.until20(t, apts[1])
		h.fails(t, zoomsim.Fail, 99, fmt.Sprintf("%s %d", zoomsim.OpPast, rooms[bad].ID))
		h.check(t)
		for i, apt := range apts {
			if n := len(h.took(t, apt)); (n > 0) != (i != bad) {
				t.Errorf("of room %d, %d is silent, and %d entries were read", i, bad, n)
			}
		}
		if h.next(t) != 5*time.Minute {
			t.Errorf("and the next look is in %s", h.next(t))
		}
	}
}
