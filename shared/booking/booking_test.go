package booking_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

type fixture struct {
	*clinictest.Clinic
	*booking.Service
	by access.Caller
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	c := clinictest.New(t).Found(t)
	return &fixture{c, booking.New(c.Table, c.Directory, c.Clock.Now, id.New), c.By(t, clinictest.Receptionist)}
}

func (f *fixture) wish(start string) booking.Wish {
	return booking.Wish{
		ServiceID: f.Clinic.Service.ID, SiteID: f.Site.ID, PractitionerID: f.Practitioners[0].ID,
		PatientID: f.Patients[0], Start: start,
	}
}

// book books as the receptionist under a fresh key.
func (f *fixture) book(t *testing.T, w booking.Wish) (booking.Appointment, error) {
	t.Helper()
	return f.Book(t.Context(), f.by, clinictest.Once(), w)
}

func (f *fixture) mustBook(t *testing.T, w booking.Wish) booking.Appointment {
	t.Helper()
	a, err := f.book(t, w)
	if err != nil {
		t.Fatalf("Book(%s): %v %+v", w.Start, err, fault.Of(err).Details)
	}
	return a
}

func codes(err error) []string {
	var out []string
	for _, d := range fault.Of(err).Details {
		out = append(out, d.Code)
	}
	slices.Sort(out)
	return out
}

func mustCode(t *testing.T, what string, err error, want ...string) {
	t.Helper()
	if got := codes(err); !slices.Equal(got, want) {
		t.Errorf("%s is refused for %v (%v), want %v", what, got, err, want)
	}
}

func TestBookClaimsPractitionerRoomAndPatient(t *testing.T) {
	f := newFixture(t)
	a := f.mustBook(t, f.wish("2027-01-04T10:00"))
	if a.Status != booking.Booked || a.Version != 1 || len(a.RoomIDs) != 1 || a.LocalStart != "2027-01-04T10:00" {
		t.Errorf("booked %+v", a)
	}
	w := f.wish("2027-01-04T10:15")
	w.PatientID = f.Patients[1]
	_, err := f.book(t, w)
	mustCode(t, "an overlap with the practitioner", err, booking.PractitionerBusy)
	w = f.wish("2027-01-04T10:15")
	w.PractitionerID = f.Practitioners[1].ID
	_, err = f.book(t, w)
	mustCode(t, "an overlap with the patient", err, booking.PatientBusy)
	w.PatientID = f.Patients[1]
	if b := f.mustBook(t, w); b.RoomIDs[0] == a.RoomIDs[0] {
		t.Error("both appointments have the same room at the same time")
	}
	w = f.wish("2027-01-04T10:00")
	w.PractitionerID, w.PatientID = f.addPractitioner(t), f.Patients[2]
	_, err = f.book(t, w)
	mustCode(t, "a time without a room", err, booking.RoomBusy)
}

// addPractitioner adds one who works as the others do, and judges the caller afresh.
func (f *fixture) addPractitioner(t *testing.T) string {
	t.Helper()
	p := f.Practitioners[0]
	p.ID, p.Name = id.New("prc"), "Dr C"
	f.Clinic.Service.PractitionerIDs = append(f.Clinic.Service.PractitionerIDs, p.ID)
	f.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{
			{Key: k.Practitioner(p.ID), Value: p, New: true},
			{Key: k.Service(f.Clinic.Service.ID), Value: f.Clinic.Service, Version: 1},
		}
	})
	f.by = f.By(t, clinictest.Receptionist)
	return p.ID
}

func TestEveryReasonIsToldAtOnce(t *testing.T) {
	f := newFixture(t)
	_, err := f.book(t, booking.Wish{PatientID: f.Patients[0], Start: "tomorrow"})
	mustCode(t, "a wish that means nothing", err, "malformed_time", "required", "required", "required")
	f.mustBook(t, f.wish("2027-01-04T16:30"))
	leave := clinic.Leave{
		ID: id.New("lev"), Of: f.Practitioners[0].ID,
		Start: time.Date(2027, 1, 4, 16, 0, 0, 0, time.UTC), End: time.Date(2027, 1, 5, 16, 0, 0, 0, time.UTC),
	}
	f.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Leave(leave.ID, leave.End), Value: leave, New: true}}
	})
	f.by = f.By(t, clinictest.Receptionist)
	f.Clock.Set(time.Date(2027, 1, 4, 18, 0, 0, 0, time.UTC))
	_, err = f.book(t, f.wish("2027-01-04T16:45"))
	mustCode(t, "a time that is wrong in every way", err, booking.PatientBusy, booking.PractitionerBusy,
		booking.PractitionerNotThere, booking.PractitionerOnLeave, booking.TooSoon)
	_, err = f.book(t, f.wish("2028-06-04T16:45"))
	mustCode(t, "a Sunday in the far future", err, booking.OutsideOpeningHours, booking.PractitionerNotThere, booking.TooFar)
	_, err = f.book(t, f.wish("2027-01-06T10:02"))
	mustCode(t, "a time between two ticks", err, "off_grid")
	w := f.wish("2027-01-06T10:00")
	w.PatientID = id.New("pat")
	if _, err = f.book(t, w); fault.Of(err).Code != "patient_not_found" {
		t.Errorf("a patient who does not exist: %v", err)
	}
}

func TestReplayGivesTheFirstAnswer(t *testing.T) {
	f := newFixture(t)
	once := clinictest.Once()
	first, err := f.Book(t.Context(), f.by, once, f.wish("2027-01-04T10:00"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Book(t.Context(), f.by, once, f.wish("2027-01-04T10:00"))
	if !errors.Is(err, access.ErrDone) {
		t.Fatalf("a repeat is %v", err)
	}
	answer, found, err := f.Table.For(f.by).Recall(t.Context(), once)
	if err != nil || !found {
		t.Fatalf("Recall: %v, %v", found, err)
	}
	want, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(answer)); diff != "" {
		t.Errorf("the recorded answer differs:\n%s", diff)
	}
	other := once
	other.Fingerprint[5]++
	if _, _, err := f.Table.For(f.by).Recall(t.Context(), other); fault.Of(err).Code != "key_reused" {
		t.Errorf("another request under the key is %v", err)
	}
	f.Clock.Pass(73 * time.Hour)
	if _, found, err := f.Table.For(f.by).Recall(t.Context(), once); found || err != nil {
		t.Errorf("the record outlived its 72 hours: %v, %v", found, err)
	}
}

func TestHoldBecomesAppointment(t *testing.T) {
	f := newFixture(t)
	w := f.wish("2027-01-04T11:00")
	w.PatientID = ""
	h, err := f.Hold(t.Context(), f.by, clinictest.Once(), w)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.book(t, f.wish("2027-01-04T11:15"))
	mustCode(t, "a held time", err, booking.PractitionerBusy)
	f.Clock.Pass(4 * time.Minute)
	h, err = f.Renew(t.Context(), f.by, clinictest.Once(), h.ID, h.Version)
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Pass(4 * time.Minute)
	a, err := f.BookHeld(t.Context(), f.by, clinictest.Once(), h.ID, f.Patients[0], booking.Asked{})
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Pass(time.Hour)
	_, err = f.book(t, f.wish("2027-01-04T11:00"))
	mustCode(t, "a time booked from a hold", err, booking.PatientBusy, booking.PractitionerBusy)
	if _, err := f.BookHeld(t.Context(), f.by, clinictest.Once(), h.ID, f.Patients[1], booking.Asked{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a hold was used twice: %v", err)
	}
	if a.RoomIDs[0] != h.RoomIDs[0] {
		t.Error("the appointment has another room than the hold had")
	}
}

func TestHoldExpiresByComparison(t *testing.T) {
	f := newFixture(t)
	h, err := f.Hold(t.Context(), f.by, clinictest.Once(), f.wish("2027-01-04T11:00"))
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Pass(booking.HoldFor)
	w := f.wish("2027-01-04T11:15")
	w.PatientID = f.Patients[1]
	_, err = f.book(t, w)
	mustCode(t, "a time in the last second of its hold", err, booking.PractitionerBusy)
	f.Clock.Pass(time.Second)
	f.mustBook(t, w)
	if _, err := f.BookHeld(t.Context(), f.by, clinictest.Once(), h.ID, f.Patients[0], booking.Asked{}); fault.Of(err).Code != "hold_expired" {
		t.Errorf("an expired hold was booked: %v", err)
	}
	if err := f.Release(t.Context(), f.by, clinictest.Once(), h.ID, h.Version); err != nil {
		t.Errorf("release an expired hold: %v", err)
	}
	_, err = f.book(t, f.wish("2027-01-04T11:30"))
	mustCode(t, "a time that releasing somebody else's hold must not free", err, booking.PractitionerBusy)
}

func TestMoveAndCancel(t *testing.T) {
	f := newFixture(t)
	a := f.mustBook(t, f.wish("2027-01-04T10:00"))
	for i, start := range []string{"2027-01-04T10:15", "2027-01-04T15:00", "2027-01-06T09:00"} {
		moved, err := f.Move(t.Context(), f.by, clinictest.Once(), a.ID, a.Version, booking.Wish{Start: start})
		if err != nil {
			t.Fatalf("move to %s: %v %v", start, err, codes(err))
		}
		if moved.LocalStart != start || moved.Version != a.Version+1 || moved.Sequence != int64(i+1) {
			t.Errorf("moved to %+v", moved)
		}
		a = moved
	}
	w := f.wish("2027-01-04T10:00")
	w.PatientID = f.Patients[1]
	f.mustBook(t, w)
	_, err := f.Move(t.Context(), f.by, clinictest.Once(), a.ID, a.Version-1, booking.Wish{Start: "2027-01-07T09:00"})
	if !fault.Is(err, fault.Stale) {
		t.Errorf("a stale copy was moved: %v", err)
	}
	c, err := f.Cancel(t.Context(), f.by, clinictest.Once(), a.ID, a.Version, booking.ByPatient)
	if err != nil || c.Status != booking.Cancelled {
		t.Fatalf("cancel: %v, %v", c, err)
	}
	f.mustBook(t, f.wish("2027-01-06T09:00"))
	day, err := f.Day(t.Context(), f.by, f.Practitioners[0].ID, "2027-01-06")
	if err != nil || len(day) != 2 {
		t.Errorf("the day lists %d appointments (%v), want the cancelled and the new one", len(day), err)
	}
	list, _, err := f.OfPatient(t.Context(), f.by, f.Patients[0], "", 10)
	if err != nil || len(list) != 2 {
		t.Errorf("the patient has %d appointments (%v), want 2", len(list), err)
	}
	steps, err := f.History(t.Context(), f.by, a)
	if err != nil || len(steps) != 5 {
		t.Errorf("the history has %d steps (%v), want 5", len(steps), err)
	}
}

// openSundays opens the site and the first practitioner's week all Sunday long.
func (f *fixture) openSundays(t *testing.T) {
	t.Helper()
	sunday := clinic.Opening{Day: "sunday", Opens: "00:00", Closes: "24:00"}
	f.Site.Hours = append(f.Site.Hours, sunday)
	p := &f.Practitioners[0]
	p.Sessions = append(p.Sessions, clinic.Session{SiteID: f.Site.ID, Opening: sunday})
	f.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{
			{Key: k.Site(f.Site.ID), Value: f.Site, Version: 1}, {Key: k.Practitioner(p.ID), Value: p, Version: 1},
		}
	})
	f.by = f.By(t, clinictest.Receptionist)
}

func TestClockChanges(t *testing.T) {
	f := newFixture(t)
	f.openSundays(t)
	_, err := f.book(t, f.wish("2027-03-28T01:30"))
	mustCode(t, "half past one on the day the clocks go forward", err, "time_skipped")
	_, err = f.book(t, f.wish("2027-10-31T01:30"))
	mustCode(t, "half past one on the day the clocks go back", err, "time_twice")
	want := []string{"2027-10-31T01:30:00+01:00", "2027-10-31T01:30:00Z"}
	if got := fault.Of(err).Details[0].Choices; !slices.Equal(got, want) {
		t.Errorf("the choices are %v, want %v", got, want)
	}
	f.mustBook(t, f.wish("2027-10-31T01:30:00+01:00"))
	f.mustBook(t, f.wish("2027-10-31T01:30:00Z"))
	got, err := f.Availability(t.Context(), f.by, booking.Search{
		ServiceID: f.Clinic.Service.ID, SiteID: f.Site.ID, PractitionerIDs: []string{f.Practitioners[0].ID},
		From: "2027-03-28", To: "2027-03-28",
	})
	// 23 hours in quarters, less the last quarter, in which half an hour does not fit.
	if err != nil || len(got) != 1 || len(got[0].Slots) != 23*4-1 {
		t.Errorf("the short day offers %+v, %v", got, err)
	}
}
