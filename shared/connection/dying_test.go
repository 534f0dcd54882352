package connection_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// Saving what Zoom gave is tried hard; and when it fails for good, that is told without a secret.
func TestSavingFails(t *testing.T) {
	t.Parallel()
	for name, forever := range map[string]bool{"for a second": false, "for good": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var failing atomic.Bool
			var fails atomic.Int32
			h := newHouse(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
				if failing.Load() && op == "TransactWriteItems" && (forever || fails.Add(1) <= 5) {
					return errors.New("the table is away")
				}
				return send()
			}))
			con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
			h.Clock.Pass(time.Hour)
			p := h.parts(t, h.Table, hook{after: func(path string) { failing.Store(path == "/oauth/token") }})
			var alarm []string
			p.Alarm = func(_ context.Context, code, con string, cause error) {
				alarm = append(alarm, code, con, cause.Error())
			}
			_, err := connection.New(p).Token(t.Context(), h.host(con), "")
			failing.Store(false)
			if !forever {
				must(t, err)
				h.works(t, con)
				return
			}
			if !fault.Is(err, fault.Unavailable) || len(alarm) != 3 || alarm[0] != connection.GrantLostRisk || alarm[1] != con.ID {
				t.Errorf("it was %v, with the alarm %q", err, alarm)
			}
			if strings.Contains(strings.Join(alarm, ""), "token") {
				t.Errorf("the alarm is %q", alarm)
			}
		})
	}
}

// died ends a test's process in the middle.
type died struct{}

// dies runs something that may die, and tells whether it did.
func dies(do func()) bool {
	dead := false
	func() {
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(died); !ok {
					panic(p)
				}
				dead = true
			}
		}()
		do()
	}()
	return dead
}

// A worker that dies at any point of a renewal leaves the connection usable for the next one, but where Zoom had
// renewed it and nobody else knows: there is no way to help that, and it is told as what it is.
func TestDyingWhileRenewing(t *testing.T) {
	var left atomic.Int32
	var late atomic.Bool
	step := func(send func() error) error {
		n := left.Add(-1)
		if n == 0 && !late.Load() {
			panic(died{})
		}
		err := send()
		if n == 0 {
			panic(died{})
		}
		return err
	}
	h := newHouse(t, clinictest.Intercept(func(_ context.Context, _ string, send func() error) error { return step(send) }))
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	alive, lost := 0, 0
	for _, after := range []bool{false, true} {
		late.Store(after)
		for n := int32(1); ; n++ {
			h.Clock.Pass(2 * time.Hour)
			s := connection.New(h.parts(t, h.Table, hook{
				before: func(string) { _ = step(func() error { return nil }) },
			}))
			asked := len(h.zoom.Requests(zoomsim.OpRefresh))
			grant := h.read(t, con.ID).Grant
			left.Store(n)
			dead := dies(func() { _, _ = s.Token(t.Context(), h.host(con), "") })
			left.Store(0)
			if !dead {
				break
			}
			renewed, saved := len(h.zoom.Requests(zoomsim.OpRefresh)) > asked, h.read(t, con.ID).Grant > grant
			h.Clock.Pass(time.Minute) // the lease of the dead
			_, err := h.Token(t.Context(), h.host(con), "")
			if renewed && !saved {
				lost++
				if code(err) != video.NeedsReauth {
					t.Errorf("dying at %d (after: %v) with the grant lost: %v", n, after, err)
				}
				h.linked(t, clinictest.Clinician, zoomsim.Ada)
				continue
			}
			alive++
			if err != nil {
				t.Errorf("dying at %d (after: %v): %v", n, after, err)
			}
		}
	}
	if alive < 6 || lost > 2 {
		t.Errorf("%d deaths without harm, %d with the grant lost", alive, lost)
	}
}

// A browser's way back that dies at any point leaves nothing half done: whoever begins again is connected.
func TestDyingWhileConnecting(t *testing.T) {
	var left atomic.Int32
	step := func(send func() error) error {
		if left.Add(-1) == 0 {
			panic(died{})
		}
		return send()
	}
	h := newHouse(t, clinictest.Intercept(func(_ context.Context, _ string, send func() error) error { return step(send) }))
	s := connection.New(h.parts(t, h.Table, hook{before: func(string) { _ = step(func() error { return nil }) }}))
	deaths := 0
	for n := int32(1); ; n++ {
		who := h.NewStaff(t, "clinician")
		cb := h.back(t, h.begin(t, who, connection.Own), zoomsim.Login{User: zoomsim.Ada})
		left.Store(n)
		dead := dies(func() { _, _ = s.Complete(t.Context(), cb) })
		left.Store(0)
		if !dead {
			break
		}
		deaths++
		con := h.linked(t, who, zoomsim.Ada)
		h.works(t, con)
		// One that was not spent by then still serves, and to no harm.
		if out := h.complete(t, cb); out.Code != connection.Unknown && (out.Code != connection.Connected || n > 2) {
			t.Errorf("dying at %d: the old state came to %s", n, out.Code)
		}
		h.works(t, con)
		items, err := h.Removal(t.Context(), rooms(h.Org), con.ID, "test", nil)
		must(t, err)
		h.erase(t, items)
	}
	if deaths < 8 {
		t.Errorf("it died at %d points only", deaths)
	}
}
