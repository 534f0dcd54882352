// Package hosttest gives tests a Lambda function that obeys them, in a process of its own.
package hosttest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"almanac/infra/lambdahost"
)

// built names the folder of the probe that Main built.
const built = "HOSTTEST_PROBE"

// Main is for a package's TestMain: it builds the probe once for all tests of the package.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "probe")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = build(context.Background(), dir)
	}
	if err == nil {
		err = os.Setenv(built, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build returns the folder of the probe's bootstrap.
func Build(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv(built); dir != "" {
		return dir
	}
	dir := tb.TempDir()
	if err := build(tb.Context(), dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func build(ctx context.Context, dir string) error {
	_, file, _, _ := runtime.Caller(0) // our own source: always known
	cmd := exec.CommandContext(        //nolint:gosec // the folder is our own
		ctx, "go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), ".")
	cmd.Dir = filepath.Join(filepath.Dir(file), "..", "testdata", "probe")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the probe: %w\n%s", err, out)
	}
	return nil
}

// New hosts the functions until the test ends. Their logs go to the test's error output.
func New(tb testing.TB, o lambdahost.Options, functions ...lambdahost.Function) *lambdahost.Host {
	tb.Helper()
	if o.Logs == nil {
		o.Logs = os.Stderr
	}
	h, err := lambdahost.New(tb.Context(), o, functions...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = h.Close() })
	return h
}

// Answer is what a function comes to; the zero Answer is null. Do names another end than answering with Body: error,
// panic or exit.
type Answer struct {
	Do   string
	Body string
}

// Brain hosts one probe under the name whose every invocation asks decide what to do.
func Brain(tb testing.TB, name string, decide func(payload []byte) Answer) *lambdahost.Host {
	tb.Helper()
	return BrainIn(tb, Build(tb), name, decide)
}

// BrainIn is Brain with a probe built before, for tests that need many.
func BrainIn(tb testing.TB, dir, name string, decide func(payload []byte) Answer) *lambdahost.Host {
	tb.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			return // the function was killed while it asked
		}
		a := decide(payload)
		if a.Do != "" {
			w.Header().Set("Do", a.Do)
		}
		if a == (Answer{}) {
			a.Body = "null"
		}
		_, _ = io.WriteString(w, a.Body)
	}))
	tb.Cleanup(srv.Close)
	return New(tb, lambdahost.Options{Logs: io.Discard}, lambdahost.Function{
		Name: name, Dir: dir, Timeout: time.Minute, Env: map[string]string{"PROBE_URL": srv.URL},
	})
}
