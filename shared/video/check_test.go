package video_test

import (
	"fmt"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/video"
)

func (h *heard) check(t *testing.T) {
	t.Helper()
	if err := h.video.Check(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
}

// next is in how long the account is looked at again, as planned last.
func (h *heard) next(t *testing.T) time.Duration {
	t.Helper()
	if len(h.due) == 0 {
		t.Fatal("nothing is planned")
	}
	return h.due[len(h.due)-1].Sub(h.Clock.Now())
}

// What was never told is found: a move, a change that the diary cannot have, a deletion.
func TestCheckFinds(t *testing.T) {
	h := newHeard(t)
	moved, m1 := h.ready(t, tuesday)
	kept, m2 := h.ready(t, wednesday)
	gone, m3 := h.ready(t, "2027-01-07T10:00")
	same, _ := h.ready(t, "2027-01-08T10:00")
	for id, c := range map[int64]zoomsim.Change{
		m1.ID: {Start: at(t, "2027-01-05T15:00:00Z"), Minutes: new(45)}, m2.ID: {Start: at(t, "2027-01-09T12:00:00Z")},
	} {
		if err := h.zoom.Edit(id, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.zoom.Delete(m3.ID, true); err != nil {
		t.Fatal(err)
	}
	h.notices(t) // and all of it is lost
	for range 2 {
		h.check(t)
	}
	if now := h.now(t, moved); !now.Start.Equal(*at(t, "2027-01-05T15:00:00Z")) || now.End.Sub(now.Start) != 45*time.Minute {
		t.Errorf("the appointment is at %s", now.Start)
	}
	if now := h.now(t, kept); now.Version != kept.Version || len(h.raised) != 1 || h.raised[0].Why != video.TimeRefused {
		t.Errorf("the other is at %s, raised %+v", now.Start, h.raised)
	}
	if m, _ := h.zoom.Meeting(m2.ID); !m.Start.Equal(kept.Start) {
		t.Errorf("its room is at %s", m.Start)
	}
	if now := h.now(t, gone); now.CancelReason != booking.DeletedByHost || h.changes(t, gone, event.AppointmentCancelled) != 1 {
		t.Errorf("the third is %s", now.Status)
	}
	if now := h.now(t, same); now.Version != same.Version {
		t.Error("and the fourth is another one, too")
	}
	if len(h.freed) != 2 || h.next(t) != 45*time.Minute {
		t.Errorf("kept alive %v, next in %s", h.freed, h.next(t))
	}
}

// Rooms of ours that no visit has are deleted; those of the host stay, and so does what may still be somebody's.
func TestCheckSurplus(t *testing.T) {
	h := newHeard(t)
	h.join(t, h.subjects[1], zoomsim.Ben)
	apt, m := h.ready(t, tuesday)
	twin, err := h.zoom.Schedule(zoomsim.Ada, zoomsim.Change{Start: new(apt.Start), Agenda: new(m.Agenda)})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := h.zoom.Schedule(zoomsim.Ada, zoomsim.Change{Start: new(apt.Start), Agenda: new("Almanac reference: 0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	own, err := h.zoom.Schedule(zoomsim.Ada, zoomsim.Change{Start: new(apt.Start)})
	if err != nil {
		t.Fatal(err)
	}
	// One was left behind when the appointment went to the other practitioner.
	left, old := h.ready(t, wednesday)
	if err := h.zoom.Start(old.ID); err != nil {
		t.Fatal(err)
	}
	left = h.move(t, left, booking.Wish{Start: wednesday, PractitionerID: h.Practitioners[1].ID})
	h.sync(t, left)
	if err := h.zoom.End(old.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Edit(old.ID, zoomsim.Change{Start: new(left.Start)}); err != nil { // the host has it again
		t.Fatal(err)
	}
	h.hear(t)
	for range 2 {
		h.check(t)
	}
	for id, want := range map[int64]bool{m.ID: true, twin.ID: false, stranger.ID: true, own.ID: true, old.ID: false} {
		if now, _ := h.zoom.Meeting(id); (!now.Trashed) != want {
			t.Errorf("the meeting %d (%q) is there: %v", id, now.Agenda, !now.Trashed)
		}
	}
	if len(h.there(zoomsim.Ben)) != 1 || len(h.tasks()) > 1 {
		t.Errorf("%d at the other's, tasks %v", len(h.there(zoomsim.Ben)), h.tasks())
	}
	h.stands(t, apt, video.Ready, "")
}

// What waits is tried again when its time has come, and nothing is asked of Zoom for what agrees.
func TestCheckTriesAgain(t *testing.T) {
	h := newHeard(t)
	apt := h.book(t, 0, wednesday)
	h.fails(t, zoomsim.Daily, 1, zoomsim.OpCreate)
	h.email(t, apt)
	h.sync(t, apt)
	h.stands(t, apt, video.Parked, video.DailyQuota)
	h.check(t)
	if n := h.changes(t, apt, event.VideoAsked); n != 0 {
		t.Errorf("asked for %d times before its time", n)
	}
	h.Clock.Set(h.visit(t, apt).Again)
	h.reconnect(t, h.con)
	h.check(t)
	if n := h.changes(t, apt, event.VideoAsked); n != 1 {
		t.Errorf("asked for %d times", n)
	}
	h.sync(t, apt)
	h.only(t, apt, zoomsim.Ada)
	h.check(t)
	if n := h.changes(t, apt, event.VideoAsked); n != 1 || h.next(t) != 45*time.Minute {
		t.Errorf("asked for %d times, next in %s", n, h.next(t))
	}
}

// How soon the next look is due.
func TestCheckPlans(t *testing.T) {
	h := newHeard(t)
	h.check(t)
	if h.next(t) != 6*time.Hour {
		t.Errorf("without rooms in %s", h.next(t))
	}
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
	h.check(t)
	if h.next(t) != 5*time.Minute || len(h.there("")) != 1 {
		t.Errorf("after an unknown outcome in %s, with %d rooms", h.next(t), len(h.there("")))
	}
	h.fails(t, zoomsim.Unavailable, 9, zoomsim.OpList)
	h.check(t)
	h.zoom.Faults.Clear()
	if h.next(t) != 5*time.Minute {
		t.Errorf("after silence in %s", h.next(t))
	}
	before := len(h.zoom.Requests())
	a := h.all[h.con]
	a.Due = h.Clock.Now().Add(time.Second)
	h.all[h.con] = a
	h.check(t)
	if len(h.zoom.Requests()) != before {
		t.Error("looked before it was due")
	}
	a.Due = time.Time{}
	h.all[h.con], h.dead[h.con] = a, true
	h.check(t)
	if len(h.lapsed) != 1 {
		t.Errorf("lapsed %v", h.lapsed)
	}
}

// Fifteen hours without a word from Zoom, nor a look at it: everything is found, with few calls.
func TestCheckAfterOutage(t *testing.T) {
	h := newHeard(t)
	type one struct {
		apt  booking.Appointment
		want string
	}
	var all []one
	for n := range 40 {
		day, hour := 5+n/8, 9+n%8
		if day > 8 {
			day += 2
		}
		start := fmt.Sprintf("2027-01-%02dT%02d:00", day, hour)
		apt, m := h.ready(t, start)
		x := one{apt: apt, want: start}
		switch n % 4 {
		case 0:
			x.want = fmt.Sprintf("2027-01-%02dT%02d:30", day, hour)
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: new(apt.Start.Add(30 * time.Minute))}); err != nil {
				t.Fatal(err)
			}
		case 1:
			x.want = ""
			if err := h.zoom.Delete(m.ID, false); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, x)
	}
	h.notices(t)
	h.Clock.Pass(15 * time.Hour)
	h.reconnect(t, h.con)
	before, looks := len(h.zoom.Requests()), 0
	for ; looks < 10; looks++ {
		h.check(t)
		if h.next(t) > time.Minute {
			break
		}
	}
	for _, x := range all {
		now := h.now(t, x.apt)
		switch {
		case x.want == "" && now.CancelReason != booking.DeletedByHost:
			t.Errorf("%s is %s", x.apt.LocalStart, now.Status)
		case x.want != "" && now.LocalStart != x.want:
			t.Errorf("%s is at %s, want %s", x.apt.LocalStart, now.LocalStart, x.want)
		}
	}
	// A list for each look, a read for each room that differs.
	if n := len(h.zoom.Requests()) - before; n > 20+looks+2 || looks > 1 {
		t.Errorf("%d calls in %d looks", n, looks+1)
	}
}

// An account in which no rooms can be made, because it is the clinic's or must be connected again, is kept alive where
// that can be, and no more is asked of it.
func TestCheckWithoutRooms(t *testing.T) {
	h := newHeard(t)
	h.ready(t, tuesday)
	a := h.all[h.con]
	a.Usable = false
	h.all[h.con] = a
	before := len(h.zoom.Requests())
	h.check(t)
	if len(h.zoom.Requests()) != before || len(h.lapsed) > 0 || len(h.freed) != 1 || h.next(t) != 6*time.Hour {
		t.Errorf("%d calls, lapsed %v, kept alive %v, next in %s", len(h.zoom.Requests())-before, h.lapsed, h.freed, h.next(t))
	}
}

// A room about which Zoom says nothing keeps no other one from being looked at.
func TestCheckOneSilent(t *testing.T) {
	h := newHeard(t)
	_, bad := h.ready(t, tuesday)
	good, m := h.ready(t, wednesday)
	for _, id := range []int64{bad.ID, m.ID} {
		if err := h.zoom.Edit(id, zoomsim.Change{Minutes: new(40)}); err != nil {
			t.Fatal(err)
		}
	}
	h.fails(t, zoomsim.Fail, 99, fmt.Sprintf("%s %d", zoomsim.OpGet, bad.ID))
	h.check(t)
	if now := h.now(t, good); now.End.Sub(now.Start) != 40*time.Minute || h.next(t) != 5*time.Minute {
		t.Errorf("it lasts %s, and the next look is in %s", now.End.Sub(now.Start), h.next(t))
	}
}
