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

func mustFail(t *testing.T, h *lambdahost.Host, payload, kind string) *lambdahost.FunctionError {
	t.Helper()
	_, err := h.Invoke(t.Context(), "probe", []byte(payload))
	var f *lambdahost.FunctionError
	if !errors.As(err, &f) || f.Type != kind {
		t.Fatalf("got %v, want a function error of type %s", err, kind)
	}
	return f
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

func TestInvoke(t *testing.T) {
	dir := hosttest.Build(t)
	logs := &buffer{}
	h := hosttest.New(t, lambdahost.Options{Logs: logs}, lambdahost.Function{
		Name: "probe", Dir: dir, Timeout: 700 * time.Millisecond, MemoryMB: 256, Env: map[string]string{"TABLE_NAME": "t"},
		MaxConcurrency: 3,
	})

	t.Run("the answer is the function's", func(t *testing.T) {
		answer, err := h.Invoke(t.Context(), "probe", []byte(`{"Text":"é"}`))
		if err != nil || string(answer) != `{"Text":"é"}` {
			t.Fatalf("got %s, %v", answer, err)
		}
	})
	t.Run("one process serves call after call", func(t *testing.T) {
		var first, second int
		mustInvoke(t, h, `{"Do":"pid"}`, &first)
		for range 20 {
			mustInvoke(t, h, `{"Do":"pid"}`, &second)
			if first != second {
				t.Fatalf("process %d, then %d", first, second)
			}
		}
		if s := h.Stats("probe"); s.Starts != 1 || s.Running != 1 || len(s.Inits) != 1 || s.Inits[0] <= 0 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("context", func(t *testing.T) {
		var c struct {
			Left    int
			ID, ARN string
		}
		mustInvoke(t, h, `{"Do":"context"}`, &c)
		if c.Left < 500 || c.Left > 700 || len(c.ID) != 36 || c.ARN != "arn:aws:lambda:eu-west-2:000000000000:function:probe" {
			t.Fatalf("%+v", c)
		}
	})
	t.Run("environment is Lambda's and the function's alone", func(t *testing.T) {
		t.Setenv("DEVELOPERS_SECRET", "x")
		var env []string
		mustInvoke(t, h, `{"Do":"env"}`, &env)
		want := []string{
			"TABLE_NAME=t", "AWS_LAMBDA_FUNCTION_NAME=probe", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_REGION=eu-west-2",
			"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "LAMBDA_TASK_ROOT=" + dir, "_HANDLER=bootstrap", "AWS_ACCESS_KEY_ID=local",
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
	})
	t.Run("an error leaves the process alive", func(t *testing.T) {
		var before, after int
		mustInvoke(t, h, `{"Do":"pid"}`, &before)
		f := mustFail(t, h, `{"Do":"error","Text":"no luck"}`, "errorString")
		if f.Message != "no luck" || f.RequestID == "" {
			t.Fatalf("%+v", f)
		}
		mustInvoke(t, h, `{"Do":"pid"}`, &after)
		if before != after {
			t.Fatal("a new process was started")
		}
	})
	t.Run("a panic or an exit costs the process, not the function", func(t *testing.T) {
		starts := h.Stats("probe").Starts
		mustFail(t, h, `{"Do":"panic","Text":"oh"}`, "string")
		mustFail(t, h, `{"Do":"exit"}`, "Runtime.ExitError")
		var pid int
		mustInvoke(t, h, `{"Do":"pid"}`, &pid)
		if s := h.Stats("probe"); s.Starts != starts+2 || s.Crashes != 2 || s.Running != 1 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("the deadline kills", func(t *testing.T) {
		var pid int
		mustInvoke(t, h, `{"Do":"pid"}`, &pid)
		began := time.Now()
		f := mustFail(t, h, `{"Sleep":60000}`, "Sandbox.Timedout")
		if took := time.Since(began); took < 650*time.Millisecond || took > 1500*time.Millisecond {
			t.Errorf("killed after %s", took)
		}
		if !strings.Contains(f.Message, "Task timed out after 0.70 seconds") {
			t.Errorf("%s", f.Message)
		}
		if alive(pid) {
			t.Error("the process lives on")
		}
		if s := h.Stats("probe"); s.Timeouts != 1 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("concurrent calls get processes of their own, up to the limit", func(t *testing.T) {
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
	})
	t.Run("a caller that leaves does not stop the function", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		before := h.Stats("probe")
		if _, err := h.Invoke(ctx, "probe", []byte(`{"Sleep":300}`)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond)
		if s := h.Stats("probe"); s.Timeouts != before.Timeouts || s.Crashes != before.Crashes {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("lines carry the function's name", func(t *testing.T) {
		if _, err := h.Invoke(t.Context(), "probe", []byte(`{"Do":"log","Text":"one\ntwo\n"}`)); err != nil {
			t.Fatal(err)
		}
		waitFor(t, logs.String(), func() bool { return strings.Contains(logs.String(), "probe one\nprobe two\n") })
	})
	t.Run("payloads above 6 MB are refused", func(t *testing.T) {
		if _, err := h.Invoke(t.Context(), "probe", make([]byte, 6<<20+1)); !errors.Is(err, lambdahost.ErrTooLarge) {
			t.Fatal(err)
		}
		mustFail(t, h, `{"Do":"large","Size":7000000}`, "Function.ResponseSizeTooLarge")
	})
	t.Run("unknown function", func(t *testing.T) {
		if _, err := h.Invoke(t.Context(), "other", nil); !errors.Is(err, lambdahost.ErrUnknown) {
			t.Fatal(err)
		}
	})
}

func TestInit(t *testing.T) {
	dir := hosttest.Build(t)
	for how, want := range map[string]string{"exit": "Runtime.ExitError", "error": "Config", "hang": "Sandbox.Timedout"} {
		t.Run(how, func(t *testing.T) {
			h := hosttest.New(t, lambdahost.Options{InitTimeout: 300 * time.Millisecond}, lambdahost.Function{
				Name: "probe", Dir: dir, Env: map[string]string{"PROBE_INIT": how}, MaxConcurrency: 1,
			})
			for range 2 { // the second finds the room of the first free again
				mustFail(t, h, `{}`, want)
			}
			var f *lambdahost.FunctionError
			if err := h.Warm(t.Context(), "probe"); !errors.As(err, &f) {
				t.Fatalf("warm: %v", err)
			}
			if s := h.Stats("probe"); s.Running != 0 || s.Starts != 3 {
				t.Fatalf("%+v", s)
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
	h := hosttest.New(t, lambdahost.Options{IdleAfter: 100 * time.Millisecond}, lambdahost.Function{
		Name: "probe", Dir: hosttest.Build(t),
	})
	var pid int
	mustInvoke(t, h, `{"Do":"pid"}`, &pid)
	waitFor(t, "the idle process was kept", func() bool { return h.Stats("probe").Running == 0 && !alive(pid) })
	mustInvoke(t, h, `{"Do":"pid"}`, &pid)
	if s := h.Stats("probe"); s.Starts != 2 || s.Crashes != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestIdleProcessThatDiesIsReplaced(t *testing.T) {
	h := hosttest.New(t, lambdahost.Options{}, lambdahost.Function{Name: "probe", Dir: hosttest.Build(t)})
	var pid, next int
	mustInvoke(t, h, `{"Do":"pid"}`, &pid)
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end was not noticed", func() bool { return h.Stats("probe").Running == 0 })
	mustInvoke(t, h, `{"Do":"pid"}`, &next)
	if next == pid {
		t.Fatal("same process")
	}
}

func TestCloseIsQuick(t *testing.T) {
	h := hosttest.New(t, lambdahost.Options{}, lambdahost.Function{
		Name: "probe", Dir: hosttest.Build(t), Timeout: time.Minute, MaxConcurrency: 2,
	})
	var pid int
	mustInvoke(t, h, `{"Do":"pid"}`, &pid)
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
	if alive(pid) {
		t.Error("a process was left")
	}
	if _, err := h.Invoke(t.Context(), "probe", nil); !errors.Is(err, lambdahost.ErrClosed) {
		t.Error(err)
	}
}
