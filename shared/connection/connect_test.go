package connection_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
)

func TestConnect(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	if con.State != connection.Linked || con.User != zoomsim.Ada || con.Account != zoomsim.AccountOne || !con.Licensed ||
		con.Subject != clinictest.Clinician || len(con.Missing) > 0 || !con.Due.After(h.Clock.Now()) {
		t.Errorf("the connection is %+v", con)
	}
	h.works(t, con)
	as, err := h.ConnectedAs(t.Context(), h.By(t, clinictest.Clinician), con)
	if err != nil || as != "ada.okonjo@zoom.example" {
		t.Errorf("connected as %q, %v", as, err)
	}
	whose, err := h.Table.WhoseIs(t.Context(), connection.Own, zoomsim.AccountOne+"#"+zoomsim.Ada)
	if err != nil || whose.Org != h.Org || whose.Ref != con.ID || whose.Subject != con.Subject {
		t.Errorf("it points to %+v, %v", whose, err)
	}
	a, err := h.Accounts().Of(t.Context(), rooms(h.Org), clinictest.Clinician)
	if err != nil || !a.Usable || a.Ending || a.Connection != con.ID {
		t.Errorf("the account is %+v, %v", a, err)
	}
	if n := h.count(t, con.ID, string(event.ConnectionMade)); n != 1 {
		t.Errorf("it was made %d times", n)
	}
	token, err := h.Token(t.Context(), h.host(con), "")
	must(t, err)
	text := fmt.Sprint(h.Stored(t)) + h.Log.String()
	for _, secret := range []string{"ada.okonjo", token.Token} {
		if strings.Contains(text, secret) {
			t.Errorf("%q can be read in the table or the log", secret)
		}
	}
}

// The same Zoom user is never two connections: the second is refused, and the first keeps working.
func TestSameZoomUserTwice(t *testing.T) {
	h := newHouse(t)
	first := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	if out := h.link(t, clinictest.Receptionist, zoomsim.Ada); out.Code != connection.Elsewhere {
		t.Errorf("a colleague's came to %s", out.Code)
	}
	_, err := h.Of(t.Context(), renewer(h.Org), clinictest.Receptionist, connection.Own)
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("the colleague's: %v", err)
	}
	h.works(t, first)

	other := &house{Clinic: h.Found(t), zoom: h.zoom, Zoom: h.Zoom}
	if out := other.link(t, clinictest.Clinician, zoomsim.Ada); out.Code != connection.Elsewhere || out.Org != other.Org {
		t.Errorf("another clinic's came to %+v", out)
	}
	if _, err := h.Of(t.Context(), renewer(other.Org), clinictest.Clinician, connection.Own); !fault.Is(err, fault.NotFound) {
		t.Errorf("the other clinic's: %v", err)
	}
	h.works(t, first)
	if now := h.read(t, first.ID); now.State != connection.Linked || now.Grant != 3 || now.Subject != clinictest.Clinician {
		t.Errorf("the first is %+v", now)
	}
	if n := len(h.zoom.Requests(zoomsim.OpRefresh)); n != 0 {
		t.Errorf("%d refreshes", n)
	}
}

// A grant that was replaced at Zoom before it was filed replaces none.
func TestGrantReplacedMeanwhile(t *testing.T) {
	h := newHouse(t)
	other := &house{Clinic: h.Found(t), zoom: h.zoom, Zoom: h.Zoom}
	cb := h.back(t, h.begin(t, clinictest.Clinician, connection.Own), zoomsim.Login{User: zoomsim.Ada})
	var once sync.Once
	s := connection.New(h.parts(t, h.Table, hook{after: func(path string) {
		if path == "/v2/users/me" {
			once.Do(func() { other.linked(t, clinictest.Clinician, zoomsim.Ada) })
		}
	}}))
	out, err := s.Complete(t.Context(), cb)
	if err != nil || out.Code != connection.Elsewhere {
		t.Errorf("it came to %+v, %v", out, err)
	}
	other.works(t, other.of(t, clinictest.Clinician))
}

// Two people come back at once with the same Zoom user: one has it, and it works.
func TestSameZoomUserAtOnce(t *testing.T) {
	h := newHouse(t)
	other := &house{Clinic: h.Found(t), zoom: h.zoom, Zoom: h.process(t)}
	both := []*house{h, other}
	var backs []connection.Callback
	for _, x := range both {
		backs = append(backs, x.back(t, x.begin(t, clinictest.Clinician, connection.Own), zoomsim.Login{User: zoomsim.Ada}))
	}
	came := make([]string, 2)
	var wg sync.WaitGroup
	for i, x := range both {
		wg.Go(func() {
			out, err := x.Complete(t.Context(), backs[i])
			came[i] = out.Code + code(err)
		})
	}
	wg.Wait()
	p, err := h.Table.WhoseIs(t.Context(), connection.Own, zoomsim.AccountOne+"#"+zoomsim.Ada)
	must(t, err)
	for i, x := range both {
		want := connection.Elsewhere
		if p.Org == x.Org {
			want = connection.Connected
			x.works(t, x.of(t, clinictest.Clinician))
		}
		if came[i] != want && (want == connection.Connected || came[i] != connection.TryAgain) {
			t.Errorf("%d came to %s, want %s", i, came[i], want)
		}
	}
}

func TestConnectAgain(t *testing.T) {
	h := newHouse(t)
	first := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	must(t, h.Lapse(t.Context(), rooms(h.Org), first.ID, "needs_reauth"))
	again := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	if again.ID != first.ID || again.State != connection.Linked || again.Why != "" {
		t.Errorf("connected again it is %+v", again)
	}
	h.works(t, again)

	other := h.linked(t, clinictest.Clinician, zoomsim.Ben)
	if other.ID == first.ID || other.User != zoomsim.Ben || other.Licensed {
		t.Errorf("connected with another Zoom user it is %+v", other)
	}
	if was := h.read(t, first.ID); was.State != connection.Ending || was.Why != connection.Replaced {
		t.Errorf("the first is %+v", was)
	}
	h.works(t, other)
	items, err := h.Removal(t.Context(), rooms(h.Org), first.ID, "replaced", map[string]int{"rooms": 2})
	must(t, err)
	h.erase(t, items)
	if now := h.of(t, clinictest.Clinician); now.ID != other.ID {
		t.Errorf("after the first was taken away it is %+v", now)
	}
}

// Disconnecting is over when the rooms are gone; until then a new grant keeps that going, and does not undo it.
func TestConnectWhileEnding(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	ended, err := h.End(t.Context(), h.By(t, clinictest.Clinician), connection.Own)
	if err != nil || ended.State != connection.Ending {
		t.Fatalf("ended it is %+v, %v", ended, err)
	}
	_, err = h.End(t.Context(), h.By(t, clinictest.Clinician), connection.Own)
	must(t, err)
	if n := h.count(t, con.ID, string(event.ConnectionEnding)); n != 1 {
		t.Errorf("%d ends", n)
	}
	if out := h.link(t, clinictest.Clinician, zoomsim.Ada); out.Code != connection.StillEnding {
		t.Errorf("connecting came to %s", out.Code)
	}
	if now := h.read(t, con.ID); now.State != connection.Ending {
		t.Errorf("it is %+v", now)
	}
	h.works(t, con)
	must(t, h.Revoke(t.Context(), rooms(h.Org), con.ID))
	must(t, h.Revoke(t.Context(), rooms(h.Org), con.ID)) // twice is once
	if h.zoom.Linked("", zoomsim.Ada) {
		t.Error("Zoom has the app still")
	}
	items, err := h.Removal(t.Context(), rooms(h.Org), con.ID, "asked", map[string]int{"rooms": 1})
	must(t, err)
	h.erase(t, items)
	must(t, h.Revoke(t.Context(), rooms(h.Org), con.ID))
	if _, err := h.Token(t.Context(), h.host(con), ""); code(err) != "needs_reauth" {
		t.Errorf("a token of one that is gone: %v", err)
	}
	k := h.Table.For(rooms(h.Org))
	var stone connection.Tombstone
	must(t, k.Get(t.Context(), k.Tombstone(con.ID), &stone))
	if stone.Why != "asked" || stone.Counts["rooms"] != 1 || stone.Connection != con.ID {
		t.Errorf("what is left is %+v", stone)
	}
	for _, item := range h.Stored(t) {
		if text := fmt.Sprint(item); strings.Contains(text, zoomsim.Ada) || strings.Contains(text, zoomsim.AccountOne) {
			t.Errorf("%v still names the Zoom user", item["PK"])
		}
	}
	h.linked(t, clinictest.Clinician, zoomsim.Ada)
}

func TestWhoLeft(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	gone := h.NewStaff(t, access.Clinician)
	cb := h.back(t, h.begin(t, gone, connection.Own), zoomsim.Login{User: zoomsim.Ben})
	h.leave(t, gone)
	if out := h.complete(t, cb); out.Code != connection.NotAllowed {
		t.Errorf("coming back after leaving came to %s", out.Code)
	}
	if n := len(h.zoom.Requests(zoomsim.OpToken)); n != 1 {
		t.Errorf("%d codes were presented, want that of the other one", n)
	}
	h.leave(t, clinictest.Clinician)
	a, err := h.Accounts().Of(t.Context(), rooms(h.Org), clinictest.Clinician)
	if err != nil || a.Usable || a.Why != connection.OwnerLeft {
		t.Errorf("the account is %+v, %v", a, err)
	}
	must(t, h.Fresh(t.Context(), rooms(h.Org), con.ID))
	if now := h.read(t, con.ID); now.State != connection.Ending || now.Why != connection.OwnerLeft {
		t.Errorf("it is %+v", now)
	}
}

// Whoever leaves between coming back and the write that connects is refused by the write itself.
func TestWhoLeavesMeanwhile(t *testing.T) {
	var m clinictest.Moment
	h := newHouse(t, m.Option())
	for n := 1; ; n++ {
		who := h.NewStaff(t, access.Clinician)
		cb := h.back(t, h.begin(t, who, connection.Own), zoomsim.Login{User: zoomsim.Ada})
		m.At(n, func() { h.leave(t, who) })
		out := h.complete(t, cb)
		if !m.Came() {
			break
		}
		_, err := h.Of(t.Context(), renewer(h.Org), who, connection.Own)
		switch out.Code {
		case connection.NotAllowed:
			if !fault.Is(err, fault.NotFound) {
				t.Fatalf("leaving before call %d: not allowed, yet %v", n, err)
			}
		default:
			t.Errorf("leaving before call %d came to %s", n, out.Code)
		}
	}
}

func TestTooFewScopes(t *testing.T) {
	h := newHouse(t)
	out := h.link(t, clinictest.Clinician, zoomsim.Fay)
	if out.Code != connection.Partly || !slices.Equal(out.Missing, []string{"meeting:delete:meeting"}) {
		t.Errorf("it came to %+v", out)
	}
	con := h.of(t, clinictest.Clinician)
	if con.State != connection.NeedsReauth || con.Why != connection.ScopesMissing || len(con.Missing) != 1 {
		t.Errorf("it is %+v", con)
	}
	if _, err := h.Token(t.Context(), h.host(con), ""); code(err) != "needs_reauth" {
		t.Errorf("its token: %v", err)
	}
	must(t, h.zoom.Grant(zoomsim.Fay))
	if again := h.linked(t, clinictest.Clinician, zoomsim.Fay); again.ID != con.ID || len(again.Missing) > 0 {
		t.Errorf("connected again it is %+v", again)
	}
	// Even who it is may be kept from us.
	cb := h.back(t, h.begin(t, clinictest.Receptionist, connection.Own), zoomsim.Login{
		User: zoomsim.Ada, Scopes: []string{"meeting:write:meeting"},
	})
	if out := h.complete(t, cb); out.Code != connection.Partly || !slices.Contains(out.Missing, "user:read:user") {
		t.Errorf("without the right to ask who it is it came to %+v", out)
	}
}

func TestUserWhoCannotHost(t *testing.T) {
	h := newHouse(t)
	if out := h.link(t, clinictest.Clinician, zoomsim.Dev); out.Code != connection.Inactive {
		t.Errorf("one who has not accepted came to %s", out.Code)
	}
	if _, err := h.Of(t.Context(), renewer(h.Org), clinictest.Clinician, connection.Own); !fault.Is(err, fault.NotFound) {
		t.Errorf("of one who has not accepted: %v", err)
	}
	if h.zoom.Linked("", zoomsim.Dev) {
		t.Error("what was granted for nothing was not taken back")
	}
	must(t, h.zoom.Activate(zoomsim.Dev))
	h.linked(t, clinictest.Clinician, zoomsim.Dev)
}

// A token goes to no host that Zoom's answer names but a Zoom host; here, to the one that is configured.
func TestForeignAPIAddress(t *testing.T) {
	h := newHouse(t)
	h.zoom.Set(func(c *zoomsim.Config) { c.APIURL = "https://api-uk.zoom.us.example.org" })
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	got, err := h.Token(t.Context(), h.host(con), "")
	if err != nil || got.APIURL != h.zoom.URL {
		t.Errorf("calls go to %q, %v", got.APIURL, err)
	}
	h.Clock.Pass(2 * time.Hour)
	if got, err = h.Token(t.Context(), h.host(con), ""); err != nil || got.APIURL != h.zoom.URL {
		t.Errorf("after a renewal calls go to %q, %v", got.APIURL, err)
	}
}

// While Zoom does not answer nothing is kept, and beginning again works.
func TestZoomDown(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct{ kind, on, want string }{
		{zoomsim.Fail, zoomsim.OpToken, connection.TryAgain},
		{zoomsim.LoseReply, zoomsim.OpToken, connection.TryAgain},
		{zoomsim.HTML, zoomsim.OpToken, connection.TryAgain},
		{zoomsim.Empty, zoomsim.OpToken, connection.TryAgain},
		{zoomsim.TooFast, zoomsim.OpToken, connection.TryAgain},
	} {
		h.fault(t, c.kind, c.on, 1)
		if out := h.link(t, h.NewStaff(t, access.Clinician), zoomsim.Ada); out.Code != c.want {
			t.Errorf("%s of %s came to %s", c.kind, c.on, out.Code)
		}
		h.zoom.Faults.Clear()
	}
	h.linked(t, clinictest.Clinician, zoomsim.Ada)
	if r := h.zoom.Requests(zoomsim.OpToken); r[0].Method != http.MethodPost {
		t.Error("no request")
	}
}

// The clinic's account is no account of a room, and gone at once when it is disconnected.
func TestClinicsAccount(t *testing.T) {
	h := newHouse(t)
	cb := h.back(t, h.begin(t, clinictest.Manager, connection.Admin), zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus})
	if out := h.complete(t, cb); out.Code != connection.Connected || out.Provider != connection.Admin {
		t.Fatalf("it came to %+v", out)
	}
	con, err := h.Of(t.Context(), h.By(t, clinictest.Manager), clinictest.Manager, connection.Admin)
	if err != nil || con.State != connection.Linked || !con.Due.After(h.Clock.Now()) {
		t.Errorf("it is %+v, %v", con, err)
	}
	if _, err := h.Accounts().Read(t.Context(), rooms(h.Org), con.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("as an account of rooms: %v", err)
	}
	if _, err := h.Accounts().Of(t.Context(), rooms(h.Org), clinictest.Manager); !fault.Is(err, fault.NotFound) {
		t.Errorf("as the manager's own: %v", err)
	}
	second := h.NewStaff(t, access.Manager)
	cb = h.back(t, h.begin(t, second, connection.Admin), zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus})
	if out := h.complete(t, cb); out.Code != connection.Connected {
		t.Errorf("another manager's came to %s", out.Code)
	}
	if now := h.read(t, con.ID); now.Subject != second || now.Grant != 2 {
		t.Errorf("it is %+v", now)
	}
	if _, err := h.End(t.Context(), h.By(t, clinictest.Clinician), connection.Admin); !fault.Is(err, fault.Denied) {
		t.Errorf("a clinician disconnects it: %v", err)
	}
	h.fault(t, zoomsim.Fail, zoomsim.OpRevoke, 1)
	if _, err := h.End(t.Context(), h.By(t, clinictest.Manager), connection.Admin); !fault.Is(err, fault.Unavailable) {
		t.Errorf("while Zoom is down: %v", err)
	}
	_, err = h.End(t.Context(), h.By(t, clinictest.Manager), connection.Admin)
	must(t, err)
	if h.zoom.Linked(zoomsim.Admin, zoomsim.Gus) {
		t.Error("Zoom has the app still")
	}
	_, err = h.End(t.Context(), h.By(t, clinictest.Manager), connection.Admin)
	if !fault.Is(err, fault.NotFound) || h.count(t, con.ID, string(event.ConnectionEnded)) != 1 {
		t.Errorf("once more: %v", err)
	}
}
