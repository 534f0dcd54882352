package sandbox_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"almanac/infra/sandbox"
)

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "login.localhost:8080": true, "127.0.0.1": true, "127.8.9.1:1": true,
		"[::1]:80": true, "::1": true, "": false, "example.com": false, "localhost.example.com": false,
		"notlocalhost": false, "192.168.0.1": false, "0.0.0.0:80": false, "127.0.0.1.example.com": false,
	} {
		if got := sandbox.Loopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestRefuseLambda(t *testing.T) {
	if err := sandbox.RefuseLambda(nil); err != nil {
		t.Errorf("on a desk: %v", err)
	}
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "booking")
	if err := sandbox.RefuseLambda(nil); !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("on Lambda: %v", err)
	}
}

func TestGuard(t *testing.T) {
	h := sandbox.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for what, c := range map[string]struct {
		method, host, site, origin string
		want                       int
	}{
		"curl":                     {"POST", "localhost:1", "", "", 418},
		"own form":                 {"POST", "localhost:1", "same-origin", "http://localhost:1", 418},
		"foreign form":             {"POST", "localhost:1", "cross-site", "https://example.com", 403},
		"foreign form, old way":    {"POST", "localhost:1", "", "https://example.com", 403},
		"another port's form":      {"PUT", "localhost:1", "same-site", "http://localhost:2", 403},
		"foreign link":             {"GET", "localhost:1", "cross-site", "", 418},
		"foreign name bound to us": {"GET", "example.com:1", "same-origin", "", 421},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, "/", nil)
		r.Host = c.host
		for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", what, w.Code, c.want)
		}
		if w.Header().Get("Content-Security-Policy") != sandbox.PagePolicy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", what, w.Header())
		}
	}
}

// take asks for the fault of one request.
func take(t *testing.T, f *sandbox.Faults, about string) string {
	t.Helper()
	kind, err := f.Take(t.Context(), func(on string) bool { return on == about })
	if err != nil {
		t.Error(err)
	}
	return kind
}

func TestFaultsComeInOrder(t *testing.T) {
	f := sandbox.NewFaults("a", "b")
	if err := f.Set([]sandbox.Fault{{Kind: "b", Count: 1, On: "x"}, {Kind: "a", Count: 2}}); err != nil {
		t.Fatal(err)
	}
	for n, c := range [][2]string{{"y", "a"}, {"x", "b"}, {"x", "a"}, {"x", ""}} {
		if got := take(t, f, c[0]); got != c[1] {
			t.Errorf("request %d about %s: %q, want %q", n+1, c[0], got, c[1])
		}
	}
}

func TestFaultsAreCountedExactly(t *testing.T) {
	f := sandbox.NewFaults("a")
	if err := f.Set([]sandbox.Fault{{Kind: "a", Count: 100}}); err != nil {
		t.Fatal(err)
	}
	var hit atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 20 {
				if take(t, f, "") == "a" {
					hit.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if hit.Load() != 100 {
		t.Errorf("hit %d of 200 requests, want 100", hit.Load())
	}
}

func TestSlowComesOnTopOfAnother(t *testing.T) {
	f := sandbox.NewFaults("a")
	slow := sandbox.Fault{Kind: sandbox.Slow, Count: 1, Delay: sandbox.Delay(50 * time.Millisecond)}
	if err := errors.Join(f.Add(slow), f.Add(sandbox.Fault{Kind: "a", Count: sandbox.Forever})); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if kind := take(t, f, ""); kind != "a" || time.Since(begun) < 50*time.Millisecond {
		t.Errorf("%q after %v", kind, time.Since(begun))
	}
	if kind := take(t, f, ""); kind != "a" {
		t.Errorf("the fault until cleared went: %q", kind)
	}
	f.Clear()
	if kind := take(t, f, ""); kind != "" {
		t.Errorf("after clearing: %q", kind)
	}
}
