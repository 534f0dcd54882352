package video_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
)

// The practitioner starts a call that nobody asked for before: the room is made at the click, and the link is another
// one each time.
func TestStart(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	by := h.By(t, h.subjects[0])
	seen := map[string]bool{}
	for range 3 {
		s, err := h.video.Start(t.Context(), by, apt.ID)
		if err != nil || !strings.HasPrefix(s.StartURL, h.zoom.URL+"/s/"+strconv.FormatInt(h.there("")[0].ID, 10)) || seen[s.StartURL] {
			t.Fatalf("%q %v", s.StartURL, err)
		}
		seen[s.StartURL] = true
	}
	h.only(t, apt, zoomsim.Ada)
	h.stands(t, apt, video.Ready, "")
	var started int
	for _, e := range h.History(t, h.Org, apt.ID) {
		if e.Name == event.VideoStarted && e.By == h.subjects[0] && e.Action == "video.start" {
			started++
		}
	}
	if started != 3 {
		t.Errorf("%d events say that it was started", started)
	}
	// In the middle of the appointment, too, and when the room has another time than the diary.
	h.Clock.Set(apt.Start.Add(10 * time.Minute))
	if _, err := h.video.Start(t.Context(), by, apt.ID); err != nil {
		t.Error(err)
	}
	h.Clock.Set(apt.End)
	_, err := h.video.Start(t.Context(), by, apt.ID)
	refused(t, err, "conflict: appointment_over")
}

// A room that is made while the appointment is under way begins then; there is nothing to tell anybody of.
func TestStartLate(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.Clock.Set(apt.Start.Add(5 * time.Minute))
	if _, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID); err != nil {
		t.Fatal(err)
	}
	h.stands(t, apt, video.Ready, "")
	if len(h.raised) > 0 || len(h.there("")) != 1 || h.asked(zoomsim.OpUpdate) > 0 {
		t.Errorf("raised %v, %d meetings, %d updates", h.raised, len(h.there("")), h.asked(zoomsim.OpUpdate))
	}
}

// Who may not, or cannot, start a call is told why, and nothing is made.
func TestStartRefused(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt, foreign, gone := h.book(t, 0, tuesday), h.book(t, 1, wednesday), h.book(t, 0, "2027-01-07T09:30")
	h.cancel(t, gone)
	elsewhere := h.Employ(t, clinic.Staff{Roles: []Role{"clinician"}, SiteIDs: []string{h.NewSite(t)}})
	for _, x := range []struct{ name, who, apt, want string }{
		{"the receptionist", clinictest.Receptionist, apt.ID, "denied: not_host"},
		{"a manager", clinictest.Manager, apt.ID, "denied: not_host"},
		{"another practitioner", h.subjects[1], apt.ID, "denied: not_host"},
		{"a practitioner without an account", h.subjects[1], foreign.ID, "conflict: not_connected"},
		{"of a cancelled appointment", h.subjects[0], gone.ID, "conflict: appointment_cancelled"},
		{"of no appointment", h.subjects[0], id.New("apt"), "not_found: not_found"},
		{"somebody without a part in it", elsewhere, apt.ID, "denied: no_relationship"},
	} {
		_, err := h.video.Start(t.Context(), h.By(t, x.who), x.apt)
		if got := fault.Of(err); got == nil || got.Error() != x.want {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	stranger := h.Found(t)
	_, err := h.video.Start(t.Context(), stranger.By(t, clinictest.Manager), apt.ID)
	refused(t, err, "not_found: not_found")
	h.Change(t, func(k table.Clinic) []table.Item {
		s := h.Service
		s.Mode = clinic.InPerson
		return []table.Item{{Key: k.Service(s.ID), Value: s, Version: 2}}
	})
	_, err = h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
	refused(t, err, "conflict: no_video")
	if v, err := h.video.Show(t.Context(), h.By(t, h.subjects[0]), apt.ID); err != nil || v.MayStart {
		t.Errorf("the host may start what is not by video: %+v, %v", v, err)
	}
	_, err = h.video.Email(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false)
	refused(t, err, "conflict: no_video")
	if len(h.there("")) > 0 || h.asked(zoomsim.OpCreate) > 0 {
		t.Error("a meeting was made")
	}
}

// What Zoom says at the click is told in words that help, and has its effect.
func TestStartFaults(t *testing.T) {
	for _, x := range []struct {
		kind, want    string
		lapsed, looks int
	}{
		{zoomsim.NoScope, "conflict: reconnect", 1, 0},
		{zoomsim.NoAuth, "conflict: reconnect", 1, 0},
		{zoomsim.NotHost, "unavailable: video_busy", 0, 0},
		{zoomsim.Unavailable, "unavailable: provider_unavailable", 0, 0},
		{zoomsim.Daily, "unavailable: provider_busy", 0, 0},
		{"gone", "conflict: room_deleted", 0, 1},
	} {
		t.Run(x.kind, func(t *testing.T) {
			h := newHouse(t)
			h.connect(t, h.subjects[0], zoomsim.Ada)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.sync(t, apt)
			if x.kind == "gone" {
				if err := h.zoom.Delete(h.there("")[0].ID, false); err != nil {
					t.Fatal(err)
				}
			} else {
				h.fails(t, x.kind, 5, zoomsim.OpGet)
			}
			s, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
			refused(t, err, x.want)
			if len(h.lapsed) != x.lapsed || len(h.due) != x.looks || s.StartURL != "" {
				t.Errorf("lapsed %v, due %v", h.lapsed, h.due)
			}
			if x.lapsed > 0 {
				_, err = h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
				refused(t, err, "conflict: reconnect")
			}
		})
	}

	t.Run("a lost reply while the room is made", func(t *testing.T) {
		h := newHouse(t)
		h.connect(t, h.subjects[0], zoomsim.Ada)
		apt := h.book(t, 0, tuesday)
		h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
		_, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
		refused(t, err, "unavailable: outcome_unknown")
		if _, err = h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID); err != nil {
			t.Error(err)
		}
		h.only(t, apt, zoomsim.Ada)
	})

	t.Run("Zoom makes none", func(t *testing.T) {
		h := newHouse(t)
		h.connect(t, h.subjects[0], zoomsim.Ada)
		apt := h.book(t, 0, tuesday)
		h.fails(t, zoomsim.NotInPlan, 1, zoomsim.OpCreate)
		_, err := h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID)
		refused(t, err, "conflict: provider_refused")
		if _, err = h.video.Start(t.Context(), h.By(t, h.subjects[0]), apt.ID); err != nil { // asked again, it is tried again
			t.Error(err)
		}
		h.only(t, apt, zoomsim.Ada)
	})
}

// Start dies, or its answer is lost, at every call to the table: asked again it gives the way in, to one meeting.
func TestStartDiesAnywhere(t *testing.T) {
	var k killer
	h := newHouse(t, clinictest.Intercept(k.intercept))
	h.connect(t, h.subjects[0], zoomsim.Ada)
	for at := int32(1); ; at++ {
		reached := false
		for _, after := range []bool{false, true} {
			apt := h.book(t, 0, tuesday)
			by := h.By(t, h.subjects[0])
			k.arm(at, after)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, _ = h.video.Start(ctx, by, apt.ID)
			cancel()
			k.armed.Store(false)
			reached = reached || k.calls.Load() >= at
			h.Clock.Pass(time.Minute)
			if _, err := h.video.Start(t.Context(), by, apt.ID); err != nil {
				t.Fatalf("dead at %d (%t), then %v", at, after, err)
			}
			h.only(t, apt, zoomsim.Ada)
			h.cancel(t, apt)
			if err := h.until(t, apt, 3); err != nil {
				t.Fatal(err)
			}
		}
		if !reached {
			if at < 5 {
				t.Errorf("only %d calls", at-1)
			}
			return
		}
	}
}

// What the staff are shown.
func TestShow(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	show := func(subject string) video.View {
		t.Helper()
		v, err := h.video.Show(t.Context(), h.By(t, subject), apt.ID)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := show(clinictest.Receptionist); v.State != "none" || v.MayStart || v.Start != nil || v.Provider.Name != "Zoom" {
		t.Errorf("%+v", v)
	}
	if v := show(h.subjects[0]); !v.MayStart {
		t.Errorf("%+v", v)
	}
	h.email(t, apt)
	h.Clock.Pass(1300 * time.Millisecond)
	h.sync(t, apt)
	v := show(clinictest.Receptionist)
	if v.State != "ready" || v.Start == nil || !v.Start.Equal(apt.Start) || v.Minutes != 30 || v.Mailed != 1 || v.SeenAt == nil ||
		v.SeenAt.Nanosecond() != 0 {
		t.Errorf("%+v", v)
	}
	var none booking.Appointment
	stranger := h.Found(t)
	got, err := h.video.Show(t.Context(), stranger.By(t, clinictest.Manager), apt.ID)
	refused(t, err, "not_found: not_found")
	if got.Apt.ID != none.ID || got.State != "none" {
		t.Errorf("a stranger sees %+v", got)
	}
}

// Somebody asks for a link before the practitioner has an account: the visit is found by whoever connects one then, and
// the link that was mailed leads to its room.
func TestAskedWithoutAccount(t *testing.T) {
	h := newHouse(t)
	apt := h.book(t, 0, tuesday)
	if r := h.email(t, apt); r.WaitsFor == nil || r.WaitsFor.Code != video.NotConnected ||
		!strings.HasSuffix(r.WaitsFor.Text, "from ten minutes before the appointment the patient's page says that it is not ready.") {
		t.Errorf("it waits for %+v", r.WaitsFor)
	}
	if v := h.stands(t, apt, video.Wanted, ""); v.List != h.Practitioners[0].ID {
		t.Errorf("%+v", v)
	}
	link := h.link(t, apt)
	h.sync(t, apt)
	h.stands(t, apt, video.Parked, video.NotConnected)
	con := h.connect(t, h.subjects[0], zoomsim.Ada)
	h.resumes(t, con, apt)
	h.only(t, apt, zoomsim.Ada)
	if r := h.email(t, apt); r.WaitsFor != nil || h.link(t, apt) != link {
		t.Errorf("then it waits for %+v, and the link is the same: %t", r.WaitsFor, h.link(t, apt) == link)
	}
}

// The log of a visit that nobody asked for is empty, and what is no position in it, or not for who asks, is refused.
func TestHistory(t *testing.T) {
	h := newHouse(t)
	apt := h.book(t, 0, tuesday)
	by := h.By(t, clinictest.Receptionist)
	all, next, got, err := h.video.History(t.Context(), by, apt.ID, "", 10)
	if err != nil || all == nil || len(all) > 0 || next != "" || got.ID != apt.ID {
		t.Errorf("%v %q %+v %v", all, next, got, err)
	}
	_, _, _, err = h.video.History(t.Context(), by, apt.ID, "EVT#x", 10)
	refused(t, err, "invalid: invalid")
	stranger := h.Found(t)
	_, _, got, err = h.video.History(t.Context(), stranger.By(t, clinictest.Manager), apt.ID, "", 10)
	refused(t, err, "not_found: not_found")
	if got.ID != "" {
		t.Errorf("a stranger gets %+v", got)
	}
}
