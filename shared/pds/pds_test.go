package pds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/nhstest"
	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/cause"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/nhsnumber"
	"almanac/shared/pds"
)

const ods = "Y90001"

// rig is a client before the stand-in.
type rig struct {
	*pds.Client
	nhs    *nhstest.Stand
	set    pds.Settings
	paced  atomic.Int64
	waited atomic.Int64 // of them, for a person
	held   atomic.Int64
	skew   time.Duration
}

func newRig(t *testing.T) *rig {
	t.Helper()
	n := nhstest.New(t, func(c *nhs.Config) { c.Now = nil })
	r := &rig{nhs: n}
	r.set = pds.Settings{
		URL: n.PDSURL, TokenURL: n.TokenURL, APIKey: nhstest.APIKey, KID: nhstest.KID, Sign: n.Sign,
		Pace: func(_ context.Context, waiting bool) error {
			r.paced.Add(1)
			if waiting {
				r.waited.Add(1)
			}
			return nil
		},
		Hold: func(context.Context, time.Duration) error { r.held.Add(1); return nil },
		Now:  func() time.Time { return time.Now().Add(r.skew) },
	}
	r.connect(t)
	return r
}

func (r *rig) connect(t *testing.T) {
	t.Helper()
	c, err := pds.New(r.set)
	if err != nil {
		t.Fatal(err)
	}
	r.Client = c
}

func (r *rig) fail(t *testing.T, kind string, count int, on string) {
	t.Helper()
	if err := r.nhs.Faults.Add(sandbox.Fault{Kind: kind, Count: count, On: on}); err != nil {
		t.Fatal(err)
	}
}

func call(step string) pds.Call { return pds.Call{ODS: ods, Event: id.New("evt"), Step: step} }

func number(t *testing.T, who sandpds.Who) nhsnumber.Number {
	t.Helper()
	n, err := nhsnumber.Parse(who.Number())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestGet(t *testing.T) {
	r := newRig(t)
	get := func(who sandpds.Who) pds.Person {
		t.Helper()
		p, outcome, err := r.Get(t.Context(), call("read"), number(t, who))
		if err != nil || outcome != pds.Found {
			t.Fatalf("%v: %v, %v", who, outcome, err)
		}
		return p
	}
	p := get(sandpds.Ordinary)
	if p.Number != number(t, sandpds.Ordinary) || p.VersionID == "" || p.Restricted || len(p.Names) == 0 || p.BirthDate == "" ||
		len(p.Addresses) == 0 || len(p.Telecoms) == 0 || p.Practice.ODS == "" || p.Practice.Removed != "" {
		t.Error("an ordinary record is not whole")
	}
	for who, restricted := range map[sandpds.Who]bool{
		sandpds.Restricted: true, sandpds.VeryRestricted: true, sandpds.NoLabel: true, sandpds.Plain: false,
	} {
		if got := get(who); got.Restricted != restricted {
			t.Errorf("%v: restricted is %v", who, got.Restricted)
		}
	}
	for who, want := range map[sandpds.Who]string{sandpds.DeadInformal: "1", sandpds.DeadFormal: "2", sandpds.DeadUndone: "U"} {
		if got := get(who); got.DeathStatus != want {
			t.Errorf("%v: death status %q", who, got.DeathStatus)
		}
	}
	if got := get(sandpds.DeadYearOnly); len(got.Deceased) != 4 {
		t.Errorf("died %q", got.Deceased)
	}
	if got := get(sandpds.Bare); len(got.Names) > 0 || got.BirthDate != "" {
		t.Error("a bare record has more than it should")
	}
	if got := get(sandpds.YearOnly); got.BirthDate != "1932" {
		t.Errorf("born %q", got.BirthDate)
	}
	if got := get(sandpds.RemovedPractice); got.Practice.Removed != "SCT" {
		t.Errorf("removed for %q", got.Practice.Removed)
	}
	if got := get(sandpds.EndedPractice); got.Practice.Period.End == "" {
		t.Error("an ended registration has no end")
	}
	if got := get(sandpds.TwinOne); !got.Multiple {
		t.Error("a twin is not known as one")
	}
	for old, current := range map[sandpds.Who]sandpds.Who{
		sandpds.OldNumber: sandpds.NewNumber, sandpds.ChainStart: sandpds.ChainEnd, sandpds.MergedAway: sandpds.Survivor,
	} {
		if got := get(old); got.Number != number(t, current) {
			t.Errorf("%v does not lead to the new number", old)
		}
	}
	for who, want := range map[sandpds.Who]pds.Outcome{sandpds.Invalid: pds.Invalidated, sandpds.Redacted: pds.NotFound} {
		if _, outcome, err := r.Get(t.Context(), call("read"), number(t, who)); err != nil || outcome != want {
			t.Errorf("%v: %v, %v", who, outcome, err)
		}
	}
}

func TestSearch(t *testing.T) {
	r := newRig(t)
	for name, x := range map[string]struct {
		q    pds.Query
		want pds.Outcome
		who  sandpds.Who
	}{
		"one":                     {pds.Query{Family: "o'reilly", Given: []string{"Niamh"}, BirthDate: "1975-05-25", Postcode: "kb1 6tg"}, pds.Found, sandpds.Apostrophe},
		"letters with marks":      {pds.Query{Family: "KOCIŃSKI", Given: []string{"łucja"}, BirthDate: "1983-09-13"}, pds.Found, sandpds.Accents},
		"capitals with marks":     {pds.Query{Family: "ATTSÖN", Given: []string{"PÀULINÉ"}, BirthDate: "1960-07-14"}, pds.Found, sandpds.Capitals},
		"two words":               {pds.Query{Family: "Silverthorne", Given: []string{"John Paul", "James"}, BirthDate: "1987-07-07"}, pds.Found, sandpds.TwoWords},
		"one name":                {pds.Query{Family: "Sukarnawati", BirthDate: "1996-10-30"}, pds.Found, sandpds.OneWord},
		"by beginnings":           {pds.Query{Family: "Silv*", Given: []string{"Joh*"}, BirthDate: "1987-07-07", Postcode: "KB*"}, pds.Found, sandpds.TwoWords},
		"a former name":           {pds.Query{Family: "Tamarisk", BirthDate: "1992-06-18", History: true}, pds.Found, sandpds.FormerName},
		"a former name, as it is": {pds.Query{Family: "Tamarisk", BirthDate: "1992-06-18"}, pds.None, 0},
		"nobody":                  {pds.Query{Family: "Nobody", BirthDate: "1975-05-25"}, pds.None, 0},
		"many":                    {pds.Query{Family: "Smithfield", BirthDate: "1980-01-01"}, pds.Many, 0},
		"no number":               {pds.Query{Family: "Oddfellow", BirthDate: "1985-08-25"}, pds.Unusable, 0},
		"an outcome without code": {pds.Query{Family: "Murkwater", BirthDate: "1986-08-26"}, pds.Unsupported, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, outcome, err := r.Search(t.Context(), call("history"), x.q)
			if err != nil || outcome != x.want || x.want == pds.Found && got.Number != number(t, x.who) {
				t.Errorf("%v, %v", outcome, err)
			}
		})
	}
	r.fail(t, apim.EmptyList, 1, "search")
	if _, outcome, err := r.Search(t.Context(), call("history"), pds.Query{Family: "Nobody", BirthDate: "1975-05-25"}); err != nil || outcome != pds.None {
		t.Errorf("an empty list: %v, %v", outcome, err)
	}
	for _, req := range r.nhs.Requests("search") {
		if req.Query["address-postcode"] != nil || req.Query["gender"] != nil || req.Query["_fuzzy-match"] != nil || !slices.Equal(req.Query["_max-results"], []string{"1"}) {
			t.Errorf("asked with %v", req.Query)
		}
	}
}

func TestRelatedPeople(t *testing.T) {
	r := newRig(t)
	for who, want := range map[sandpds.Who]int{sandpds.Ordinary: 2, sandpds.Plain: 1, sandpds.Bare: 0} {
		got, outcome, err := r.RelatedPeople(t.Context(), call("related"), number(t, who))
		if err != nil || outcome != pds.Found || len(got) != want {
			t.Errorf("%v: %d, %v, %v", who, len(got), outcome, err)
		}
	}
	if _, outcome, err := r.RelatedPeople(t.Context(), call("related"), number(t, sandpds.Redacted)); err != nil || outcome != pds.NotFound {
		t.Errorf("nobody's: %v, %v", outcome, err)
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t)
	c := call("read@3")
	c.Waiting = true
	if _, _, err := r.Get(t.Context(), c, number(t, sandpds.Ordinary)); err != nil {
		t.Fatal(err)
	}
	got := r.nhs.Requests("get")[0].Header
	for name, want := range map[string]string{
		"X-Request-Id": c.Request(), "X-Correlation-Id": c.Event, "Nhsd-End-User-Organisation-Ods": ods,
		"Accept": "application/fhir+json",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if r.paced.Load() != 1 || r.waited.Load() != 1 {
		t.Errorf("waited %d times, %d of them for a person", r.paced.Load(), r.waited.Load())
	}
	same, other := c, c
	other.Step = "read@4"
	if c.Request() != same.Request() || c.Request() == other.Request() {
		t.Error("the request's id does not follow from event and step")
	}
	c.ODS = ""
	if _, _, err := r.Get(t.Context(), c, number(t, sandpds.Ordinary)); !fault.Is(err, fault.Invalid) {
		t.Errorf("without an ODS code: %v", err)
	}
	if n := len(r.nhs.Requests("get")); n != 1 {
		t.Errorf("%d requests went out", n)
	}
}

// Each fault of the platform: how often it is asked, under which id, and what is told.
func TestFaults(t *testing.T) {
	for _, x := range []struct {
		fault string
		count int
		kind  fault.Kind
		code  string
		asked int
	}{
		{apim.Timeout, 1, 0, "", 2},
		{apim.Timeout, 9, fault.Unavailable, "pds_unavailable", 3},
		{apim.Quota, 1, 0, "", 2},
		{apim.Spike, 9, fault.Limited, "pds_too_many", 3},
		{apim.Busy, 1, 0, "", 2},
		{apim.Fail, 9, fault.Unavailable, "pds_unavailable", 3},
		{apim.PlainError, 1, 0, "", 2},
		{apim.BadGateway, 1, 0, "", 2},
		{apim.Maintenance, 9, fault.Unavailable, "pds_unavailable", 3},
		{apim.GatewayTimeout, 1, 0, "", 2},
		{apim.Truncate, 1, 0, "", 2},
		{apim.Truncate, 9, fault.Unavailable, "pds_unreadable", 3},
		{apim.CutOff, 1, 0, "", 2},
		{apim.LoseReply, 1, 0, "", 2},
		{apim.LoseRequest, 9, fault.Unavailable, "pds_no_answer", 3},
		{apim.NoASID, 9, fault.Invalid, "pds_request_refused", 1},
		{apim.Denied, 9, fault.Denied, "pds_forbidden", 1},
		{apim.Revoke, 1, 0, "", 2},
		{apim.Expire, 1, 0, "", 2},
		{apim.Revoke, 9, fault.Unavailable, "pds_access_denied", 2},
	} {
		t.Run(fmt.Sprint(x.fault, " ", x.count), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.fail(t, x.fault, x.count, "get")
			_, outcome, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary))
			if x.code == "" && (err != nil || outcome != pds.Found) {
				t.Errorf("%v, %v %v", outcome, err, cause.Chain(err))
			}
			if x.code != "" && (!fault.Is(err, x.kind) || fault.Of(err).Code != x.code) {
				t.Errorf("%v, want %v %s", err, x.kind, x.code)
			}
			ids := map[string]bool{}
			for _, req := range r.nhs.Requests("get") {
				ids[req.ID()] = true
			}
			if n := len(r.nhs.Requests("get")); n < x.asked || n > x.asked+1 || len(ids) != 1 {
				t.Errorf("asked %d times, want %d, under %d ids", n, x.asked, len(ids))
			}
			if flood := x.fault == apim.Quota || x.fault == apim.Spike || x.fault == apim.Busy; flood != (r.held.Load() > 0) {
				t.Errorf("held back %d times", r.held.Load())
			}
			text := fmt.Sprint(err) + strings.Join(cause.Chain(err), " ")
			for ; err != nil; err = errors.Unwrap(err) {
				text += err.Error() // even what no log shows
			}
			if strings.Contains(text, sandpds.Ordinary.Number()) || strings.Contains(text, "Patient") {
				t.Errorf("the error shows the number: %s", text)
			}
		})
	}
}

// 503 says how long to wait. For longer than a call may hang, that is for the queue.
func TestRetryAfter(t *testing.T) {
	r := newRig(t)
	r.fail(t, apim.Unavailable, 9, "get")
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	_, _, err := r.Get(ctx, call("read"), number(t, sandpds.Ordinary))
	if !fault.Is(err, fault.Unavailable) || fault.Of(err).RetryAfter != 5*time.Second {
		t.Errorf("%v after %s", err, fault.Of(err).RetryAfter)
	}
}

func TestToken(t *testing.T) {
	t.Run("one for many, and again before it ends", func(t *testing.T) {
		r := newRig(t)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, _, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(r.nhs.Requests("token")); n != 1 {
			t.Errorf("%d tokens", n)
		}
		r.skew = 599*time.Second - 46*time.Second
		for range 2 {
			if _, err := r.Another(t.Context(), ""); err != nil {
				t.Error(err)
			}
		}
		if n := len(r.nhs.Requests("token")); n != 1 {
			t.Errorf("%d tokens a moment before it is time", n)
		}
		r.skew += 3 * time.Second
		if _, err := r.Another(t.Context(), ""); err != nil {
			t.Error(err)
		}
		if n := len(r.nhs.Requests("token")); n < 2 {
			t.Error("no other token 44 seconds before the first one ends")
		}
	})
	t.Run("when it stops being taken, all share the next", func(t *testing.T) {
		r := newRig(t)
		if _, err := r.Another(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		r.nhs.RevokeTokens()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, _, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(r.nhs.Requests("token")); n != 2 {
			t.Errorf("%d tokens, want 2", n)
		}
	})
	t.Run("a clock six minutes off", func(t *testing.T) {
		for _, skew := range []time.Duration{6 * time.Minute, -6 * time.Minute} {
			r := newRig(t)
			r.skew = skew
			for range 2 {
				if _, _, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary)); err != nil {
					t.Errorf("%s off: %v %v", skew, err, cause.Chain(err))
				}
			}
		}
	})
	t.Run("an unknown key", func(t *testing.T) {
		r := newRig(t)
		r.fail(t, apim.UnknownKID, 9, "token")
		_, err := r.Another(t.Context(), "")
		if !fault.Is(err, fault.Unavailable) || fault.Of(err).Code != "pds_token_refused" || !strings.Contains(fmt.Sprint(cause.Chain(err)), "PDS answered 4") {
			t.Errorf("%v %v", err, cause.Chain(err))
		}
	})
	t.Run("a hanging endpoint", func(t *testing.T) {
		r := newRig(t)
		if err := r.nhs.Faults.Add(sandbox.Fault{Kind: sandbox.Slow, Count: 9, On: "token", Delay: sandbox.Delay(2 * time.Second)}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, _, err := r.Get(ctx, call("read"), number(t, sandpds.Ordinary)); !fault.Is(err, fault.Unavailable) {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 5*time.Second || r.paced.Load() > 0 {
			t.Errorf("took %s and %d places", took, r.paced.Load())
		}
	})
	t.Run("nobody signs", func(t *testing.T) {
		r := newRig(t)
		r.set.Sign = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("disabled") }
		r.connect(t)
		if _, err := r.Another(t.Context(), ""); !fault.Is(err, fault.Unavailable) || fault.Of(err).Code != "pds_unsigned" {
			t.Errorf("%v", err)
		}
	})
}

// What the pace refuses is not asked, and comes back from the queue.
func TestPaceRefuses(t *testing.T) {
	r := newRig(t)
	r.set.Pace = func(context.Context, bool) error { return fault.New(fault.Limited, "row_too_long", "Later.") }
	r.connect(t)
	if _, _, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary)); !fault.Is(err, fault.Limited) {
		t.Errorf("%v", err)
	}
	if n := len(r.nhs.Requests("get")); n > 0 {
		t.Errorf("%d requests", n)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	r := newRig(t)
	for name, spoil := range map[string]func(*pds.Settings){
		"no URL":       func(s *pds.Settings) { s.URL = "" },
		"no host":      func(s *pds.Settings) { s.URL = "/personal" },
		"a query":      func(s *pds.Settings) { s.URL += "?x=1" },
		"no token URL": func(s *pds.Settings) { s.TokenURL = "ftp://x" },
		"no key":       func(s *pds.Settings) { s.APIKey = "" },
		"no kid":       func(s *pds.Settings) { s.KID = "" },
		"no pace":      func(s *pds.Settings) { s.Pace = nil },
	} {
		set := r.set
		spoil(&set)
		if _, err := pds.New(set); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// However a person or a question is printed, nothing of it shows.
func TestRedacted(t *testing.T) {
	r := newRig(t)
	p, _, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary))
	if err != nil {
		t.Fatal(err)
	}
	q := pds.Query{Family: p.Names[0].Family, BirthDate: p.BirthDate}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(verb, p) + fmt.Sprintf(verb, &p) + fmt.Sprintf(verb, q) + fmt.Sprintf(verb, []pds.Query{q})
		if strings.Contains(text, p.Names[0].Family) || strings.Contains(text, p.BirthDate) || strings.Contains(text, p.Number.Digits()) {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}
