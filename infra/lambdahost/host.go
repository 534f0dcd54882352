// Package lambdahost runs Lambda functions on this machine: the very binaries that are deployed, as processes that
// speak the Runtime API over loopback.
//
// Its rule: a function cannot tell that it is not on AWS. One process serves one invocation at a time; concurrent
// ones get processes of their own up to a limit; a process is killed at its deadline, and one that ends is replaced
// at the next invocation. It sees the variables that Lambda sets and those of the template, and nothing of the
// developer's shell.
package lambdahost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	defaultConcurrency = 10
	defaultInit        = 10 * time.Second // Lambda's own limit
	defaultIdle        = 10 * time.Minute
	maxPayload         = 6 << 20 // of a request, and of an answer
	historyLength      = 1024    // start-up times kept for each function
)

var (
	// ErrUnknown means that no function has the name.
	ErrUnknown = errors.New("lambdahost: no such function")
	// ErrClosed means that the host has been closed.
	ErrClosed = errors.New("lambdahost: closed")
	// ErrTooLarge means that the payload is above 6 MB, which Lambda does not take.
	ErrTooLarge = errors.New("lambdahost: payload above 6 MB")
)

// FunctionError is what an invocation came to when the function failed: it answered with an error, died, or ran out
// of time.
type FunctionError struct {
	Function  string
	RequestID string
	Type      string // such as errorString, Runtime.ExitError, Sandbox.Timedout
	Message   string
	Payload   []byte // the error as the invoker of a Lambda function sees it
}

func (e *FunctionError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Function, e.Type, e.Message)
}

// Function is one function to host.
type Function struct {
	Name     string // as the callers of Invoke know it
	Dir      string // folder that holds bootstrap
	Handler  string
	Timeout  time.Duration // 3 s if zero, as Lambda has it
	MemoryMB int           // only told to the function; 128 if zero
	// LogFormat (Text or JSON) and LogLevel are what LoggingConfig says; Lambda passes them on in the environment.
	LogFormat, LogLevel string
	// Env are the function's own variables. Those that Lambda reserves are refused.
	Env map[string]string
	// AccessKey signs the function's calls to AWS, with a secret that is the same word; "local" if empty.
	AccessKey string
	// MaxConcurrency is the greatest number of processes; 10 if zero. Invocations above it wait.
	MaxConcurrency int
}

// Options are common to all functions of a host.
type Options struct {
	Region  string // eu-west-2 if empty
	Account string // 000000000000 if empty
	// Logs gets every line that a function writes, as one Write, behind the function's name. Nil drops them.
	Logs io.Writer
	// IdleAfter is how long a process waits unused before it is ended; 10 minutes if zero.
	IdleAfter time.Duration
	// InitTimeout is how long a process may take to ask for its first invocation; 10 s if zero.
	InitTimeout time.Duration
}

// Stats is what became of a function so far.
type Stats struct {
	Starts      int // processes started: cold starts
	Running     int // processes now
	Peak        int // most processes at once
	Invocations int
	Errors      int // invocations that the function answered with an error
	Crashes     int // processes that ended by themselves
	Timeouts    int // processes killed at their deadline
	// Inits are the times from the start of a process to its first request for an invocation; the last 1,024 of them.
	Inits []time.Duration
}

// Host runs functions until it is closed.
type Host struct {
	options  Options
	pools    map[string]*pool
	logs     *lineWriter
	spawner  *spawner
	stop     context.CancelFunc
	stopped  context.Context //nolint:containedctx // the host's life, which no single call's context covers
	reapDone chan struct{}
}

// New prepares the functions; processes start when they are needed. Ending ctx closes the host as Close does.
func New(ctx context.Context, o Options, functions ...Function) (*Host, error) {
	o.Region, o.Account = or(o.Region, "eu-west-2"), or(o.Account, "000000000000")
	o.IdleAfter, o.InitTimeout = or(o.IdleAfter, defaultIdle), or(o.InitTimeout, defaultInit)
	h := &Host{options: o, pools: map[string]*pool{}, logs: &lineWriter{w: o.Logs}, reapDone: make(chan struct{})}
	for _, f := range functions {
		if err := h.add(f); err != nil {
			return nil, err
		}
	}
	h.stopped, h.stop = context.WithCancel(ctx)
	h.spawner = newSpawner()
	go h.reap()
	return h, nil
}

func (h *Host) add(f Function) error {
	f.Timeout, f.MemoryMB = or(f.Timeout, 3*time.Second), or(f.MemoryMB, 128)
	f.MaxConcurrency, f.Handler = or(f.MaxConcurrency, defaultConcurrency), or(f.Handler, "bootstrap")
	if _, ok := h.pools[f.Name]; ok || f.Name == "" {
		return fmt.Errorf("lambdahost: function name %q is empty or given twice", f.Name)
	}
	dir, err := filepath.Abs(f.Dir)
	if err != nil {
		return fmt.Errorf("lambdahost: %s: %w", f.Name, err)
	}
	f.Dir = dir
	info, err := os.Stat(filepath.Join(f.Dir, "bootstrap"))
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("lambdahost: %s: no program %s/bootstrap: build the functions first", f.Name, f.Dir)
	}
	for name := range f.Env {
		if slices.Contains(reserved(), name) {
			return fmt.Errorf("lambdahost: %s: variable %s is Lambda's own", f.Name, name)
		}
	}
	h.pools[f.Name] = newPool(h, f)
	return nil
}

// Invoke runs the function with the payload and returns its answer. It waits while all processes of the function are
// busy. A failure of the function is a *FunctionError. When ctx ends, Invoke returns its error at once, but the
// function runs on to its deadline, as a Lambda whose caller has gone does.
func (h *Host) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	p, ok := h.pools[function]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, function)
	}
	if len(payload) > maxPayload {
		return nil, ErrTooLarge
	}
	call := newCall(payload)
	go p.run(ctx, call)
	select {
	case <-call.done:
		return call.answer, call.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Warm starts one process of the function, or finds one idle, and returns once it asks for work: an error tells that
// the function cannot start.
func (h *Host) Warm(ctx context.Context, function string) error {
	p, ok := h.pools[function]
	if !ok {
		return fmt.Errorf("%w: %s", ErrUnknown, function)
	}
	w, err := p.take(ctx)
	if err != nil {
		return err
	}
	p.give(w)
	return nil
}

// Stats tells what became of the function so far; the zero Stats if there is no such function.
func (h *Host) Stats(function string) Stats {
	p, ok := h.pools[function]
	if !ok {
		return Stats{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Running = len(p.workers)
	s.Inits = slices.Clone(s.Inits)
	return s
}

// Close kills every process and returns when all of them are gone.
func (h *Host) Close() error {
	h.stop()
	<-h.reapDone
	return nil
}

// reap ends processes that have been idle too long, and all of them when the host closes.
func (h *Host) reap() {
	defer close(h.reapDone)
	tick := time.NewTicker(max(h.options.IdleAfter/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, p := range h.pools {
				p.reapIdle(time.Now().Add(-h.options.IdleAfter))
			}
		case <-h.stopped.Done():
			var wait sync.WaitGroup
			for _, p := range h.pools {
				wait.Go(p.close)
			}
			wait.Wait()
			h.spawner.close()
			return
		}
	}
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
