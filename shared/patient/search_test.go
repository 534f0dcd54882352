package patient_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
)

// register is a clinic with patients to look for, by the name they are called in the test.
type register struct {
	*clinictest.Clinic
	s   *patient.Service
	t   *testing.T
	by  access.Caller
	who map[string]string // id to what the test calls the patient
}

func newRegister(t *testing.T) *register {
	t.Helper()
	c := clinictest.New(t).Found(t)
	return &register{
		Clinic: c, s: patient.New(c.Table, c.Keeper, c.Clock.Now, id.New), t: t,
		by: c.By(t, clinictest.Receptionist), who: map[string]string{},
	}
}

// person is a patient of one name, "given family" or "family" alone.
func person(given, family, born string) patient.Patient {
	n := patient.Name{Use: patient.Usual, Family: family}
	if given != "" {
		n.Given = strings.Split(given, "|")
	}
	return patient.Patient{Names: []patient.Name{n}, BirthDate: born}
}

func (r *register) add(called string, p patient.Patient) string {
	r.t.Helper()
	created, err := r.s.Create(r.t.Context(), r.by, clinictest.Once(), p)
	if fault.Is(err, fault.Conflict) {
		var known []string
		for _, d := range fault.Of(err).Details {
			known = append(known, d.Resource)
		}
		created, err = r.s.Create(r.t.Context(), r.by, clinictest.Once(), p, known...)
	}
	if err != nil {
		r.t.Fatalf("add %s: %v %+v", called, err, fault.Of(err).Details)
	}
	r.who[created.ID] = called
	return created.ID
}

// find searches all pages and gives whom it found, sorted; "," between them.
func (r *register) find(q patient.Query) string {
	r.t.Helper()
	var out []string
	for page := 0; ; page++ {
		found, next, err := r.s.Search(r.t.Context(), r.by, q)
		if err != nil {
			r.t.Fatalf("search %d: %v %+v", page, err, fault.Of(err).Details)
		}
		for _, f := range found {
			out = append(out, r.who[f.ID])
		}
		if next == "" {
			slices.Sort(out)
			return strings.Join(out, ",")
		}
		if page > 100 {
			r.t.Fatal("the pages do not end")
		}
		q.After = next
	}
}

func TestSearch(t *testing.T) {
	r := newRegister(t)
	smith := person("John|Paul", "Smith", "1975-11-21")
	smith.Contacts = []patient.Contact{
		{System: patient.Phone, Value: "07700 900123"}, {System: patient.Email, Value: "John.Smith@Example.org"},
	}
	smith.Addresses = []patient.Address{{Use: patient.Home, Lines: []string{"1 High Street"}, Postcode: "DN15 5AA"}}
	smith.Number = &patient.Number{Value: "999 000 0018"}
	r.add("john", smith)
	r.add("joanna", person("Joanna", "Smithson", "1980-02-29"))
	married := person("Ann-Marie", "Kociński", "1990-05")
	married.Names = append(married.Names, patient.Name{Use: "maiden", Given: []string{"Ann-Marie"}, Family: "Smyth"})
	r.add("ann", married)
	r.add("oreilly", person("Sinéad", "O\u2019Reilly", "1966-01-01"))
	r.add("double", person("Zoë", "Fotherington-Smith", "2001-12-31"))
	r.add("one", person("", "Pàuliné", "1950"))
	r.add("letter", person("Thandar", "O", "1970-01-01"))
	r.add("li", person("Na", "Li", "1999-09-09"))
	r.add("lister", person("Nadine", "Lister", "1999-09-09"))
	r.add("wang", person("小明", "王", "1988-08-08"))
	r.add("long", person("Christopher", "Wolfeschlegelsteinhausenberger", "1960-06-06"))
	home := person("Noah", "Nowhere", "1960-06-06")
	home.Addresses = []patient.Address{{Use: patient.Home, Postcode: patient.NoFixedAbode}}
	r.add("noah", home)

	for _, c := range []struct {
		name string
		q    patient.Query
		want string
	}{
		{"beginning of a family name", patient.Query{Name: "smi"}, "double,joanna,john"},
		{"family name", patient.Query{Name: "SMITH"}, "double,joanna,john"},
		{"family and given", patient.Query{Name: "smi jo"}, "joanna,john"},
		{"given and family", patient.Query{Name: "jo smith"}, "joanna,john"},
		{"with a comma", patient.Query{Name: "Smith, Jo"}, "joanna,john"},
		{"the whole name", patient.Query{Name: "John Paul Smith"}, "john"},
		{"family first, all given", patient.Query{Name: "Smith John Paul"}, "john"},
		{"initial and family", patient.Query{Name: "j smith"}, "joanna,john"},
		{"given alone", patient.Query{Name: "joa"}, "joanna"},
		{"longer given than family", patient.Query{Name: "christopher wo"}, "long"},
		{"former name", patient.Query{Name: "smyth"}, "ann"},
		{"without diacritics", patient.Query{Name: "kocinski ann"}, "ann"},
		{"with diacritics", patient.Query{Name: "KOCIŃSKI"}, "ann"},
		{"decomposed", patient.Query{Name: "KOCIN\u0301SKI"}, "ann"},
		{"hyphen or space", patient.Query{Name: "ann marie koc"}, "ann"},
		{"apostrophe left out", patient.Query{Name: "oreilly"}, "oreilly"},
		{"apostrophe and space", patient.Query{Name: "O' Reilly Sinead"}, "oreilly"},
		{"part of a double name", patient.Query{Name: "smith zoe"}, "double"},
		{"other part", patient.Query{Name: "fothering"}, "double"},
		{"one name", patient.Query{Name: "paul"}, "one"},
		{"one letter, whole", patient.Query{Name: "o"}, "letter"},
		{"one letter with given", patient.Query{Name: "thandar o"}, "letter"},
		{"one letter, family first", patient.Query{Name: "o thandar"}, "letter"},
		{"two letters", patient.Query{Name: "li"}, "li,lister"},
		{"two letters, both", patient.Query{Name: "li na"}, "li,lister"},
		{"another script", patient.Query{Name: "王"}, "wang"},
		{"another script, both", patient.Query{Name: "王, 小明"}, "wang"},
		{"beyond the letters that are spelt", patient.Query{Name: "Wolfeschlegelsteinhausenberger"}, "long"},
		{"not beyond", patient.Query{Name: "Wolfeschlegelsteinhausenbergstadt"}, ""},
		{"nobody", patient.Query{Name: "zz"}, ""},
		{"middle of a name", patient.Query{Name: "mith"}, ""},
		{"birth date", patient.Query{BirthDate: "1999-09-09"}, "li,lister"},
		{"birth date, of which the month is known", patient.Query{BirthDate: "1990-05-17"}, "ann"},
		{"birth date, of which the year is known", patient.Query{BirthDate: "1950-03-03"}, "one"},
		{"birth date and name", patient.Query{BirthDate: "1999-09-09", Name: "lis"}, "lister"},
		{"year and name", patient.Query{BirthDate: "1999", Name: "li"}, "li,lister"},
		{"another year and name", patient.Query{BirthDate: "1998", Name: "li"}, ""},
		{"number", patient.Query{NHSNumber: "9990000018"}, "john"},
		{"number and name", patient.Query{NHSNumber: "9990000018", Name: "joanna"}, ""},
		{"unknown number", patient.Query{NHSNumber: "9990000026"}, ""},
		{"telephone", patient.Query{Phone: "+44 7700 900123"}, "john"},
		{"e-mail", patient.Query{Email: "john.smith@EXAMPLE.org"}, "john"},
		{"e-mail and postcode", patient.Query{Email: "john.smith@example.org", Postcode: "dn155aa"}, "john"},
		{"e-mail and another postcode", patient.Query{Email: "john.smith@example.org", Postcode: "dn155ab"}, ""},
		{"postcode", patient.Query{Postcode: "dn15 5aa"}, "john"},
		{"no fixed abode", patient.Query{Postcode: "ZZ99 3VZ"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, limit := range []int{20, 1} {
				r.t, c.q.Limit = t, limit
				if got := r.find(c.q); got != c.want {
					t.Errorf("limit %d: found %q, want %q", limit, got, c.want)
				}
			}
		})
	}
}

func TestSearchRefuses(t *testing.T) {
	r := newRegister(t)
	for name, c := range map[string]struct {
		q       patient.Query
		pointer string
	}{
		"nothing":              {patient.Query{}, "/name"},
		"spaces":               {patient.Query{Name: "  "}, "/name"},
		"no letters":           {patient.Query{Name: "'-"}, "/name"},
		"a wrong check digit":  {patient.Query{NHSNumber: "9990000019"}, "/nhsNumber"},
		"no date":              {patient.Query{BirthDate: "1975-02-30"}, "/birthDate"},
		"half a postcode":      {patient.Query{Postcode: "DN15"}, "/postcode"},
		"no telephone number":  {patient.Query{Phone: "12"}, "/phone"},
		"no e-mail address":    {patient.Query{Email: "x"}, "/email"},
		"one wrong, one right": {patient.Query{Name: "smith", Email: "x"}, "/email"},
	} {
		_, _, err := r.s.Search(t.Context(), r.by, c.q)
		if d := fault.Of(err); err == nil || d.Kind != fault.Invalid || len(d.Details) != 1 || d.Details[0].Pointer != c.pointer {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Somebody whose whereabouts are protected is found by name, and not by where to find the person; somebody who objects
// to the use of the NHS number not by that; somebody else's patients not at all.
func TestSearchKeepsQuiet(t *testing.T) {
	r := newRegister(t)
	p := person("Florence", "Marker", "1950-02-27")
	p.Contacts = []patient.Contact{{System: patient.Phone, Value: "+447700900123"}}
	p.Addresses = []patient.Address{{Use: patient.Home, Postcode: "DN15 5AA"}}
	p.Number = &patient.Number{Value: "9990000018"}
	id := r.add("florence", p)
	byAll := []patient.Query{{Name: "marker"}, {NHSNumber: "9990000018"}, {Phone: "07700900123"}, {Postcode: "DN155AA"}}
	found := func() string {
		var out []string
		for _, q := range byAll {
			out = append(out, strconv.Itoa(len(r.find(q))/len("florence")))
		}
		return strings.Join(out, "")
	}
	amend := func(change func(*patient.Patient)) {
		t.Helper()
		job := access.System(r.Org, string(access.PDSLookup))
		_, err := r.s.Amend(t.Context(), job, access.Once{}, id, access.NumberSettle,
			event.Event{Name: event.NumberSettled}, func(p *patient.Patient) error { change(p); return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name   string
		change func(*patient.Patient)
		want   string
	}{
		{"at first", func(*patient.Patient) {}, "1111"},
		{"protected", func(p *patient.Patient) { p.Restrict() }, "1100"},
		{"objecting", func(p *patient.Patient) { p.Objection = &patient.Objection{At: r.Clock.Now()} }, "1000"},
		{"objecting no more", func(p *patient.Patient) { p.Objection = nil }, "1100"},
		{"not protected any more", func(p *patient.Patient) { p.Restricted = false }, "1111"},
		{"another name", func(p *patient.Patient) { p.Names[0].Family = "Other" }, "0111"},
		{"merged away", func(p *patient.Patient) { p.MergedInto = "pat_x" }, "0000"},
	} {
		amend(step.change)
		if got := found(); got != step.want {
			t.Errorf("%s: by name, number, telephone and postcode %s, want %s", step.name, got, step.want)
		}
	}
	other := r.Found(t)
	theirs := patient.New(other.Table, other.Keeper, other.Clock.Now, nil)
	r.add("second", person("Florence", "Marker", "1950-02-27"))
	for _, q := range byAll {
		if got, _, err := theirs.Search(t.Context(), other.By(t, clinictest.Manager), q); err != nil || len(got) > 0 {
			t.Errorf("another organisation finds %d: %v", len(got), err)
		}
	}
}

// Everybody is found once, whatever the pages, also by two names of one beginning.
func TestSearchPages(t *testing.T) {
	r := newRegister(t)
	want := map[string]bool{}
	for i := range 47 {
		name := "Patel" + strings.Repeat("a", i%5) + string(rune('a'+i%26))
		p := person("Pat"+string(rune('a'+i%3)), name, "1990-01-0"+strconv.Itoa(i%9+1))
		if i%4 == 0 {
			p.Names = append(p.Names, patient.Name{Use: "old", Given: p.Names[0].Given, Family: "Pat" + strings.Repeat("b", i%7+1)})
		}
		want[r.add(strconv.Itoa(i), p)] = true
	}
	for _, limit := range []int{1, 7, 20} {
		for _, name := range []string{"pat", "pat pat"} {
			got := map[string]int{}
			q := patient.Query{Name: name, Limit: limit}
			for {
				found, next, err := r.s.Search(t.Context(), r.by, q)
				if err != nil || len(found) > limit {
					t.Fatalf("%d found, %v", len(found), err)
				}
				for _, f := range found {
					got[f.ID]++
				}
				if q.After = next; next == "" {
					break
				}
			}
			for id := range want {
				if got[id] != 1 {
					t.Errorf("%q, %d at a time: patient %s was found %d times", name, limit, r.who[id], got[id])
				}
			}
		}
	}
}

// A cursor goes on with the search that gave it, for the person who asked, for an hour.
func TestSearchCursor(t *testing.T) {
	r := newRegister(t)
	for i := range 3 {
		r.add(strconv.Itoa(i), person("Pat"+strings.Repeat("a", i), "Patel", "1990-01-01"))
	}
	q := patient.Query{Name: "patel", Limit: 1}
	_, next, err := r.s.Search(t.Context(), r.by, q)
	if err != nil || next == "" {
		t.Fatalf("next %q, %v", next, err)
	}
	q.After = next
	for i := range next {
		bad := []byte(next)
		if bad[i]++; bad[i] == '{' || bad[i] == '[' {
			bad[i] = 'a'
		}
		q.After = string(bad)
		if _, _, err := r.s.Search(t.Context(), r.by, q); fault.Of(err).Code != "malformed_cursor" {
			t.Fatalf("with character %d changed: %v", i, err)
		}
	}
	q.After = next
	other := r.Found(t)
	elsewhere := q
	elsewhere.Name = "pate"
	for name, ask := range map[string]func() error{
		"another person's": func() error { _, _, err := r.s.Search(t.Context(), r.By(t, clinictest.Manager), q); return err },
		"another organisation's": func() error {
			_, _, err := r.s.Search(t.Context(), other.By(t, clinictest.Receptionist), q)
			return err
		},
		"of another search": func() error { _, _, err := r.s.Search(t.Context(), r.by, elsewhere); return err },
		"of nothing": func() error {
			_, _, err := r.s.Search(t.Context(), r.by, patient.Query{Name: "patel", After: "x"})
			return err
		},
	} {
		if err := ask(); fault.Of(err) == nil || fault.Of(err).Code != "malformed_cursor" {
			t.Errorf("a cursor %s: %v", name, err)
		}
	}
	r.Clock.Pass(time.Hour)
	if _, _, err := r.s.Search(t.Context(), r.by, q); err != nil {
		t.Errorf("after an hour: %v", err)
	}
	r.Clock.Pass(time.Second)
	if _, _, err := r.s.Search(t.Context(), r.by, q); fault.Of(err) == nil || fault.Of(err).Code != "malformed_cursor" {
		t.Errorf("after more than an hour: %v", err)
	}
}
