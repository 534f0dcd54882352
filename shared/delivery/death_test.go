package delivery_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"almanac/shared/clinictest"
	"almanac/shared/delivery"
	"almanac/shared/fault"
	"almanac/shared/id"
)

func TestDeliverAfterADeath(t *testing.T) {
	b := newBench(t)
	died := make(chan struct{})
	go func() {
		defer close(died)
		_ = b.ledger.Deliver(t.Context(), b.by, delivery.Plain(b.m, b.patient), b.ready(func(context.Context) (string, error) {
			b.sent.Add(1)
			runtime.Goexit() // the worker is gone between the provider's answer and the ledger
			return "", nil
		}))
	}()
	<-died
	b.stands(t, delivery.Sending, "")
	expect(t, b.deliver(t, nil), fault.Unavailable) // it may still be alive
	b.Clock.Pass(59 * time.Second)
	expect(t, b.deliver(t, nil), fault.Unavailable)
	b.Clock.Pass(2 * time.Second)
	for range 3 {
		if err := b.deliver(t, nil); err != nil {
			t.Fatal(err)
		}
		b.stands(t, delivery.Unknown, "worker_lost")
	}
	if b.sent.Load() != 1 {
		t.Errorf("sent %d times", b.sent.Load())
	}
}

// A worker whose clock is ten minutes ahead takes another for dead. The other knows better.
func TestDeliverWithClocksApart(t *testing.T) {
	for _, x := range []struct {
		answer error
		state  delivery.State
		reason string
	}{
		{nil, delivery.Done, ""},
		{fault.New(fault.Invalid, "message_rejected", ""), delivery.Failed, "message_rejected"},
		{fault.New(fault.Limited, "throttled", ""), delivery.Planned, "throttled"},
		{fault.New(fault.Internal, "no_answer", ""), delivery.Unknown, "worker_lost"},
	} {
		b := newBench(t)
		ahead := delivery.New(b.Table, func() time.Time { return b.Clock.Now().Add(10 * time.Minute) }, id.New)
		err := b.ledger.Deliver(t.Context(), b.by, delivery.Plain(b.m, b.patient), b.ready(func(ctx context.Context) (string, error) {
			b.sent.Add(1)
			err := ahead.Deliver(ctx, b.by, delivery.Plain(b.m, b.patient), b.ready(func(context.Context) (string, error) {
				b.sent.Add(1)
				return "", nil
			}))
			if err != nil {
				t.Errorf("the other worker: %v", err)
			}
			b.stands(t, delivery.Unknown, "worker_lost") //nolint:contextcheck // the test looks, not the worker
			return "ses-1", x.answer
		}))
		if (err != nil) != (x.state == delivery.Planned) {
			t.Errorf("the queue hears %v", err)
		}
		b.stands(t, x.state, x.reason)
		if b.sent.Load() != 1 {
			t.Errorf("sent %d times", b.sent.Load())
		}
	}
}

var errLost = errors.New("lost")

// The table does a write and every answer to it is lost, however often it is asked again. That costs nothing: neither
// the mail nor a second one.
func TestDeliverWithLostAnswers(t *testing.T) {
	for which, name := range []string{"taking", "settling"} {
		write, lost := 0, 0
		b := newBench(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
			err := send()
			switch {
			case op == "TransactWriteItems" && write == which && lost >= 0:
				lost++
				return errLost
			case op == "TransactWriteItems":
				write++
			case lost > 0: // somebody looks what became of it
				lost, write = -1, write+1
			}
			return err
		}))
		if err := b.deliver(t, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.stands(t, delivery.Done, "")
		if b.sent.Load() != 1 || len(b.news(t)) != 2 || lost != -1 {
			t.Errorf("%s: sent %d times, events %v", name, b.sent.Load(), b.news(t))
		}
	}
}

// The worker dies at every call that it makes to the table, before it is made and after. The message comes back, and
// what was sent is sent no second time.
func TestDeliverDiesAnywhere(t *testing.T) {
	var calls, dies atomic.Int32
	var after atomic.Bool
	b := newBench(t, clinictest.Intercept(func(_ context.Context, _ string, send func() error) error {
		n, at := calls.Add(1), dies.Load()
		if at == 0 || n < at {
			return send()
		}
		if n == at && after.Load() {
			_ = send()
		}
		return errLost // dead: nothing more gets through
	}))
	points := 0
	for at := int32(1); ; at++ {
		reached := false
		for _, a := range []bool{false, true} {
			b.another()
			calls.Store(0)
			after.Store(a)
			dies.Store(at)
			err := b.deliver(t, nil)
			reached = reached || calls.Load() >= at
			dies.Store(0)
			if err == nil && calls.Load() >= at && b.sent.Load() == 0 {
				t.Errorf("death at call %d (after: %v) was told as success", at, a)
			}
			b.Clock.Pass(3 * time.Minute)
			if err := b.deliver(t, nil); err != nil {
				t.Errorf("death at call %d (after: %v): %v", at, a, err)
			}
			c := b.Table.For(b.by)
			var d delivery.Delivery
			if err := c.Get(t.Context(), c.Delivery(b.m.Target, b.m.Event), &d); err != nil {
				t.Fatal(err)
			}
			if b.sent.Load() > 1 || d.State == delivery.Done && b.sent.Load() != 1 || d.State != delivery.Done && d.State != delivery.Unknown {
				t.Errorf("death at call %d (after: %v): sent %d times, %s", at, a, b.sent.Load(), d.State)
			}
			points++
		}
		if !reached {
			break
		}
	}
	if points < 6 {
		t.Errorf("only %d points of death", points)
	}
}

// Whatever happens, in whatever order: what the provider may have taken is never sent again, and what was settled
// stays as it is.
func TestDeliverAnyHistory(t *testing.T) {
	b := newBench(t)
	fates := []string{"taken", "lost", "dies", "throttled", "refused", "unreachable", "superseded", "time passes"}
	rapid.Check(t, func(r *rapid.T) {
		b.another()
		taken, last := 0, ""
		for _, fate := range rapid.SliceOfN(rapid.SampledFrom(fates), 2, 6).Draw(r, "fates") {
			if fate == "time passes" {
				b.Clock.Pass(time.Duration(rapid.IntRange(1, 90).Draw(r, "seconds")) * time.Second)
				continue
			}
			taken += b.live(t, fate)
			if taken > 1 {
				r.Fatalf("sent %d times", taken)
			}
			c := b.Table.For(b.by)
			var d delivery.Delivery
			if err := c.Get(t.Context(), c.Delivery(b.m.Target, b.m.Event), &d); err != nil {
				r.Fatal(err)
			}
			now := string(d.State) + d.Reason
			if last != "" && last != now {
				r.Fatalf("%s became %s", last, now)
			}
			if d.State != delivery.Planned && d.State != delivery.Sending {
				last = now
			}
		}
	})
}

// live delivers with a fate, and counts what the provider took.
func (b *bench) live(t *testing.T, fate string) int {
	t.Helper()
	taken, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		_ = b.ledger.Deliver(t.Context(), b.by, delivery.Plain(b.m, b.patient), b.ready(func(context.Context) (string, error) {
			switch fate {
			case "taken":
				taken++
				return "ses-1", nil
			case "lost":
				taken++
				return "", errLost
			case "dies":
				taken++
				runtime.Goexit()
			case "throttled":
				return "", fault.New(fault.Limited, fate, "")
			case "refused":
				return "", fault.New(fault.Invalid, fate, "")
			case "superseded":
				return "", delivery.Skip(fate)
			}
			return "", fault.New(fault.Unavailable, fate, "")
		}))
	}()
	<-done
	return taken
}
