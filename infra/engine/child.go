package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	dynamoDBName = "DynamoDB Local"
	sqsName      = "fauxqs"

	// announcement starts the line by which a launcher tells its port.
	announcement = "listening on port "
	tailSize     = 4096
	probeEvery   = 20 * time.Millisecond
	probeTimeout = 5 * time.Second
)

// spec is one engine to start.
type spec struct {
	name   string
	path   string
	args   []string
	dir    string
	env    []string
	target string // X-Amz-Target of a request that a ready engine answers with 200
}

// child is a running engine.
type child struct {
	name  string
	port  int
	cmd   *exec.Cmd
	stdin io.Closer // its end tells the launcher to stop
	out   *output
	ended chan struct{}
}

// startChild starts an engine and waits until it answers. If it fails, nothing is left running.
func startChild(ctx context.Context, s spec, w io.Writer) (*child, error) {
	c, err := launch(s, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	if err := c.ready(ctx, s.target); err != nil {
		_ = c.kill() // the start has failed already: that is the error to tell
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return c, nil
}

// launch starts the process and keeps an operating system thread for it. The kernel sends the parent death signal when
// the thread that made the child ends, not the process, so the goroutine that starts the child is locked to its thread
// and stays on it, waiting, for as long as the child lives.
func launch(s spec, w io.Writer) (*child, error) {
	c := &child{name: s.name, out: newOutput(w), ended: make(chan struct{})}
	//nolint:noctx,gosec // it lives until stop, not with the context of its start; the command line is ours
	c.cmd = exec.Command(s.path, s.args...)
	c.cmd.Dir, c.cmd.Env = s.dir, s.env
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	c.cmd.SysProcAttr = dieWithParent()
	c.cmd.WaitDelay = time.Second
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = stdin

	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait() // the process state says it all: see died
			close(c.ended)
		}
	}()
	return c, <-started
}

// ready waits for the launcher's line, then asks the engine until it answers.
func (c *child) ready(ctx context.Context, target string) error {
	select {
	case c.port = <-c.out.port:
	case <-c.ended:
		return c.died()
	case <-ctx.Done():
		return fmt.Errorf("not listening: %w: %s", ctx.Err(), c.out.tail())
	}
	// Its own client: no proxy of the environment may stand between, and no idle connection is left behind.
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		err := c.probe(ctx, client, target)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return c.died()
		case <-ctx.Done():
			return fmt.Errorf("not answering: %w: %w", ctx.Err(), err)
		}
	}
}

func (c *child) probe(ctx context.Context, client *http.Client, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(), strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", target)
	// The engines read the scope and check no signature.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20000101/eu-west-2/local/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// stop asks the engine to end, and kills it if it does not within the time given.
func (c *child) stop(within time.Duration) error {
	select {
	case <-c.ended:
		return fmt.Errorf("%s: %w", c.name, c.died())
	default:
	}
	if err := c.stdin.Close(); err != nil {
		return errors.Join(fmt.Errorf("%s: stop: %w", c.name, err), c.kill())
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(within):
		return errors.Join(fmt.Errorf("%s: killed: it did not stop within %s", c.name, within), c.kill())
	}
}

// kill ends the process at once and waits for it.
func (c *child) kill() error {
	// An error means that it has ended in between.
	_ = c.cmd.Process.Kill()
	select {
	case <-c.ended:
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("%s: process %d cannot be killed", c.name, c.cmd.Process.Pid)
	}
}

func (c *child) died() error {
	return fmt.Errorf("it ended by itself (%v): %s", c.cmd.ProcessState, c.out.tail())
}

func (c *child) url() string {
	if c == nil {
		return ""
	}
	return "http://127.0.0.1:" + strconv.Itoa(c.port)
}

// output takes what a child prints: it passes it on, finds the announcement of the port, and keeps the end of it for
// error messages.
type output struct {
	w    io.Writer
	port chan int

	mu    sync.Mutex
	last  []byte
	found bool
}

func newOutput(w io.Writer) *output {
	if w == nil {
		w = io.Discard
	}
	return &output{w: w, port: make(chan int, 1)}
}

// Write implements io.Writer. It never fails, because a child must not hang on a reader that has gone.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.w.Write(p)
	o.last = append(o.last, p...)
	if !o.found {
		o.announce()
	}
	if extra := len(o.last) - tailSize; extra > 0 {
		o.last = o.last[:copy(o.last, o.last[extra:])]
	}
	return len(p), nil
}

func (o *output) announce() {
	for line := range bytes.Lines(o.last) {
		number, ok := strings.CutPrefix(string(line), announcement)
		if !ok || !strings.HasSuffix(number, "\n") {
			continue
		}
		if port, err := strconv.Atoi(strings.TrimSpace(number)); err == nil {
			o.found = true
			o.port <- port
			return
		}
	}
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.last))
}
