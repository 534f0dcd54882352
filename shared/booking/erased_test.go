package booking_test

import (
	"context"
	"testing"

	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
)

// Somebody who is erased between the reading and the write stays erased: the diary goes with the key, and nothing is
// booked, held for, moved or cancelled without one.
func TestNothingIsWrittenForSomebodyErased(t *testing.T) {
	wish := func(f *fixture, start string) booking.Wish {
		return booking.Wish{
			ServiceID: f.Clinic.Service.ID, SiteID: f.Site.ID, PractitionerID: f.Practitioners[0].ID, PatientID: f.Patients[0],
			Start: start,
		}
	}
	const nine, ten = "2027-01-05T09:00:00Z", "2027-01-05T10:00:00Z"
	for name, write := range map[string]func(f *fixture, a booking.Appointment) error{
		"book": func(f *fixture, _ booking.Appointment) error {
			_, err := f.Book(t.Context(), f.by, clinictest.Once(), wish(f, ten))
			return err
		},
		"move": func(f *fixture, a booking.Appointment) error {
			_, err := f.Move(t.Context(), f.by, clinictest.Once(), a.ID, a.Version, wish(f, ten))
			return err
		},
		"cancel": func(f *fixture, a booking.Appointment) error {
			_, err := f.Cancel(t.Context(), f.by, clinictest.Once(), a.ID, a.Version, "patient-asked")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var do func()
			f := newWith(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
				if now := do; op == "TransactWriteItems" && now != nil {
					do = nil
					now()
				}
				return send()
			}))
			a, err := f.Book(t.Context(), f.by, clinictest.Once(), wish(f, nine))
			if err != nil {
				t.Fatal(err)
			}
			before := 0
			do = func() {
				f.Erase(t, f.Patients[0])
				before = f.Items(t)
			}
			if err := write(f, a); !fault.Is(err, fault.NotFound) {
				t.Errorf("it was %v", err)
			}
			if after := f.Items(t); before == 0 || after != before {
				t.Errorf("%d items became %d", before, after)
			}
		})
	}
}
