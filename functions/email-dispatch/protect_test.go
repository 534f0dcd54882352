package main

import (
	"strings"
	"testing"

	"almanac/infra/sandbox/ses"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
)

// amend changes the record as the worker that asks the NHS's register does.
func (b *bench) amend(t *testing.T, change func(p *patient.Patient)) {
	t.Helper()
	_, err := patient.New(b.Table, b.Keeper, b.Clock.Now, id.New).Amend(t.Context(), b.By(t, clinictest.Receptionist),
		clinictest.Once(), b.patient, access.PatientChange, event.Event{Name: event.PatientChanged},
		func(p *patient.Patient) error {
			change(p)
			return nil
		}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// told is the patient's record with an address that the NHS's register gave, and an appointment whose event waits.
func (b *bench) told(t *testing.T) (string, event.Message) {
	t.Helper()
	b.patient = b.Register(t, patient.Patient{Names: []patient.Name{{Use: patient.Usual, Given: []string{given}, Family: family}}})
	b.amend(t, func(p *patient.Patient) {
		p.Contacts = []patient.Contact{{System: patient.Email, Value: email, Source: patient.PDS}}
	})
	apt := b.book(t, "2027-01-05T09:30")
	for _, m := range b.outbox(t) {
		if m.Target == apt.ID {
			return apt.ID, m
		}
	}
	t.Fatal("the booking is in no outbox")
	return "", event.Message{}
}

// Between the booking and its mail the patient comes under protection, or dies: nothing goes to anybody, the ledger
// says why, and the event come again changes nothing. A patient to whom neither happens has the mail.
func TestDispatchAfterTheRecordChanged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *patient.Patient)
		ledger string
		mails  int
	}{
		"as before":  {func(*patient.Patient) {}, "done", 1},
		"restricted": {func(p *patient.Patient) { p.Restrict() }, "skipped no_address", 0},
		// As a record would stand that was marked and not purged.
		"restricted, the address left": {func(p *patient.Patient) { p.Restricted = true }, "skipped no_address", 0},
		"deceased": {func(p *patient.Patient) {
			p.Death = &patient.Death{Status: patient.Formal, On: "2027-01-03", Source: patient.PDS}
		}, "skipped deceased", 0},
		"restricted, with an address of one's own": {func(p *patient.Patient) {
			p.Contacts = append(p.Contacts, patient.Contact{System: patient.Email, Value: "local@patient.example"})
			p.Restrict()
		}, "done", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			apt, m := b.told(t)
			b.amend(t, c.change)
			for range 3 {
				if failed := b.work(t, m); len(failed) > 0 {
					t.Fatalf("failed %v\n%s", failed, b.Log)
				}
			}
			b.ledgerIs(t, apt, c.ledger)
			if n := len(b.ses.Mails("")); n != c.mails {
				t.Errorf("%d mails left, want %d", n, c.mails)
			}
			if strings.HasPrefix(name, "restricted") && len(b.mails()) > 0 {
				t.Error("the address that the register gave was written to")
			}
			b.clean(t)
		})
	}
}

// A mail that failed before its patient came under protection is not sent when it is tried again.
func TestDispatchRetryAfterTheRecordChanged(t *testing.T) {
	b := newBench(t)
	apt, m := b.told(t)
	b.fails(t, ses.Throttle, 10)
	if failed := b.work(t, m); len(failed) != 1 {
		t.Fatalf("failed %v", failed)
	}
	b.ses.Faults.Clear()
	b.amend(t, func(p *patient.Patient) { p.Restrict() })
	b.work(t, m)
	b.ledgerIs(t, apt, "skipped no_address")
	if n := len(b.ses.Mails("")); n != 0 {
		t.Errorf("%d mails left", n)
	}
}
