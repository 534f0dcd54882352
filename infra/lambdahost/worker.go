package lambdahost

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

// worker is one process and the Runtime API that it alone speaks to.
type worker struct {
	pool      *pool
	started   bool      // touched only by whoever holds the worker
	idleSince time.Time // guarded by the pool's lock

	cmd    *exec.Cmd
	server *http.Server
	next   chan *call    // hands a call to the process
	ready  chan struct{} // a request for the next call has come in
	exited chan struct{} // the process is gone
	status string        // how it ended; read after exited

	mu      sync.Mutex
	current *call
	result  chan result
	begun   bool // the process has been started
	killed  bool // by us
}

// result is what the process posted for a call.
type result struct {
	answer []byte
	err    error
}

func newWorker(p *pool) *worker {
	return &worker{
		pool: p, next: make(chan *call), ready: make(chan struct{}, 1), exited: make(chan struct{}),
		result: make(chan result, 1),
	}
}

// start runs the process and waits for its first request for work.
func (w *worker) start() (time.Duration, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding to loopback does not wait
	if err != nil {
		w.end("never started")
		return 0, fmt.Errorf("lambdahost: %w", err)
	}
	w.server = &http.Server{Handler: w.routes(), ReadHeaderTimeout: time.Minute}
	go w.server.Serve(listener) //nolint:errcheck // it ends when the process does
	began := time.Now()
	if err := w.spawn(listener.Addr().String()); err != nil {
		_ = w.server.Close()
		w.end("never started")
		return 0, fmt.Errorf("lambdahost: %s: %w", w.pool.function.Name, err)
	}
	limit := time.NewTimer(w.pool.host.options.InitTimeout)
	defer limit.Stop()
	select {
	case <-w.ready:
		return time.Since(began), nil
	case r := <-w.result: // the process reported that it cannot start
		return 0, r.err
	case <-w.exited:
		select {
		case r := <-w.result: // it reported, then ended
			return 0, r.err
		default:
			return 0, w.pool.failure(nil, "Runtime.ExitError", "the function ended before it was ready: "+w.status)
		}
	case <-limit.C:
		return 0, w.pool.failure(nil, "Sandbox.Timedout", "not ready within "+w.pool.host.options.InitTimeout.String())
	}
}

// spawn starts the process and watches it to its end.
func (w *worker) spawn(api string) error {
	f := w.pool.function
	cmd := exec.Command(f.Dir + "/bootstrap") //nolint:gosec,noctx // the deployed program; its deadline is the worker's
	cmd.Dir, cmd.Env = f.Dir, w.environment(api)
	logs := w.pool.host.logs.of(f.Name)
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = time.Second // a grandchild that holds the pipe must not hold us
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killed {
		return ErrClosed
	}
	if err := w.pool.host.spawner.start(cmd); err != nil {
		return err
	}
	w.cmd, w.begun = cmd, true
	w.pool.count(func(s *Stats) { s.Starts++ })
	go func() {
		status := "exit status 0"
		if err := cmd.Wait(); err != nil {
			status = err.Error()
		}
		logs.flush()
		_ = w.server.Close()
		w.end(status)
	}()
	return nil
}

// end records that the process is gone, and that it was its own doing unless we killed it.
func (w *worker) end(status string) {
	w.mu.Lock()
	own := w.begun && !w.killed
	w.mu.Unlock()
	w.status = status
	close(w.exited)
	if own {
		w.pool.count(func(s *Stats) { s.Crashes++ })
	}
	w.pool.lost(w)
}

// serve gives the call to the process and waits until it is over, which is when the process asks for the next one. It
// is false if the process had ended before it got the call, so that another can have it.
func (w *worker) serve(c *call) (result, bool) {
	w.mu.Lock()
	w.current = c
	w.mu.Unlock()
	deadline := time.NewTimer(w.pool.function.Timeout)
	defer deadline.Stop()
	select {
	case w.next <- c:
	case <-w.exited:
		return result{}, false
	case <-deadline.C: // the process asked for work, but no longer reads it
		return w.expire(c), true
	}
	select {
	case r := <-w.result:
		if r.err != nil {
			w.pool.count(func(s *Stats) { s.Errors++ })
		}
		// A process is not free before it asks again, and one that dies here after a panic must not be taken for free:
		// so the answer is given only then.
		w.settle(deadline)
		return r, true
	case <-w.exited:
		return w.late(c), true
	case <-deadline.C:
		return w.expire(c), true
	}
}

// late looks for an answer that was posted just before the process ended.
func (w *worker) late(c *call) result {
	select {
	case r := <-w.result:
		return r
	default:
		return result{err: w.crash(c)}
	}
}

// settle waits until the process asks for more work, or is gone, or its time is up.
func (w *worker) settle(deadline *time.Timer) {
	select {
	case <-w.ready:
	case <-w.exited:
	case <-deadline.C:
		w.kill()
		<-w.exited
	}
}

func (w *worker) expire(c *call) result {
	w.pool.count(func(s *Stats) { s.Timeouts++ })
	w.kill()
	<-w.exited
	seconds := w.pool.function.Timeout.Seconds()
	return result{err: w.pool.failure(c, "Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", seconds))}
}

func (w *worker) crash(c *call) error {
	select {
	case <-w.pool.host.stopped.Done():
		return ErrClosed
	default:
		return w.pool.failure(c, "Runtime.ExitError", "Runtime exited with error: "+w.status)
	}
}

// gone says whether the process has ended.
func (w *worker) gone() bool {
	select {
	case <-w.exited:
		return true
	default:
		return false
	}
}

// kill ends the process with all that it started. Nothing happens if it is gone.
func (w *worker) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killed {
		return
	}
	w.killed = true
	if w.begun && !w.gone() {
		killGroup(w.cmd.Process)
	}
}

// reported is the error that a function posts.
type reported struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (w *worker) functionError(c *call, payload []byte) *FunctionError {
	var r reported
	if err := json.Unmarshal(payload, &r); err != nil {
		r = reported{Type: "Unhandled", Message: "the error is not JSON"}
	}
	e := &FunctionError{Function: w.pool.function.Name, Type: r.Type, Message: r.Message, Payload: payload}
	if c != nil {
		e.RequestID = c.id
	}
	return e
}
