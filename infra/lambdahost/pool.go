package lambdahost

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// call is one invocation on its way.
type call struct {
	id      string
	payload []byte
	done    chan struct{}
	answer  []byte
	err     error
}

func newCall(payload []byte) *call {
	return &call{id: uuid.NewString(), payload: payload, done: make(chan struct{})}
}

// end gives the caller its answer. Only the goroutine that runs the call ends it.
func (c *call) end(answer []byte, err error) {
	c.answer, c.err = answer, err
	close(c.done)
}

// pool holds the processes of one function.
type pool struct {
	host     *Host
	function Function

	mu      sync.Mutex
	workers map[*worker]bool // all that live
	idle    []*worker        // the last used is last
	waiting []chan *worker   // a nil worker means: room for one more
	closed  bool
	stats   Stats
}

func newPool(h *Host, f Function) *pool {
	return &pool{host: h, function: f, workers: map[*worker]bool{}}
}

// run carries one call to its end, whether or not its caller still waits.
func (p *pool) run(ctx context.Context, c *call) {
	p.count(func(s *Stats) { s.Invocations++ })
	for {
		w, err := p.take(ctx)
		if err != nil {
			c.end(nil, err)
			return
		}
		r, ok := w.serve(c)
		p.give(w) // before the caller knows: its next call must find the process free
		if ok {
			c.end(r.answer, r.err)
			return
		}
	}
}

// take finds an idle process, starts one, or waits for one.
func (p *pool) take(ctx context.Context) (*worker, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return w, nil
	}
	if len(p.workers) < p.function.MaxConcurrency {
		w := p.reserve()
		p.mu.Unlock()
		return p.launch(w)
	}
	turn := make(chan *worker, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	return p.await(ctx, turn)
}

// await waits for a turn: an idle process, or room for a new one.
func (p *pool) await(ctx context.Context, turn chan *worker) (*worker, error) {
	select {
	case w, ok := <-turn:
		if !ok {
			return nil, ErrClosed
		}
		if w.started {
			return w, nil
		}
		return p.launch(w)
	case <-ctx.Done():
		p.mu.Lock()
		for i, t := range p.waiting {
			if t == turn {
				p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
				p.mu.Unlock()
				return nil, ctx.Err()
			}
		}
		p.mu.Unlock()
		if w, ok := <-turn; ok { // the turn came in the same instant: pass it on
			p.give(w)
		}
		return nil, ctx.Err()
	}
}

// reserve makes room for a process; the lock is held.
func (p *pool) reserve() *worker {
	w := newWorker(p)
	p.workers[w] = true
	p.stats.Peak = max(p.stats.Peak, len(p.workers))
	return w
}

// launch starts a reserved process and waits until it asks for work.
func (p *pool) launch(w *worker) (*worker, error) {
	w.started = true
	took, err := w.start()
	if err != nil {
		w.kill()
		<-w.exited
		p.give(w)
		return nil, err
	}
	p.count(func(s *Stats) {
		s.Inits = append(s.Inits, took)
		if len(s.Inits) > historyLength {
			s.Inits = s.Inits[1:]
		}
	})
	return w, nil
}

// give returns a process: to the caller waiting longest, to the idle ones, or, if it has ended, to nobody.
func (p *pool) give(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.started { // its room was not used: nobody else will say that it is gone
		close(w.exited)
	}
	if p.closed {
		w.kill()
		return
	}
	if w.gone() {
		delete(p.workers, w)
		if len(p.waiting) == 0 {
			return
		}
		w = p.reserve()
	}
	if len(p.waiting) > 0 {
		turn := p.waiting[0]
		p.waiting = p.waiting[1:]
		turn <- w
		return
	}
	w.idleSince = time.Now()
	p.idle = append(p.idle, w)
}

// lost forgets a process that ended while it was idle.
func (p *pool) lost(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, x := range p.idle {
		if x == w {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			delete(p.workers, w)
			return
		}
	}
}

func (p *pool) reapIdle(before time.Time) {
	p.mu.Lock()
	var old []*worker
	keep := p.idle[:0]
	for _, w := range p.idle {
		if w.idleSince.Before(before) {
			old = append(old, w)
			delete(p.workers, w)
		} else {
			keep = append(keep, w)
		}
	}
	p.idle = keep
	p.mu.Unlock()
	for _, w := range old {
		w.kill()
		<-w.exited
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	all := p.workers
	p.workers, p.idle = map[*worker]bool{}, nil
	for _, turn := range p.waiting {
		close(turn)
	}
	p.waiting = nil
	p.mu.Unlock()
	for w := range all {
		w.kill()
	}
	for w := range all {
		<-w.exited
	}
}

func (p *pool) count(f func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.stats)
}

// failure makes the error that the invoker of a failed function sees.
func (p *pool) failure(c *call, kind, message string) *FunctionError {
	e := &FunctionError{Function: p.function.Name, Type: kind, Message: message}
	if c != nil {
		e.RequestID = c.id
		e.Message = fmt.Sprintf("RequestId: %s Error: %s", c.id, message)
	}
	payload, err := json.Marshal(map[string]string{"errorType": e.Type, "errorMessage": e.Message})
	if err == nil { // a map of texts always encodes
		e.Payload = payload
	}
	return e
}
