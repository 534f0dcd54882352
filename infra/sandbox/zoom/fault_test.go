package zoom_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

// What each fault answers to a create, and whether the meeting is there afterwards (facts 6.5, 6.6, 9, 13.10, 13.11).
func TestFaults(t *testing.T) {
	for kind, c := range map[string]struct {
		status, code int
		cut, made    bool
		check        func(zoomtest.Reply) bool
	}{
		zoom.LoseRequest: {cut: true},
		zoom.LoseReply:   {cut: true, made: true},
		zoom.CutOff:      {cut: true, made: true},
		zoom.FailLate:    {status: 500, code: 500, made: true},
		zoom.Fail:        {status: 500, code: 500},
		zoom.BadGateway:  {status: 502},
		zoom.Unavailable: {status: 503, check: func(r zoomtest.Reply) bool { return len(r.Body) == 0 }},
		zoom.TooFast:     {status: 429, code: 429, check: func(r zoomtest.Reply) bool { return r.Header.Get("X-RateLimit-Type") == "QPS" }},
		zoom.Daily: {status: 429, code: 429, check: func(r zoomtest.Reply) bool {
			return strings.Contains(string(r.Body), "daily rate limit (100)") && r.Header.Get("Retry-After") == ""
		}},
		zoom.DailyDated:  {status: 429, code: 429, check: func(r zoomtest.Reply) bool { return r.Header.Get("Retry-After") == "2026-11-22T00:00:00Z" }},
		zoom.AfterSecs:   {status: 429, code: 429, check: func(r zoomtest.Reply) bool { return r.Header.Get("Retry-After") == "7" }},
		zoom.AfterNoise:  {status: 429, code: 429},
		zoom.AfterPast:   {status: 429, code: 429, check: func(r zoomtest.Reply) bool { return r.Header.Get("Retry-After") == "2026-11-21T08:00:00Z" }},
		zoom.Concurrent:  {status: 429, code: 429},
		zoom.Redirecting: {status: 300},
		zoom.HTML:        {status: 201, made: true, check: func(r zoomtest.Reply) bool { return strings.HasPrefix(string(r.Body), "<html>") }},
		zoom.Empty:       {status: 201, made: true, check: func(r zoomtest.Reply) bool { return len(r.Body) == 0 }},
		zoom.CodeInOK:    {status: 200, code: 300},
		zoom.ZeroCode:    {status: 201, made: true, check: func(r zoomtest.Reply) bool { return strings.Contains(string(r.Body), `"code":0`) }},
		zoom.NoJoinURL:   {status: 201, made: true, check: func(r zoomtest.Reply) bool { return !strings.Contains(string(r.Body), "join_url") }},
		zoom.OtherHost:   {status: 201, made: true, check: func(r zoomtest.Reply) bool { return strings.Contains(string(r.Body), zoom.Cara) }},
		zoom.Uninstall:   {status: 401, code: 4741},
		zoom.Kill:        {status: 401, code: 4741},
		zoom.Expire:      {status: 401, code: 124},
		zoom.NoScope:     {status: 400, code: 4711},
		zoom.Disabled:    {status: 401, code: 4738},
		zoom.NoAuth:      {status: 401, code: 4737},
		zoom.CatchAll:    {status: 401, code: 4700},
		zoom.NotInPlan:   {status: 400, code: 200},
		zoom.NoHosting:   {status: 400, code: 3161},
		zoom.NotHost:     {status: 400, code: 3003},
		zoom.NotOnAcct:   {status: 400, code: 1010},
	} {
		z := zoomtest.New(t)
		token := z.Authorise(t, zoom.Ada).Access
		if err := z.Faults.Add(sandbox.Fault{Kind: kind, Count: 1, On: "create ada.okonjo@zoom.example"}); err != nil {
			t.Fatal(err)
		}
		me(t, z, token) // another operation is spared
		r := z.API(t, token, "POST", mine, body(nil))
		switch {
		case (r.Err != nil) != c.cut:
			t.Errorf("%s: %v", kind, r.Err)
		case !c.cut && (r.Status != c.status || r.Code() != c.code):
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		case c.check != nil && !c.check(r):
			t.Errorf("%s: %v %s", kind, r.Header, r.Body)
		case (len(z.Meetings(zoom.Ada)) == 1) != c.made:
			t.Errorf("%s: %d meetings", kind, len(z.Meetings(zoom.Ada)))
		}
		if q := z.Requests(zoom.OpCreate); len(q) != 1 || q[0].Fault != kind {
			t.Errorf("%s: noted %v", kind, q)
		}
	}
}

// A refresh can be answered into the void: the grant is lost (facts 3.2).
func TestLostRefresh(t *testing.T) {
	z := zoomtest.New(t)
	tokens := z.Authorise(t, zoom.Ada)
	if err := z.Faults.Add(sandbox.Fault{Kind: zoom.LoseReply, Count: 1, On: zoom.OpRefresh}); err != nil {
		t.Fatal(err)
	}
	if r := refresh(t, z, tokens.Refresh); r.Err == nil {
		t.Fatalf("%d", r.Status)
	}
	if r := refresh(t, z, tokens.Refresh); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	tokens = z.Authorise(t, zoom.Ada)
	if err := z.Faults.Add(sandbox.Fault{Kind: zoom.HTML, Count: 1, On: zoom.OpRefresh}); err != nil {
		t.Fatal(err)
	}
	if r := refresh(t, z, tokens.Refresh); r.Status != 200 || !strings.HasPrefix(string(r.Body), "<html>") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Silence: done, and no answer until the client gives up.
func TestHang(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	if err := z.Faults.Add(sandbox.Fault{Kind: zoom.Hang, Count: 1, On: zoom.OpCreate}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, z.URL+mine, strings.NewReader(`{"topic":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if res := z.Do(r); res.Err == nil || len(z.Meetings("")) != 1 {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

// A start that is passed over, and a list that is late.
func TestIgnoredStartAndStaleList(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, nil)
	_ = z.Faults.Add(sandbox.Fault{Kind: zoom.IgnoreStart, Count: 1, On: zoom.OpUpdate})
	_ = z.Faults.Add(sandbox.Fault{Kind: zoom.StaleList, Count: 1, On: zoom.OpList})
	if r := z.API(t, token, "PATCH", path(m), map[string]any{"start_time": "2026-12-01T10:00:00Z"}); r.Status != 204 {
		t.Errorf("%d", r.Status)
	}
	if got := get(t, z, token, m); got.Start != m.Start {
		t.Errorf("moved to %s", got.Start)
	}
	for n, want := range []float64{0, 1} {
		if got := z.API(t, token, "GET", mine, nil).Map(t)["total_records"]; got != want {
			t.Errorf("list %d: %v", n, got)
		}
	}
}

// The echo of a change can arrive before the answer to it does (facts 13.6).
func TestLateReply(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, nil)
	ear := z.Listen(t, func(h *zoom.Hook) { h.NoCheck = true })
	ear.Answer(func(zoomtest.Heard) (int, string) { time.Sleep(100 * time.Millisecond); return 200, "" })
	_ = z.Faults.Add(sandbox.Fault{Kind: zoom.LateReply, Count: 1, On: zoom.OpUpdate})
	if r := z.API(t, token, "PATCH", path(m), map[string]any{"duration": 5}); r.Status != 204 || len(z.Deliveries(zoom.Delivered)) != 1 {
		t.Errorf("%d, %d delivered", r.Status, len(z.Deliveries(zoom.Delivered)))
	}
}
