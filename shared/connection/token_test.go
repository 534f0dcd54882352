package connection_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/task"
	"almanac/shared/video"
)

// Fifty want a token that has run out, in three processes: Zoom sees one renewal at a time, and one in all.
func TestOneRenewal(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	h.Clock.Pass(time.Hour)
	h.fault(t, zoomsim.Unavailable, zoomsim.OpRefresh, 1) // and a first one that fails
	must(t, h.zoom.Faults.Add(sandbox.Fault{
		Kind: sandbox.Slow, Count: sandbox.Forever, On: zoomsim.OpRefresh, Delay: sandbox.Delay(150 * time.Millisecond),
	}))
	processes := []connection.Zoom{h.process(t), h.process(t), h.process(t)}
	var wg sync.WaitGroup
	var failed atomic.Int32
	got := make([]string, 50)
	for i := range got {
		wg.Go(func() {
			a, err := processes[i%len(processes)].Token(t.Context(), h.host(con), "")
			if err != nil {
				failed.Add(1)
			}
			got[i] = a.Token
		})
	}
	wg.Wait()
	if n := len(h.zoom.Requests(zoomsim.OpRefresh)); n != 2 {
		t.Errorf("%d renewals, want the failed one and one more", n)
	}
	if failed.Load() != 1 { // the one that Zoom failed
		t.Errorf("%d of fifty got none", failed.Load())
	}
	one := ""
	for _, g := range got {
		if one == "" {
			one = g
		}
		if g != "" && g != one {
			t.Fatal("not all got the same token")
		}
	}
	h.works(t, con)
	if now := h.read(t, con.ID); now.Grant != 2 || now.LeaseBy != "" {
		t.Errorf("it is %+v", now)
	}
}

func TestRenewal(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	first, err := h.Token(t.Context(), h.host(con), "")
	must(t, err)
	if n := len(h.zoom.Requests(zoomsim.OpRefresh)); n != 0 {
		t.Errorf("%d renewals of a token that is good", n)
	}
	t.Run("of a token that Zoom refuses", func(t *testing.T) {
		second, err := h.Token(t.Context(), h.host(con), first.Token)
		if err != nil || second.Token == first.Token {
			t.Fatalf("it is the same one again, %v", err)
		}
		third, err := h.Token(t.Context(), h.host(con), first.Token) // somebody else was refused the same
		if err != nil || third.Token != second.Token {
			t.Errorf("it was renewed again, %v", err)
		}
		first = second
	})
	t.Run("before it ends", func(t *testing.T) {
		h.Clock.Pass(54 * time.Minute)
		same, err := h.Token(t.Context(), h.host(con), "")
		if err != nil || same.Token != first.Token {
			t.Errorf("renewed too early, %v", err)
		}
		h.Clock.Pass(2 * time.Minute)
		other, err := h.Token(t.Context(), h.host(con), "")
		if err != nil || other.Token == first.Token {
			t.Errorf("not renewed, %v", err)
		}
	})
	t.Run("by the week", func(t *testing.T) {
		before := h.read(t, con.ID).Grant
		must(t, h.Fresh(t.Context(), rooms(h.Org), con.ID))
		if now := h.read(t, con.ID).Grant; now != before {
			t.Error("renewed before a week was over")
		}
		h.Clock.Pass(3 * 24 * time.Hour)
		must(t, h.Fresh(t.Context(), rooms(h.Org), con.ID))
		if now := h.read(t, con.ID).Grant; now != before {
			t.Error("renewed before a week was over, because the token was")
		}
		h.Clock.Pass(5 * 24 * time.Hour)
		must(t, h.Fresh(t.Context(), rooms(h.Org), con.ID))
		must(t, h.Fresh(t.Context(), rooms(h.Org), con.ID))
		if now := h.read(t, con.ID).Grant; now != before+1 {
			t.Errorf("after a week %d renewals", now-before)
		}
	})
	t.Run("with too little time left", func(t *testing.T) {
		h.Clock.Pass(time.Hour)
		h.zoom.Forget()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := h.Token(ctx, h.host(con), ""); !fault.Is(err, fault.Unavailable) {
			t.Errorf("it was %v", err)
		}
		if n := len(h.zoom.Requests(zoomsim.OpRefresh)); n != 0 {
			t.Error("it was begun all the same")
		}
	})
	t.Run("whose caller goes away", func(t *testing.T) {
		must(t, h.zoom.Faults.Add(sandbox.Fault{
			Kind: sandbox.Slow, Count: 1, On: zoomsim.OpRefresh, Delay: sandbox.Delay(300 * time.Millisecond),
		}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, _ = h.Token(ctx, h.host(con), "") // whatever it hears
		h.works(t, con)
	})
}

// Only Zoom's own word that the grant is dead makes it so.
func TestFailedRenewal(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	for _, kind := range []string{
		zoomsim.LoseRequest, zoomsim.Fail, zoomsim.BadGateway, zoomsim.Unavailable, zoomsim.TooFast, zoomsim.AfterNoise,
		zoomsim.Redirecting,
	} {
		h.Clock.Pass(time.Hour)
		h.Zoom = h.process(t) // with a circuit of its own
		h.fault(t, kind, zoomsim.OpRefresh, 1)
		_, err := h.Token(t.Context(), h.host(con), "")
		if k := fault.Of(err); err == nil || k.Kind == fault.Denied {
			t.Errorf("%s: %v", kind, err)
		}
		h.zoom.Faults.Clear()
		if now := h.read(t, con.ID); now.State != connection.Linked || now.LeaseBy != "" {
			t.Errorf("after %s it is %+v", kind, now)
		}
		h.works(t, con)
	}
	t.Run("when this service is refused, and not the grant", func(t *testing.T) {
		h.Clock.Pass(time.Hour)
		p := h.parts(t, h.Table, &http.Transport{})
		p.Own.ClientSecret = "another secret"
		_, err := connection.New(p).Token(t.Context(), h.host(con), "")
		if code(err) != "zoom_misconfigured" || h.read(t, con.ID).State != connection.Linked {
			t.Errorf("it was %v", err)
		}
		h.works(t, con)
	})
	// What was granted is lost with its answer: nothing can be done, but it must not be believed before Zoom says so.
	for _, kind := range []string{zoomsim.LoseReply, zoomsim.HTML, zoomsim.Empty, zoomsim.CutOff, zoomsim.FailLate} {
		t.Run("with the answer lost by "+kind, func(t *testing.T) {
			h := newHouse(t)
			con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
			h.Clock.Pass(time.Hour)
			h.fault(t, kind, zoomsim.OpRefresh, 1)
			_, err := h.Token(t.Context(), h.host(con), "")
			if !fault.Is(err, fault.Unavailable) || h.read(t, con.ID).State != connection.Linked {
				t.Errorf("it was %v", err)
			}
			for range 3 {
				if _, err := h.Token(t.Context(), h.host(con), ""); code(err) != video.NeedsReauth {
					t.Errorf("afterwards it was %v", err)
				}
			}
			h.lapsed(t, con.ID, connection.GrantDead)
		})
	}
}

// lapsed checks that a connection must be made again, and that this was told once.
func (h *house) lapsed(t *testing.T, con, why string) {
	t.Helper()
	if now := h.read(t, con); now.State != connection.NeedsReauth || now.Why != why {
		t.Errorf("it is %+v", now)
	}
	if n := h.count(t, con, string(event.ConnectionLapsed)); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}

func TestDeadGrant(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	tasks := task.New(h.Table, h.Clock.Now)
	p := h.parts(t, h.Table, &http.Transport{})
	p.Raise = tasks.OfAccount
	h.Store = connection.New(p)
	must(t, h.zoom.Kill("", zoomsim.Ada))
	h.Clock.Pass(time.Hour)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := h.Token(t.Context(), h.host(con), ""); code(err) != video.NeedsReauth {
				t.Errorf("a token of a dead grant: %v", err)
			}
		})
	}
	wg.Wait()
	must(t, h.Lapse(t.Context(), rooms(h.Org), con.ID, "something else"))
	h.lapsed(t, con.ID, connection.GrantDead)
	raised := 0
	for _, e := range h.Waiting(t) {
		if e.Name == event.ConnectionLapsed {
			raised++
		}
	}
	items := 0
	for _, item := range h.Stored(t) {
		if strings.Contains(fmt.Sprint(item["SK"]), "TSK") {
			items++
		}
	}
	if raised != 1 || items != 1 {
		t.Errorf("%d events for the mail, %d tasks", raised, items)
	}
	if n := len(h.zoom.Requests(zoomsim.OpRefresh)); n != 1 {
		t.Errorf("Zoom was asked %d times", n)
	}
	h.linked(t, clinictest.Clinician, zoomsim.Ada)
	h.works(t, con)
}

// hook is a transport that does something before a call, or after it.
type hook struct {
	before, after func(path string)
}

func (k hook) RoundTrip(r *http.Request) (*http.Response, error) {
	if k.before != nil {
		k.before(r.URL.Path)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if k.after != nil {
		k.after(r.URL.Path)
	}
	return res, err
}

// A refusal is believed only if the tokens are still the ones that were presented.
func TestRefusalOfAnOlderGrant(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	h.Clock.Pass(time.Hour)
	var once sync.Once
	again := func(path string) {
		if path == "/oauth/token" {
			once.Do(func() { h.linked(t, clinictest.Clinician, zoomsim.Ada) })
		}
	}
	s := connection.New(h.parts(t, h.Table, hook{before: again}))
	if _, err := s.Token(t.Context(), h.host(con), ""); err != nil {
		t.Errorf("connected again just before: %v", err)
	}
	if now := h.read(t, con.ID); now.State != connection.Linked {
		t.Errorf("it is %+v", now)
	}
	h.works(t, con)

	// Nor is what a worker hears of a token that is not the connection's any more.
	old, err := s.Token(t.Context(), h.host(con), "")
	must(t, err)
	h.linked(t, clinictest.Clinician, zoomsim.Ada)
	must(t, s.Lapse(t.Context(), rooms(h.Org), con.ID, video.NeedsReauth))
	if now := h.read(t, con.ID); now.State != connection.Linked {
		t.Errorf("what was heard of an old token made it %+v", now)
	}
	if now, err := s.Token(t.Context(), h.host(con), ""); err != nil || now.Token == old.Token {
		t.Errorf("the token is the old one, %v", err)
	}
	must(t, s.Lapse(t.Context(), rooms(h.Org), con.ID, video.NeedsReauth))
	h.lapsed(t, con.ID, video.NeedsReauth)
}

// Whoever is renewing and whoever connects again, lapses, ends or plans meanwhile do not undo each other's work.
func TestChangedDuringRenewal(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, h *house, con string)
		want connection.State
		code string
	}{
		"connected again": {func(t *testing.T, h *house, _ string) {
			t.Helper()
			h.linked(t, clinictest.Clinician, zoomsim.Ada)
		}, connection.Linked, ""},
		"ended": {func(t *testing.T, h *house, _ string) {
			t.Helper()
			_, err := h.End(t.Context(), h.By(t, clinictest.Clinician), connection.Own)
			must(t, err)
		}, connection.Ending, ""},
		"planned": {func(t *testing.T, h *house, con string) {
			t.Helper()
			must(t, h.Due(t.Context(), rooms(h.Org), con, h.Clock.Now().Add(time.Minute)))
		}, connection.Linked, ""},
		"lapsed": {func(t *testing.T, h *house, con string) {
			t.Helper()
			must(t, h.Lapse(t.Context(), rooms(h.Org), con, "user_gone"))
		}, connection.NeedsReauth, ""},
		"erased": {func(t *testing.T, h *house, con string) {
			t.Helper()
			items, err := h.Removal(t.Context(), rooms(h.Org), con, "uninstalled", nil)
			must(t, err)
			h.erase(t, items)
		}, "", video.NeedsReauth},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
			h.Clock.Pass(time.Hour)
			var once sync.Once
			s := connection.New(h.parts(t, h.Table, hook{after: func(path string) {
				if path == "/oauth/token" {
					once.Do(func() { c.do(t, h, con.ID) })
				}
			}}))
			_, err := s.Token(t.Context(), h.host(con), "")
			if code(err) != c.code {
				t.Errorf("the token: %v", err)
			}
			if c.want == "" {
				return
			}
			now := h.read(t, con.ID)
			if now.State != c.want {
				t.Errorf("it is %+v", now)
			}
			if c.want != connection.NeedsReauth {
				h.works(t, con)
			}
		})
	}
}

// Somebody who took the lease for over presents a token that is spent; the new ones arrive all the same.
func TestLeaseOverrun(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	h.Clock.Pass(time.Hour)
	var once sync.Once
	s := connection.New(h.parts(t, h.Table, hook{after: func(path string) {
		if path == "/oauth/token" {
			once.Do(func() {
				h.Clock.Pass(time.Minute)
				if _, err := h.Token(t.Context(), h.host(con), ""); code(err) != video.NeedsReauth {
					t.Errorf("the other one: %v", err)
				}
			})
		}
	}}))
	if _, err := s.Token(t.Context(), h.host(con), ""); err != nil {
		t.Errorf("the slow one: %v", err)
	}
	h.works(t, con)
}

func TestDue(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	due := func(at time.Time) time.Time {
		must(t, h.Due(t.Context(), rooms(h.Org), con.ID, at))
		return h.read(t, con.ID).Due
	}
	now := h.Clock.Now()
	soon := now.Add(10 * time.Minute)
	if got := due(soon); !got.Equal(soon) {
		t.Errorf("earlier than planned: %v", got)
	}
	if got := due(now.Add(time.Hour)); !got.Equal(soon) {
		t.Errorf("later than planned: %v", got)
	}
	h.Clock.Pass(20 * time.Minute)
	next := h.Clock.Now().Add(6 * time.Hour)
	if got := due(next); !got.Equal(next) {
		t.Errorf("after it came: %v", got)
	}
	found := false
	for shard := range 8 {
		all, err := h.Table.Due(t.Context(), shard, next.Add(time.Minute), 10)
		must(t, err)
		for _, d := range all {
			found = found || d.Org == h.Org && d.ID == con.ID && d.At.Equal(next)
		}
	}
	if !found {
		t.Error("it is not in the list of what is due")
	}
}

// What is ending and dead keeps nobody waiting.
func TestDeadWhileEnding(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	_, err := h.End(t.Context(), h.By(t, clinictest.Clinician), connection.Own)
	must(t, err)
	must(t, h.zoom.Kill("", zoomsim.Ada))
	h.Clock.Pass(time.Hour)
	for range 3 {
		if _, err := h.Token(t.Context(), h.host(con), ""); code(err) != video.NeedsReauth {
			t.Errorf("its token: %v", err)
		}
	}
	if now := h.read(t, con.ID); now.State != connection.Ending || now.LeaseBy != "" {
		t.Errorf("it is %+v", now)
	}
	must(t, h.Revoke(t.Context(), rooms(h.Org), con.ID))
}
