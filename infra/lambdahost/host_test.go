package lambdahost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"almanac/infra/lambdahost"
	"almanac/infra/lambdahost/hosttest"
)

// buffer takes log lines from several processes.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newProbe hosts one probe, after change has had its way with it.
func newProbe(t *testing.T, o lambdahost.Options, change func(*lambdahost.Function)) *lambdahost.Host {
	t.Helper()
	f := lambdahost.Function{Name: "probe", Dir: hosttest.Build(t), MaxConcurrency: 3}
	if change != nil {
		change(&f)
	}
	if o.Logs == nil {
		o.Logs = &buffer{}
	}
	return hosttest.New(t, o, f)
}

func mustInvoke(t *testing.T, h *lambdahost.Host, payload string, out any) {
	t.Helper()
	answer, err := h.Invoke(t.Context(), "probe", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
}

// pid is the process that serves the next call.
func pid(t *testing.T, h *lambdahost.Host) int {
	t.Helper()
	var n int
	mustInvoke(t, h, `{"Do":"pid"}`, &n)
	return n
}

// fails invokes and returns the failure's message; its type must be kind.
func fails(t *testing.T, h *lambdahost.Host, payload, kind string) string {
	t.Helper()
	_, err := h.Invoke(t.Context(), "probe", []byte(payload))
	f, ok := errors.AsType[*lambdahost.FunctionError](err)
	if !ok || f.Type != kind || len(f.Payload) == 0 {
		t.Fatalf("got %v, want a function error of type %s", err, kind)
	}
	return f.Message
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(what)
}

func TestAnswerIsTheFunctions(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	answer, err := h.Invoke(t.Context(), "probe", []byte(`{"Text":"é"}`))
	if err != nil || string(answer) != `{"Text":"é"}` {
		t.Fatalf("got %s, %v", answer, err)
	}
	if _, err := h.Invoke(t.Context(), "other", nil); !errors.Is(err, lambdahost.ErrUnknown) {
		t.Fatal(err)
	}
}

func TestOneProcessServesCallAfterCall(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	if err := h.Warm(t.Context(), "probe"); err != nil {
		t.Fatal(err)
	}
	first := pid(t, h)
	for range 50 {
		if next := pid(t, h); next != first {
			t.Fatalf("process %d, then %d", first, next)
		}
	}
	if s := h.Stats("probe"); s.Starts != 1 || s.Running != 1 || len(s.Inits) != 1 || s.Inits[0] <= 0 || s.Invocations != 51 {
		t.Fatalf("%+v", s)
	}
}

func TestContext(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, func(f *lambdahost.Function) { f.Timeout = 700 * time.Millisecond })
	var c struct {
		Left    int
		ID, ARN string
	}
	mustInvoke(t, h, `{"Do":"context"}`, &c)
	if c.Left < 500 || c.Left > 700 || len(c.ID) != 36 ||
		c.ARN != "arn:aws:lambda:eu-west-2:000000000000:function:probe" {
		t.Fatalf("%+v", c)
	}
}

func TestEnvironmentIsLambdasAndTheFunctionsAlone(t *testing.T) {
	t.Setenv("DEVELOPERS_SECRET", "x")
	h := newProbe(t, lambdahost.Options{}, func(f *lambdahost.Function) {
		f.MemoryMB, f.Env, f.LogFormat = 256, map[string]string{"TABLE_NAME": "t"}, "JSON"
		f.AccessKey = "localProbe"
	})
	var env []string
	mustInvoke(t, h, `{"Do":"env"}`, &env)
	want := []string{
		"TABLE_NAME=t", "AWS_LAMBDA_FUNCTION_NAME=probe", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_REGION=eu-west-2",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "LAMBDA_TASK_ROOT=" + hosttest.Build(t), "_HANDLER=bootstrap",
		"AWS_ACCESS_KEY_ID=localProbe", "AWS_SECRET_ACCESS_KEY=localProbe", "AWS_LAMBDA_LOG_FORMAT=JSON",
	}
	for _, w := range want {
		if !slices.Contains(env, w) {
			t.Errorf("%s is missing", w)
		}
	}
	for _, v := range env {
		if strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "DEVELOPERS_") || strings.HasPrefix(v, "GO") {
			t.Errorf("%s must not be seen", v)
		}
	}
}

func TestErrorLeavesTheProcessAlive(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	before := pid(t, h)
	if m := fails(t, h, `{"Do":"error","Text":"no luck"}`, "errorString"); m != "no luck" {
		t.Error(m)
	}
	if pid(t, h) != before {
		t.Error("a new process was started")
	}
	if s := h.Stats("probe"); s.Errors != 1 || s.Crashes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPanicOrExitCostsTheProcessNotTheFunction(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	for i := range 5 {
		if m := fails(t, h, `{"Do":"panic","Text":"oh"}`, "string"); m != "oh" {
			t.Error(m)
		}
		if m := fails(t, h, `{"Do":"exit"}`, "Runtime.ExitError"); !strings.Contains(m, "exit status 7") {
			t.Error(m)
		}
		pid(t, h)
		if s := h.Stats("probe"); s.Starts != 2*i+3 || s.Crashes != 2*i+2 || s.Running != 1 {
			t.Fatalf("%+v", s)
		}
	}
}

func TestDeadlineKills(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, func(f *lambdahost.Function) { f.Timeout = 700 * time.Millisecond })
	process := pid(t, h)
	began := time.Now()
	m := fails(t, h, `{"Sleep":60000}`, "Sandbox.Timedout")
	if took := time.Since(began); took < 650*time.Millisecond || took > 1500*time.Millisecond {
		t.Errorf("killed after %s", took)
	}
	if !strings.Contains(m, "Task timed out after 0.70 seconds") {
		t.Error(m)
	}
	if alive(process) {
		t.Error("the process lives on")
	}
	if s := h.Stats("probe"); s.Timeouts != 1 || s.Crashes != 0 {
		t.Errorf("%+v", s)
	}
	pid(t, h)
}

func TestConcurrentCallsGetProcessesOfTheirOwn(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	var wait sync.WaitGroup
	began := time.Now()
	for range 7 {
		wait.Go(func() {
			if _, err := h.Invoke(t.Context(), "probe", []byte(`{"Sleep":200}`)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if took := time.Since(began); took < 600*time.Millisecond {
		t.Errorf("7 calls of 200 ms took %s on 3 processes", took)
	}
	if s := h.Stats("probe"); s.Peak != 3 || s.Running != 3 {
		t.Errorf("%+v", s)
	}
}

// Callers that give up waiting must not take a process with them.
func TestCallersThatLeaveWhileWaiting(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, func(f *lambdahost.Function) { f.MaxConcurrency = 1 })
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
			defer cancel()
			_, err := h.Invoke(ctx, "probe", []byte(`{"Sleep":1}`))
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	pid(t, h)
	if s := h.Stats("probe"); s.Peak != 1 || s.Running != 1 || s.Starts != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCallerThatLeavesDoesNotStopTheFunction(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	process := pid(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, "probe", []byte(`{"Sleep":300}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	if s := h.Stats("probe"); s.Timeouts != 0 || s.Crashes != 0 || pid(t, h) != process {
		t.Fatalf("%+v", s)
	}
}

func TestLinesCarryTheFunctionsName(t *testing.T) {
	logs := &buffer{}
	h := newProbe(t, lambdahost.Options{Logs: logs}, nil)
	if _, err := h.Invoke(t.Context(), "probe", []byte(`{"Do":"log","Text":"one\ntwo\n"}`)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, logs.String(), func() bool { return strings.Contains(logs.String(), "probe one\nprobe two\n") })
}

func TestLargePayloadsAreRefused(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	if _, err := h.Invoke(t.Context(), "probe", make([]byte, 6<<20+1)); !errors.Is(err, lambdahost.ErrTooLarge) {
		t.Fatal(err)
	}
	if m := fails(t, h, `{"Do":"large","Size":7000000}`, "Function.ResponseSizeTooLarge"); !strings.Contains(m, "6291556") {
		t.Error(m)
	}
	pid(t, h)
}

func TestInit(t *testing.T) {
	for how, want := range map[string]string{"exit": "Runtime.ExitError", "error": "Config", "hang": "Sandbox.Timedout"} {
		t.Run(how, func(t *testing.T) {
			o := lambdahost.Options{InitTimeout: 300 * time.Millisecond}
			h := newProbe(t, o, func(f *lambdahost.Function) {
				f.Env, f.MaxConcurrency = map[string]string{"PROBE_INIT": how}, 1
			})
			for range 2 { // the second finds the room of the first free again
				if m := fails(t, h, `{}`, want); m == "" {
					t.Error("no message")
				}
			}
			if _, ok := errors.AsType[*lambdahost.FunctionError](h.Warm(t.Context(), "probe")); !ok {
				t.Error("warm hides that the function cannot start")
			}
			if s := h.Stats("probe"); s.Running != 0 || s.Starts != 3 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	dir := hosttest.Build(t)
	cases := map[string]lambdahost.Function{
		"no program":        {Name: "probe", Dir: t.TempDir()},
		"no name":           {Dir: dir},
		"reserved variable": {Name: "probe", Dir: dir, Env: map[string]string{"AWS_REGION": "us-east-1"}},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			if h, err := lambdahost.New(t.Context(), lambdahost.Options{}, f); err == nil {
				_ = h.Close()
				t.Fatal("accepted")
			}
		})
	}
}

func TestIdleProcessesEnd(t *testing.T) {
	h := newProbe(t, lambdahost.Options{IdleAfter: 100 * time.Millisecond}, nil)
	process := pid(t, h)
	waitFor(t, "the idle process was kept", func() bool { return h.Stats("probe").Running == 0 && !alive(process) })
	pid(t, h)
	if s := h.Stats("probe"); s.Starts != 2 || s.Crashes != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestIdleProcessThatDiesIsReplaced(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, nil)
	process := pid(t, h)
	p, err := os.FindProcess(process)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end was not noticed", func() bool { return h.Stats("probe").Running == 0 })
	if pid(t, h) == process {
		t.Fatal("same process")
	}
}

func TestCloseIsQuick(t *testing.T) {
	h := newProbe(t, lambdahost.Options{}, func(f *lambdahost.Function) { f.Timeout, f.MaxConcurrency = time.Minute, 2 })
	process := pid(t, h)
	failed := make(chan error, 5)
	for range 5 { // two run, three wait
		go func() {
			_, err := h.Invoke(context.WithoutCancel(t.Context()), "probe", []byte(`{"Sleep":30000}`))
			failed <- err
		}()
	}
	waitFor(t, "two processes", func() bool { return h.Stats("probe").Running == 2 })
	began := time.Now()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := <-failed; !errors.Is(err, lambdahost.ErrClosed) {
			t.Error(err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	if alive(process) {
		t.Error("a process was left")
	}
	if _, err := h.Invoke(t.Context(), "probe", nil); !errors.Is(err, lambdahost.ErrClosed) {
		t.Error(err)
	}
}

// Closing must be safe at any moment of a start.
func TestCloseWhileStarting(t *testing.T) {
	for i := range 20 {
		h := newProbe(t, lambdahost.Options{}, nil)
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() {
				if _, err := h.Invoke(t.Context(), "probe", []byte(`{}`)); err != nil && !errors.Is(err, lambdahost.ErrClosed) {
					if _, ok := errors.AsType[*lambdahost.FunctionError](err); !ok {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(time.Duration(i) * 200 * time.Microsecond)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		wait.Wait()
	}
}
