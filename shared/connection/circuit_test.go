package connection_test

import (
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
)

// Zoom's log-in is away, and everybody who waits for a token comes again and again: only the first of them ask there.
func TestTokenWhileZoomIsAway(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	h.Clock.Pass(2 * time.Hour)
	h.zoom.Forget()
	h.fault(t, zoomsim.Unavailable, zoomsim.OpRefresh, sandbox.Forever)
	for range 12 {
		if _, err := h.Token(t.Context(), h.host(con), ""); !fault.Is(err, fault.Unavailable) || fault.Of(err).RetryAfter < 0 {
			t.Errorf("the token: %v", err)
		}
	}
	if n := len(h.zoom.Requests(zoomsim.OpRefresh)); n != 5 {
		t.Errorf("asked for %d times", n)
	}
	if now := h.read(t, con.ID); now.State != con.State {
		t.Errorf("the connection is %s", now.State)
	}
}
