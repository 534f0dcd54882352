package booking_test

import (
	"testing"
	"time"

	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
)

// Somebody who is erased at any moment of a request stays erased: nothing is booked, held, renewed, released, moved,
// cancelled or taken a step on any more, whichever of its calls to the table the erasure comes before.
func TestNothingIsWrittenForSomebodyErased(t *testing.T) {
	for name, x := range afterErasures() {
		t.Run(name, func(t *testing.T) {
			for at := 1; erasedBefore(t, at, x); at++ {
			}
		})
	}
}

// erasedBefore erases the patient before the at-th call that a write makes to the table, and tells whether it makes so
// many.
func erasedBefore(t *testing.T, at int, x erasure) bool {
	t.Helper()
	var moment clinictest.Moment
	f := newWith(t, moment.Option())
	var about matter
	if x.ready != nil {
		about = x.ready(t, f)
	}
	before := 0
	moment.At(at, func() {
		f.Erase(t, f.Patients[0])
		before = f.Items(t)
	})
	err := x.write(t, f, about)
	if !moment.Came() {
		if at == 1 || err != nil {
			t.Errorf("it makes %d calls: %v", at-1, err)
		}
		return false
	}
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("erased before call %d: %v", at, err)
	}
	if after := f.Items(t); after != before {
		t.Errorf("erased before call %d: %d items became %d", at, before, after)
	}
	return true
}

// matter is what is written about: an appointment or a hold.
type matter struct {
	apt  booking.Appointment
	hold booking.Hold
}

// erasure is one kind of write, and what it needs to be there.
type erasure struct {
	ready func(*testing.T, *fixture) matter
	write func(*testing.T, *fixture, matter) error
}

const nine, ten = "2027-01-05T09:00:00Z", "2027-01-05T10:00:00Z"

func (f *fixture) wishAt(start string) booking.Wish {
	return booking.Wish{
		ServiceID: f.Clinic.Service.ID, SiteID: f.Site.ID, PractitionerID: f.Practitioners[0].ID, PatientID: f.Patients[0],
		Start: start,
	}
}

// onTheDay books, and comes to the given statuses at its end.
func onTheDay(through ...booking.Status) func(*testing.T, *fixture) matter {
	return func(t *testing.T, f *fixture) matter {
		t.Helper()
		a, err := f.Book(t.Context(), f.by, clinictest.Once(), f.wishAt(nine))
		if err != nil {
			t.Fatal(err)
		}
		if len(through) > 0 {
			f.Clock.Pass(27 * time.Hour)
		}
		for _, to := range through {
			if a, err = f.Progress(t.Context(), f.by, clinictest.Once(), a.ID, a.Version, to); err != nil {
				t.Fatal(err)
			}
		}
		return matter{apt: a}
	}
}

func holding(t *testing.T, f *fixture) matter {
	t.Helper()
	h, err := f.Hold(t.Context(), f.by, clinictest.Once(), f.wishAt(nine))
	if err != nil {
		t.Fatal(err)
	}
	return matter{hold: h}
}

func afterErasures() map[string]erasure {
	to := func(status booking.Status) func(*testing.T, *fixture, matter) error {
		return func(t *testing.T, f *fixture, s matter) error {
			t.Helper()
			_, err := f.Progress(t.Context(), f.by, clinictest.Once(), s.apt.ID, s.apt.Version, status)
			return err
		}
	}
	return map[string]erasure{
		"book": {nil, func(t *testing.T, f *fixture, _ matter) error {
			t.Helper()
			_, err := f.Book(t.Context(), f.by, clinictest.Once(), f.wishAt(ten))
			return err
		}},
		"move": {onTheDay(), func(t *testing.T, f *fixture, s matter) error {
			t.Helper()
			_, err := f.Move(t.Context(), f.by, clinictest.Once(), s.apt.ID, s.apt.Version, f.wishAt(ten))
			return err
		}},
		"cancel": {onTheDay(), func(t *testing.T, f *fixture, s matter) error {
			t.Helper()
			_, err := f.Cancel(t.Context(), f.by, clinictest.Once(), s.apt.ID, s.apt.Version, booking.ByPatient)
			return err
		}},
		"confirm":         {onTheDay(), to(booking.Confirmed)},
		"arrive":          {onTheDay(booking.Confirmed), to(booking.Arrived)},
		"begin":           {onTheDay(booking.Arrived), to(booking.InProgress)},
		"complete":        {onTheDay(booking.Arrived), to(booking.Completed)},
		"do not attend":   {onTheDay(booking.Confirmed), to(booking.DidNotAttend)},
		"come after all":  {onTheDay(booking.Confirmed, booking.DidNotAttend), to(booking.Arrived)},
		"complete, later": {onTheDay(booking.Confirmed, booking.DidNotAttend, booking.Arrived), to(booking.Completed)},
		"hold": {nil, func(t *testing.T, f *fixture, _ matter) error {
			t.Helper()
			_, err := f.Hold(t.Context(), f.by, clinictest.Once(), f.wishAt(ten))
			return err
		}},
		"renew": {holding, func(t *testing.T, f *fixture, s matter) error {
			t.Helper()
			f.Clock.Pass(time.Minute)
			_, err := f.Renew(t.Context(), f.by, clinictest.Once(), s.hold.ID, s.hold.Version)
			return err
		}},
		"release": {holding, func(t *testing.T, f *fixture, s matter) error {
			t.Helper()
			return f.Release(t.Context(), f.by, clinictest.Once(), s.hold.ID, s.hold.Version)
		}},
		"book what is held": {holding, func(t *testing.T, f *fixture, s matter) error {
			t.Helper()
			_, err := f.BookHeld(t.Context(), f.by, clinictest.Once(), s.hold.ID, f.Patients[0], booking.Asked{})
			return err
		}},
	}
}
