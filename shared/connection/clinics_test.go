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
		"before it was connected": {con.Account, con.User, con.Made.Add(-11 * time.Minute)},
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

// The clinic's account goes within ten days of being uninstalled though nobody told us, and not if it was connected
// again in between.
func TestClinicsAccountLongDead(t *testing.T) {
	h := newHouse(t)
	con := h.clinics(t, zoomsim.Gus)
	tend := func(until time.Duration) error {
		for end := h.Clock.Now().Add(until); h.Clock.Now().Before(end); {
			h.Clock.Pass(6 * time.Hour)
			now, err := h.Read(t.Context(), renewer(h.Org), con.ID)
			if err == nil {
				err = h.Tend(t.Context(), rooms(h.Org), now)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	must(t, h.zoom.Uninstall(zoomsim.Admin, zoomsim.Gus))
	must(t, tend(5*24*time.Hour))
	if now := h.read(t, con.ID); now.State != connection.NeedsReauth || now.Why != connection.GrantDead {
		t.Errorf("it is %s %s", now.State, now.Why)
	}
	h.clinics(t, zoomsim.Gus)
	must(t, tend(5*24*time.Hour))
	h.works(t, h.read(t, con.ID))
	must(t, h.zoom.Uninstall(zoomsim.Admin, zoomsim.Gus))
	must(t, tend(6*24*time.Hour))
	if err := tend(4 * 24 * time.Hour); !fault.Is(err, fault.NotFound) {
		t.Fatalf("ten days after it is there: %v", err)
	}
	c := h.Table.For(renewer(h.Org))
	var left connection.Tombstone
	must(t, c.Get(t.Context(), c.Tombstone(con.ID), &left))
	if all := h.stored(t, con); len(all) != 1 || left.Why != video.LongDead {
		t.Errorf("stored are %q, for %s", all, left.Why)
	}
}

// Uninstalled a moment before it was connected, by Zoom's clock, it was perhaps after that by ours: then Zoom is asked.
func TestClinicsAccountUninstalledWhen(t *testing.T) {
	for name, at := range map[string]time.Duration{"shortly before": -30 * time.Second, "at a time that was not told": 0} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			con := h.clinics(t, zoomsim.Gus)
			told := con.Made.Add(at)
			if at == 0 {
				told = time.Time{}
			}
			if err := h.Drop(t.Context(), con.Account, con.User, told); !fault.Is(err, fault.NotFound) {
				t.Errorf("while Zoom lets us in: %v", err)
			}
			h.works(t, con)
			h.fault(t, zoomsim.Fail, zoomsim.OpMe, 10)
			if err := h.Drop(t.Context(), con.Account, con.User, told); !fault.Is(err, fault.Unavailable) {
				t.Errorf("while Zoom does not answer: %v", err)
			}
			h.zoom.Faults.Clear()
			must(t, h.zoom.Uninstall(zoomsim.Admin, zoomsim.Gus))
			must(t, h.Drop(t.Context(), con.Account, con.User, told))
			if all := h.stored(t, con); len(all) != 1 {
				t.Errorf("stored are %q", all)
			}
		})
	}
}
