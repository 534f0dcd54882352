package table_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// racer is one process that wants to call: it has a view of the queue, and a clock, of its own.
type racer struct {
	*table.Pace
	last atomic.Int64 // when its clock was last asked, in nanoseconds: the instant at which Wait let it go
}

func newRacer(h *clinictest.House) *racer {
	r := &racer{}
	r.Pace = h.Table.Pace("pds", func() time.Time {
		at := time.Now()
		r.last.Store(at.UnixNano())
		return at
	})
	return r
}

// calls are the instants at which calls were made, of people and of others.
type calls struct {
	mu     sync.Mutex
	all    []int64
	people []int64
	waited time.Duration // the longest that a person waited
}

func (c *calls) add(at int64, person bool, waited time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, at)
	if person {
		c.people, c.waited = append(c.people, at), max(c.waited, waited)
	}
}

// most is the greatest number of calls in any second, wherever it begins.
func most(at []int64) int {
	slices.Sort(at)
	best := 0
	for i := range at {
		n := 0
		for ; i+n < len(at) && at[i+n] < at[i]+int64(time.Second); n++ {
		}
		best = max(best, n)
	}
	return best
}

// Twenty workers ask without end, and people now and then: no second has more than five calls, people come through
// soon, and what there is room for is used.
func TestPace(t *testing.T) {
	h := clinictest.New(t)
	const workers, length = 20, 6 * time.Second
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	var made calls
	var limited atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			r := newRacer(h)
			for ctx.Err() == nil {
				err := r.Wait(ctx, false)
				switch {
				case err == nil:
					made.add(r.last.Load(), false, 0)
				case fault.Is(err, fault.Limited):
					limited.Add(1)
					time.Sleep(50 * time.Millisecond)
				case ctx.Err() == nil:
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		r := newRacer(h)
		for ctx.Err() == nil {
			began := time.Now()
			if err := r.Wait(ctx, true); err == nil {
				made.add(r.last.Load(), true, time.Since(began))
			} else if ctx.Err() == nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
	})
	all.Wait()
	if n := most(made.all); n > 5 {
		t.Errorf("%d calls in one second", n)
	}
	if len(made.people) < 4 || made.waited > 1500*time.Millisecond {
		t.Errorf("%d people came through, after up to %s", len(made.people), made.waited)
	}
	if n := len(made.all); n < 20 {
		t.Errorf("only %d calls in %s", n, length)
	}
	t.Logf("%d calls in %s, %d in the fullest second; %d people, the slowest after %s; %d sent back",
		len(made.all), length, most(made.all), len(made.people), made.waited.Round(time.Millisecond), limited.Load())
}

// Whoever would have to wait for too long is sent back with the time to come again, and takes no place.
func TestPaceTooLong(t *testing.T) {
	h := clinictest.New(t)
	r := newRacer(h)
	for range 11 {
		if err := r.Hold(t.Context(), time.Second); err != nil && !fault.Is(err, fault.Limited) {
			t.Fatal(err)
		}
	}
	for range 3 {
		began := time.Now()
		err := r.Wait(t.Context(), true)
		if !fault.Is(err, fault.Limited) || fault.Of(err).RetryAfter < time.Second || time.Since(began) > time.Second {
			t.Fatalf("%v after %s", err, time.Since(began))
		}
	}
}

// A caller who gives up does not wait on.
func TestPaceCancelled(t *testing.T) {
	h := clinictest.New(t)
	r := newRacer(h)
	if err := r.Hold(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := r.Wait(ctx, true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// Without the table nobody calls: a limit that nobody keeps is none.
func TestPaceWithoutTable(t *testing.T) {
	h := clinictest.New(t, clinictest.Intercept(func(context.Context, string, func() error) error {
		return errors.New("no table")
	}), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	if err := newRacer(h).Wait(t.Context(), true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
