package connection_test

import (
	"context"
	"net/http"
	"testing"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/task"
)

// An account is taken away while somebody finds that it must be connected again: no task is left that nobody could end.
func TestLapseMeetsRemoval(t *testing.T) {
	h := newHouse(t)
	tasks := task.New(h.Table, h.Clock.Now)
	con := h.linked(t, clinictest.Clinician, zoomsim.Ada)
	p := h.parts(t, h.Table, &http.Transport{})
	taken := func(con string) {
		items, err := h.Removal(t.Context(), rooms(h.Org), con, "uninstalled", nil)
		must(t, err)
		h.erase(t, items)
	}
	p.Raise = func(ctx context.Context, by access.Caller, con, subject, why string, grant int64) error {
		taken(con)
		return tasks.OfAccount(ctx, by, con, subject, why, grant)
	}
	h.Store = connection.New(p)
	if err := h.Lapse(t.Context(), rooms(h.Org), con.ID, connection.GrantDead); !fault.Is(err, fault.NotFound) {
		t.Errorf("it lapsed: %v", err)
	}
	all, _, err := tasks.List(t.Context(), h.By(t, clinictest.Receptionist), task.Open, "", 10)
	must(t, err)
	if len(all) > 0 {
		t.Errorf("the staff are told %+v", all)
	}
}
