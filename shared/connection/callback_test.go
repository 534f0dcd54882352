package connection_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Who comes back without being whom we sent there, or too late, or twice, is refused; and the state is spent by it.
func TestCallbackRefuses(t *testing.T) {
	h := newHouse(t)
	stranger := h.Found(t)
	fine := func() connection.Callback {
		b := h.begin(t, h.NewStaff(t, access.Clinician), connection.Own)
		return h.back(t, b, zoomsim.Login{User: zoomsim.Ada})
	}
	for _, c := range []struct {
		name, want string
		spoil      func(cb *connection.Callback)
		unspent    bool
	}{
		{"from the marketplace", connection.Marketplace, func(cb *connection.Callback) { cb.State = "" }, true},
		{"with nothing at all", connection.Unknown, func(cb *connection.Callback) { *cb = connection.Callback{} }, true},
		{"with a state of nobody's", connection.Unknown, func(cb *connection.Callback) { cb.State = "x" + cb.State[1:] }, true},
		{"with a longer state", connection.Unknown, func(cb *connection.Callback) { cb.State += "A" }, true},
		{"with a state of another organisation", connection.Unknown, func(cb *connection.Callback) {
			b, err := h.Begin(t.Context(), stranger.By(t, clinictest.Clinician), connection.Own)
			must(t, err)
			_, rest, _ := strings.Cut(b.URL, "&state=")
			state, _, _ := strings.Cut(rest, "&")
			cb.State = state[:21] + cb.State[21:]
		}, true},
		{"without the cookie", connection.OtherBrowser, func(cb *connection.Callback) { cb.Cookie = "" }, false},
		{"with another cookie", connection.OtherBrowser, func(cb *connection.Callback) {
			cb.Cookie = strings.Repeat("A", len(cb.Cookie))
		}, false},
		{"declined", connection.Declined, func(cb *connection.Callback) { cb.Code, cb.Error = "", "access_denied" }, false},
		{"with another error", connection.Unknown, func(cb *connection.Callback) { cb.Code, cb.Error = "", "server_error" }, false},
		{"with a code of no use", connection.Unknown, func(cb *connection.Callback) { cb.Code = "nonsense" }, false},
		{"with a code begun elsewhere", connection.Unknown, func(cb *connection.Callback) {
			b, err := h.Begin(t.Context(), stranger.By(t, clinictest.Clinician), connection.Own)
			must(t, err)
			_, rest, _ := strings.Cut(b.URL, "code_challenge=")
			challenge, _, _ := strings.Cut(rest, "&")
			cb.Code = h.zoom.Login(t, zoomsim.Login{
				User: zoomsim.Cara, RedirectURI: "http://localhost:8400/zoom/callback", Challenge: challenge,
			})
		}, false},
		{"with a code without a challenge", connection.Unknown, func(cb *connection.Callback) {
			cb.Code = h.zoom.Login(t, zoomsim.Login{
				User: zoomsim.Cara, RedirectURI: "http://localhost:8400/zoom/callback",
			})
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			right := fine()
			cb := right
			c.spoil(&cb)
			if out := h.complete(t, cb); out.Code != c.want {
				t.Errorf("it came to %s, want %s", out.Code, c.want)
			}
			want := connection.Unknown
			if c.unspent {
				want = connection.Connected
			}
			out := h.complete(t, right)
			if out.Code != want {
				t.Errorf("the right one afterwards came to %s, want %s", out.Code, want)
			}
			if !c.unspent {
				return
			}
			items, err := h.Removal(t.Context(), rooms(h.Org), h.pointed(t, zoomsim.Ada), "test", nil)
			must(t, err)
			h.erase(t, items)
		})
	}
}

// pointed gives the connection of a Zoom user of the first account.
func (h *house) pointed(t *testing.T, user string) string {
	t.Helper()
	p, err := h.Table.WhoseIs(t.Context(), connection.Own, zoomsim.AccountOne+"#"+user)
	must(t, err)
	return p.Ref
}

// erase carries out a removal.
func (h *house) erase(t *testing.T, items []table.Item) {
	t.Helper()
	must(t, h.Table.For(rooms(h.Org)).Write(t.Context(), table.Change{
		Action: access.ConnectionEnd, Target: h.Org, Put: items, Event: event.Event{Name: event.ConnectionEnded},
	}))
}

// Whoever comes back too late is refused, though Zoom's part is fresh.
func TestTooLate(t *testing.T) {
	h := newHouse(t)
	b := h.begin(t, clinictest.Clinician, connection.Own)
	h.Clock.Pass(connection.PendingFor)
	if out := h.complete(t, h.back(t, b, zoomsim.Login{User: zoomsim.Ada})); out.Code != connection.Unknown {
		t.Errorf("it came to %s", out.Code)
	}
	if n := len(h.zoom.Requests(zoomsim.OpToken)); n != 0 {
		t.Error("Zoom was asked all the same")
	}
}

func TestStateServesOnce(t *testing.T) {
	h := newHouse(t)
	b := h.begin(t, clinictest.Clinician, connection.Own)
	cb := h.back(t, b, zoomsim.Login{User: zoomsim.Ada})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var came []string
	for range 8 {
		wg.Go(func() {
			out, err := h.Complete(t.Context(), cb)
			mu.Lock()
			defer mu.Unlock()
			came = append(came, out.Code+code(err))
		})
	}
	wg.Wait()
	slices.Sort(came)
	if came[0] != connection.Connected || came[1] != connection.Unknown {
		t.Errorf("coming back eight times at once came to %v", came)
	}
	if out := h.complete(t, cb); out.Code != connection.Unknown {
		t.Errorf("coming back later came to %s", out.Code)
	}
	if n := len(h.zoom.Requests(zoomsim.OpToken)); n != 1 {
		t.Errorf("the code was presented %d times", n)
	}
}

func TestBeginIsLimited(t *testing.T) {
	h := newHouse(t)
	for range 5 {
		h.begin(t, clinictest.Clinician, connection.Own)
	}
	if _, err := h.Begin(t.Context(), h.By(t, clinictest.Clinician), connection.Own); !fault.Is(err, fault.Limited) {
		t.Errorf("the sixth: %v", err)
	}
	h.begin(t, clinictest.Receptionist, connection.Own)
	h.Clock.Pass(connection.PendingFor)
	h.begin(t, clinictest.Clinician, connection.Own)
	if _, err := h.Begin(t.Context(), h.By(t, clinictest.Clinician), connection.Admin); !fault.Is(err, fault.Denied) {
		t.Errorf("a clinician connecting the clinic's account: %v", err)
	}
	if _, err := h.Begin(t.Context(), renewer(h.Org), connection.Own); !fault.Is(err, fault.Denied) {
		t.Errorf("a job connecting: %v", err)
	}
}
