package video_test

import (
	"maps"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// uninstalled is what Zoom tells when the user uninstalls the app, and makes that so here.
func (h *heard) uninstalled(t *testing.T) video.Notice {
	t.Helper()
	h.notices(t)
	h.Clock.Pass(time.Minute)
	if err := h.zoom.Uninstall("", h.user(h.con)); err != nil {
		t.Fatal(err)
	}
	h.dead[h.con] = true
	all := h.notices(t)
	if len(all) != 1 || all[0].Kind != video.Uninstalled {
		t.Fatalf("Zoom told %+v", all)
	}
	return all[0]
}

// left counts the items that say anything of a connection, besides those that say who did what and what is left of it.
func (h *heard) left(t *testing.T, con, ref string) int {
	t.Helper()
	n := 0
	for _, item := range h.Stored(t) {
		sk, _ := item["SK"].(string)
		if has(sk, "EVT#") || sk == "END" {
			continue
		}
		for _, value := range item {
			if s, ok := value.(string); ok && (has(s, con) || ref != "" && s == ref) {
				t.Logf("left: %v", item)
				n++
				break
			}
		}
	}
	return n
}

// everything is a clinic in which both practitioners have rooms of all sorts; what it gives is the second one's.
func (h *heard) everything(t *testing.T) (string, []booking.Appointment) {
	t.Helper()
	other := h.join(t, h.subjects[1], zoomsim.Ben)
	apts := make([]booking.Appointment, 0, 5)
	for n, start := range []string{tuesday, wednesday, "2027-01-07T10:00", "2027-01-08T10:00"} {
		apt, m := h.ready(t, start)
		if n == 0 {
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
			if err := h.zoom.End(m.ID); err != nil {
				t.Fatal(err)
			}
		}
		if n == 3 {
			h.cancel(t, apt)
			h.sync(t, apt)
		}
		h.hear(t)
		apts = append(apts, apt)
	}
	// One went from the first practitioner to the second, with a log of both.
	apts[2] = h.move(t, apts[2], booking.Wish{Start: "2027-01-07T10:00", PractitionerID: h.Practitioners[1].ID})
	h.sync(t, apts[2])
	h.hear(t)
	// And one waits for the host's day to be over.
	wait := h.book(t, 0, "2027-01-08T14:00")
	h.fails(t, zoomsim.Daily, 1, zoomsim.OpCreate)
	h.email(t, wait)
	h.sync(t, wait)
	return other, append(apts, wait)
}

// Uninstalled: everything of that account goes, and nothing of another's; told twice, it is once.
func TestErase(t *testing.T) {
	h := newHeard(t)
	other, apts := h.everything(t)
	ref := h.visit(t, apts[0]).Ref
	others := h.left(t, other, "")
	link := h.link(t, apts[1])
	n := h.uninstalled(t)
	for range 2 {
		if err := h.video.Observe(t.Context(), n); err != nil && !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
	if left := h.left(t, h.con, ref); left > 0 {
		t.Errorf("%d items are left", left)
	}
	if now := h.left(t, other, ""); now != others {
		t.Errorf("of %d items of the other account %d are left", others, now)
	}
	why, counts, ok := h.tombstone(t, h.con)
	want := map[string]int{"visits": 4, "rooms": 4, "logEntries": 16}
	if !ok || why != video.UninstalledByOwner || !maps.Equal(counts, want) {
		t.Errorf("the tombstone says %q, %v", why, counts)
	}
	if len(h.raised) == 0 {
		t.Fatal("nobody was told")
	}
	last := h.raised[len(h.raised)-1]
	if last.Why != video.RoomsLost || last.Count != 3 || last.Connection != h.con || last.AppointmentID != "" {
		t.Errorf("raised %+v", last)
	}
	for n, apt := range apts {
		status := booking.Booked
		if n == 3 {
			status = booking.Cancelled
		}
		if now := h.now(t, apt); now.Status != status {
			t.Errorf("appointment %d is %s", n, now.Status)
		}
	}
	// The patient's link still says when it is, and that there is no room; the other practitioner's leads into one.
	inv, err := h.video.Visitor(t.Context(), access.System(h.Org, string(access.VideoVisitor)), link)
	if err != nil || inv.RoomReady {
		t.Errorf("the link says %+v, %v", inv, err)
	}
	if inv, err = h.video.Visitor(t.Context(), access.System(h.Org, string(access.VideoVisitor)), h.link(t, apts[2])); err != nil || !inv.RoomReady {
		t.Errorf("the other link says %+v, %v", inv, err)
	}
	// Everything that was under way is a no-op now.
	h.forget(h.con)
	items := h.Items(t)
	for _, apt := range apts {
		if err := h.video.Sync(t.Context(), h.job, apt.ID); err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("sync: %v", err)
		}
	}
	refused(t, h.video.Check(t.Context(), h.job, h.con), "not_found: not_found")
	refused(t, h.video.Erase(t.Context(), h.job, h.con, "asked"), "not_found: not_found")
	if h.Items(t) != items {
		t.Errorf("%d items became %d", items, h.Items(t))
	}
}

// forget takes a connection out of the house's memory, as its removal took it out of the table.
func (h *heard) forget(con string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, con)
}

// Disconnected: the rooms that are still to come are deleted at Zoom, and the grant is given back.
func TestEraseDisconnected(t *testing.T) {
	h := newHeard(t)
	_, apts := h.everything(t)
	own, err := h.zoom.Schedule(zoomsim.Ada, zoomsim.Change{Start: at(t, "2027-01-06T18:00:00Z")}) // the host's
	if err != nil {
		t.Fatal(err)
	}
	a := h.all[h.con]
	a.Usable, a.Ending, a.Why = false, true, "asked"
	h.all[h.con] = a
	if err := h.video.Erase(t.Context(), h.job, h.con, "asked"); err != nil {
		t.Fatal(err)
	}
	left := h.there(zoomsim.Ada)
	for _, m := range left {
		if m.ID != own.ID && !m.Ended {
			t.Errorf("%d of %s is left in Zoom", m.ID, m.Start)
		}
	}
	if len(h.there(zoomsim.Ben)) != 1 || len(h.revoked) != 1 || h.left(t, h.con, "") > 0 {
		t.Errorf("%d of the other's are there, revoked %v", len(h.there(zoomsim.Ben)), h.revoked)
	}
	h.forget(h.con)
	// What Zoom tells of our own deletions comes after all of it.
	for _, n := range h.notices(t) {
		refused(t, h.video.Observe(t.Context(), n), "not_found: not_found")
	}
	if h.now(t, apts[1]).Status != booking.Booked {
		t.Error("our deletion cancelled the appointment")
	}
}

// An uninstalling from before the account was connected again erases nothing.
func TestEraseConnectedAgain(t *testing.T) {
	h := newHeard(t)
	apt, _ := h.ready(t, tuesday)
	n := h.uninstalled(t)
	h.Clock.Pass(time.Minute)
	h.reconnect(t, h.con)
	a := h.all[h.con]
	a.Granted = h.Clock.Now()
	h.all[h.con] = a
	refused(t, h.video.Observe(t.Context(), n), "not_found: not_found")
	h.only(t, apt, zoomsim.Ada)
	h.stands(t, apt, video.Ready, "")
}
