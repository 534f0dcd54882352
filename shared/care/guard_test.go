package care_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// house is a clinic with a second site, and what was asked of the engine.
type house struct {
	*clinictest.Clinic
	guard care.Guard
	asked []string
	there clinic.Site
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{}
	h.Clinic = clinictest.New(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		h.asked = append(h.asked, op)
		return send()
	})).Found(t)
	h.guard = care.Guard{Table: h.Table, Now: h.Clock.Now}
	h.there = h.Site
	h.there.ID = id.New("sit")
	h.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Site(h.there.ID), Value: h.there, New: true}}
	})
	return h
}

// who makes a member of staff of the role at the sites.
func (h *house) who(practitioner string, sites ...string) access.Caller {
	return access.NewCaller(h.Org, id.New("sub"), []access.Role{access.Clinician}, 1).Working(sites, practitioner)
}

func (h *house) book(t *testing.T, patient, start string) booking.Appointment {
	t.Helper()
	s := booking.New(h.Table, h.Directory, h.Clock.Now, id.New)
	apt, err := s.Book(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: h.Service.ID, SiteID: h.Site.ID, PractitionerID: h.Practitioners[0].ID, PatientID: patient, Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	return apt
}

// Who has no part in a patient's care is told what this very person may do about it, and nothing else.
func TestUnrelatedAreToldWhatTheyMayDo(t *testing.T) {
	h := newHouse(t)
	const claim, glass = "claim a relationship", "break the glass"
	for _, c := range []struct {
		roles        []access.Role
		claim, glass bool
	}{
		{[]access.Role{access.Receptionist}, true, false},
		{[]access.Role{access.Clinician}, true, true},
		{[]access.Role{access.Manager}, true, true},
		{[]access.Role{access.PrivacyOfficer}, true, false},
		{[]access.Role{access.PrivacyOfficer, access.Clinician}, true, true},
		{nil, false, false},
	} {
		by := access.NewCaller(h.Org, id.New("sub"), c.roles, 1)
		_, err := h.guard.Related(t.Context(), by, access.PatientRead, h.Patients[0])
		f := fault.Of(err)
		if f.Code != "no_relationship" || strings.Contains(f.Message, claim) != c.claim || strings.Contains(f.Message, glass) != c.glass {
			t.Errorf("%v is told %s: %q", c.roles, f.Code, f.Message)
		}
		if !strings.HasPrefix(f.Message, "You have no part in this patient's care. ") || !strings.HasSuffix(f.Message, ".") {
			t.Errorf("%v: %q", c.roles, f.Message)
		}
	}
}

// TestGuard: one call to the table, and what booking made counts at once, for whom it concerns, for its time.
func TestGuard(t *testing.T) {
	h := newHouse(t)
	pat := h.Patients[0]
	here, there, doctor := h.who("", h.Site.ID), h.who("", h.there.ID), h.who(h.Practitioners[0].ID, h.there.ID)
	check := func(name string, by access.Caller, patient, want string) {
		t.Helper()
		h.asked = nil
		got, err := h.guard.Related(t.Context(), by, access.PatientRead, patient)
		if code := fault.Of(err); got != want && (code == nil || code.Code != want) {
			t.Errorf("%s: %q, %v; want %s", name, got, err, want)
		}
		if len(h.asked) > 1 || len(h.asked) == 1 && h.asked[0] != "BatchGetItem" {
			t.Errorf("%s: asked %v", name, h.asked)
		}
	}
	check("before", here, pat, "no_relationship")
	h.book(t, pat, "2027-01-05T09:00")
	check("who works there", here, pat, "booking:"+h.Site.ID)
	check("who works everywhere", h.who(""), pat, "booking:"+h.Site.ID)
	check("who works elsewhere", there, pat, "no_relationship")
	check("the practitioner", doctor, pat, "booking:"+h.Practitioners[0].ID)
	check("another patient", here, h.Patients[1], "no_relationship")
	check("who registered the patient", h.By(t, clinictest.Receptionist), h.Patients[1], "registration:"+h.registration(t, h.Patients[1]))
	check("a job", access.System(h.Org, string(access.EmailDispatch)), h.Patients[1], "job:email-dispatch")
	check("nobody", here, id.New("pat"), "not_found")
	check("no id", here, "pat", "not_found")
	check("no patient's id", here, h.Site.ID, "not_found")
	check("another organisation's", h.Found(t).By(t, clinictest.Manager), pat, "not_found")
	check("nobody's job", access.System(h.Org, string(access.EmailDispatch)), id.New("pat"), "not_found")
	h.Clock.Set(time.Date(2027, 4, 30, 23, 59, 59, 0, time.UTC))
	check("in the third month after", here, pat, "booking:"+h.Site.ID)
	h.Clock.Pass(time.Second)
	check("in the fourth", here, pat, "no_relationship")
	check("who registered the patient, after a week", h.By(t, clinictest.Receptionist), h.Patients[1], "no_relationship")
}

func (h *house) registration(t *testing.T, patient string) string {
	t.Helper()
	c, err := care.Of(t.Context(), h.Table.For(h.By(t, clinictest.Manager)), patient)
	if err != nil || len(c.Relations) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	return c.Relations[0].ID
}

// TestLasting: what rests on a claim or an emergency alone is refused for each permission that would outlast it, and for
// no other; who has no part in the care is told that, and a job is not asked.
func TestLasting(t *testing.T) {
	h := newHouse(t)
	pat, member := h.Patients[1], h.who("", h.Site.ID)
	k := h.Table.For(h.By(t, clinictest.Manager))
	relate := func(kind care.Kind) {
		t.Helper()
		r := care.Relation{ID: id.New(care.Prefix), Kind: kind, Person: member.Person(), From: h.Clock.Now()}
		if err := care.Settle(t.Context(), k, pat, func(c care.Circle) error {
			return k.Write(t.Context(), table.Change{
				Action: access.RelationshipMake, Target: pat, Put: []table.Item{c.With(r, h.Clock.Now()).Item(k, pat)},
				Event: event.Event{Name: event.RelationshipMade},
			})
		}); err != nil {
			t.Fatal(err)
		}
	}
	code := func(by access.Caller, p access.Permission) string {
		_, err := h.guard.Related(t.Context(), by, p, pat)
		if fault.Of(err) == nil {
			return ""
		}
		return fault.Of(err).Code
	}
	check := func(reading, letting string) {
		t.Helper()
		for _, p := range []access.Permission{access.PatientRead, access.PatientChange, access.PatientExport, access.RelationshipEnd, access.ConsentGive} {
			if got := code(member, p); got != reading {
				t.Errorf("%s: %q, want %q", p, got, reading)
			}
		}
		for _, p := range []access.Permission{
			access.RelationshipMake, access.RepresentativeAdd, access.PatientMerge, access.PatientUnmerge,
		} {
			if got := code(member, p); got != letting {
				t.Errorf("%s: %q, want %q", p, got, letting)
			}
			if !p.Related() || code(access.System(h.Org, string(access.PatientUpload)), p) != "" {
				t.Errorf("%s asks nobody, or a job", p)
			}
		}
	}
	check("no_relationship", "no_relationship")
	relate(care.BreakGlass)
	check("", "needs_relationship")
	relate(care.Claim)
	check("", "needs_relationship")
	relate(care.Team)
	check("", "")
}

// TestAttends: an appointment relates who works at its site, without a look at the patient, until three months after.
func TestAttends(t *testing.T) {
	h := newHouse(t)
	a := h.book(t, h.Patients[0], "2027-01-05T09:00")
	attends := func(by access.Caller) string {
		t.Helper()
		got, err := h.guard.Attends(t.Context(), by, a.PatientID, a.SiteID, a.ID, a.End)
		if err != nil {
			return fault.Of(err).Code
		}
		return got
	}
	h.asked = nil
	if got := attends(h.who("", h.Site.ID)); got != "booking:"+a.ID || len(h.asked) != 0 {
		t.Errorf("%q, asked %v", got, h.asked)
	}
	if got := attends(h.who("", h.there.ID)); got != "no_relationship" {
		t.Errorf("from elsewhere %q", got)
	}
	if got := attends(h.who(h.Practitioners[0].ID, h.there.ID)); got != "booking:"+h.Practitioners[0].ID {
		t.Errorf("the practitioner %q", got)
	}
	h.Clock.Set(a.End.AddDate(0, 3, 0).Add(-time.Second))
	if got := attends(h.who("", h.Site.ID)); got != "booking:"+a.ID {
		t.Errorf("on the last day %q", got)
	}
	h.Clock.Pass(time.Second)
	if got := attends(h.who("", h.Site.ID)); got != "booking:"+h.Site.ID {
		t.Errorf("on the day after, by the month, %q", got)
	}
	h.Clock.Set(time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC))
	if got := attends(h.who("", h.Site.ID)); got != "no_relationship" {
		t.Errorf("in the fourth month %q", got)
	}
}

// TestSettle: writers at once each get their relation into the circle.
func TestSettle(t *testing.T) {
	h := newHouse(t)
	by, pat := h.By(t, clinictest.Manager), h.Patients[0]
	k := h.Table.For(by)
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			done <- care.Settle(t.Context(), k, pat, func(c care.Circle) error {
				r := care.Relation{ID: id.New("rel"), Kind: care.Team, Person: "someone", From: h.Clock.Now()}
				return k.Write(t.Context(), table.Change{
					Action: access.RelationshipMake, Target: pat, Put: []table.Item{c.With(r, h.Clock.Now()).Item(k, pat)},
					Event: event.Event{Name: event.RelationshipMade},
				})
			})
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if c, err := care.Of(t.Context(), k, pat); err != nil || len(c.Relations) != 1+cap(done) {
		t.Errorf("%+v, %v", c, err)
	}
}
