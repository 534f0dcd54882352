package connection_test

import (
	"testing"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/zoom"
)

// The rights to read what took place are no condition of a connection; that they were granted is known of it, until
// somebody grants less.
func TestHistory(t *testing.T) {
	h := newHouse(t)
	for _, x := range []struct {
		scopes []string
		want   bool
	}{
		{zoom.UserScopes(), false},
		{append(zoom.UserScopes(), zoom.HistoryScopes()...), true},
		{append(zoom.UserScopes(), zoom.HistoryScopes()[0]), false},
		{nil, true}, // all that the app asks for
	} {
		out := h.complete(t, h.back(t, h.begin(t, clinictest.Clinician, connection.Own), zoomsim.Login{
			User: zoomsim.Ada, Scopes: x.scopes,
		}))
		con := h.of(t, clinictest.Clinician)
		if out.Code != connection.Connected || con.State != connection.Linked {
			t.Errorf("%v: it came to %s, and is %s", x.scopes, out.Code, con.State)
		}
		a, err := h.Accounts().Read(t.Context(), rooms(h.Org), con.ID)
		if err != nil || !a.Usable || a.History != x.want {
			t.Errorf("%v: %+v, %v", x.scopes, a, err)
		}
	}
}
