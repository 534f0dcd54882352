package booking_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Nothing is held for somebody for whom nothing could be booked: a hold is refused as a booking would be, and takes no
// time. Without a patient it is given.
func TestHoldForAClosedDiary(t *testing.T) {
	f := newFixture(t)
	shut := func(c table.Claim) {
		t.Helper()
		c.Patient = f.Patients[0]
		err := f.Table.For(f.by).Write(t.Context(), table.Change{
			Action: access.PatientChange, Target: c.Patient, Claims: []table.Claim{c}, Event: event.Event{Name: event.PatientChanged},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w := f.wish("2027-01-04T11:00")
	for why, code := range map[string]string{
		table.Deceased: "patient_deceased", table.Merged + ":" + id.New("pat"): "patient_merged",
	} {
		shut(table.Claim{Close: why})
		_, booked := f.book(t, w)
		before := f.Items(t)
		_, held := f.Hold(t.Context(), f.by, clinictest.Once(), w)
		if f := fault.Of(held); !fault.Is(held, fault.Conflict) || f.Code != "patient_closed" || f.Details[0].Code != code {
			t.Fatalf("%s: held: %v", why, held)
		}
		want := slices.Clone(fault.Of(booked).Details)
		want[0].Resource = w.PatientID // whom the record was merged into is for who books to know
		if diff := cmp.Diff(want, fault.Of(held).Details); diff != "" {
			t.Errorf("%s: booking says otherwise: %s", why, diff)
		}
		if after := f.Items(t); after != before {
			t.Errorf("%s: %d items became %d", why, before, after)
		}
	}
	w.PatientID = ""
	if _, err := f.Hold(t.Context(), f.by, clinictest.Once(), w); err != nil {
		t.Errorf("for nobody yet: %v", err)
	}
	shut(table.Claim{Reopen: true})
	if _, err := f.Hold(t.Context(), f.by, clinictest.Once(), f.wish("2027-01-04T14:00")); err != nil {
		t.Errorf("after it was opened again: %v", err)
	}
}
