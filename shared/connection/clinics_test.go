package connection_test

import (
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// clinics has a manager connect the clinic's account, as one of its owners at Zoom.
func (h *house) clinics(t *testing.T, user string) connection.Connection {
	t.Helper()
	b := h.begin(t, clinictest.Manager, connection.Admin)
	out := h.complete(t, h.back(t, b, zoomsim.Login{App: zoomsim.Admin, User: user}))
	if out.Code != connection.Connected {
		t.Fatalf("connecting came to %s", out.Code)
	}
	con, err := h.Of(t.Context(), renewer(h.Org), "", connection.Admin)
	must(t, err)
	return con
}

// stored tells under which keys the table has items of a connection or of its user at Zoom, besides what happened.
func (h *house) stored(t *testing.T, con connection.Connection) []string {
	t.Helper()
	var out []string
	for _, it := range h.Stored(t) {
		pk, _ := it["PK"].(string)
		sk, _ := it["SK"].(string)
		if it["id"] == con.ID || it["con"] == con.ID || it["ref"] == con.ID || strings.Contains(pk, con.User) {
			out = append(out, pk+" "+sk)
		}
	}
	return out
}

// Uninstalled at Zoom, the clinic's account goes with its tokens and the pointer to it, and Zoom is asked for nothing.
func TestClinicsAccountUninstalled(t *testing.T) {
	h := newHouse(t)
	con := h.clinics(t, zoomsim.Gus)
	if all := h.stored(t, con); len(all) < 3 {
		t.Fatalf("stored are %q", all)
	}
	h.Clock.Pass(time.Minute)
	now := h.Clock.Now()
	for name, try := range map[string]struct {
		account, user string
		at            time.Time
	}{
		"before it was connected": {con.Account, con.User, con.Made.Add(-time.Second)},
		"another user":            {con.Account, zoomsim.Ada, now},
		"another account":         {zoomsim.AccountTwo, con.User, now},
		"nobody":                  {con.Account, "", now},
	} {
		items := h.Items(t)
		if err := h.Drop(t.Context(), try.account, try.user, try.at); !fault.Is(err, fault.NotFound) || h.Items(t) != items {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.works(t, con)
	h.zoom.Forget()
	must(t, h.Drop(t.Context(), con.Account, con.User, now))
	if n := len(h.zoom.Requests()); n > 0 || !h.zoom.Linked(zoomsim.Admin, zoomsim.Gus) {
		t.Errorf("Zoom was asked %d times", n)
	}
	c := h.Table.For(renewer(h.Org))
	var left connection.Tombstone
	must(t, c.Get(t.Context(), c.Tombstone(con.ID), &left))
	if left.Provider != connection.Admin || left.Why != video.UninstalledByOwner || !left.At.Equal(now) {
		t.Errorf("left is %+v", left)
	}
	if all := h.stored(t, con); len(all) != 1 {
		t.Errorf("stored are %q", all)
	}
	items := h.Items(t)
	if err := h.Drop(t.Context(), con.Account, con.User, now); !fault.Is(err, fault.NotFound) || h.Items(t) != items {
		t.Errorf("once more: %v", err)
	}
	if n := h.count(t, con.ID, string(event.ConnectionEnded)); n != 1 {
		t.Errorf("%d times on record", n)
	}
	h.Clock.Pass(time.Minute)
	if again := h.clinics(t, zoomsim.Gus); again.ID == con.ID || again.State != connection.Linked {
		t.Errorf("connected again it is %s", again.State)
	}
}

// The grant of the clinic's account is kept alive though nobody makes log-ins.
func TestClinicsAccountTended(t *testing.T) {
	h := newHouse(t)
	con := h.clinics(t, zoomsim.Gus)
	tend := func() connection.Connection {
		t.Helper()
		must(t, h.Tend(t.Context(), rooms(h.Org), h.read(t, con.ID)))
		return h.read(t, con.ID)
	}
	if !con.Due.After(h.Clock.Now()) {
		t.Fatalf("due at %v", con.Due)
	}
	if now := tend(); now.Version != con.Version {
		t.Errorf("before it is due it becomes %s, granted %d times, due at %s", now.State, now.Grant, now.Due)
	}
	h.Clock.Set(con.Due)
	if now := tend(); now.Grant != 1 || !now.Due.Equal(h.Clock.Now().Add(24*time.Hour)) {
		t.Errorf("before a week is over it is %s, granted %d times, due at %s", now.State, now.Grant, now.Due)
	}
	h.Clock.Pass(8 * 24 * time.Hour)
	h.fault(t, zoomsim.Fail, zoomsim.OpRefresh, 1)
	if now := tend(); now.State != connection.Linked || !now.Due.Equal(h.Clock.Now().Add(15*time.Minute)) {
		t.Errorf("while Zoom is down it is %s, granted %d times, due at %s", now.State, now.Grant, now.Due)
	}
	h.zoom.Forget()
	if tend(); len(h.zoom.Requests()) > 0 {
		t.Error("what piled up meanwhile asks Zoom once more")
	}
	h.Clock.Pass(15 * time.Minute)
	if now := tend(); now.Grant != 2 || !now.Due.Equal(h.Clock.Now().Add(24*time.Hour)) {
		t.Errorf("after a week it is %s, granted %d times, due at %s", now.State, now.Grant, now.Due)
	}
	h.works(t, con)
	must(t, h.zoom.Kill(zoomsim.Admin, zoomsim.Gus))
	h.Clock.Pass(8 * 24 * time.Hour)
	now := tend()
	if now.State != connection.NeedsReauth || now.Why != connection.GrantDead || !now.Due.After(h.Clock.Now()) {
		t.Errorf("dead it is %s for %s, due at %s", now.State, now.Why, now.Due)
	}
	h.Clock.Set(now.Due)
	h.zoom.Forget()
	if tend(); len(h.zoom.Requests()) > 0 || h.count(t, con.ID, string(event.ConnectionLapsed)) != 1 {
		t.Error("a dead one is asked for, or lapses again")
	}
}

// An account that another one has replaced is given back, and nothing of it stays.
func TestClinicsAccountReplaced(t *testing.T) {
	h := newHouse(t)
	for _, u := range h.zoom.Users() {
		if u.ID == zoomsim.Ada {
			u.Owner = true
			h.zoom.AddUser(u)
		}
	}
	first := h.clinics(t, zoomsim.Gus)
	second := h.clinics(t, zoomsim.Ada)
	old := h.read(t, first.ID)
	if old.State != connection.Ending || second.ID == first.ID {
		t.Fatalf("it is %s", old.State)
	}
	must(t, h.Tend(t.Context(), rooms(h.Org), old))
	if all := h.stored(t, first); len(all) != 1 || h.zoom.Linked(zoomsim.Admin, zoomsim.Gus) {
		t.Errorf("stored are %q", all)
	}
	h.works(t, second)
}
