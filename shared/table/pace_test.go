package table_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// hours is time that passes only while everybody sleeps, so that a slow computer makes nobody late: how late somebody
// wakes is drawn. Whoever is to be waited for is counted by enter until leave.
type hours struct {
	mu     sync.Mutex
	at     time.Time
	awake  int
	beds   []bed
	draw   *rand.Rand
	late   time.Duration // nobody wakes later than that
	sleeps int
}

// bed is where somebody sleeps until an instant.
type bed struct {
	until time.Time
	wake  chan struct{}
}

func newHours(late time.Duration) *hours {
	return &hours{at: clinictest.Monday(), draw: rand.New(rand.NewPCG(1, 2)), late: late}
}

func (h *hours) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hours) enter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.awake++
}

func (h *hours) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rest()
}

// rest has one fewer awake. When it was the last one, time goes on to the next who wakes, and those who wake then.
func (h *hours) rest() {
	if h.awake--; h.awake > 0 || len(h.beds) == 0 {
		return
	}
	slices.SortFunc(h.beds, func(a, b bed) int { return a.until.Compare(b.until) })
	if next := h.beds[0].until; next.After(h.at) {
		h.at = next
	}
	for len(h.beds) > 0 && !h.beds[0].until.After(h.at) {
		close(h.beds[0].wake)
		h.beds, h.awake = h.beds[1:], h.awake+1
	}
}

func (h *hours) sleep(_ context.Context, d time.Duration) error {
	h.mu.Lock()
	b := bed{until: h.at.Add(max(0, d)), wake: make(chan struct{})}
	if h.late > 0 {
		b.until = b.until.Add(time.Duration(h.draw.Int64N(int64(h.late))))
	}
	h.beds, h.sleeps = append(h.beds, b), h.sleeps+1
	h.rest()
	h.mu.Unlock()
	<-b.wake
	return nil
}

// queue is one process's view of the queue of a service, by these hours.
func (h *hours) queue(of *clinictest.House) *table.Pace {
	return of.Table.Pace("pds", h.now).Sleeping(h.sleep)
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
// soon, and what there is room for is used. Where many wake too late for their places, no second has more either.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		late   time.Duration
		calls  int // in a minute, at least
		people int // at least
		waited time.Duration
	}{
		"at once":        {0, 280, 50, 1500 * time.Millisecond},
		"a little late":  {20 * time.Millisecond, 280, 50, 1500 * time.Millisecond},
		"often too late": {40 * time.Millisecond, 120, 20, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			made := crowd(t, newHours(c.late), time.Minute)
			if n := most(made.all); n > 5 {
				t.Errorf("%d calls in one second", n)
			}
			if n := len(made.people); n < c.people || made.waited > c.waited {
				t.Errorf("%d people came through, after up to %s", n, made.waited)
			}
			if n := len(made.all); n < c.calls {
				t.Errorf("only %d calls", n)
			}
			t.Logf("%d calls, %d in the fullest second; %d people, the slowest after %s",
				len(made.all), most(made.all), len(made.people), made.waited)
		})
	}
}

// crowd has twenty workers and a person ask for a while.
func crowd(t *testing.T, hours *hours, length time.Duration) *calls {
	t.Helper()
	const workers = 20
	h, made, end := clinictest.New(t), &calls{}, hours.now().Add(length)
	var all sync.WaitGroup
	ask := func(person bool, pause time.Duration) {
		defer hours.leave()
		q := hours.queue(h)
		for hours.now().Before(end) {
			began := hours.now()
			err := q.Wait(t.Context(), person)
			switch at := hours.now(); {
			case err == nil:
				made.add(at.UnixNano(), person, at.Sub(began))
			case person || !fault.Is(err, fault.Limited):
				t.Error(err)
			}
			if err != nil || person {
				_ = hours.sleep(t.Context(), pause)
			}
		}
	}
	for range workers + 1 {
		hours.enter() // before anybody asks: nobody sleeps the others away
	}
	for range workers {
		all.Go(func() { ask(false, 50*time.Millisecond) })
	}
	all.Go(func() { ask(true, time.Second) })
	all.Wait()
	return made
}

// Whoever would have to wait for too long is sent back with the time to come again, and takes no place.
func TestPaceTooLong(t *testing.T) {
	h, hours := clinictest.New(t), newHours(0)
	q := hours.queue(h)
	for range 11 {
		if err := q.Hold(t.Context(), time.Second); err != nil && !fault.Is(err, fault.Limited) {
			t.Fatal(err)
		}
	}
	for range 3 {
		err := q.Wait(t.Context(), true)
		if !fault.Is(err, fault.Limited) || fault.Of(err).RetryAfter < time.Second || hours.sleeps > 0 {
			t.Fatalf("%v after %d sleeps", err, hours.sleeps)
		}
	}
}

// A caller who gives up does not wait on.
func TestPaceCancelled(t *testing.T) {
	h := clinictest.New(t)
	r := h.Table.Pace("pds", time.Now)
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
	if err := h.Table.Pace("pds", time.Now).Wait(t.Context(), true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
