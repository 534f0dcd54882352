package patient_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// robin is somebody who may act for a patient.
func robin() patient.Representative {
	return patient.Representative{
		Relationship: "attorney", May: []string{care.MayBook, care.MayAsk},
		Name:     patient.Name{Given: []string{"Robin"}, Family: "Markerson"},
		Contacts: []patient.Contact{{System: patient.Phone, Value: "07700 900456"}},
		Evidence: patient.Evidence{Kind: "power-of-attorney", SeenOn: "2027-01-03", Reference: "LPA 123"},
	}
}

func (f *fixture) circle(patient string) care.Circle {
	f.t.Helper()
	c := f.Table.For(f.by)
	var circle care.Circle
	if err := c.Get(f.t.Context(), c.Circle(patient), &circle); err != nil {
		f.t.Fatal(err)
	}
	return circle
}

func TestRepresentatives(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	f.Clock.Set(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC))
	once := clinictest.Once()
	r, err := f.AddRepresentative(t.Context(), f.by, once, p.ID, robin(), "2027-03-28") // a day of 23 hours
	if err != nil || !id.Valid(r.ID, "rep") || r.Version != 2 || r.PatientID != p.ID {
		t.Fatalf("add: %+v %v %+v", r, err, fault.Of(err).Details)
	}
	if _, err := f.AddRepresentative(t.Context(), f.by, once, p.ID, robin(), "2027-03-28"); !errors.Is(err, access.ErrDone) {
		t.Errorf("the repeat: %v", err)
	}
	got := f.mustGet(p.ID).Representatives
	until := time.Date(2027, 3, 28, 23, 0, 0, 0, time.UTC)
	if len(got) != 1 || got[0].Name.Full() != "Robin Markerson" || got[0].Contacts[0].Value != "+447700900456" ||
		!got[0].Until.Equal(until) || !got[0].From.Equal(f.Clock.Now()) || got[0].Evidence != robin().Evidence {
		t.Error("the representative is not stored as sent")
	}
	of := f.circle(p.ID)
	want := care.Representative{ID: r.ID, Relationship: "attorney", May: robin().May, From: f.Clock.Now(), Until: until}
	if n := of.Representatives; len(n) != 1 || n[0].ID != want.ID || n[0].Relationship != want.Relationship ||
		!slices.Equal(n[0].May, want.May) || !n[0].From.Equal(want.From) || !n[0].Until.Equal(want.Until) {
		t.Errorf("the circle knows %+v, want %+v", n, want)
	}
	if len(of.Relations) != 1 {
		t.Error("adding a representative lost a relation")
	}
	for at, acts := range map[time.Time]bool{until.Add(-time.Second): true, until: false} {
		if got[0].Acts(at) != acts || of.Representatives[0].Acts(care.MayBook, at) != acts {
			t.Errorf("acts at %s: record and circle, want %t", at, acts)
		}
	}
	f.Clock.Pass(time.Hour)
	if _, err := f.EndRepresentative(t.Context(), f.by, clinictest.Once(), p.ID, r.ID); err != nil {
		t.Fatal(err)
	}
	if of := f.circle(p.ID); of.Representatives[0].Acts(care.MayAsk, f.Clock.Now()) {
		t.Error("who was ended still acts")
	}
	if got := f.mustGet(p.ID).Representatives[0]; got.Acts(f.Clock.Now()) || got.EndedBy != clinictest.Receptionist {
		t.Error("the record does not say who ended it")
	}
	for _, none := range []string{r.ID, id.New("rep"), "x"} {
		if _, err := f.EndRepresentative(t.Context(), f.by, clinictest.Once(), p.ID, none); !fault.Is(err, fault.NotFound) {
			t.Errorf("ended again, or nobody: %v", err)
		}
	}
	changed := f.mustGet(p.ID)
	changed.Representatives = nil
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), changed); err != nil || len(f.mustGet(p.ID).Representatives) != 1 {
		t.Errorf("a change of the record lost the representatives: %v", err)
	}
}

func TestRepresentativesAreChecked(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct {
		change func(r *patient.Representative)
		until  string
		want   string
	}{
		"no name":           {func(r *patient.Representative) { r.Name = patient.Name{} }, "", "required /name"},
		"no relationship":   {func(r *patient.Representative) { r.Relationship = "boss" }, "", "not_a_choice /relationship"},
		"may nothing":       {func(r *patient.Representative) { r.May = nil }, "", "too_few /may"},
		"may too much":      {func(r *patient.Representative) { r.May = []string{"read"} }, "", "not_a_choice /may/0"},
		"may twice":         {func(r *patient.Representative) { r.May = []string{"ask", "ask"} }, "", "not_unique /may/1"},
		"no evidence":       {func(r *patient.Representative) { r.Evidence = patient.Evidence{} }, "", "not_a_choice /evidence/kind,required /evidence/seenOn"},
		"seen tomorrow":     {func(r *patient.Representative) { r.Evidence.SeenOn = "2027-01-05" }, "", "in_the_future /evidence/seenOn"},
		"seen in some year": {func(r *patient.Representative) { r.Evidence.SeenOn = "2026" }, "", "wrong_format /evidence/seenOn"},
		"a long reference":  {func(r *patient.Representative) { r.Evidence.Reference = strings.Repeat("x", 101) }, "", "too_long /evidence/reference"},
		"a wrong contact":   {func(r *patient.Representative) { r.Contacts[0].Value = "x" }, "", "wrong_format /contacts/0/value"},
		"until yesterday":   {func(*patient.Representative) {}, "2027-01-03", "in_the_past /until"},
		"until no day":      {func(*patient.Representative) {}, "2027-02-29", "wrong_format /until"},
	} {
		t.Run(name, func(t *testing.T) {
			r := robin()
			c.change(&r)
			_, err := f.AddRepresentative(t.Context(), f.by, clinictest.Once(), f.Patients[0], r, c.until)
			var got []string
			for _, d := range fault.Of(err).Details {
				got = append(got, d.Code+" "+d.Pointer)
			}
			if strings.Join(got, ",") != c.want || !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// Amendments of one record at the same moment all count, each on top of the other.
func TestAmendTogether(t *testing.T) {
	f := newFixture(t)
	pat := f.Patients[0]
	const many = 4
	errs := make(chan error, many)
	for range many {
		go func() {
			_, err := f.Amend(t.Context(), f.settler(), access.Once{}, pat, access.NumberSettle, event.Event{Name: event.NumberSettled},
				apply(func(p *patient.Patient) { p.BookingNote += "x" }), nil)
			errs <- err
		}()
	}
	for range many {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := f.mustGet(pat); got.BookingNote != strings.Repeat("x", many) || got.Version != many+1 {
		t.Errorf("%d amendments, version %d", len(got.BookingNote), got.Version)
	}
}

// What belongs to an amendment is written with it or not at all.
func TestAmendWith(t *testing.T) {
	f := newFixture(t)
	pat := f.Patients[0]
	refusal := fault.New(fault.Conflict, "no_change", "No.")
	amend := func(change func(*patient.Patient) error, with func(table.Clinic, seal.Key, patient.Patient) ([]table.Item, []table.Claim, error)) error {
		_, err := f.Amend(t.Context(), f.settler(), access.Once{}, pat, access.NumberSettle, event.Event{Name: event.NumberSettled}, change, with)
		return err
	}
	fine := apply(func(p *patient.Patient) { p.BookingNote = "x" })
	if err := amend(func(*patient.Patient) error { return refusal }, nil); !errors.Is(err, refusal) {
		t.Errorf("a change that refuses: %v", err)
	}
	if err := amend(fine, func(table.Clinic, seal.Key, patient.Patient) ([]table.Item, []table.Claim, error) {
		return nil, nil, refusal
	}); !errors.Is(err, refusal) {
		t.Errorf("an attendant that refuses: %v", err)
	}
	if got := f.mustGet(pat); got.Version != 1 || got.BookingNote != "" {
		t.Error("what was refused was written")
	}
	type note struct {
		Sealed []byte `dynamodbav:"s"`
	}
	if err := amend(fine, func(c table.Clinic, key seal.Key, p patient.Patient) ([]table.Item, []table.Claim, error) {
		blob, err := key.Seal("note", p.BookingNote)
		return []table.Item{{Key: c.Trace(p.ID), Value: note{blob}, New: true}}, []table.Claim{{Patient: p.ID, Close: table.Deceased}}, err
	}); err != nil {
		t.Fatal(err)
	}
	c := f.Table.For(f.by)
	var stored note
	if err := c.Get(t.Context(), c.Trace(pat), &stored); err != nil {
		t.Fatal(err)
	}
	key, err := f.Keeper.Key(t.Context(), c, f.Org, pat)
	var text string
	if err != nil || key.Open("note", stored.Sealed, &text) != nil || text != "x" {
		t.Errorf("the attendant reads %q, %v", text, err)
	}
	if o, err := c.DiaryOf(t.Context(), pat); err != nil || o.Closed != table.Deceased {
		t.Errorf("the diary is %q, %v", o.Closed, err)
	}
}

func TestAddressee(t *testing.T) {
	f := newFixture(t)
	pat := f.Register(t, patient.Patient{
		Names:    []patient.Name{{Use: patient.Usual, Given: []string{"Ada"}, Family: "Lane"}},
		Contacts: []patient.Contact{{System: patient.Phone, Value: "07700 900123"}, {System: patient.Email, Value: "ada@example.org"}},
	})
	mustBe := func(name, email string, why patient.Unreachable) {
		t.Helper()
		to, err := f.Addressee(t.Context(), f.settler(), pat)
		if err != nil || to.Email != email || to.Why != why || to.Name != "Ada Lane" {
			t.Errorf("%s: %t, %q, %v", name, to.Email == email, to.Why, err)
		}
	}
	mustBe("entered here", "ada@example.org", "")
	f.amend(pat, func(p *patient.Patient) { p.Contacts[1].Source = patient.PDS })
	mustBe("from the register", "ada@example.org", "")
	f.amend(pat, func(p *patient.Patient) { p.Restricted = true }) // and not purged, as a mistake would leave it
	mustBe("protected", "", patient.NoAddress)
	f.amend(pat, func(p *patient.Patient) { p.Contacts[1].Source = patient.Local })
	mustBe("protected, entered here", "ada@example.org", "")
	f.amend(pat, func(p *patient.Patient) { p.Contacts[1].End = "2027-01-03" })
	mustBe("over", "", patient.NoAddress)
	f.amend(pat, func(p *patient.Patient) { p.Contacts[1].End, p.Death = "", &patient.Death{} })
	mustBe("dead", "", patient.HasDied)
	f.amend(f.Patients[0], func(p *patient.Patient) { p.MergedInto = pat })
	merged, err := f.Addressee(t.Context(), f.settler(), f.Patients[0])
	if err != nil || merged.Name != "Ada Lane" || merged.Why != patient.HasDied {
		t.Errorf("merged: %v", err)
	}
	f.amend(pat, func(p *patient.Patient) { p.MergedInto = f.Patients[0] })
	if _, err := f.Addressee(t.Context(), f.settler(), pat); !fault.Is(err, fault.NotFound) {
		t.Errorf("merged in a ring: %v", err)
	}
}
