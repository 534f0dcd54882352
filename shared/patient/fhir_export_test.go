package patient_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
)

// between does something between the reading of a request and its write, as often as it is told.
type between struct {
	times int
	do    func()
}

func (b *between) intercept(_ context.Context, op string, send func() error) error {
	if op == "TransactWriteItems" && b.times > 0 {
		b.times--
		now := b.times
		b.times = 0 // what is done may write too
		b.do()
		b.times = now
	}
	return send()
}

func toHospital() disclosure.Entry {
	return disclosure.Entry{
		Recipient: disclosure.Recipient{Name: "Example Hospital"}, Purpose: disclosure.DirectCare,
		Authority: disclosure.DutyToShare,
	}
}

func verified(p *patient.Patient) {
	p.Number.Status, p.Number.State = patient.StatusVerified, patient.NumberVerified
}

// What is objected to, or protected, before an export is entered is not in the export, even if it was read before.
func TestExportedAsItStandsWhenEntered(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*patient.Patient)
		not    []string
		entry  string
	}{
		"objecting": {
			func(p *patient.Patient) { p.Objection = &patient.Objection{At: time.Now()} },
			[]string{number},
			"contact-details identity practice",
		},
		"protected": {
			func(p *patient.Patient) { p.Restricted = true },
			[]string{"Secretplace", "900123", "florence@", "A81001"},
			"identity nhs-number",
		},
		"not verified any more": {
			func(p *patient.Patient) { p.Number.Status = patient.StatusTraceNeeded },
			[]string{number},
			"contact-details identity practice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &between{}
			f := newFixture(t, clinictest.Intercept(b.intercept))
			p := f.mustCreate(florence())
			f.amend(p.ID, verified)
			b.times, b.do = 1, func() { f.amend(p.ID, c.change) }
			by := f.By(t, clinictest.Manager)
			out, err := f.Export(t.Context(), by, p.ID, toHospital())
			if err != nil {
				t.Fatal(err)
			}
			for _, not := range c.not {
				if strings.Contains(encoded(t, out), not) {
					t.Errorf("%q is in it", not)
				}
			}
			all, _, err := disclosure.New(f.Table, f.Keeper, f.Clock.Now, id.New).List(t.Context(), by, p.ID, "", 10)
			if err != nil || len(all) != 1 || strings.Join(all[0].Categories, " ") != c.entry {
				t.Errorf("entered %+v, %v", all, err)
			}
		})
	}
}

// A record that changes again and again is not exported as it was.
func TestExportGivesUp(t *testing.T) {
	b := &between{}
	f := newFixture(t, clinictest.Intercept(b.intercept))
	p := f.mustCreate(florence())
	b.times, b.do = 1000, func() { f.amend(p.ID, func(p *patient.Patient) { p.BookingNote += "." }) }
	by := f.By(t, clinictest.Manager)
	if _, err := f.Export(t.Context(), by, p.ID, toHospital()); !fault.Is(err, fault.Stale) {
		t.Errorf("exported: %v", err)
	}
	b.times = 0
	all, _, err := disclosure.New(f.Table, f.Keeper, f.Clock.Now, id.New).List(t.Context(), by, p.ID, "", 10)
	if err != nil || len(all) > 0 {
		t.Errorf("entered %+v, %v", all, err)
	}
}

// Somebody who is erased between the reading and the write stays erased: nothing is written, and nothing goes out.
func TestNothingIsWrittenForSomebodyErased(t *testing.T) {
	for name, write := range map[string]func(f *fixture, of patient.Patient) error{
		"export": func(f *fixture, of patient.Patient) error {
			_, err := f.Export(t.Context(), f.by, of.ID, toHospital())
			return err
		},
		"change": func(f *fixture, of patient.Patient) error {
			of.BookingNote = "Morningsonly"
			_, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), of)
			return err
		},
		"amend": func(f *fixture, of patient.Patient) error {
			_, err := f.Amend(t.Context(), f.settler(), access.Once{}, of.ID, access.NumberSettle,
				event.Event{Name: event.NumberSettled}, apply(verified), nil)
			return err
		},
		"add a representative": func(f *fixture, of patient.Patient) error {
			_, err := f.AddRepresentative(t.Context(), f.by, clinictest.Once(), of.ID, robin(), "")
			return err
		},
		"merge": func(f *fixture, of patient.Patient) error {
			_, err := f.Merge(t.Context(), f.by, clinictest.Once(), f.Patients[0], of.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &between{}
			f := newFixture(t, clinictest.Intercept(b.intercept))
			f.by = f.By(t, clinictest.Manager)
			p := f.mustCreate(florence())
			before := 0
			b.times, b.do = 1, func() {
				f.Erase(t, p.ID)
				before = f.Items(t)
			}
			if err := write(f, p); !fault.Is(err, fault.NotFound) {
				t.Errorf("it was %v", err)
			}
			if got := f.Items(t); before == 0 || got != before {
				t.Errorf("%d items became %d", before, got)
			}
		})
	}
}
