package clinic_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

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
	t      *testing.T
	office *clinic.Office
	diary  *booking.Service
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	c := clinictest.New(t).Found(t)
	return &fixture{
		c, t, clinic.New(c.Table, c.Directory, c.Clock.Now, id.New),
		booking.New(c.Table, c.Directory, c.Clock.Now, id.New),
	}
}

func (f *fixture) as(subject string) access.Caller { return f.By(f.t, subject) }

// book books half an hour with the practitioner, at the site, for the patient, by their numbers.
func (f *fixture) book(start string, practitioner, patient int) booking.Appointment {
	f.t.Helper()
	a, err := f.diary.Book(f.t.Context(), f.as(clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: f.Service.ID, SiteID: f.Site.ID, PractitionerID: f.Practitioners[practitioner].ID,
		PatientID: f.Patients[patient], Start: start,
	})
	if err != nil {
		f.t.Fatalf("book %s: %v %+v", start, err, fault.Of(err).Details)
	}
	return a
}

func (f *fixture) enter(of, start, end string) clinic.Entered {
	f.t.Helper()
	e, err := f.office.EnterLeave(f.t.Context(), f.as(clinictest.Manager), clinictest.Once(),
		clinic.Wanted{Of: of, Start: start, End: end, Kind: clinic.LeaveAbsence})
	if err != nil {
		f.t.Fatalf("enter leave: %v %+v", err, fault.Of(err).Details)
	}
	return e
}

func (f *fixture) mustAffect(of, start, end string, want ...booking.Appointment) {
	f.t.Helper()
	ids := []string{}
	for _, a := range want {
		ids = append(ids, a.ID)
	}
	e := f.enter(of, start, end)
	if !slices.Equal(e.Affected, ids) {
		f.t.Errorf("leave of %s from %s to %s affects %v, want %v", of, start, end, e.Affected, ids)
	}
	if err := f.office.WithdrawLeave(f.t.Context(), f.as(clinictest.Manager), clinictest.Once(), e.ID); err != nil {
		f.t.Fatalf("withdraw: %v", err)
	}
}

func TestLeaveTellsWhatItCutsAcross(t *testing.T) {
	f := newFixture(t)
	// A service with a buffer, so that claims are longer than appointments.
	f.Change(t, func(k table.Clinic) []table.Item {
		s := f.Service
		s.BufferAfter = 10
		return []table.Item{{Key: k.Service(s.ID), Value: s, Version: 1}}
	})
	nine := f.book("2027-01-05T09:00", 0, 0)
	ten := f.book("2027-01-05T10:00", 0, 1)
	noon := f.book("2027-01-05T12:00", 0, 0)
	other := f.book("2027-01-05T10:00", 1, 2)
	next := f.book("2027-01-06T10:00", 0, 0)
	gone := f.book("2027-01-05T14:00", 0, 0)
	moved := f.book("2027-01-05T15:00", 0, 0)
	by := f.as(clinictest.Receptionist)
	if _, err := f.diary.Cancel(t.Context(), by, clinictest.Once(), gone.ID, gone.Version, "patient_request"); err != nil {
		t.Fatal(err)
	}
	moved, err := f.diary.Move(t.Context(), by, clinictest.Once(), moved.ID, moved.Version, booking.Wish{Start: "2027-01-07T15:00"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.diary.Hold(t.Context(), by, clinictest.Once(), booking.Wish{
		ServiceID: f.Service.ID, SiteID: f.Site.ID, PractitionerID: f.Practitioners[0].ID, Start: "2027-01-05T16:00",
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := f.Practitioners[0].ID, f.Practitioners[1].ID
	f.mustAffect(a, "2027-01-05T00:00", "2027-01-06T00:00", nine, ten, noon)
	f.mustAffect(a, "2027-01-05T00:00", "2027-01-08T00:00", nine, ten, noon, next, moved)
	f.mustAffect(a, "2027-01-01T00:00", "2027-12-31T00:00", nine, ten, noon, next, moved)
	f.mustAffect(a, "2027-01-05T09:15", "2027-01-05T10:00", nine)
	f.mustAffect(a, "2027-01-05T09:25", "2027-01-05T10:05", nine, ten)
	f.mustAffect(a, "2027-01-05T09:30", "2027-01-05T10:00") // only the buffer
	f.mustAffect(a, "2027-01-05T14:00", "2027-01-05T18:00") // cancelled, moved away, held
	f.mustAffect(a, "2027-01-04T00:00", "2027-01-05T09:00")
	f.mustAffect(b, "2027-01-05T00:00", "2027-01-06T00:00", other)
	f.mustAffect(f.Site.ID, "2027-01-05T10:00", "2027-01-05T12:05", sorted(ten, other, noon)...)
	room := ten.RoomIDs[0]
	f.mustAffect(room, "2027-01-05T10:30", "2027-01-05T10:40", ten) // a room is needed over the buffer too

	f.Clock.Set(time.Date(2027, 1, 5, 10, 15, 0, 0, time.UTC)) // what is over is not listed
	f.mustAffect(a, "2027-01-05T00:00", "2027-01-06T00:00", ten, noon)
}

// An appointment over midnight UTC, where the diary's days meet, is found from either side.
func TestLeaveOverMidnight(t *testing.T) {
	f := newFixture(t)
	f.Change(t, func(k table.Clinic) []table.Item {
		s, p := f.Site, f.Practitioners[0]
		s.Zone = "America/New_York"
		evening := clinic.Opening{Day: "tuesday", Opens: "08:00", Closes: "22:00"}
		s.Hours, p.Sessions = []clinic.Opening{evening}, []clinic.Session{{SiteID: s.ID, Opening: evening}}
		return []table.Item{{Key: k.Site(s.ID), Value: s, Version: 1}, {Key: k.Practitioner(p.ID), Value: p, Version: 1}}
	})
	late := f.book("2027-01-05T18:45", 0, 0) // 23:45 to 0:15 UTC
	for _, of := range []string{f.Practitioners[0].ID, f.Site.ID, late.RoomIDs[0]} {
		f.mustAffect(of, "2027-01-05T18:50:00-05:00", "2027-01-05T18:55:00-05:00", late)
		f.mustAffect(of, "2027-01-05T19:00:00-05:00", "2027-01-06T12:00:00-05:00", late)
		f.mustAffect(of, "2027-01-05T19:10:00-05:00", "2027-01-05T19:15:00-05:00", late)
		f.mustAffect(of, "2027-01-05T19:15:00-05:00", "2027-01-06T12:00:00-05:00")
	}
}

// sorted orders appointments as the answer does: by start, then by id.
func sorted(all ...booking.Appointment) []booking.Appointment {
	slices.SortFunc(all, func(a, b booking.Appointment) int {
		if n := a.Start.Compare(b.Start); n != 0 {
			return n
		}
		return slices.Compare([]byte(a.ID), []byte(b.ID))
	})
	return all
}

// A room that serves several at once is claimed under as many names; its leave finds all of them, those above a
// capacity that was lowered too.
func TestLeaveOfARoomWithPlaces(t *testing.T) {
	f := newFixture(t)
	f.Change(t, func(k table.Clinic) []table.Item {
		r, s := f.Rooms[0], f.Service
		r.Capacity = 2
		s.Needs = []clinic.Need{{AnyOf: []string{r.ID}}}
		return []table.Item{{Key: k.Room(r.ID), Value: r, Version: 1}, {Key: k.Service(s.ID), Value: s, Version: 1}}
	})
	both := sorted(f.book("2027-01-05T10:00", 0, 0), f.book("2027-01-05T10:00", 1, 1))
	f.mustAffect(f.Rooms[0].ID, "2027-01-05T10:00", "2027-01-05T10:05", both...)
	f.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Room(f.Rooms[0].ID), Value: f.Rooms[0], Version: 2}}
	})
	f.mustAffect(f.Rooms[0].ID, "2027-01-05T10:00", "2027-01-05T10:05", both...)
}

// A closure lists the appointments at that site, whoever has them and wherever that practitioner works by now.
func TestClosureKnowsTheSite(t *testing.T) {
	f := newFixture(t)
	here := f.book("2027-01-05T10:00", 0, 0)
	second := f.Site
	second.ID = id.New("sit")
	f.Change(t, func(k table.Clinic) []table.Item {
		p := f.Practitioners[0]
		p.Sessions = []clinic.Session{{SiteID: second.ID, Opening: clinic.Opening{Day: "tuesday", Opens: "09:00", Closes: "17:00"}}}
		s := f.Service
		s.Needs = nil
		return []table.Item{
			{Key: k.Site(second.ID), Value: second, New: true},
			{Key: k.Practitioner(p.ID), Value: p, Version: 1},
			{Key: k.Service(s.ID), Value: s, Version: 1},
		}
	})
	there, err := f.diary.Book(t.Context(), f.as(clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: f.Service.ID, SiteID: second.ID, PractitionerID: f.Practitioners[0].ID, PatientID: f.Patients[1],
		Start: "2027-01-05T11:00",
	})
	if err != nil {
		t.Fatalf("%v %+v", err, fault.Of(err).Details)
	}
	f.mustAffect(f.Site.ID, "2027-01-05T00:00", "2027-01-06T00:00", here)
	f.mustAffect(second.ID, "2027-01-05T00:00", "2027-01-06T00:00", there)
	f.mustAffect(f.Practitioners[0].ID, "2027-01-05T00:00", "2027-01-06T00:00", here, there)
}

// Bookings that race with leave are either listed by it or refused because of it: none slips in after.
func TestNoBookingSlipsInAfterLeave(t *testing.T) {
	f := newFixture(t)
	var starts []string
	for at := time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC); at.Hour() < 16; at = at.Add(30 * time.Minute) {
		starts = append(starts, at.Format("2006-01-02T15:04"))
	}
	booked := make(chan string, len(starts))
	first := make(chan struct{}, len(starts))
	var wg sync.WaitGroup
	const clients = 3
	for n := range clients {
		wg.Go(func() {
			// Each client is a process of its own, and goes on with what it read before the leave.
			c := f.newClient()
			for i := n; i < len(starts); i += clients {
				id, err := c.book(f.Patients[n], starts[i])
				switch {
				case err == nil:
					booked <- id
					first <- struct{}{}
				case !fault.Is(err, fault.Conflict):
					t.Errorf("%s: %v", starts[i], err)
				}
			}
		})
	}
	late := f.newClient()
	var entered clinic.Entered
	wg.Go(func() {
		<-first
		entered = f.enter(f.Practitioners[0].ID, "2027-01-05T00:00", "2027-01-06T00:00")
	})
	wg.Wait()
	if _, err := late.book(f.Patients[0], "2027-01-05T16:30"); !fault.Is(err, fault.Conflict) {
		t.Errorf("somebody who knew nothing of the leave booked after it: %v", err)
	}
	close(booked)
	var won []string
	for each := range booked {
		won = append(won, each)
	}
	t.Logf("%d of %d were booked before the leave", len(won), len(starts))
	slices.Sort(won)
	if got := slices.Sorted(slices.Values(entered.Affected)); !slices.Equal(got, won) {
		t.Errorf("booked %v, but the leave tells %v", won, got)
	}
}

type client struct {
	*fixture
	dir   *clinic.Directory
	diary *booking.Service
	by    access.Caller
}

func (f *fixture) newClient() *client {
	dir := clinic.NewDirectory(f.Table, f.Clock.Now)
	by, err := dir.Caller(f.t.Context(), f.Org, clinictest.Receptionist, false)
	if err != nil {
		f.t.Error(err)
	}
	return &client{f, dir, booking.New(f.Table, dir, f.Clock.Now, id.New), by}
}

// book books with the first practitioner, asking again as the edge does when the configuration changed under it.
func (c *client) book(patient, start string) (string, error) {
	for {
		a, err := c.diary.Book(c.t.Context(), c.by, clinictest.Once(), booking.Wish{
			ServiceID: c.Service.ID, SiteID: c.Site.ID, PractitionerID: c.Practitioners[0].ID, PatientID: patient, Start: start,
		})
		if !errors.Is(err, access.ErrStanding) {
			return a.ID, err
		}
		if c.by, err = c.dir.Caller(c.t.Context(), c.Org, clinictest.Receptionist, true); err != nil {
			return "", err
		}
	}
}

func TestLeaveRefused(t *testing.T) {
	f := newFixture(t)
	good := clinic.Wanted{Of: f.Practitioners[0].ID, Start: "2027-01-05T00:00", End: "2027-01-06T00:00", Kind: clinic.LeaveHoliday}
	for name, c := range map[string]struct {
		change func(*clinic.Wanted)
		want   string
	}{
		"ends before it starts": {func(w *clinic.Wanted) { w.End = "2027-01-04T00:00" }, "ends_too_early /end"},
		"empty":                 {func(w *clinic.Wanted) { w.End = w.Start }, "ends_too_early /end"},
		"over":                  {func(w *clinic.Wanted) { w.Start, w.End = "2026-12-01T00:00", "2027-01-04T07:00" }, "in_the_past /end"},
		"longer than a year":    {func(w *clinic.Wanted) { w.End = "2028-01-07T00:00" }, "too_long /end"},
		"far ahead":             {func(w *clinic.Wanted) { w.Start, w.End = "2031-01-01T00:00", "2031-01-02T00:00" }, "too_large /start"},
		"of nobody":             {func(w *clinic.Wanted) { w.Of = id.New("prc") }, "unknown_id /of"},
		"of a patient":          {func(w *clinic.Wanted) { w.Of = f.Patients[0] }, "unknown_id /of"},
		"of an unknown kind":    {func(w *clinic.Wanted) { w.Kind = "flu" }, "not_a_choice /kind"},
		"at no time":            {func(w *clinic.Wanted) { w.Start = "soon" }, "malformed_time /start"},
		"at a time that is skipped": {func(w *clinic.Wanted) {
			w.Start, w.End = "2027-03-28T01:30", "2027-03-28T05:00"
		}, "time_skipped /start"},
	} {
		t.Run(name, func(t *testing.T) {
			w := good
			c.change(&w)
			_, err := f.office.EnterLeave(t.Context(), f.as(clinictest.Manager), clinictest.Once(), w)
			d := fault.Of(err).Details
			if !fault.Is(err, fault.Invalid) || len(d) != 1 || d[0].Code+" "+d[0].Pointer != c.want {
				t.Errorf("got %v %+v, want %s", err, d, c.want)
			}
		})
	}
	w := good
	w.Start, w.End = "2027-10-31T01:30", "2027-10-31T05:00"
	_, err := f.office.EnterLeave(t.Context(), f.as(clinictest.Manager), clinictest.Once(), w)
	if d := fault.Of(err).Details; len(d) != 1 || !slices.Equal(d[0].Choices, []string{"2027-10-31T01:30:00+01:00", "2027-10-31T01:30:00Z"}) {
		t.Errorf("a time that exists twice: %v %+v", err, d)
	}
}

func TestLeaves(t *testing.T) {
	f := newFixture(t)
	summer := f.enter(f.Practitioners[0].ID, "2027-07-01T00:00", "2027-07-15T00:00")
	winter := f.enter(f.Site.ID, "2027-01-04T00:00", "2027-01-04T12:00")
	list := func(of string) []string {
		all, err := f.office.Leaves(t.Context(), f.as(clinictest.Clinician), of)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, l := range all {
			out = append(out, l.ID+" "+l.Start.Format(time.RFC3339)+" "+l.End.Format(time.RFC3339))
		}
		return out
	}
	a := summer.ID + " 2027-07-01T00:00:00+01:00 2027-07-15T00:00:00+01:00"
	b := winter.ID + " 2027-01-04T00:00:00Z 2027-01-04T12:00:00Z"
	if got := list(""); !slices.Equal(got, []string{b, a}) {
		t.Errorf("all: %v", got)
	}
	if got := list(f.Site.ID); !slices.Equal(got, []string{b}) {
		t.Errorf("of the site: %v", got)
	}
	f.Clock.Pass(5 * time.Hour)
	if got := list(""); !slices.Equal(got, []string{a}) {
		t.Errorf("after the closure: %v", got)
	}
	err := f.office.WithdrawLeave(t.Context(), f.as(clinictest.Manager), clinictest.Once(), winter.ID)
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("withdrawing what is over: %v", err)
	}
	f.Clock.Pass(365 * 24 * time.Hour)
	if got := list(""); got != nil {
		t.Errorf("a year on: %v", got)
	}
}
