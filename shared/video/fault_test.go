package video_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// However Zoom fails while the room is made, there is one in the end, or the visit says why not.
func TestCreateFaults(t *testing.T) {
	for _, x := range []struct {
		kind, on string
		first    string // what the queue hears at the first try
		state    video.State
		why      string
		lapsed   int
		raised   int
	}{
		{zoomsim.LoseRequest, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.LoseReply, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.Hang, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.CutOff, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.FailLate, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.Fail, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.BadGateway, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.HTML, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.Empty, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.NoJoinURL, zoomsim.OpCreate, "unavailable: outcome_unknown", video.Ready, "", 0, 0},
		{zoomsim.ZeroCode, zoomsim.OpCreate, "", video.Ready, "", 0, 0},
		{zoomsim.Expire, zoomsim.OpCreate, "", video.Ready, "", 0, 0},
		{zoomsim.TooFast, zoomsim.OpCreate, "limited: provider_busy", video.Ready, "", 0, 0},
		{zoomsim.AfterNoise, zoomsim.OpCreate, "limited: provider_busy", video.Ready, "", 0, 0},
		{zoomsim.Daily, zoomsim.OpCreate, "", video.Parked, video.DailyQuota, 0, 1},
		{zoomsim.Redirecting, zoomsim.OpCreate, "", video.Parked, video.DailyQuota, 0, 1},
		{zoomsim.NoScope, zoomsim.OpCreate, "", video.Parked, video.NeedsReauth, 1, 0},
		{zoomsim.Disabled, zoomsim.OpCreate, "", video.Parked, video.NeedsReauth, 1, 0},
		{zoomsim.OtherHost, zoomsim.OpCreate, "", video.Parked, video.NeedsReauth, 1, 0},
		{zoomsim.NotInPlan, zoomsim.OpCreate, "", video.Failed, video.ProviderRefused, 0, 1},
		{zoomsim.NoHosting, zoomsim.OpCreate, "", video.Failed, video.ProviderRefused, 0, 1},
	} {
		t.Run(x.kind, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			con := h.connect(t, h.subjects[0], zoomsim.Ada)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.fails(t, x.kind, 1, x.on)
			err := h.video.Sync(t.Context(), h.job, apt.ID)
			if x.first == "" && err != nil || x.first != "" && (err == nil || fault.Of(err).Error() != x.first) {
				t.Errorf("the queue hears %v, want %s", err, x.first)
			}
			if err != nil && len(h.due) == 0 {
				t.Error("nobody looks after it, should the queue give up")
			}
			if err := h.until(t, apt, 4); err != nil {
				t.Errorf("and at last %v", err)
			}
			v := h.stands(t, apt, x.state, x.why)
			if len(h.lapsed) != x.lapsed || len(h.raised) != x.raised || v.Pending {
				t.Errorf("lapsed %v, raised %v, %+v", h.lapsed, h.raised, v)
			}
			if x.state == video.Ready {
				h.only(t, apt, zoomsim.Ada)
				return
			}
			if n := len(h.there("")); n != 0 || h.rows(t, con, table.Makings) != 0 {
				t.Errorf("%d meetings, %d rows", n, h.rows(t, con, table.Makings))
			}
		})
	}
}

// However Zoom fails while a room is moved or deleted, it is where the diary says in the end.
func TestChangeFaults(t *testing.T) {
	kinds := []string{
		zoomsim.LoseRequest, zoomsim.LoseReply, zoomsim.CutOff, zoomsim.FailLate, zoomsim.Fail, zoomsim.BadGateway, zoomsim.Unavailable,
		zoomsim.HTML, zoomsim.Empty, zoomsim.TooFast, zoomsim.AfterPast, zoomsim.Concurrent, zoomsim.Expire, zoomsim.ZeroCode,
	}
	for _, op := range []string{zoomsim.OpGet, zoomsim.OpUpdate, zoomsim.OpDelete} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.connect(t, h.subjects[0], zoomsim.Ada)
			for n, kind := range kinds {
				apt := h.book(t, 0, "2027-01-0"+strconv.Itoa(5+n%4)+"T09:30")
				h.email(t, apt)
				h.sync(t, apt)
				times := 3
				if kind == zoomsim.Expire { // a fresh token that is dead at once is one to be connected again
					times = 1
				}
				h.fails(t, kind, times, op)
				if op == zoomsim.OpDelete {
					h.cancel(t, apt)
				} else {
					apt = h.move(t, apt, booking.Wish{Start: "2027-01-1" + strconv.Itoa(1+n%4) + "T1" + strconv.Itoa(n%7) + ":00"})
				}
				if err := h.until(t, apt, 8); err != nil {
					t.Errorf("%s of %s: %v", kind, op, err)
				}
				if err := h.zoom.Faults.Set(nil); err != nil {
					t.Fatal(err)
				}
				if op == zoomsim.OpDelete {
					h.stands(t, apt, video.Removed, "")
				} else {
					h.stands(t, apt, video.Ready, "")
					h.only(t, apt, zoomsim.Ada)
					h.cancel(t, apt)
					h.sync(t, apt)
				}
				if left := len(h.there("")); left > 0 {
					t.Fatalf("%s of %s: %d meetings are left", kind, op, left)
				}
				h.Clock.Pass(time.Minute)
			}
			if len(h.raised)+len(h.lapsed) > 0 {
				t.Errorf("%s: raised %v, lapsed %v", op, h.raised, h.lapsed)
			}
		})
	}
}

// The reply is lost, and Zoom's list does not show the meeting yet: the second one is the visit's, and the account is
// looked through for the first.
func TestCreateLostAndNotListed(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	h.fails(t, zoomsim.StaleList, 2, zoomsim.OpList)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
	h.due = nil
	h.sync(t, apt)
	if len(h.there("")) != 2 || len(h.due) != 1 || h.due[0].After(h.Clock.Now().Add(15*time.Minute)) {
		t.Errorf("%d meetings, due %v", len(h.there("")), h.due)
	}
}

// Two replies are lost and the list is late: of the two meetings one is adopted, and the other is deleted.
func TestCreateLostTwice(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 2, zoomsim.OpCreate)
	h.fails(t, zoomsim.StaleList, 2, zoomsim.OpList)
	for range 2 {
		refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
	}
	if n := len(h.there("")); n != 2 {
		t.Fatalf("%d meetings", n)
	}
	h.sync(t, apt)
	h.only(t, apt, zoomsim.Ada)
	if n := h.asked(zoomsim.OpCreate); n != 2 {
		t.Errorf("%d creations", n)
	}
}

// A lost reply and a cancellation: whatever may have been made is looked for and deleted.
func TestCreateLostAndCancelled(t *testing.T) {
	h := newHouse(t)
	con := h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
	h.stands(t, apt, video.Making, video.OutcomeUnknown)
	if len(h.there("")) != 1 || h.rows(t, con, table.Makings) != 1 {
		t.Fatalf("%d meetings", len(h.there("")))
	}
	h.cancel(t, apt)
	h.sync(t, apt)
	h.stands(t, apt, video.Removed, "")
	if len(h.there("")) != 0 || h.rows(t, con, table.Makings) != 0 {
		t.Errorf("%d meetings, %d rows", len(h.there("")), h.rows(t, con, table.Makings))
	}
}

var errDead = errors.New("dead")

// killer lets a process die at one of its calls to the table: nothing that it does afterwards gets through.
type killer struct {
	armed, after atomic.Bool
	calls, dies  atomic.Int32
}

func (k *killer) arm(at int32, after bool) {
	k.calls.Store(0)
	k.dies.Store(at)
	k.after.Store(after)
	k.armed.Store(true)
}

func (k *killer) intercept(_ context.Context, _ string, send func() error) error {
	if !k.armed.Load() {
		return send()
	}
	n, at := k.calls.Add(1), k.dies.Load()
	if n < at {
		return send()
	}
	if n == at && k.after.Load() {
		_ = send()
	}
	return errDead
}

// The worker dies at any call to the table, before and after it, while it makes, moves and deletes a room: the next
// ones end in the same state, with one meeting, or none.
func TestDiesAnywhere(t *testing.T) {
	steps := []struct {
		name  string
		ready func(*testing.T, *house) booking.Appointment
		check func(*testing.T, *house, booking.Appointment)
	}{
		{"make", func(t *testing.T, h *house) booking.Appointment {
			t.Helper()
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			return apt
		}, func(t *testing.T, h *house, apt booking.Appointment) {
			t.Helper()
			h.only(t, apt, zoomsim.Ada)
			h.stands(t, apt, video.Ready, "")
		}},
		{"move", func(t *testing.T, h *house) booking.Appointment {
			t.Helper()
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.sync(t, apt)
			return h.move(t, apt, booking.Wish{Start: wednesday})
		}, func(t *testing.T, h *house, apt booking.Appointment) {
			t.Helper()
			h.only(t, apt, zoomsim.Ada)
			h.stands(t, apt, video.Ready, "")
		}},
		{"another host", func(t *testing.T, h *house) booking.Appointment {
			t.Helper()
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.sync(t, apt)
			return h.move(t, apt, booking.Wish{Start: wednesday, PractitionerID: h.Practitioners[1].ID})
		}, func(t *testing.T, h *house, apt booking.Appointment) {
			t.Helper()
			h.only(t, apt, zoomsim.Cara)
			h.stands(t, apt, video.Ready, "")
		}},
		{"delete", func(t *testing.T, h *house) booking.Appointment {
			t.Helper()
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.sync(t, apt)
			h.cancel(t, apt)
			return apt
		}, func(t *testing.T, h *house, apt booking.Appointment) {
			t.Helper()
			h.stands(t, apt, video.Removed, "")
			if n := len(h.there("")); n > 0 {
				t.Errorf("%d meetings are left", n)
			}
		}},
	}
	for _, x := range steps {
		t.Run(x.name, func(t *testing.T) {
			var k killer
			h := newHouse(t, clinictest.Intercept(k.intercept))
			con := h.connect(t, h.subjects[0], zoomsim.Ada)
			h.connect(t, h.subjects[1], zoomsim.Cara)
			takes := some(t, 4)
			for at := int32(1); ; at++ {
				if !takes(int(at)) {
					continue
				}
				reached := false
				for _, after := range []bool{false, true} {
					apt := x.ready(t, h)
					k.arm(at, after)
					err := h.video.Sync(t.Context(), h.job, apt.ID)
					k.armed.Store(false)
					if k.calls.Load() < at {
						if err != nil {
							t.Errorf("lives, and gives %v", err)
						}
					} else {
						reached = true
					}
					if err := h.until(t, apt, 4); err != nil {
						t.Fatalf("dead at %d (%t), then %v", at, after, err)
					}
					x.check(t, h, apt)
					if n := h.rows(t, con, table.Makings); n > 0 {
						t.Errorf("dead at %d (%t): %d rows of rooms being made", at, after, n)
					}
					if v := h.visit(t, apt); v.State != video.Removed {
						h.cancel(t, apt)
						if err := h.until(t, apt, 4); err != nil {
							t.Fatal(err)
						}
					}
					if t.Failed() {
						t.Fatalf("dead at call %d, after it: %t", at, after)
					}
					h.Clock.Pass(time.Minute)
				}
				if !reached {
					if at < 5 {
						t.Errorf("only %d calls", at)
					}
					return
				}
			}
		})
	}
}

// The table's answers to one write are lost, although it was carried out, while the room is made and moved: that is
// found out at once, and nobody waits for a lease that nobody holds.
func TestRepliesLost(t *testing.T) {
	var armed atomic.Bool
	var calls, lost atomic.Int32
	h := newHouse(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		if !armed.Load() || op != "TransactWriteItems" {
			return send()
		}
		n, at := calls.Add(1), lost.Load()
		err := send()
		if n == at || n == at+1 { // the table asks once more for what became of it
			return errDead
		}
		return err
	}))
	h.connect(t, h.subjects[0], zoomsim.Ada)
	for at := int32(1); ; at++ {
		apt := h.book(t, 0, tuesday)
		h.email(t, apt)
		reached := false
		for _, start := range []string{"", wednesday} {
			if start != "" {
				apt = h.move(t, apt, booking.Wish{Start: start})
			}
			calls.Store(0)
			lost.Store(at)
			armed.Store(true)
			err := h.video.Sync(t.Context(), h.job, apt.ID)
			armed.Store(false)
			reached = reached || calls.Load() >= at
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("reply %d lost: %v", at, err)
			}
			h.sync(t, apt)
			h.only(t, apt, zoomsim.Ada)
			h.stands(t, apt, video.Ready, "")
		}
		h.cancel(t, apt)
		h.sync(t, apt)
		if !reached {
			if at < 4 {
				t.Errorf("only %d writes", at-1)
			}
			return
		}
	}
}
