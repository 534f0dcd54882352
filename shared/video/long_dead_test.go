package video_test

import (
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// dies notes that the provider lets nobody into an account, as the table would.
func (h *heard) dies(con string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.all[con]
	a.Usable, a.Why, a.Died = false, video.NeedsReauth, h.Clock.Now()
	h.all[con], h.dead[con] = a, true
}

// An account that nobody connects again for a week is erased as one that was uninstalled, which may never be told. What
// is to come waits for the next account, and the staff are told of it.
func TestCheckErasesTheLongDead(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.grants(h.con)
	apt, _ := h.ready(t, "2027-01-20T10:00")
	days := func(n int) {
		t.Helper()
		for range n {
			h.Clock.Pass(24 * time.Hour)
			if err := h.video.Check(t.Context(), h.job, h.con); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.dies(h.con)
	days(6)
	h.stands(t, apt, video.Ready, "")
	h.reconnect(t, h.con)
	h.grants(h.con)
	a := h.all[h.con]
	a.Died = time.Time{}
	h.all[h.con] = a
	days(1)
	if _, _, gone := h.tombstone(t, h.con); gone {
		t.Fatal("it is erased though it was connected again")
	}
	h.dies(h.con)
	days(6)
	if _, _, gone := h.tombstone(t, h.con); gone {
		t.Fatal("it is erased before a week was over")
	}
	days(1)
	h.forget(h.con)
	if why, _, gone := h.tombstone(t, h.con); !gone || why != video.LongDead {
		t.Errorf("erased %t, for %s", gone, why)
	}
	if h.left(t, h.con, "") > 0 {
		t.Error("something is left of the account")
	}
	h.orphaned(t, apt)
	lost := h.waiting(t, video.RoomsLost)
	if len(lost) != 1 || len(lost[0].Because) != 1 || lost[0].Because[0] != video.LongDead || lost[0].Count != 1 {
		t.Errorf("the staff are told %+v", lost)
	}
	con := h.join(t, h.subjects[0], zoomsim.Cara)
	h.grants(con)
	if err := h.video.Resume(t.Context(), h.job, con); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	h.stands(t, apt, video.Ready, "")
	if n := len(h.there(zoomsim.Cara)); n != 1 {
		t.Errorf("%d rooms in the next account", n)
	}
	if lost := h.waiting(t, video.RoomsLost); len(lost) > 0 {
		t.Errorf("connected, it is open still: %+v", lost)
	}
}

// The provider's clock is behind ours: what it dates shortly before the account was connected may have been after that,
// so it is asked. What it dates long before that was.
func TestObserveClocksDiffer(t *testing.T) {
	for _, kind := range []video.Kind{video.Uninstalled, video.UserGone} {
		t.Run(string(kind), func(t *testing.T) {
			h := newStaffed(t, newHeard(t))
			h.Clock.Pass(time.Hour)
			h.grants(h.con)
			granted := h.all[h.con].Granted
			n := video.Notice{
				V: video.NoticeVersion, Provider: "zoom", Kind: kind, Account: zoomsim.AccountOne, User: zoomsim.Ada,
				At: granted.Add(-30 * time.Second), Received: h.Clock.Now(),
			}
			done := func() bool {
				_, _, gone := h.tombstone(t, h.con)
				return gone || len(h.lapsed) > 0
			}
			if err := h.video.Observe(t.Context(), n); !fault.Is(err, fault.NotFound) || done() {
				t.Errorf("while it lets us in: %v, done %t", err, done())
			}
			h.fails(t, zoomsim.Unavailable, 10, zoomsim.OpList)
			if err := h.video.Observe(t.Context(), n); !fault.Is(err, fault.Unavailable) || done() {
				t.Errorf("while it does not answer: %v, done %t", err, done())
			}
			h.zoom.Faults.Clear()
			h.dead[h.con] = true
			early := n
			early.At = granted.Add(-11 * time.Minute)
			if err := h.video.Observe(t.Context(), early); !fault.Is(err, fault.NotFound) || done() {
				t.Errorf("of long before: %v, done %t", err, done())
			}
			if err := h.video.Observe(t.Context(), n); err != nil || !done() {
				t.Errorf("when it lets nobody in: %v, done %t", err, done())
			}
		})
	}
}
