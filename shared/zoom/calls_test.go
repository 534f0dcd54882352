package zoom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

func TestCodes(t *testing.T) {
	const (
		reauth  = "denied: needs_reauth"
		refused = "invalid: provider_refused"
		gone    = "not_found: room_gone"
		started = "conflict: room_started"
		later   = "unavailable: provider_unavailable"
	)
	begun := js(400, `{"code":3000,"message":"You cannot update or delete meetings that have started using this method. `+marked+`"}`)
	for name, x := range map[string]struct {
		says               said
		get, patch, delete string
	}{
		"4711":               {coded(400, 4711), reauth, reauth, reauth},
		"104":                {coded(400, 104), reauth, reauth, reauth},
		"4700":               {coded(401, 4700), reauth, reauth, reauth},
		"4735":               {coded(400, 4735), reauth, reauth, reauth},
		"4737":               {coded(401, 4737), reauth, reauth, reauth},
		"4738":               {coded(400, 4738), reauth, reauth, reauth},
		"4741":               {coded(401, 4741), reauth, reauth, reauth},
		"1001":               {coded(404, 1001), reauth, reauth, reauth},
		"1010":               {coded(400, 1010), reauth, reauth, reauth},
		"124 for good":       {coded(401, 124), reauth, reauth, reauth},
		"401 without a code": {js(401, `{}`), reauth, reauth, reauth},
		"300":                {coded(400, 300), refused, refused, refused},
		"300 in a 200":       {coded(200, 300), refused, refused, refused},
		"200 in a 400":       {coded(400, 200), refused, refused, refused},
		"3001":               {coded(404, 3001), gone, gone, ""},
		"3001 of old":        {coded(400, 3001), gone, gone, ""},
		"3001 in a 200":      {coded(200, 3001), gone, gone, ""},
		"3000 of a webinar":  {coded(400, 3000), refused, refused, refused},
		"3000 begun":         {begun, started, started, started},
		"3002":               {coded(400, 3002), started, started, started},
		"3003":               {coded(400, 3003), "conflict: not_host", "conflict: not_host", "conflict: not_host"},
		"3007":               {coded(400, 3007), "conflict: room_ended", "conflict: room_ended", "conflict: room_ended"},
		"3161":               {coded(400, 3161), refused, refused, refused},
		"3018":               {coded(400, 3018), refused, refused, refused},
		"3037":               {coded(400, 3037), refused, refused, refused},
		"unknown":            {coded(400, 99999), refused, refused, refused},
		"404 as JSON":        {js(404, `{"message":"`+marked+`"}`), refused, refused, refused},
		"404 of a proxy":     {js(404, `<html>`+marked), later, later, later},
		"401 of a proxy":     {js(401, `<html>`+marked), later, later, later},
		"403 of a proxy":     {js(403, ``), later, later, later},
		"a redirect":         {said{status: 302, body: `{}`, header: map[string]string{"Location": "/x"}}, later, later, later},
		"HTTP 300":           {js(300, `{"message":"`+marked+`"}`), "limited: daily_quota", "limited: daily_quota", "limited: daily_quota"},
		"a page":             {js(200, `<html>`+marked), later, later, later},
		"empty":              {js(200, ``), later, "", ""},
		"code 0":             {js(200, `{"code":0}`), later, "", ""},
		"code as text":       {js(200, `{"code":"3001"}`), gone, gone, ""},
		"code as a word":     {js(200, `{"code":"`+marked+`"}`), refused, refused, refused},
		"code below zero":    {js(200, `{"code":-1}`), refused, refused, refused},
		"another meeting":    {js(200, `{"id":98765432102}`), later, "", ""},
		"500":                {js(500, marked), later, later, later},
		"502 with a code":    {coded(502, 3001), later, later, later},
		"cut off":            {said{cut: true}, later, later, later},
		"far too much":       {js(200, `{"id":98765432101,"x":"`+strings.Repeat("1", 3<<20)+`"}`), later, later, later},
		"too deep":           {js(200, `{"id":98765432101,"x":`+strings.Repeat("[", 99)+strings.Repeat("]", 99)+`}`), later, later, later},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// One right after another, each for an account of its own, so that no circuit is in the way.
			r, ctx := newRig(t, x.says), hurried(t)
			at := func(n string) video.Host { h := host; h.Connection = n; return h }
			_, err := r.Get(ctx, at("1"), ref)
			check(t, err, x.get)
			_, err = r.HostLink(ctx, at("2"), ref)
			check(t, err, x.get)
			check(t, r.Update(ctx, at("3"), ref, video.Difference{Start: &noon}), x.patch)
			check(t, r.Delete(ctx, at("4"), ref), x.delete)
		})
	}
}

// A failure that passes is got over, unless it is of a call that makes something.
func TestRepeats(t *testing.T) {
	r := newRig(t, js(200, ""))
	for name, x := range map[string]struct {
		says []said
		n    int
		want string
	}{
		"a 500 and a cut":    {[]said{js(500, ""), {cut: true}, js(204, "")}, 3, ""},
		"three 500":          {[]said{js(500, "")}, 3, "unavailable: provider_unavailable"},
		"busy, then not":     {[]said{coded(429, 429), js(204, "")}, 2, ""},
		"busy for a second":  {[]said{{status: 429, header: map[string]string{"Retry-After": "1"}}, js(204, "")}, 2, ""},
		"busy for a minute":  {[]said{{status: 429, header: map[string]string{"Retry-After": "60"}}, js(204, "")}, 1, busy},
		"unavailable for 60": {[]said{{status: 503, header: map[string]string{"Retry-After": "60"}}}, 1, "unavailable: provider_unavailable"},
		"the day's quota":    {[]said{{status: 429, header: map[string]string{"X-RateLimit-Type": "Daily-limit"}}}, 1, "limited: daily_quota"},
		"refused":            {[]said{coded(400, 300)}, 1, "invalid: provider_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			r.say(x.says...)
			h := host
			h.Connection = name
			check(t, r.Delete(t.Context(), h, ref), x.want)
			got := r.requests()
			if len(got) != x.n {
				t.Errorf("%d requests", len(got))
			}
			if one := got[0]; one.method != "DELETE" || one.query != "cancel_meeting_reminder=false&schedule_for_reminder=false" || one.path != "/v2/meetings/"+ref {
				t.Errorf("%+v", one)
			}
		})
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r.say(js(500, ""))
	check(t, r.Delete(soon, video.Host{Connection: "soon"}, ref), "unavailable: provider_unavailable")
	if n := len(r.requests()); n != 1 {
		t.Errorf("%d requests though there was no time for another", n)
	}
}

func TestTokenRunsOut(t *testing.T) {
	r := newRig(t, js(200, ""))
	for name, x := range map[string]struct {
		says   []said
		want   string
		tokens []string
	}{
		"once":              {[]said{coded(401, 124), js(201, r.meeting(""))}, "", []string{"", "token-1"}},
		"a proxy says 401":  {[]said{js(401, "<html>"), js(201, r.meeting(""))}, "", []string{"", "token-1"}},
		"twice":             {[]said{coded(401, 124)}, "denied: needs_reauth", []string{"", "token-1"}},
		"revoked":           {[]said{coded(401, 4741)}, "denied: needs_reauth", []string{""}},
		"without its scope": {[]said{coded(401, 4711)}, "denied: needs_reauth", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			r.token = "token-1"
			r.say(x.says...)
			_, err := r.Create(t.Context(), host, want)
			check(t, err, x.want)
			if !slices.Equal(r.tokens, x.tokens) {
				t.Errorf("tokens were asked for after %q", r.tokens)
			}
			if got := r.requests(); len(got) != len(x.tokens) || len(got) == 2 && got[1].auth != "Bearer token-1+" {
				t.Errorf("%+v", got)
			}
		})
	}
	r.say(coded(401, 124), js(200, r.meeting("")))
	_, err := r.Me(t.Context(), zoom.Access{Token: "token-1"})
	check(t, err, "denied: needs_reauth")
	if n := len(r.requests()); n != 1 {
		t.Errorf("a token that was refused was used %d times", n)
	}
	dead := fault.New(fault.Denied, video.NeedsReauth, "Connect again.")
	rooms := zoom.NewRooms(r.API, func(_ context.Context, _ video.Host, rejected string) (zoom.Access, error) {
		if rejected == "" {
			return zoom.Access{Token: "a"}, nil
		}
		return zoom.Access{}, dead
	})
	r.say(coded(401, 124))
	if err := rooms.Delete(t.Context(), host, ref); !errors.Is(err, dead) {
		t.Errorf("%v", err)
	}
	for _, token := range []string{"", "a\r\nX: y"} {
		_, err := r.Me(t.Context(), zoom.Access{Token: token})
		check(t, err, "invalid: provider_refused")
	}
}

func TestRetryAfter(t *testing.T) {
	const daily = "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for this particular user. You may resume these requests at GMT 00:00:00."
	r := newRig(t, js(200, ""))
	toMidnight := 12 * time.Hour // from the rig's noon
	for name, x := range map[string]struct {
		header   map[string]string
		message  string
		quota    bool
		from, to time.Duration
	}{
		"nothing":           {nil, "", false, time.Second, 2 * time.Second},
		"seconds":           {map[string]string{"Retry-After": " 7 "}, "", false, 7 * time.Second, 7 * time.Second},
		"an HTTP date":      {map[string]string{"Retry-After": "Mon, 04 Jan 2027 12:00:09 GMT"}, "", false, 9 * time.Second, 9 * time.Second},
		"an ISO date":       {map[string]string{"Retry-After": "2027-01-04T12:00:09Z"}, "", false, 9 * time.Second, 9 * time.Second},
		"an ISO date, zone": {map[string]string{"Retry-After": "2027-01-04T13:00:09+0100"}, "", false, 9 * time.Second, 9 * time.Second},
		"without a zone":    {map[string]string{"Retry-After": "2027-01-04 12:00:09"}, "", false, 9 * time.Second, 9 * time.Second},
		"the past":          {map[string]string{"Retry-After": "2027-01-04T11:00:00Z"}, "", false, time.Second, 2 * time.Second},
		"less than nothing": {map[string]string{"Retry-After": "-5"}, "", false, time.Second, 2 * time.Second},
		"garbage":           {map[string]string{"Retry-After": marked}, "", false, time.Second, 2 * time.Second},
		"20 digits":         {map[string]string{"Retry-After": "99999999999999999999"}, "", false, time.Second, 2 * time.Second},
		"wrapping round":    {map[string]string{"Retry-After": "18446744074"}, "", false, time.Second, 2 * time.Second},
		"overflowing":       {map[string]string{"Retry-After": "9223372036854775807"}, "", false, time.Second, 2 * time.Second},
		"a far date":        {map[string]string{"Retry-After": "2099-01-01T00:00:00Z"}, "", false, time.Second, 2 * time.Second},
		"a day's date":      {map[string]string{"Retry-After": "2027-01-05T00:00:00.000Z"}, "", true, toMidnight, toMidnight + 15*time.Minute},
		"hours":             {map[string]string{"Retry-After": "3600"}, "", true, time.Hour, time.Hour + 15*time.Minute},
		"the day, by type":  {map[string]string{"X-RateLimit-Type": "daily-limit", "Retry-After": marked}, "", true, toMidnight, toMidnight + 15*time.Minute},
		"a second, by type": {map[string]string{"X-RateLimit-Type": "QPS"}, "", false, time.Second, 2 * time.Second},
		"the day, by text":  {map[string]string{"X-RateLimit-Category": "Light", "X-RateLimit-Remaining": "5999"}, daily, true, toMidnight, toMidnight + 15*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			r.say(said{status: 429, header: x.header, body: fmt.Sprintf(`{"code":429,"message":%q}`, x.message)})
			h := host
			h.Connection = name
			_, err := r.Create(t.Context(), h, want)
			code := busy
			if x.quota {
				code = "limited: daily_quota"
			}
			check(t, err, code)
			if got := fault.Of(err).RetryAfter; got < x.from || got > x.to {
				t.Errorf("after %v", got)
			}
		})
	}
	// The old way of saying it.
	r.say(js(400, `{"code":300,"message":"The maximum of 100 meetings can be created/updated for a single user in one day."}`))
	_, err := r.Create(t.Context(), host, want)
	check(t, err, "limited: daily_quota")
}

// Whatever Retry-After says, the wait is more than nothing and not much more than a day.
func TestRetryAfterIsWithinReason(t *testing.T) {
	r := newRig(t, js(200, ""))
	texts := rapid.OneOf(
		rapid.StringMatching(`[ -~]{0,30}`),
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Int64().Draw(t, "seconds")) }),
		rapid.Custom(func(t *rapid.T) string {
			at := noon.Add(time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, "off")) * time.Second)
			return at.Format(rapid.SampledFrom([]string{time.RFC3339, time.RFC1123, http.TimeFormat, time.DateOnly, time.ANSIC, time.RFC850}).Draw(t, "layout"))
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		r.say(said{status: 429, header: map[string]string{"Retry-After": texts.Draw(t, "text")}})
		_, err := r.Create(context.Background(), video.Host{Connection: rapid.StringMatching(`[a-z]{12}`).Draw(t, "con")}, want)
		f := fault.Of(err)
		if f.Kind != fault.Limited || f.RetryAfter <= 0 || f.RetryAfter > 26*time.Hour || (f.Code == video.ProviderBusy) != (f.RetryAfter <= 5*time.Minute) {
			t.Fatalf("%v after %v", f, f.RetryAfter)
		}
	})
}

// A call is given up after ten seconds, and is made three times at the most.
func TestTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, reached := 0, true
		api, err := zoom.New(zoom.Settings{
			URL: "https://api.zoom.us", Now: time.Now, Pace: func(context.Context, string) error { return nil },
			HTTP: &http.Client{Transport: detour(func(req *http.Request) (*http.Response, error) {
				sent++
				if reached {
					httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{})
				}
				<-req.Context().Done()
				return nil, req.Context().Err()
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		rooms := zoom.NewRooms(api, func(_ context.Context, h video.Host, _ string) (zoom.Access, error) {
			return zoom.Access{Token: "t", Account: h.Connection}, nil
		})
		at := func(n string) video.Host { return video.Host{Connection: n} }
		took := func(times int, least, most time.Duration, do func()) {
			t.Helper()
			began := time.Now()
			sent = 0
			do()
			if d := time.Since(began); sent != times || d < least || d > most {
				t.Errorf("sent %d times in %v", sent, d)
			}
		}
		took(1, 10*time.Second, 10*time.Second, func() {
			_, err := rooms.Create(t.Context(), at("1"), want)
			check(t, err, "unavailable: outcome_unknown")
		})
		took(3, 30*time.Second, 32*time.Second, func() {
			check(t, rooms.Delete(t.Context(), at("2"), ref), "unavailable: provider_unavailable")
		})
		soon, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		took(2, 15*time.Second, 15*time.Second, func() {
			check(t, rooms.Delete(soon, at("3"), ref), "unavailable: provider_unavailable")
		})
		reached = false
		took(1, 10*time.Second, 10*time.Second, func() {
			_, err := rooms.Create(t.Context(), at("4"), want)
			check(t, err, "unavailable: provider_unavailable")
		})
		// Who goes away says nothing about Zoom, however often.
		for range 9 {
			gone, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := rooms.Create(gone, at("5"), want)
			check(t, err, "unavailable: provider_unavailable")
			cancel()
		}
		took(1, 10*time.Second, 10*time.Second, func() { _, _ = rooms.Create(t.Context(), at("5"), want) })
	})
}

func TestCircuit(t *testing.T) {
	r := newRig(t, js(500, ""))
	create := func(connection, code string) {
		t.Helper()
		h := host
		h.Connection = connection
		_, err := r.Create(t.Context(), h, want)
		check(t, err, code)
	}
	const unknown, shut = "unavailable: outcome_unknown", "unavailable: provider_unavailable"
	for range 4 {
		create("a", unknown)
	}
	r.pass(31 * time.Second) // those four count no more
	for range 5 {
		create("a", unknown)
	}
	n := len(r.requests())
	create("a", shut)
	if h, err := r.Get(t.Context(), video.Host{Connection: "a"}, ref); err == nil || h.Ref != "" || fault.Of(err).RetryAfter != 30*time.Second {
		t.Errorf("%v after %v", err, fault.Of(err).RetryAfter)
	}
	if len(r.requests()) != n {
		t.Error("something was sent though the circuit is open")
	}
	create("b", unknown) // another account goes on
	r.pass(30 * time.Second)
	create("a", unknown) // the one that goes ahead to see
	create("a", shut)
	r.pass(30 * time.Second)
	r.say(coded(400, 300))
	create("a", "invalid: provider_refused") // an answer, if not the wished one
	for range 9 {
		create("a", "invalid: provider_refused")
	}
	r.say(js(500, ""))
	create("a", unknown) // one failure, after all went well again, shuts nothing
	create("a", unknown)
}

// Calls without an answer open it too. Where the account is not known, each connection has one of its own.
func TestCircuitOfAConnection(t *testing.T) {
	r := newRig(t, said{cut: true})
	rooms := zoom.NewRooms(r.API, func(context.Context, video.Host, string) (zoom.Access, error) { return zoom.Access{Token: "t"}, nil })
	create := func(connection, code string) {
		t.Helper()
		_, err := rooms.Create(t.Context(), video.Host{Org: "org_1", Connection: connection}, want)
		check(t, err, code)
	}
	for range 5 {
		create("a", "unavailable: outcome_unknown")
	}
	create("a", "unavailable: provider_unavailable")
	create("b", "unavailable: outcome_unknown")
	for range 9 { // and who is just connecting has none
		_, err := r.Me(hurried(t), zoom.Access{Token: "t"})
		check(t, err, "unavailable: provider_unavailable")
	}
	if n := len(r.requests()); n != 15 {
		t.Errorf("%d were sent", n)
	}
}

// Of all that wait for a circuit to close, one goes ahead.
func TestOneProbe(t *testing.T) {
	r := newRig(t, js(500, ""))
	for range 5 {
		_, _ = r.Create(t.Context(), host, want)
	}
	r.pass(time.Minute)
	r.say(js(500, ""))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _, _ = r.Create(t.Context(), host, want) })
	}
	all.Wait()
	if n := len(r.requests()); n != 1 {
		t.Errorf("%d went ahead", n)
	}
}

// What the queue of the account refuses is not sent, and says nothing about Zoom.
func TestPaceRefuses(t *testing.T) {
	r := newRig(t, js(204, ""))
	var refusal error
	api, err := zoom.New(zoom.Settings{
		URL: r.URL, HTTP: http.DefaultClient, Now: r.clock, Pace: func(context.Context, string) error { return refusal },
	})
	if err != nil {
		t.Fatal(err)
	}
	rooms := zoom.NewRooms(api, r.access)
	full := fault.New(fault.Limited, "pace_full", "Later.")
	full.RetryAfter = 9 * time.Second
	for range 10 {
		refusal = full
		err := rooms.Delete(t.Context(), host, ref)
		check(t, err, busy)
		if fault.Of(err).RetryAfter != full.RetryAfter {
			t.Errorf("after %v", fault.Of(err).RetryAfter)
		}
	}
	if len(r.requests()) != 0 {
		t.Error("it was sent all the same")
	}
	refusal = nil
	check(t, rooms.Delete(t.Context(), host, ref), "")
	refusal = errors.New("no table")
	_, err = rooms.Create(t.Context(), host, want)
	check(t, err, "unavailable: provider_unavailable")
}

func TestNew(t *testing.T) {
	good := zoom.Settings{URL: "https://api.zoom.us/", HTTP: http.DefaultClient, Now: time.Now, Pace: func(context.Context, string) error { return nil }}
	if _, err := zoom.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(s *zoom.Settings){
		"no address": func(s *zoom.Settings) { s.URL = "" }, "a query": func(s *zoom.Settings) { s.URL += "?x=1" },
		"http": func(s *zoom.Settings) { s.URL = "http://api.zoom.us" }, "no HTTP": func(s *zoom.Settings) { s.HTTP = nil },
		"no clock": func(s *zoom.Settings) { s.Now = nil }, "no pace": func(s *zoom.Settings) { s.Pace = nil },
	} {
		bad := good
		spoil(&bad)
		if _, err := zoom.New(bad); err == nil {
			t.Error(name)
		}
	}
}
