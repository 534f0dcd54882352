package zoom

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What a Delivery's State can be.
const (
	Queued    = "queued"
	Delivered = "delivered"
	Failed    = "failed"  // every try failed: Zoom gives up
	Dropped   = "dropped" // by a fault
)

// maxDeliveries bounds what is remembered.
const maxDeliveries = 2000

// validation is the event that no meeting causes.
const validation = "endpoint.url_validation"

// Delivery is one webhook on its way. A duplicate is another Delivery.
type Delivery struct {
	ID      int       `json:"id"`
	App     string    `json:"app,omitempty"`
	Event   string    `json:"event"`
	User    string    `json:"user,omitempty"`
	Meeting int64     `json:"meeting,omitempty"`
	Body    string    `json:"body"`
	Due     time.Time `json:"due"`
	State   string    `json:"state"`
	Tries   []Try     `json:"tries,omitempty"`

	payload object
	sending bool
}

// Try is one sending of a Delivery.
type Try struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"` // 0: no answer
	Error  string    `json:"error,omitempty"`
	Fault  string    `json:"fault,omitempty"`
	Took   string    `json:"took"`
}

// queue puts an event in line, as often as the hook says. The caller holds the lock.
func (s *Server) queue(app, event, user string, meeting int64, payload object) {
	h := s.hooks[app]
	if h.URL == "" || h.failed >= validFailed {
		return
	}
	for range max(1, h.Copies) {
		d := &Delivery{App: app, Event: event, User: user, Meeting: meeting, payload: payload}
		s.push(d, time.Duration(h.Delay))
	}
}

func (s *Server) push(d *Delivery, delay time.Duration) {
	s.delivered++
	d.ID, d.State, d.Due = s.delivered, Queued, s.config.Now().Add(delay)
	if d.payload != nil {
		d.Body = s.encode(d.payload)
	}
	if s.deliveries = append(s.deliveries, d); len(s.deliveries) > maxDeliveries {
		s.deliveries = slices.Delete(s.deliveries, 0, len(s.deliveries)-maxDeliveries)
	}
	s.nudge()
}

// nudge wakes the sending goroutine.
func (s *Server) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Emit queues an event that the caller made up: it is signed and sent like any other, byte for byte.
func (s *Server) Emit(app, event string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hooks[app]; h == nil || h.URL == "" {
		return fmt.Errorf("%w: the app has no address for webhooks", ErrAct)
	}
	s.push(&Delivery{App: app, Event: event, Body: string(body)}, 0)
	return nil
}

// Deliveries returns the webhooks, oldest first, of one state or all.
func (s *Server) Deliveries(states ...string) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Delivery
	for _, d := range s.deliveries {
		if len(states) == 0 || slices.Contains(states, d.State) {
			c := *d
			c.Tries, c.payload = slices.Clone(d.Tries), nil
			list = append(list, c)
		}
	}
	return list
}

// Shuffle mixes the order of what waits.
func (s *Server) Shuffle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var waiting []int
	for n, d := range s.deliveries {
		if d.State == Queued {
			waiting = append(waiting, n)
		}
	}
	s.rng.Shuffle(len(waiting), func(i, j int) {
		a, b := waiting[i], waiting[j]
		s.deliveries[a], s.deliveries[b] = s.deliveries[b], s.deliveries[a]
	})
}

// Deliver sends one delivery now, due or not, sent already or not, and returns the status of the answer, 0 without one.
func (s *Server) Deliver(ctx context.Context, id int) (int, error) {
	s.mu.Lock()
	n := slices.IndexFunc(s.deliveries, func(d *Delivery) bool { return d.ID == id && !d.sending })
	if n < 0 {
		s.mu.Unlock()
		return 0, fmt.Errorf("%w: there is no delivery %d, or it is being sent", ErrAct, id)
	}
	d := s.deliveries[n]
	d.sending = true
	s.mu.Unlock()
	return s.attempt(ctx, d), nil
}

// Flush sends all that is due, one after the other, and returns how many. What a failure puts off is for later.
func (s *Server) Flush(ctx context.Context) int {
	list, parallel := s.due()
	var all sync.WaitGroup
	for _, d := range list {
		if parallel {
			all.Go(func() { s.attempt(ctx, d) })
			continue
		}
		s.attempt(ctx, d)
	}
	all.Wait()
	return len(list)
}

// due takes what is to be sent now.
func (s *Server) due() ([]*Delivery, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	var list []*Delivery
	for _, d := range s.deliveries {
		if d.State == Queued && !d.sending && !d.Due.After(now) {
			d.sending = true
			list = append(list, d)
		}
	}
	shuffle, parallel := false, false
	for _, h := range s.hooks {
		shuffle, parallel = shuffle || h.Shuffle, parallel || h.Parallel
	}
	if shuffle {
		s.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	} else {
		slices.SortStableFunc(list, func(a, b *Delivery) int { return a.Due.Compare(b.Due) })
	}
	return list, parallel
}

// run sends until the stand-in is closed.
func (s *Server) run(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond) // the clock is the caller's, so its moving must be looked for
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
		s.Tick(ctx)
	}
}

// Tick does what is due on the stand-in's clock: validations and deliveries. Only a Manual stand-in needs it called.
func (s *Server) Tick(ctx context.Context) {
	for app := range s.hooks {
		s.mu.Lock()
		h := s.hooks[app]
		due := h.URL != "" && !h.NoCheck && !h.next.After(s.config.Now())
		s.mu.Unlock()
		if due {
			_ = s.Validate(ctx, app) // what came of it stands in Deliveries and Valid
		}
	}
	s.Flush(ctx)
}

// Settle waits until no webhook is due, or the context ends. What waits for a later time does not count.
func (s *Server) Settle(ctx context.Context) error {
	for {
		s.mu.Lock()
		busy := slices.ContainsFunc(s.deliveries, func(d *Delivery) bool {
			return d.sending || d.State == Queued && !d.Due.After(s.config.Now())
		})
		s.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("webhooks still due: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
