package patient_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/nhsnumber"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// desk is a register whose patients are also booked.
type desk struct {
	*register
	b *booking.Service
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	r := newRegister(t)
	r.by = r.By(t, clinictest.Manager)
	return &desk{r, booking.New(r.Table, r.Directory, r.Clock.Now, id.New)}
}

func (d *desk) book(pat, start string, practitioner int) booking.Appointment {
	d.t.Helper()
	a, err := d.b.Book(d.t.Context(), d.by, clinictest.Once(), booking.Wish{
		ServiceID: d.Service.ID, SiteID: d.Site.ID, PractitionerID: d.Practitioners[practitioner].ID, PatientID: pat, Start: start,
	})
	if err != nil {
		d.t.Fatalf("book: %v %+v", err, fault.Of(err).Details)
	}
	return a
}

func (d *desk) merge(into, from string) error {
	_, err := d.s.Merge(d.t.Context(), d.by, clinictest.Once(), into, from)
	return err
}

func (d *desk) unmerge(into, from string) (patient.Unmerged, error) {
	return d.s.Unmerge(d.t.Context(), d.by, clinictest.Once(), into, from)
}

func (d *desk) amend(pat string, change func(*patient.Patient)) {
	d.t.Helper()
	job := access.System(d.Org, string(access.PDSLookup))
	_, err := d.s.Amend(d.t.Context(), job, access.Once{}, pat, access.NumberSettle,
		event.Event{Name: event.NumberSettled}, func(p *patient.Patient) error { change(p); return nil }, nil)
	if err != nil {
		d.t.Fatalf("amend: %v", err)
	}
}

func (d *desk) get(pat string) patient.Patient {
	d.t.Helper()
	p, err := d.s.Get(d.t.Context(), d.by, pat)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// picture is all that is to be seen of patients, without versions: as JSON, because nothing of it prints.
func (d *desk) picture(pats ...string) string {
	d.t.Helper()
	k := d.Table.For(d.by)
	out := map[string]any{}
	for _, pat := range pats {
		p := d.get(pat)
		p.Version = 0
		out[pat+" record"] = p
		diary, err := k.DiaryOf(d.t.Context(), pat)
		if err != nil {
			d.t.Fatal(err)
		}
		slices.SortFunc(diary.Taken, func(a, b table.Tenure) int { return int(a.Tick - b.Tick) })
		slices.SortFunc(diary.Met, func(a, b table.Meeting) int { return strings.Compare(a.ID, b.ID) })
		diary.Version = 0
		out[pat+" diary"] = diary
		var circle care.Circle
		if err := k.Get(d.t.Context(), k.Circle(pat), &circle); err != nil {
			d.t.Fatal(err)
		}
		circle.Version = 0
		out[pat+" circle"] = circle
		apts, _, err := d.b.OfPatient(d.t.Context(), d.by, pat, "", 50)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, a := range apts {
			out[pat+" has"+a.ID] = a.PatientID + " " + string(a.Status) + " " + a.LocalStart
		}
		for _, q := range []patient.Query{
			{Name: p.Names[0].Family},
			{BirthDate: p.BirthDate},
			{NHSNumber: "9990000018"},
			{NHSNumber: "9990000026"},
			{Phone: "07700900123"},
			{Postcode: "DN155AA"},
		} {
			out[fmt.Sprint("found by ", q.Name, q.BirthDate, q.NHSNumber, q.Phone, q.Postcode)] = d.find(q)
		}
	}
	raw, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), ": []", ": null")
}

func TestMerge(t *testing.T) {
	d := newDesk(t)
	one, two := person("Florence", "Marker", "1950-02-27"), person("Flo", "Marker", "1950-02-28")
	two.Number = &patient.Number{Value: "9990000018"}
	two.Alerts = []patient.Alert{{Kind: "allergy", Text: "Latex"}}
	into, from := d.add("into", one), d.add("from", two)
	first, second := d.book(from, "2027-01-04T10:00", 0), d.book(from, "2027-01-05T10:00", 0)
	third := d.book(into, "2027-01-06T10:00", 0)
	d.Clock.Set(first.Start.Add(5 * time.Minute))
	if err := d.merge(into, from); err != nil {
		t.Fatalf("merge: %v %+v", err, fault.Of(err).Details)
	}
	p, gone := d.get(into), d.get(from)
	if p.Number == nil || p.Number.Value != "9990000018" || len(p.Alerts) != 1 || !slices.Equal(p.Merged, []string{from}) {
		t.Error("the record that goes on lacks something of the other")
	}
	if gone.MergedInto != into {
		t.Error("the other record does not say where it went")
	}
	if found := d.find(patient.Query{Name: "marker"}) + " " + d.find(patient.Query{NHSNumber: "9990000018"}); found != "into into" {
		t.Errorf("found %s", found)
	}
	apts, next, err := d.b.OfPatient(t.Context(), d.by, into, "", 2)
	if err != nil || next == "" || apts[0].ID != third.ID || apts[1].ID != second.ID || apts[1].PatientID != into {
		t.Errorf("first page %d, next %q, %v", len(apts), next, err)
	}
	apts, next, err = d.b.OfPatient(t.Context(), d.by, into, next, 2)
	if err != nil || next != "" || len(apts) != 1 || apts[0].ID != first.ID || apts[0].PatientID != from {
		t.Errorf("second page %d, next %q, %v", len(apts), next, err)
	}
	_, err = d.b.Book(t.Context(), d.by, clinictest.Once(), booking.Wish{
		ServiceID: d.Service.ID, SiteID: d.Site.ID, PractitionerID: d.Practitioners[0].ID, PatientID: from, Start: "2027-01-07T10:00",
	})
	if fault.Of(err) == nil || fault.Of(err).Code != "patient_closed" {
		t.Errorf("booking for the merged record: %v", err)
	}
	for name, err := range map[string]error{
		"again": d.merge(into, from), "the other way": d.merge(from, into), "with another": d.merge(d.add("third", person("A", "B", "")), from),
	} {
		if fault.Of(err) == nil || fault.Of(err).Code != "patient_merged" {
			t.Errorf("merged %s: %v", name, err)
		}
	}
	if err := d.merge(into, into); !fault.Is(err, fault.Invalid) {
		t.Errorf("merged with itself: %v", err)
	}
	if _, err := d.unmerge(into, into); !fault.Is(err, fault.Invalid) {
		t.Errorf("unmerged from itself: %v", err)
	}
	if err := d.merge(into, id.New("pat")); !fault.Is(err, fault.NotFound) {
		t.Errorf("merged with nobody: %v", err)
	}
}

// Who is related to either is related to the one that goes on, and an objection to the use of the number holds for it.
func TestMergeUnites(t *testing.T) {
	d := newDesk(t)
	two := person("Bea", "Baker", "1990-01-01")
	two.Number = &patient.Number{Value: "9990000018"}
	into, from := d.add("into", person("Ann", "Able", "1980-01-01")), d.add("from", two)
	d.book(from, "2027-01-05T10:00", 0)
	d.amend(from, func(p *patient.Patient) { p.Objection = &patient.Objection{At: d.Clock.Now().UTC()} })
	guard, front := care.Guard{Table: d.Table, Now: d.Clock.Now}, d.By(t, clinictest.Receptionist)
	related := func() bool {
		_, err := guard.Related(t.Context(), front, access.PatientRead, into)
		return err == nil
	}
	if related() {
		t.Fatal("the front desk is related before")
	}
	if err := d.merge(into, from); err != nil {
		t.Fatal(err)
	}
	p := d.get(into)
	if !related() || p.Objection == nil || p.Number == nil || d.find(patient.Query{NHSNumber: "9990000018"}) != "" {
		t.Error("the relationship or the objection did not go over")
	}
	if u, err := d.unmerge(into, from); err != nil || len(u.Kept) > 0 || related() || d.get(into).Objection != nil {
		t.Errorf("not as before: %v", err)
	}
}

// Times at which both have an appointment refuse the merge, and nothing is done.
func TestMergeClash(t *testing.T) {
	d := newDesk(t)
	into, from := d.add("into", person("Ann", "Able", "1980-01-01")), d.add("from", person("Bea", "Baker", "1990-01-01"))
	one, two := d.book(into, "2027-01-05T10:15", 0), d.book(from, "2027-01-05T10:00", 1)
	d.book(from, "2027-01-06T10:00", 1)
	before := d.picture(into, from)
	err := d.merge(into, from)
	if fault.Of(err) == nil || fault.Of(err).Code != "appointments_clash" {
		t.Fatalf("merge: %v", err)
	}
	var named []string
	for _, x := range fault.Of(err).Details {
		named = append(named, x.Resource)
	}
	if !slices.Equal(named, []string{two.ID, one.ID}) {
		t.Errorf("named %v, want %v", named, []string{two.ID, one.ID})
	}
	if diff := cmp.Diff(before, d.picture(into, from)); diff != "" {
		t.Errorf("something was done: %s", diff)
	}
}

// What changed since the merge stays where it is, and is told.
func TestUnmergeKeeps(t *testing.T) {
	d := newDesk(t)
	two := person("Bea", "Baker", "1990-01-01")
	two.Number = &patient.Number{Value: "9990000018"}
	two.Alerts = []patient.Alert{{Kind: "allergy", Text: "Latex"}}
	two.BookingNote = "Rings twice."
	into, from := d.add("into", person("Ann", "Able", "1980-01-01")), d.add("from", two)
	kept, back := d.book(from, "2027-01-05T10:00", 0), d.book(from, "2027-01-06T10:00", 0)
	d.amend(from, func(p *patient.Patient) { p.Restrict() })
	if err := d.merge(into, from); err != nil {
		t.Fatal(err)
	}
	if _, err := d.b.Cancel(t.Context(), d.by, clinictest.Once(), kept.ID, 2, booking.ByPatient); err != nil {
		t.Fatal(err)
	}
	d.amend(into, func(p *patient.Patient) {
		p.Number.Status, p.Alerts[0].Text, p.BookingNote = patient.StatusVerified, "Latex, nuts", "Deaf."
	})
	u, err := d.unmerge(into, from)
	if err != nil {
		t.Fatalf("unmerge: %v", err)
	}
	var codes []string
	for _, k := range u.Kept {
		codes = append(codes, k.Code+k.ID)
	}
	slices.Sort(codes)
	want := []string{"alert", "appointment" + kept.ID, "booking_note", "nhs_number", "restricted"}
	if !slices.Equal(codes, want) {
		t.Errorf("kept %v, want %v", codes, want)
	}
	p, other := d.get(into), d.get(from)
	if !p.Restricted || p.BookingNote != "Deaf." || p.Number == nil || p.Number.Value == "" || len(p.Alerts) != 1 {
		t.Error("the record that went on lost what it should keep")
	}
	if other.MergedInto != "" || other.Number.Value != "" || len(other.Number.History) != 1 || other.BookingNote != "Rings twice." {
		t.Error("the other record is not what it should be")
	}
	if a, err := d.b.Get(t.Context(), d.by, back.ID); err != nil || a.PatientID != from {
		t.Errorf("the untouched appointment did not go back: %v", err)
	}
	if found := d.find(patient.Query{NHSNumber: "9990000018"}); found != "into" {
		t.Errorf("by number: %q", found)
	}
	if _, err := d.unmerge(into, from); fault.Of(err) == nil || fault.Of(err).Code != "not_merged" {
		t.Errorf("unmerged again: %v", err)
	}
	d.book(from, "2027-01-07T10:00", 0)
}

// A merge taken back leaves everything as it was, whatever the two records held.
func TestMergeThenUnmerge(t *testing.T) {
	d := newDesk(t)
	n := 0
	const pairs = 25 // each takes the engine a good while
	rapid.Check(t, func(t *rapid.T) {
		if n++; n > pairs {
			return
		}
		made := [2]string{}
		for i := range made {
			made[i] = d.drawn(t, n, i)
		}
		into, from := made[0], made[1]
		before := d.picture(into, from)
		if err := d.merge(into, from); err != nil {
			t.Fatalf("merge: %v %+v", err, fault.Of(err).Details)
		}
		if during := d.picture(into, from); during == before {
			t.Fatal("the merge did nothing")
		}
		u, err := d.unmerge(into, from)
		if err != nil || len(u.Kept) > 0 {
			t.Fatalf("unmerge: %v, kept %v", err, u.Kept)
		}
		if diff := cmp.Diff(before, d.picture(into, from)); diff != "" {
			t.Fatalf("not as before: %s", diff)
		}
		for _, pat := range made { // so that the next pairs do not share them with ever more
			d.amend(pat, func(p *patient.Patient) { p.Contacts, p.Addresses = nil, nil })
		}
	})
}

// drawn makes the i-th patient of the n-th pair, with appointments at times that no other has.
func (d *desk) drawn(t *rapid.T, n, i int) string {
	maybe := func(what string) bool { return rapid.Bool().Draw(t, fmt.Sprint(what, " of ", i)) }
	name := strings.Repeat(string(rune('a'+n%26)), n%7+3) + strings.Repeat(string(rune('b'+i)), 2)
	p := person("Given", "Family"+name, []string{"1950-01-01", "1960-02-02"}[i])
	if maybe("number") {
		p.Number = &patient.Number{Value: numbered(2*n + i)}
	}
	if maybe("contact") {
		p.Contacts = []patient.Contact{{System: patient.Phone, Value: "07700900123", Use: patient.Home}}
	}
	if maybe("address") {
		p.Addresses = []patient.Address{{Use: patient.Home, Postcode: "DN15 5AA"}}
	}
	if maybe("alert") {
		p.Alerts = append(p.Alerts, patient.Alert{Kind: "allergy", Text: "Latex"})
	}
	if maybe("note") {
		p.BookingNote = fmt.Sprint("Note ", i)
	}
	pat := d.add(fmt.Sprint("patient ", n, " ", i), p)
	if maybe("appointment") {
		at := clinictest.Monday().AddDate(0, 0, 7*(n%50)+2*i)
		d.book(pat, at.Format(time.DateOnly)+"T"+fmt.Sprintf("%02d:%02d", 9+n/50%7, 30*(n/350%2)), i)
	}
	if maybe("representative") {
		_, err := d.s.AddRepresentative(d.t.Context(), d.by, clinictest.Once(), pat, patient.Representative{
			Relationship: "carer", Name: patient.Name{Family: "Helper"}, May: []string{care.MayBook},
			Evidence: patient.Evidence{Kind: "patients-word", SeenOn: "2027-01-01"},
		}, "")
		if err != nil {
			t.Fatalf("%v %+v", err, fault.Of(err).Details)
		}
	}
	verified, restricted, objecting := maybe("verified"), maybe("restricted"), maybe("objection")
	d.amend(pat, func(p *patient.Patient) {
		if p.Number != nil && verified {
			p.Number.Status, p.Number.State = patient.StatusVerified, patient.NumberVerified
		}
		p.Restricted = restricted
		if objecting {
			p.Objection = &patient.Objection{At: d.Clock.Now().UTC(), By: "staff-" + fmt.Sprint(i)}
		}
	})
	return pat
}

// numbered is the n-th NHS number of those for tests.
func numbered(n int) string {
	for nine := 999_000_000; ; nine++ {
		for d := range 10 {
			if s := fmt.Sprint(nine) + fmt.Sprint(d); valid(s) {
				if n == 0 {
					return s
				}
				n--
			}
		}
	}
}

func valid(s string) bool {
	_, err := nhsnumber.Parse(s)
	return err == nil
}

// An appointment booked at the moment of the merge goes over as well, or was never booked: none is left behind in the
// diary that is closed.
func TestMergeRacesBooking(t *testing.T) {
	d := newDesk(t)
	for n := range 10 {
		into := d.add("into", person("Ann", "Able"+strings.Repeat("a", n), "1980-01-01"))
		from := d.add("from", person("Bea", "Baker"+strings.Repeat("a", n), "1990-01-01"))
		start := clinictest.Monday().AddDate(0, 0, 7*n+1).Format(time.DateOnly) + "T10:00"
		var all sync.WaitGroup
		var merged, booked error
		var apt booking.Appointment
		all.Go(func() { merged = d.merge(into, from) })
		all.Go(func() {
			time.Sleep(time.Duration(n) * time.Millisecond)
			apt, booked = d.b.Book(t.Context(), d.by, clinictest.Once(), booking.Wish{
				ServiceID: d.Service.ID, SiteID: d.Site.ID, PractitionerID: d.Practitioners[0].ID, PatientID: from, Start: start,
			})
		})
		all.Wait()
		if merged != nil || booked != nil && !fault.Is(booked, fault.Conflict) && !fault.Is(booked, fault.Unavailable) {
			t.Fatalf("merge: %v, book: %v", merged, booked)
		}
		left, err := d.Table.For(d.by).DiaryOf(t.Context(), from)
		if err != nil || len(left.Taken) > 0 {
			t.Errorf("%d ticks are left in the closed diary, %v", len(left.Taken), err)
		}
		if booked != nil {
			continue
		}
		if a, err := d.b.Get(t.Context(), d.by, apt.ID); err != nil || a.PatientID != into {
			t.Errorf("the appointment did not go over: %v", err)
		}
	}
}
