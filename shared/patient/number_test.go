package patient_test

import (
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
)

func TestNumbers(t *testing.T) {
	f := newFixture(t)
	first := f.mustCreate(florence())
	second := f.mustGet(f.Register(t, patient.Patient{}))
	second.Number = &patient.Number{Value: "999 000 0018"}
	taken := func(err error) bool {
		e := fault.Of(err)
		return fault.Is(err, fault.Conflict) && e.Code == "number_taken" && len(e.Details) == 1 && e.Details[0].Resource == first.ID
	}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), second); !taken(err) {
		t.Errorf("a second record with the number: %v %+v", err, fault.Of(err).Details)
	}
	if _, err := f.Create(t.Context(), f.by, clinictest.Once(), patient.Patient{Names: second.Names, Number: second.Number}, second.ID); !taken(err) {
		t.Errorf("a new record with the number: %v %+v", err, fault.Of(err).Details)
	}
	// The first one gives the number up; then it is free.
	first.Number = &patient.Number{Value: other}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), first); err != nil {
		t.Fatal(err)
	}
	first = f.mustGet(first.ID)
	if h := first.Number.History; first.Number.Value != other || len(h) != 1 || h[0].Value != number || h[0].Why != "replaced" || !h[0].Until.Equal(f.Clock.Now()) {
		t.Error("the number that was replaced is not in the history")
	}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), second); err != nil {
		t.Errorf("a number that was given up: %v", err)
	}
	first.Number = nil
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), first); err != nil {
		t.Fatal(err)
	}
	if n := f.mustGet(first.ID).Number; n.Value != "" || len(n.History) != 2 || n.History[1].Why != "removed" {
		t.Error("the number that was left out is not in the history")
	}
	first = f.mustGet(first.ID)
	first.Number = &patient.Number{Value: "9990000019"}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), first); !fault.Is(err, fault.Invalid) {
		t.Errorf("a number with a wrong check digit: %v", err)
	}
}

// Of several who are registered at the same moment with one number, one is, and the others are told who has it.
func TestNumbersAtOnce(t *testing.T) {
	f := newFixture(t)
	const many = 4
	type outcome struct {
		id  string
		err error
	}
	all := make(chan outcome, many)
	for i := range many {
		p := patient.Patient{
			Names: []patient.Name{{Use: patient.Usual, Family: strings.Repeat(string(rune('a'+i)), 8)}}, Number: &patient.Number{Value: number},
		}
		go func() {
			r, err := f.Create(t.Context(), f.by, clinictest.Once(), p)
			all <- outcome{r.ID, err}
		}()
	}
	won, told := "", map[string]int{}
	for range many {
		switch o := <-all; {
		case o.err == nil && won == "":
			won = o.id
		case o.err == nil:
			t.Error("two records have the number")
		case fault.Of(o.err).Code == "number_taken":
			told[fault.Of(o.err).Details[0].Resource]++
		default:
			t.Errorf("refused otherwise: %v", o.err)
		}
	}
	if told[won] != many-1 {
		t.Errorf("%d of %d were told who has the number", told[won], many-1)
	}
}

// Another organisation may hold the same number: it knows nothing of ours.
func TestNumbersAreTheOrganisations(t *testing.T) {
	f := newFixture(t)
	f.mustCreate(florence())
	theirs := f.Found(t)
	if _, err := f.Create(t.Context(), theirs.By(t, clinictest.Receptionist), clinictest.Once(), florence()); err != nil {
		t.Errorf("the same person at another organisation: %v", err)
	}
}

// While an objection stands, the number is nowhere to be found, not even by somebody who tries to enter it elsewhere.
func TestObjection(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	f.amend(p.ID, func(p *patient.Patient) { p.Objection = &patient.Objection{At: f.Clock.Now(), By: "x"} })
	elsewhere := f.mustGet(f.Register(t, patient.Patient{}))
	elsewhere.Number = &patient.Number{Value: number}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), elsewhere); err != nil {
		t.Errorf("the objection tells that there is a record: %v", err)
	}
	shown, _, err := f.Show(t.Context(), f.by, p.ID)
	if err != nil || shown.Number != nil || shown.Objection == nil {
		t.Errorf("the number is shown: %v", err)
	}
	shown.BookingNote = "x"
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), shown); err != nil {
		t.Fatal(err)
	}
	if got := f.mustGet(p.ID); got.Number == nil || got.Number.Value != number {
		t.Error("a change by hand lost the number that it could not show")
	}
	again := f.mustGet(p.ID)
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), again); fault.Of(err) == nil || fault.Of(err).Code != "number_objected" {
		t.Errorf("a number entered against the objection: %v", err)
	}
	_, err = f.Amend(t.Context(), f.settler(), access.Once{}, p.ID, access.NumberSettle, event.Event{Name: event.NumberSettled},
		apply(func(p *patient.Patient) { p.Objection = nil }), nil)
	if fault.Of(err) == nil || fault.Of(err).Code != "number_taken" {
		t.Errorf("withdrawn while another record has the number: %v", err)
	}
}
