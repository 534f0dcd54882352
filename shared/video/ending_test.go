package video_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// puts has a visit wait in a list.
func (s *staffed) puts(t *testing.T, apt booking.Appointment, list string) {
	t.Helper()
	k := s.Table.For(s.job)
	err := k.Write(t.Context(), table.Change{
		Action: access.VideoSync, Target: apt.ID, Event: event.Event{Name: event.VideoSettled},
		Put: []table.Item{{
			Key: k.Visit(apt.ID), New: true, Index: k.Listing(table.Visits, list, apt.Start, apt.ID),
			Value: video.Visit{
				AppointmentID: apt.ID, PatientID: apt.PatientID, State: video.Wanted, List: list, Start: apt.Start,
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dismiss has a member of staff leave.
func (s *staffed) dismiss(t *testing.T, subject string) {
	t.Helper()
	var m clinic.Staff
	k := s.Table.For(s.job)
	if err := k.Get(t.Context(), k.Staff(subject), &m); err != nil {
		t.Fatal(err)
	}
	m.Left = true
	s.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(subject), Value: m, Version: m.Version}}
	})
}

// The practitioner's other account cannot be used: the visits wait, the staff are told, and it is over once that
// account can be used.
func TestVisitsNotLeftToAnUnusableAccount(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.grants(h.con)
	apt, _ := h.ready(t, tuesday)
	h.Clock.Pass(time.Minute)
	con := h.join(t, h.subjects[0], zoomsim.Cara)
	a := h.all[con]
	a.Usable, a.Why = false, "scopes_missing"
	h.all[con] = a
	h.disconnects(h.con, "replaced")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.forget(h.con)
	h.work(t)
	h.orphaned(t, apt)
	if all := h.waiting(t, video.RoomsLost); len(all) != 1 || all[0].Count != 1 {
		t.Errorf("the staff are told %+v", all)
	}
	h.Clock.Pass(time.Minute)
	a.Usable, a.Why = true, ""
	h.all[con] = a
	h.grants(con)
	if err := h.video.Resume(t.Context(), h.job, con); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	h.only(t, apt, zoomsim.Cara)
	if all := h.waiting(t, video.RoomsLost); len(all) > 0 {
		t.Errorf("the staff are told %+v", all)
	}
}

// Two members of staff are one practitioner: the account that one of them connects ends what waits for the other's,
// should that one have left too.
func TestLostByOneFoundByTheOther(t *testing.T) {
	for _, left := range []bool{false, true} {
		h := newStaffed(t, newHeard(t))
		h.grants(h.con)
		apt, _ := h.ready(t, tuesday)
		second := h.Employ(t, clinic.Staff{
			Roles: []access.Role{access.Clinician}, PractitionerID: h.Practitioners[0].ID,
		})
		h.disconnects(h.con, "asked")
		if err := h.video.End(t.Context(), h.job, h.con); err != nil {
			t.Fatal(err)
		}
		h.forget(h.con)
		if n := len(h.waiting(t, video.RoomsLost)); n != 1 {
			t.Fatalf("%d tasks", n)
		}
		if left {
			h.dismiss(t, h.subjects[0])
		}
		h.Clock.Pass(time.Minute)
		con := h.join(t, second, zoomsim.Cara)
		h.grants(con)
		if err := h.video.Resume(t.Context(), h.job, con); err != nil {
			t.Fatal(err)
		}
		h.work(t)
		h.only(t, apt, zoomsim.Cara)
		if all := h.waiting(t, video.RoomsLost); len(all) > 0 {
			t.Errorf("left %t: the staff are told %+v", left, all)
		}
	}
}

// The provider does not answer while an account ends: the rooms are taken from the visits at once, and that is when the
// staff are told. What is lost besides by the end is told with it.
func TestStaffToldDuringOutage(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.grants(h.con)
	apt, _ := h.ready(t, tuesday)
	h.disconnects(h.con, "asked")
	h.fails(t, zoomsim.Unavailable, 1000, zoomsim.OpList)
	refused(t, h.video.End(t.Context(), h.job, h.con), "unavailable: provider_unavailable")
	h.orphaned(t, apt)
	first := h.waiting(t, video.RoomsLost)
	if len(first) != 1 || first[0].Count != 1 {
		t.Fatalf("the staff are told %+v", first)
	}
	late := h.book(t, 0, wednesday)
	h.puts(t, late, h.con) // though that is coming to its end
	h.Clock.Pass(30 * time.Minute)
	refused(t, h.video.End(t.Context(), h.job, h.con), "unavailable: provider_unavailable")
	all := h.waiting(t, video.RoomsLost)
	if len(all) != 1 || all[0].ID != first[0].ID || all[0].Count != 2 ||
		fmt.Sprint(all[0].AppointmentIDs) != fmt.Sprint([]string{apt.ID, late.ID}) {
		t.Errorf("the staff are told %+v", all)
	}
}

// A visit without an account is one task, which ends when it has its room, or needs none any more, and comes again when
// it waits again.
func TestNotConnectedSettles(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	made, cancelled := h.book(t, 1, tuesday), h.book(t, 1, wednesday)
	for _, apt := range []booking.Appointment{made, cancelled} {
		h.email(t, apt)
		h.sync(t, apt)
	}
	if n := len(h.waiting(t, video.NotConnected)); n != 2 {
		t.Fatalf("%d tasks", n)
	}
	h.cancel(t, cancelled)
	h.sync(t, cancelled)
	if all := h.waiting(t, video.NotConnected); len(all) != 1 || all[0].AppointmentID != made.ID {
		t.Errorf("the staff are told %+v", all)
	}
	con := h.join(t, h.subjects[1], zoomsim.Ben)
	h.grants(con)
	if err := h.video.Resume(t.Context(), h.job, con); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	h.stands(t, made, video.Ready, "")
	if all := h.waiting(t, video.NotConnected); len(all) > 0 {
		t.Errorf("the staff are told %+v", all)
	}
	h.disconnects(con, "asked")
	h.sync(t, made)
	h.stands(t, made, video.Parked, video.NotConnected)
	if all := h.waiting(t, video.NotConnected); len(all) != 1 {
		t.Errorf("waiting again, the staff are told %+v", all)
	}
}

// An erasing that got as far as closing a room's row is given up, as the account was connected again. The next creation's
// answer is lost, and the old room is taken for the visit's: what is told of it counts.
func TestClosedRoomAdopted(t *testing.T) {
	var moment clinictest.Moment
	h := newHeard(t, moment.Option())
	apt, _ := h.ready(t, tuesday)
	n := h.uninstalled(t)
	for calls := 1; ; calls++ {
		ctx, cancel := context.WithCancel(t.Context())
		moment.At(calls, cancel)
		err := h.video.Observe(ctx, n)
		cancel()
		if err == nil {
			t.Fatal("it came to its end")
		}
		if h.visit(t, apt).Ref == "" {
			break
		}
	}
	h.granted(t)
	if err := h.video.Resume(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	if err := h.until(t, apt, 5); err != nil {
		t.Fatal(err)
	}
	h.check(t)
	h.stands(t, apt, video.Ready, "")
	h.hear(t)
	if err := h.zoom.Delete(h.there("")[0].ID, true); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	if now := h.now(t, apt); now.Status != booking.Cancelled {
		t.Errorf("its room was deleted, and the appointment is %s", now.Status)
	}
}

// A visit that waited for an account until its appointment was over does not seem to wait on.
func TestMissedIsShown(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt := h.book(t, 1, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	for _, want := range []string{"parked not_connected", "ended passed"} {
		view, err := h.video.Show(t.Context(), h.By(t, clinictest.Receptionist), apt.ID)
		if got := view.State + " " + view.Why; err != nil || got != want {
			t.Errorf("%q (%v), want %q", got, err, want)
		}
		h.Clock.Set(apt.End)
	}
}

// Somebody finds that the account must be connected again just before it is taken away: no task of it is left.
func TestTaskRaisedLast(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.disconnects(h.con, "asked")
	h.late = func() {
		if err := h.tasks.OfAccount(t.Context(), h.job, h.con, h.subjects[0], "grant_dead", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	if all := h.waiting(t, video.NeedsReauth); len(all) > 0 || h.late != nil {
		t.Errorf("the staff are told %+v", all)
	}
}

// heldBack marks the context of somebody whose writes wait.
type heldBack struct{}

// Somebody chose the account before its erasing began, and writes the visit into it just before the last step, which
// would not look for it any more: that is refused.
func TestChosenBeforeErase(t *testing.T) {
	type asking func(context.Context, *staffed, access.Caller, booking.Appointment) error
	for name, at := range map[string]asking{
		"asked for": func(ctx context.Context, h *staffed, by access.Caller, apt booking.Appointment) error {
			_, err := h.video.Email(ctx, by, clinictest.Once(), apt.ID, false)
			return err
		},
		"being made": func(ctx context.Context, h *staffed, _ access.Caller, apt booking.Appointment) error {
			err := h.video.Sync(ctx, h.job, apt.ID)
			if fault.Is(err, fault.Unavailable) { // it comes again
				return nil
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			there, gate := make(chan bool, 99), make(chan bool)
			h := newStaffed(t, newHeard(t, clinictest.Intercept(func(ctx context.Context, op string, send func() error) error {
				if ctx.Value(heldBack{}) != nil && op == "TransactWriteItems" {
					there <- true
					<-gate
				}
				return send()
			})))
			apt := h.book(t, 0, tuesday)
			if name == "being made" {
				h.puts(t, apt, apt.PractitionerID)
			}
			told := h.uninstalled(t)
			done := make(chan error, 1)
			by, late := h.By(t, clinictest.Receptionist), context.WithValue(t.Context(), heldBack{}, true)
			go func() { done <- at(late, h, by, apt) }()
			<-there
			h.late = func() {
				close(gate)
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if err := h.video.Observe(t.Context(), told); err != nil {
				t.Fatal(err)
			}
			h.forget(h.con)
			if n := h.left(t, h.con, ""); n > 0 || h.late != nil {
				t.Errorf("%d items are left", n)
			}
			h.Clock.Pass(time.Minute)
			h.sync(t, apt)
			h.orphaned(t, apt)
		})
	}
}

// The index shows a visit in an account only when that is no more: the visit waits for another one all the same.
func TestEndedFindsTheLate(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.forget(h.con)
	apt := h.book(t, 0, tuesday)
	h.puts(t, apt, h.con)
	for range 2 {
		if err := h.video.Ended(t.Context(), h.job, h.con); err != nil {
			t.Fatal(err)
		}
		h.work(t)
	}
	h.orphaned(t, apt)
	if n := len(h.waiting(t, video.NotConnected)); n != 1 || h.left(t, h.con, "") > 0 {
		t.Errorf("%d tasks, or something is left", n)
	}
}
