package patient_test

import (
	"slices"
	"strings"
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
)

func TestDuplicates(t *testing.T) {
	base := func() patient.Patient {
		p := person("Elizabeth|Ann", "Fotherington-Smith", "1975-11-21")
		p.Sex = patient.Female
		p.Addresses = []patient.Address{{Use: patient.Home, Postcode: "DN15 5AA"}}
		p.Contacts = []patient.Contact{{System: patient.Phone, Value: "+447700900123"}}
		p.Number = &patient.Number{Value: "9990000018"}
		return p
	}
	for _, c := range []struct {
		name   string
		change func(*patient.Patient)
		want   string
	}{
		{"the same", func(*patient.Patient) {}, "same_nhs_number same_name_and_birth_date"},
		{"without a number", func(p *patient.Patient) { p.Number = nil }, "same_name_and_birth_date"},
		{"an initial", func(p *patient.Patient) { p.Names[0].Given = []string{"E"} }, "same_name_and_birth_date"},
		{"an initial, another sex", func(p *patient.Patient) { p.Names[0].Given, p.Sex = []string{"E"}, patient.Male }, ""},
		{"a short name", func(p *patient.Patient) { p.Names[0].Given = []string{"Beth"} }, "same_name_and_birth_date"},
		{"half the name", func(p *patient.Patient) { p.Names[0].Family = "Smith" }, "same_name_and_birth_date"},
		{"spelt otherwise", func(p *patient.Patient) {
			p.Names[0].Family, p.Names[0].Given = "FÖTHERINGTON SMITH", []string{"elizabeth"}
		}, "same_name_and_birth_date"},
		{"the wrong way round", func(p *patient.Patient) {
			p.Names[0] = patient.Name{Use: patient.Usual, Family: "Elizabeth Ann", Given: []string{"Fotherington-Smith"}}
		}, "same_name_and_birth_date"},
		{"a former name", func(p *patient.Patient) {
			old := p.Names[0]
			old.Use, p.Names[0].Family = "maiden", "Other"
			p.Names = append(p.Names, old)
		}, "same_name_and_birth_date"},
		{
			"married", func(p *patient.Patient) { p.Names[0].Family = "Other" },
			"same_given_name_birth_date_and_postcode same_given_name_birth_date_and_contact",
		},
		{"married, an initial", func(p *patient.Patient) { p.Names[0].Family, p.Names[0].Given = "Other", []string{"E"} }, ""},
		{"a twin", func(p *patient.Patient) { p.Names[0].Given = []string{"Margaret"} }, ""},
		{"a twin of the same initial", func(p *patient.Patient) { p.Names[0].Given = []string{"Emma"} }, ""},
		{"a namesake", func(p *patient.Patient) { p.BirthDate = "1990-01-01" }, ""},
		{"day and month swapped", func(p *patient.Patient) { p.BirthDate = "1975-11-12" }, ""},
		{"a digit wrong", func(p *patient.Patient) { p.BirthDate = "1976-11-21" }, "same_name_and_similar_birth_date"},
		{"the year alone", func(p *patient.Patient) { p.BirthDate = "1975" }, "same_name_and_similar_birth_date"},
		{"no birth date", func(p *patient.Patient) { p.BirthDate = "" }, "same_name_and_similar_birth_date"},
		{"the year alone, elsewhere", func(p *patient.Patient) { p.BirthDate, p.Addresses, p.Contacts = "1975", nil, nil }, ""},
		{"the number alone", func(p *patient.Patient) {
			*p = person("Other", "Person", "1990-01-01")
			p.Number = &patient.Number{Value: "9990000018"}
		}, "same_nhs_number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegister(t)
			there := r.add("there", base())
			p := base()
			if c.change(&p); c.want != "same_nhs_number same_name_and_birth_date" && c.want != "same_nhs_number" {
				p.Number = nil
			}
			alike, err := r.s.Alike(t.Context(), r.by, p)
			got := ""
			for _, d := range alike {
				if d.ID != there {
					t.Errorf("somebody else is alike: %s", d.ID)
				}
				got += strings.Join(d.Reasons, " ")
			}
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestCreateAsksAboutDuplicates(t *testing.T) {
	r := newRegister(t)
	first := r.add("first", person("Ann", "Able", "1980-01-01"))
	again := func(known ...string) error {
		_, err := r.s.Create(t.Context(), r.by, clinictest.Once(), person("Annie", "Able", "1980-01-01"), known...)
		return err
	}
	err := again()
	f := fault.Of(err)
	if err == nil || f.Code != "possible_duplicate" || len(f.Details) != 1 || f.Details[0].Resource != first ||
		f.Details[0].Code != "same_name_and_birth_date" {
		t.Fatalf("created beside a duplicate: %v", err)
	}
	if err := again(first); err != nil {
		t.Fatalf("somebody else: %v", err)
	}
	if err := again(first); fault.Of(err) == nil || len(fault.Of(err).Details) != 1 {
		t.Errorf("a third: %v", err)
	}
	found, err := r.s.Duplicates(t.Context(), r.by, first)
	if err != nil || len(found) != 1 || found[0].Name != "Annie Able" || !slices.Equal(found[0].Reasons, []string{"same_name_and_birth_date"}) {
		t.Errorf("%d duplicates, %v", len(found), err)
	}
	if _, err := r.s.Duplicates(t.Context(), r.by, id.New("pat")); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// Where somebody lives is not told by who is said to be alike.
func TestDuplicatesKeepQuiet(t *testing.T) {
	d := newDesk(t)
	p := person("Ann", "Able", "1980-01-01")
	p.Addresses = []patient.Address{{Use: patient.Home, Postcode: "DN15 5AA"}}
	there := d.add("there", p)
	d.amend(there, func(p *patient.Patient) { p.Restricted = true })
	p.Names[0].Family = "Other"
	if alike, err := d.s.Alike(t.Context(), d.by, p); err != nil || len(alike) != 0 {
		t.Errorf("%d alike by the postcode of somebody protected, %v", len(alike), err)
	}
}
