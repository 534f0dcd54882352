package exchange_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"almanac/shared/cause"
	"almanac/shared/exchange"
)

// ask makes a request of a service that answers like this.
func ask(t *testing.T, ctx context.Context, answer http.HandlerFunc) (exchange.Reply, error) {
	t.Helper()
	srv := httptest.NewServer(answer)
	defer srv.Close()
	defer srv.CloseClientConnections() // one that hangs is not waited for
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/9990000018", nil)
	if err != nil {
		t.Fatal(err)
	}
	return exchange.Do(srv.Client(), req, 8)
}

func TestDo(t *testing.T) {
	for body, want := range map[string]error{"": nil, "12345678": nil, "123456789": exchange.ErrTooLong} {
		res, err := ask(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(body))
		})
		if !errors.Is(err, want) || res.Status != http.StatusTeapot || err == nil && string(res.Body) != body {
			t.Errorf("%q: %d %q, %v", body, res.Status, res.Body, err)
		}
	}
}

func TestWhy(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	short, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	for want, x := range map[string]struct {
		ctx    context.Context //nolint:containedctx // a case's own
		answer http.HandlerFunc
	}{
		"cancelled": {gone, func(http.ResponseWriter, *http.Request) {}},
		"timeout":   {short, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"cut off": {t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "8")
			_, _ = w.Write([]byte("1234"))
		}},
		"no answer": {t.Context(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(http.StatusSeeOther)
		}},
	} {
		_, err := ask(t, x.ctx, x.answer)
		if got := exchange.Why(err); err == nil || got != want {
			t.Errorf("%q instead of %q: %v", got, want, err)
		}
	}
	err := exchange.Silence("Somebody", errors.New("of 9990000018"))
	if told := cause.Chain(err); err.Error() != "Somebody: no answer" || !slices.Equal(told, []string{err.Error()}) {
		t.Errorf("it says %q, and in logs %q", err, told)
	}
}

func TestRetryAfter(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "61": time.Minute, "-1": 0, "soon": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		if got := exchange.RetryAfter(http.Header{"Retry-After": {said}}, time.Minute); got != want {
			t.Errorf("%q is %s instead of %s", said, got, want)
		}
	}
}
