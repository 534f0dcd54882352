package main

import (
	"context"
	"net/http"
	"runtime"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
)

// reaper lets a process die at one of its calls, to the table or to Zoom: before the call is sent, or after it was
// carried out and before its answer is heard. It stands below everything that the product does.
type reaper struct {
	mu    sync.Mutex
	armed bool
	calls int
	at    int // 0: at none
	after bool
	died  chan struct{}
}

// arm counts the calls anew, and has the process die at one of them.
func (r *reaper) arm(at int, after bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed, r.calls, r.at, r.after, r.died = true, 0, at, after, make(chan struct{})
}

// spare lets everything live again, and tells how many calls there were.
func (r *reaper) spare() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed = false
	return r.calls
}

// call makes a call, unless the process dies before it, or is dead. Whoever dies does nothing any more and says
// nothing.
func (r *reaper) call(send func()) {
	r.mu.Lock()
	r.calls++
	dies := r.armed && r.calls == r.at
	dead := r.armed && r.at > 0 && r.calls > r.at
	after, died := r.after, r.died
	r.mu.Unlock()
	if dead || dies && !after {
		if dies {
			close(died)
		}
		runtime.Goexit()
	}
	send()
	if dies {
		close(died)
		runtime.Goexit()
	}
}

// intercept is the reaper's place before the table.
func (r *reaper) intercept(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("reaper", func(
			ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
		) (middleware.FinalizeOutput, middleware.Metadata, error) {
			var out middleware.FinalizeOutput
			var meta middleware.Metadata
			var err error
			r.call(func() { out, meta, err = next.HandleFinalize(ctx, in) })
			return out, meta, err
		}), middleware.After)
	})
}

// wire is the way to Zoom, with the reaper on it.
type wire struct {
	reaper *reaper
	next   http.RoundTripper
}

// RoundTrip sends a request.
func (x wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var res *http.Response
	var err error
	x.reaper.call(func() { res, err = x.next.RoundTrip(r) }) //nolint:bodyclose // whoever asked closes it
	return res, err
}

// mortal does work in a process that dies at one of its calls, and returns when the work is over or the process dead.
// What of the process waits for what has died waits for ever.
func (r *reaper) mortal(at int, after bool, work func() error) int {
	r.arm(at, after)
	apart(func() { _ = work() }, r.died) // if it lives, it is done again, and its error with it
	return r.spare()
}

// apart does work in a goroutine of its own, which may end anywhere, and waits for its end or for died.
func apart(work func(), died <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-died:
	}
}
