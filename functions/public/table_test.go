package main

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/video"
)

// On the real table: no wrong link is told from another by its answer or by what it makes the table do, and who goes on
// guessing is sent away.
func TestWrongLinkOnTheTable(t *testing.T) {
	var mu sync.Mutex
	calls := map[string]int{}
	h := clinictest.New(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		mu.Lock()
		calls[op]++
		mu.Unlock()
		return send()
	}))
	s := video.New(video.Parts{Table: h.Table, Keeper: h.Keeper, Directory: h.Directory, Now: h.Clock.Now, ID: id.New})
	v := serving(s, h.Table.Buckets(h.Clock.Now), nil, h.Clock.Now)
	serve := edge(slog.New(slog.NewJSONHandler(h.Log, nil)), h.Clock.Now).Serve(v.routes())
	ask := func(method, path string) events.APIGatewayV2HTTPResponse {
		ev := events.APIGatewayV2HTTPRequest{RawPath: path}
		ev.RequestContext.HTTP.Method, ev.RequestContext.HTTP.SourceIP = method, "192.0.2.17"
		res, err := serve(t.Context(), ev)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	unknown := token(t, org, "AAAAAAAAAAAAAAAAAAAAAA")
	first := ask("GET", "/v/"+unknown)
	if first.StatusCode != http.StatusNotFound {
		t.Fatalf("answered %d: %s", first.StatusCode, h.Log.String())
	}
	clear(calls)
	ask("GET", "/v/"+unknown)
	want := maps.Clone(calls)
	for _, path := range []string{"abc", token(t, id.New("org"), secret), strings.Repeat("x", 43), "\xff%20", unknown + "="} {
		for method, path := range map[string]string{"GET": "/v/" + path, "POST": "/v/" + path + "/join"} {
			clear(calls)
			if res := ask(method, path); res.StatusCode != first.StatusCode || res.Body != first.Body || !maps.Equal(calls, want) {
				t.Errorf("%s %q: answered %d after %v, not %v", method, path, res.StatusCode, calls, want)
			}
		}
	}
	for range mostOfLink - 2 {
		ask("GET", "/v/"+unknown)
	}
	if res := ask("GET", "/v/"+unknown); res.StatusCode != http.StatusTooManyRequests || res.Headers["retry-after"] == "" {
		t.Errorf("after %d looks: answered %d", mostOfLink, res.StatusCode)
	}
}
