package zoom_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox"
	sandzoom "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// stand is the client before the stand-in.
type stand struct {
	*zoomtest.Stand
	*zoom.API
	zoom.Rooms
	zoom.App

	mu    sync.Mutex
	grant zoom.Grant
}

func newStand(t *testing.T, who string) *stand {
	t.Helper()
	s := &stand{Stand: zoomtest.New(t)}
	s.App = zoom.App{
		URL: s.Stand.URL, API: s.Stand.URL, ClientID: s.Stand.ClientID, ClientSecret: s.Stand.ClientSecret,
		Redirect: zoomtest.Callback, Scopes: zoom.UserScopes(), HTTP: s.Stand.HTTP, Now: s.Clock.Now,
	}
	var err error
	s.API, err = zoom.New(zoom.Settings{
		URL: s.Stand.URL, HTTP: s.Stand.HTTP, Now: s.Clock.Now, Pace: func(context.Context, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Rooms = zoom.NewRooms(s.API, s.access)
	s.connect(t, who)
	return s
}

// connect goes the way of somebody who connects an account.
func (s *stand) connect(t *testing.T, who string) {
	t.Helper()
	const verifier = "a-verifier-of-at-least-forty-three-characters-x"
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if _, err := url.Parse(s.AuthoriseURL("state", challenge)); err != nil {
		t.Fatal(err)
	}
	code := s.Code(t, who, zoomtest.Callback, challenge)
	g, err := s.Exchange(t.Context(), code, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exchange(t.Context(), code, verifier); fault.Of(err).Code != zoom.CodeRefused {
		t.Errorf("a code that was used: %v", err)
	}
	s.grant = g
}

// access refreshes the grant when its token was refused.
func (s *stand) access(ctx context.Context, _ video.Host, rejected string) (zoom.Access, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rejected == s.grant.Access {
		g, err := s.Refresh(ctx, s.grant.Refresh)
		if err != nil {
			return zoom.Access{}, err
		}
		s.grant = g
	}
	return zoom.Access{Token: s.grant.Access, APIURL: s.grant.APIURL}, nil
}

func (s *stand) want() video.Want {
	return video.Want{Marker: "apt_1#3", Start: s.Clock.Now().Add(24 * time.Hour), Minutes: 30, Topic: "Video visit"}
}

func TestAgainstTheStandIn(t *testing.T) {
	s := newStand(t, sandzoom.Ada)
	if missing := s.Missing(s.grant.Scopes); missing != nil || s.grant.APIURL != s.Stand.URL {
		t.Errorf("missing %q", missing)
	}
	me, err := s.Me(t.Context(), zoom.Access{Token: s.grant.Access, APIURL: s.grant.APIURL})
	if err != nil || me.ID != sandzoom.Ada || me.Account != sandzoom.AccountOne || !me.Licensed || !me.Active() {
		t.Errorf("%v", err)
	}
	w := s.want()
	made, err := s.Create(t.Context(), host, w)
	if err != nil || made.HostUser != sandzoom.Ada || made.Marker != w.Marker || !made.Start.Equal(w.Start) || made.Minutes != 30 || made.JoinURL == "" {
		t.Fatalf("%v", err)
	}
	list, err := s.Upcoming(t.Context(), host)
	if err != nil || len(list) != 1 || list[0].Ref != made.Ref || list[0].Marker != w.Marker {
		t.Errorf("%d in the list, %v", len(list), err)
	}
	later, longer := w.Start.Add(time.Hour), 45
	if err := s.Update(t.Context(), host, made.Ref, video.Difference{Start: &later, Minutes: &longer}); err != nil {
		t.Error(err)
	}
	s.Clock.Pass(2 * time.Hour) // the token runs out
	got, err := s.Get(t.Context(), host, made.Ref)
	if err != nil || !got.Start.Equal(later) || got.Minutes != longer || got.Started || got.JoinURL != made.JoinURL {
		t.Errorf("%v", err)
	}
	one, err := s.HostLink(t.Context(), host, made.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := s.HostLink(t.Context(), host, made.Ref); err != nil || one == two {
		t.Errorf("the host's link is the same twice, or %v", err)
	}
	id, err := strconv.ParseInt(made.Ref, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(id); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), host, made.Ref); err != nil || !got.Started {
		t.Errorf("%v", err)
	}
	check(t, s.Update(t.Context(), host, made.Ref, video.Difference{Minutes: &longer}), "conflict: room_started")
	check(t, s.Delete(t.Context(), host, made.Ref), "conflict: room_started")
	if err := s.End(id); err != nil {
		t.Fatal(err)
	}
	next, err := s.Create(t.Context(), host, w)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s.Delete(t.Context(), host, next.Ref), "")
	check(t, s.Delete(t.Context(), host, next.Ref), "")
	_, err = s.Get(t.Context(), host, next.Ref)
	check(t, err, "not_found: room_gone")
	check(t, s.Revoke(t.Context(), s.grant.Access), "")
	check(t, s.Revoke(t.Context(), s.grant.Access), "")
	_, err = s.Get(t.Context(), host, made.Ref)
	check(t, err, "denied: needs_reauth")
	_, err = s.Refresh(t.Context(), s.grant.Refresh)
	check(t, err, "denied: needs_reauth")
}

// A call that the stand-in spoils is told as what it is; what it makes is made once.
func TestFaultsOfTheStandIn(t *testing.T) {
	const (
		unknown = "unavailable: outcome_unknown"
		refused = "invalid: provider_refused"
		reauth  = "denied: needs_reauth"
		daily   = "limited: daily_quota"
	)
	for kind, x := range map[string]struct {
		create, get string
		made        int // by one create
	}{
		sandzoom.LoseRequest: {unknown, "", 0}, sandzoom.LoseReply: {unknown, "", 1}, sandzoom.CutOff: {unknown, "", 1},
		sandzoom.FailLate: {unknown, "", 1}, sandzoom.Fail: {unknown, "", 0}, sandzoom.BadGateway: {unknown, "", 0},
		sandzoom.Unavailable: {unknown, "", 0}, sandzoom.HTML: {unknown, "", 1}, sandzoom.Empty: {unknown, "", 1},
		sandzoom.TooFast: {busy, "", 0}, sandzoom.AfterNoise: {busy, "", 0}, sandzoom.AfterPast: {busy, "", 0},
		sandzoom.AfterSecs: {busy, busy, 0}, sandzoom.Concurrent: {busy, "", 0}, sandzoom.Daily: {daily, daily, 0},
		sandzoom.DailyDated: {daily, daily, 0}, sandzoom.Redirecting: {daily, daily, 0}, sandzoom.CodeInOK: {refused, refused, 0},
		sandzoom.ZeroCode: {"", "", 1}, sandzoom.NoJoinURL: {unknown, "", 1}, sandzoom.Expire: {"", "", 1},
		sandzoom.Kill: {reauth, reauth, 0}, sandzoom.NoScope: {reauth, reauth, 0}, sandzoom.Disabled: {reauth, reauth, 0},
		sandzoom.NoAuth: {reauth, reauth, 0}, sandzoom.CatchAll: {reauth, reauth, 0}, sandzoom.NotInPlan: {refused, refused, 0},
		sandzoom.NoHosting: {refused, refused, 0}, sandzoom.NotHost: {"conflict: not_host", "conflict: not_host", 0},
		sandzoom.NotOnAcct: {reauth, reauth, 0},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, sandzoom.Ada)
			first, err := s.Create(t.Context(), host, s.want())
			if err != nil {
				t.Fatal(err)
			}
			fail := func(on string) {
				t.Helper()
				if err := s.Faults.Add(sandbox.Fault{Kind: kind, Count: 1, On: on}); err != nil {
					t.Fatal(err)
				}
			}
			fail(sandzoom.OpCreate)
			_, err = s.Create(t.Context(), host, s.want())
			check(t, err, x.create)
			s.connect(t, sandzoom.Ada)
			list, err := s.Upcoming(t.Context(), host)
			if err != nil || len(list) != 1+x.made {
				t.Errorf("%d were made, %v", len(list)-1, err)
			}
			fail(sandzoom.OpGet)
			_, err = s.Get(t.Context(), host, first.Ref)
			check(t, err, x.get)
		})
	}
}

func TestRefreshAtTheStandIn(t *testing.T) {
	s := newStand(t, sandzoom.Ada)
	old := s.grant
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 8 {
		all.Go(func() {
			_, err := s.Refresh(t.Context(), old.Refresh)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else {
				check(t, err, "denied: needs_reauth")
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Errorf("%d refreshed with one token", won)
	}
	for kind, want := range map[string]string{
		sandzoom.LoseReply: "unavailable: outcome_unknown", sandzoom.Empty: "unavailable: outcome_unknown",
		sandzoom.HTML: "unavailable: outcome_unknown", sandzoom.CutOff: "unavailable: outcome_unknown",
		sandzoom.Fail: "unavailable: provider_unavailable", sandzoom.Unavailable: "unavailable: provider_unavailable",
		sandzoom.BadGateway: "unavailable: outcome_unknown",
	} {
		s.connect(t, sandzoom.Ada)
		if err := s.Faults.Add(sandbox.Fault{Kind: kind, Count: 1, On: sandzoom.OpRefresh}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Refresh(t.Context(), s.grant.Refresh)
		check(t, err, want)
	}
	bad := s.App
	bad.ClientSecret = "another"
	_, err := bad.Refresh(t.Context(), s.grant.Refresh)
	check(t, err, "internal: zoom_misconfigured")
	few := newStand(t, sandzoom.Fay)
	if missing := few.Missing(few.grant.Scopes); len(missing) != 1 || missing[0] != "meeting:delete:meeting" {
		t.Errorf("missing %q", missing)
	}
}

func TestUsersOfTheStandIn(t *testing.T) {
	s := newStand(t, sandzoom.Ada)
	granted := s.AuthoriseAdmin(t, sandzoom.Gus)
	users := zoom.NewUsers(s.API, func(context.Context, video.Host, string) (zoom.Access, error) {
		return zoom.Access{Token: granted.Access}, nil
	})
	made, err := users.Create(t.Context(), host, zoom.NewUser{Email: "iris.vane@zoom.example", First: "Iris", Last: "Vane", Licensed: true})
	if err != nil || made.ID == "" {
		t.Fatal(err)
	}
	found, err := users.Find(t.Context(), host, "iris.vane@zoom.example")
	if err != nil || found.ID != made.ID || found.Active() {
		t.Errorf("%v", err)
	}
	_, err = users.Create(t.Context(), host, zoom.NewUser{Email: "iris.vane@zoom.example", First: "Iris", Last: "Vane"})
	check(t, err, "conflict: zoom_user_exists")
	_, err = users.Find(t.Context(), host, "nobody@zoom.example")
	check(t, err, "not_found: zoom_user_unknown")
}

// Every webhook of a visit from beginning to end is genuine, and is read.
func TestWebhooksOfTheStandIn(t *testing.T) {
	s := newStand(t, sandzoom.Ada)
	ear := s.Listen(t)
	w := s.want()
	made, err := s.Create(t.Context(), host, w)
	if err != nil {
		t.Fatal(err)
	}
	later, longer := w.Start.Add(time.Hour), 45
	for _, err := range []error{
		s.Update(t.Context(), host, made.Ref, video.Difference{Start: &later}),
		s.Update(t.Context(), host, made.Ref, video.Difference{Minutes: &longer}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	id, err := strconv.ParseInt(made.Ref, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	topic := marked + " 😀 é"
	do(s.Edit(id, sandzoom.Change{Topic: &topic}))
	do(s.Start(id))
	_, err = s.Join(id, sandzoom.Guest{Name: marked, Email: marked + "@example.org"})
	do(err)
	do(s.Admit(id, ""))
	do(s.End(id))
	do(s.Server.Delete(id, false))
	do(s.Recover(id))
	do(s.Uninstall("", sandzoom.Ada))
	kinds := map[video.Kind]int{}
	for range 200 {
		if len(ear.Heard("app_deauthorized")) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, h := range ear.Heard() {
		m, err := zoom.Verify(append([]string{"another"}, s.Secrets...), maxAge, h.Header.Values, h.Body, s.Clock.Now())
		if err != nil || m.Secret != 1 {
			t.Fatalf("%s: %v", h.Event, err)
		}
		all, err := zoom.Parse(h.Body)
		if err != nil || len(all) > 1 {
			t.Fatalf("%s: %v", h.Event, err)
		}
		for _, n := range all {
			kinds[n.Kind]++
			n.Received = s.Clock.Now()
			if _, err := video.EncodeNotice(n); err != nil {
				t.Errorf("%s is fit for no queue", h.Event)
			}
			if n.Account != sandzoom.AccountOne || n.At.IsZero() || n.Kind != video.Uninstalled && n.Room != made.Ref || n.Unclear {
				t.Errorf("%s: %+v", h.Event, n)
			}
			if n.Start != nil && !n.Start.Equal(later) || n.Minutes != nil && *n.Minutes != longer || n.Kind == video.Uninstalled && n.App != s.Stand.ClientID {
				t.Errorf("%s: %+v", h.Event, n)
			}
		}
	}
	for kind, least := range map[video.Kind]int{
		video.RoomCreated: 1, video.RoomUpdated: 3, video.RoomDeleted: 1, video.RoomRecovered: 1, video.MeetingBegan: 1,
		video.MeetingEnded: 1, video.Joined: 1, video.Left: 1, video.Waiting: 1, video.Admitted: 1, video.Uninstalled: 1,
	} {
		if kinds[kind] < least {
			t.Errorf("%d of %s", kinds[kind], kind)
		}
	}
}
