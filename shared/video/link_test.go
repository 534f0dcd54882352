package video_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// Role is one of the clinic's.
type Role = access.Role

// The link that was mailed once leads to what is so now: before there is a room, with one, after a move, and when it
// was cancelled.
func TestVisitor(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	if token := h.link(t, apt); token != "" {
		t.Errorf("a link that nobody asked for: %s", token)
	}
	h.email(t, apt)
	token, job := h.link(t, apt), access.System(h.Org, string(access.VideoVisitor))
	if len(token) != 43 {
		t.Fatalf("the token is %q", token)
	}
	look := func() video.Invitation {
		t.Helper()
		before := h.Items(t)
		inv, err := h.video.Visitor(t.Context(), job, token)
		if err != nil {
			t.Fatal(err)
		}
		if h.Items(t) != before {
			t.Error("looking changed something")
		}
		return inv
	}
	inv := look()
	if inv.RoomReady || inv.Moved || inv.Practitioner != "Dr A" || inv.Organisation != "Test clinic" || inv.Site.Name != "Test site" ||
		!inv.Start.Equal(apt.Start) || !inv.End.Equal(apt.End) || inv.Zone != "Europe/London" {
		t.Errorf("%+v", inv)
	}
	_, err := h.video.Join(t.Context(), job, token)
	refused(t, err, "conflict: no_room")
	h.sync(t, apt)
	if inv := look(); !inv.RoomReady || inv.HostThere {
		t.Errorf("%+v", inv)
	}
	url, err := h.video.Join(t.Context(), job, token)
	if m := h.there("")[0]; err != nil || !strings.HasPrefix(url, h.zoom.URL+"/j/") || !has(url, m.Pwd) {
		t.Errorf("%v", err)
	}
	joined := 0
	for _, e := range h.History(t, h.Org, apt.ID) {
		if e.Name == event.VideoJoined {
			joined++
		}
	}
	if joined != 1 {
		t.Errorf("%d events say that somebody went in", joined)
	}
	was := apt.Start
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	if inv := look(); !inv.Moved || !inv.Told.Equal(was) || !inv.Start.Equal(apt.Start) || !inv.RoomReady {
		t.Errorf("%+v", inv)
	}
	h.cancel(t, apt)
	if inv := look(); !inv.Cancelled {
		t.Errorf("%+v", inv)
	}
	_, err = h.video.Join(t.Context(), job, token)
	refused(t, err, "conflict: appointment_cancelled")
}

// A link that is wrong in any way, or not good any more, leads nowhere, and nothing tells one wrong link from another.
func TestVisitorWrong(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.sync(t, apt)
	token, job := h.link(t, apt), access.System(h.Org, string(access.VideoVisitor))
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, raw...)
	flipped[31] ^= 1
	for _, wrong := range []string{
		"", "x", token + "A", token[1:], strings.ToUpper(token), base64.RawURLEncoding.EncodeToString(flipped), strings.Repeat("A", 43),
		strings.Repeat("é", 2000),
	} {
		_, err := h.video.Visitor(t.Context(), job, wrong)
		refused(t, err, "not_found: not_found")
		_, err = h.video.Join(t.Context(), job, wrong)
		refused(t, err, "not_found: not_found")
	}
	other := h.Found(t)
	_, err = h.video.Visitor(t.Context(), access.System(other.Org, string(access.VideoVisitor)), token)
	refused(t, err, "not_found: not_found")
	h.Clock.Set(apt.End.Add(video.LinkLife))
	_, err = h.video.Join(t.Context(), job, token)
	refused(t, err, "conflict: appointment_over")
	h.Clock.Set(apt.Start)
	h.Erase(t, h.Patients[0])
	_, err = h.video.Visitor(t.Context(), job, token)
	refused(t, err, "not_found: not_found")
	_, err = h.video.Join(t.Context(), job, token)
	refused(t, err, "not_found: not_found")
}

// Asked for again the link is the same; renewed, the one before leads nowhere.
func TestEmail(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	by, job := h.By(t, clinictest.Receptionist), access.System(h.Org, string(access.VideoVisitor))
	once := clinictest.Once()
	first, err := h.video.Email(t.Context(), by, once, apt.ID, false)
	if err != nil || first.Version != 1 || first.AppointmentID != apt.ID {
		t.Fatal(first, err)
	}
	if _, err = h.video.Email(t.Context(), by, once, apt.ID, false); err == nil || has(err.Error(), "conflict") {
		t.Errorf("a repeat gives %v", err)
	}
	token := h.link(t, apt)
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	h.email(t, apt)
	if v := h.visit(t, apt); h.link(t, apt) != token || v.Linked != 2 || !v.LinkedAt.Equal(apt.Start) {
		t.Errorf("%+v", v)
	}
	if inv, err := h.video.Visitor(t.Context(), job, token); err != nil || inv.Moved {
		t.Errorf("%+v %v", inv, err)
	}
	if _, err = h.video.Email(t.Context(), by, clinictest.Once(), apt.ID, true); err != nil {
		t.Fatal(err)
	}
	renewed := h.link(t, apt)
	if renewed == token || len(renewed) != 43 {
		t.Errorf("%s became %s", token, renewed)
	}
	_, err = h.video.Visitor(t.Context(), job, token)
	refused(t, err, "not_found: not_found")
	if _, err = h.video.Visitor(t.Context(), job, renewed); err != nil {
		t.Error(err)
	}
	h.Clock.Set(apt.End.Add(-time.Minute))
	h.email(t, apt)
	h.Clock.Set(apt.End)
	_, err = h.video.Email(t.Context(), by, clinictest.Once(), apt.ID, false)
	refused(t, err, "conflict: appointment_over")
}

// A person or a job that may not is refused by the table itself.
func TestPermissions(t *testing.T) {
	h := newHouse(t)
	h.connect(t, h.subjects[0], zoomsim.Ada)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	token := h.link(t, apt)
	officer := h.By(t, h.NewStaff(t, access.PrivacyOfficer))
	_, err := h.video.Email(t.Context(), officer, clinictest.Once(), apt.ID, false)
	if !fault.Is(err, fault.Denied) {
		t.Errorf("a privacy officer asks for a link: %v", err)
	}
	err = h.video.Sync(t.Context(), access.System(h.Org, string(access.VideoVisitor)), apt.ID)
	if !fault.Is(err, fault.Denied) || len(h.there("")) > 0 {
		t.Errorf("the visitor makes a room: %v", err)
	}
	h.sync(t, apt)
	_, err = h.video.Join(t.Context(), access.System(h.Org, string(access.EmailDispatch)), token)
	if !fault.Is(err, fault.Denied) {
		t.Errorf("another job goes in: %v", err)
	}
	k := h.Table.For(h.job)
	if err := k.Get(t.Context(), k.VisitLink(token), &struct{}{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("the token itself is a key: %v", err)
	}
}
