package connection_test

import (
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/table"
)

// While somebody renews a token that serves for a while yet, nobody else waits for that.
func TestTokenBesidesRenewal(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	old, err := h.Token(t.Context(), h.host(con), "")
	must(t, err)
	h.Clock.Pass(57 * time.Minute)
	must(t, h.zoom.Faults.Add(sandbox.Fault{
		Kind: sandbox.Slow, Count: 1, On: zoomsim.OpRefresh, Delay: sandbox.Delay(3 * time.Second),
	}))
	other, renewed := h.process(t), make(chan error, 1)
	go func() {
		got, err := other.Token(t.Context(), h.host(con), "")
		if err == nil && got.Token == old.Token {
			t.Error("it was not renewed")
		}
		renewed <- err
	}()
	for h.read(t, con.ID).LeaseBy == "" {
		time.Sleep(5 * time.Millisecond)
	}
	got, err := h.Token(t.Context(), h.host(con), "")
	if err != nil || got.Token != old.Token {
		t.Errorf("it was waited for: %v", err)
	}
	must(t, <-renewed)
}

// A code as Zoom makes none is not sent there.
func TestCallbackWithLongCode(t *testing.T) {
	h := newHouse(t)
	b := h.begin(t, clinictest.Clinician, connection.Own)
	cb := h.back(t, b, zoomsim.Login{User: zoomsim.Ada})
	cb.Code = strings.Repeat("a", 2049)
	if out := h.complete(t, cb); out.Code != connection.Unknown || len(h.zoom.Requests(zoomsim.OpToken)) > 0 {
		t.Errorf("it came to %s, after %d requests", out.Code, len(h.zoom.Requests(zoomsim.OpToken)))
	}
}

// What leads to a Zoom user stays when a connection goes that is not the user's any more.
func TestRemovalOfFormer(t *testing.T) {
	h := newHouse(t)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	name := zoomsim.AccountOne + "#" + zoomsim.Ada
	p, err := h.Table.WhoseIs(t.Context(), connection.Own, name)
	must(t, err)
	k := h.Table.For(renewer(h.Org))
	must(t, k.Write(t.Context(), table.Change{
		Action: access.ConnectionMake, Target: con.ID, Event: event.Event{Name: event.ConnectionMade},
		Put: []table.Item{{
			Key: k.Pointer(connection.Own, name), Version: p.Version, Value: table.Pointer{Org: h.Org, Ref: "con_another"},
		}},
	}))
	items, err := h.Removal(t.Context(), rooms(h.Org), con.ID, "test", nil)
	must(t, err)
	h.erase(t, items)
	if p, err := h.Table.WhoseIs(t.Context(), connection.Own, name); err != nil || p.Ref != "con_another" {
		t.Errorf("%+v, %v", p, err)
	}
}
