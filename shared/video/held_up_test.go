package video_test

import (
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/video"
)

// An appointment is moved while its meeting is under way, as people do who agree on the next one. The room gets the new
// time as soon as the meeting is over: when that is told, or else when the account is looked after.
func TestMovedUnderWay(t *testing.T) {
	for name, told := range map[string]bool{"the end is told": true, "the end is never told": false} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			apt, m := h.ready(t, tuesday)
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
			h.hear(t)
			apt = h.move(t, apt, booking.Wish{Start: wednesday})
			for range 3 {
				h.sync(t, apt)
			}
			h.stands(t, apt, video.Ready, video.RoomStarted)
			h.check(t) // the meeting goes on
			if n := h.changes(t, apt, event.VideoAsked); n != 0 || len(h.raised) != 1 || h.raised[0].Why != video.RoomStarted {
				t.Fatalf("under way it is asked for %d times, raised %+v", n, h.raised)
			}
			h.Clock.Pass(time.Hour)
			if err := h.zoom.End(m.ID); err != nil {
				t.Fatal(err)
			}
			end := h.notices(t)
			for range 2 {
				if told {
					h.tell(t, end...)
					continue
				}
				h.check(t)
				h.Clock.Pass(time.Hour)
			}
			if n := h.changes(t, apt, event.VideoAsked); n == 0 {
				t.Fatal("nobody looks at it again")
			}
			h.sync(t, apt)
			v := h.stands(t, apt, video.Ready, "")
			if now, _ := h.zoom.Meeting(m.ID); !now.Start.Equal(apt.Start) || !v.Acked.Start.Equal(apt.Start) {
				t.Errorf("the room is at %s, the appointment at %s", now.Start, apt.Start)
			}
			if len(h.raised) != 1 {
				t.Errorf("raised %+v", h.raised)
			}
		})
	}
}

// The diary follows its host: what the staff were told of an earlier time is held against the new one.
func TestFollowedSettles(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	h.stood = nil
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-01-05T15:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	want := video.Standing{AppointmentID: apt.ID, Sequence: h.now(t, apt).Sequence, Hosted: true, Fits: true}
	if len(h.stood) != 1 || h.stood[0] != want || want.Sequence == apt.Sequence {
		t.Errorf("%+v, want %+v", h.stood, want)
	}
}
