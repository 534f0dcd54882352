package nhs_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"almanac/shared/nhs"
	"almanac/shared/patient"
)

const today = "2027-01-04"

func known(family, given, born, postcode string) patient.Patient {
	p := patient.Patient{ID: "p", BirthDate: born, Names: []patient.Name{{Use: patient.Usual, Family: family}}}
	if given != "" {
		p.Names[0].Given = []string{given}
	}
	if postcode != "" {
		p.Addresses = []patient.Address{{Use: patient.Home, Postcode: postcode}}
	}
	return p
}

// walk answers each step with the next outcome and gives the steps that were made; "found 1" finds number 1.
func walk(c *nhs.Cascade, outcomes ...string) (string, string) {
	var steps []string
	for _, o := range outcomes {
		name, _, ok := c.Next()
		if !ok {
			break
		}
		steps = append(steps, name)
		outcome, number, _ := strings.Cut(o, " ")
		c.Saw(nhs.TraceStep{Name: name, Outcome: outcome}, number)
	}
	if name, _, ok := c.Next(); ok {
		steps = append(steps, name+"…")
	}
	verdict, number := c.Result()
	return strings.Join(steps, " "), strings.TrimSpace(verdict + " " + number)
}

func TestCascade(t *testing.T) {
	whole := known("Harbottle", "Winifred", "1990-01-02", "LS1 4AP")
	for name, x := range map[string]struct {
		p        patient.Patient
		outcomes []string
		steps    string
		verdict  string
	}{
		"found at once":              {whole, []string{"found 1"}, "history", "found 1"},
		"too many, then one":         {whole, []string{"many", "found 1"}, "history current", "found 1"},
		"too many, then none":        {whole, []string{"many", "none"}, "history current", "many"},
		"too many twice":             {whole, []string{"many", "many"}, "history current", "many"},
		"nobody at all":              {whole, []string{"none", "none", "none", "none"}, "history postcode-start given-start family-start", "none"},
		"one by the postcode":        {whole, []string{"none", "found 1", "none", "none"}, "history postcode-start given-start family-start", "found 1"},
		"the same each time":         {whole, []string{"none", "found 1", "found 1", "found 1"}, "history postcode-start given-start family-start", "found 1"},
		"one, and then another":      {whole, []string{"none", "found 1", "found 2"}, "history postcode-start given-start", "two"},
		"many by the beginnings":     {whole, []string{"none", "many", "none", "none"}, "history postcode-start given-start family-start", "many"},
		"one, though many elsewhere": {whole, []string{"none", "many", "found 1", "none"}, "history postcode-start given-start family-start", "found 1"},
		"unusable":                   {whole, []string{"unusable"}, "history", "unusable"},
		"unusable later":             {whole, []string{"none", "found 1", "unusable"}, "history postcode-start given-start", "unusable"},
		"without a postcode":         {known("Harbottle", "Winifred", "1990-01-02", ""), []string{"none"}, "history", "none"},
		"no fixed abode":             {known("Harbottle", "Winifred", "1990-01-02", patient.NoFixedAbode), []string{"none"}, "history", "none"},
		"what is no postcode":        {known("Harbottle", "Winifred", "1990-01-02", "DN15258JY"), []string{"none"}, "history", "none"},
		"a given name of three":      {known("Harbottle", "Win", "1990-01-02", "LS1 4AP"), []string{"none", "none", "none"}, "history postcode-start family-start", "none"},
		"a family name of two":       {known("Li", "Winifred", "1990-01-02", "LS1 4AP"), []string{"none", "none", "none"}, "history postcode-start given-start", "none"},
		"short names":                {known("Li", "Bo", "1990-01-02", "LS1 4AP"), []string{"none", "none"}, "history postcode-start", "none"},
		"one name":                   {known("", "Sukarnawati", "1990-01-02", "LS1 4AP"), []string{"none", "none", "none"}, "history postcode-start family-start", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c, why := nhs.NewCascade(x.p, today)
			if why != "" {
				t.Fatal(why)
			}
			if steps, verdict := walk(c, x.outcomes...); steps != x.steps || verdict != x.verdict {
				t.Errorf("%s: %s; want %s: %s", steps, verdict, x.steps, x.verdict)
			}
		})
	}
	for why, p := range map[string]patient.Patient{
		nhs.NoName:      {BirthDate: "1990-01-02", Names: []patient.Name{{Use: patient.Usual, Given: []string{"A", "B"}}}},
		nhs.NoBirthDate: known("Harbottle", "Winifred", "1990-01", "LS1 4AP"),
	} {
		if _, got := nhs.NewCascade(p, today); got != why {
			t.Errorf("%q, want %q", got, why)
		}
	}
}

// Whatever is answered: a search ends after a few steps; every name and postcode in it is one that the register takes,
// a star stands behind two characters at least and is never one that somebody typed; and a number comes out only if all
// that were found are the same.
func TestCascadeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Zá-ź*' -]{0,40}`), rapid.Just("Li"))
		p := known(name.Draw(t, "family"), name.Draw(t, "given"), "1990-01-02",
			rapid.SampledFrom([]string{"", "LS1 4AP", "zz99 3vz", "M1 1AE", "*", "rubbish"}).Draw(t, "postcode"))
		c, why := nhs.NewCascade(p, today)
		if why != "" {
			return
		}
		seen := map[string]bool{}
		steps := map[string]bool{}
		for i := 0; ; i++ {
			step, q, ok := c.Next()
			if !ok {
				break
			}
			if i > 4 || steps[step] {
				t.Fatalf("step %d is %s", i, step)
			}
			steps[step] = true
			for _, v := range []string{q.Family, q.Given, q.Postcode} {
				if len([]rune(v)) > 35 || strings.Count(v, "*") > 1 ||
					strings.Contains(v, "*") && (!strings.HasSuffix(v, "*") || len([]rune(v)) < 3) {
					t.Fatalf("%s searches for %q", step, v)
				}
			}
			if q.Family == "" || q.BirthDate == "" {
				t.Fatalf("%s searches without a name or birth date", step)
			}
			outcome := rapid.SampledFrom([]string{nhs.Found, nhs.None, nhs.Many, nhs.Unusable}).Draw(t, "outcome")
			number := ""
			if outcome == nhs.Found {
				number = fmt.Sprint(rapid.IntRange(1, 2).Draw(t, "number"))
				seen[number] = true
			}
			c.Saw(nhs.TraceStep{Name: step, Outcome: outcome}, number)
		}
		verdict, number := c.Result()
		if verdict == nhs.Found && (len(seen) != 1 || !seen[number]) || len(seen) > 1 && verdict == nhs.Found {
			t.Fatalf("%s %q of %v", verdict, number, seen)
		}
	})
}

func TestCompare(t *testing.T) {
	ours := known("O'Reilly", "Mary-Jane", "1990-01-02", "LS1 4AP")
	ours.Sex = patient.Female
	theirs := nhs.Finding{
		Names: []patient.Name{{Use: "usual", Family: "OREILLY", Given: []string{"Mary", "Jane"}}}, BirthDate: "1990-01-02", Sex: "female",
		Addresses: []patient.Address{{Use: "home", Postcode: "LS14AP"}},
	}
	for name, x := range map[string]struct {
		change func(f *nhs.Finding)
		want   string // birth date, family, given, postcode, sex
		agrees bool
	}{
		"the same":                       {nil, "same same same same same", true},
		"another postcode":               {func(f *nhs.Finding) { f.Addresses[0].Postcode = "M1 1AE" }, "same same same different same", true},
		"no address":                     {func(f *nhs.Finding) { f.Addresses = nil }, "same same same unknown same", true},
		"a former address":               {func(f *nhs.Finding) { f.Addresses[0].End = "2020-01-01" }, "same same same former same", true},
		"a given name that begins alike": {func(f *nhs.Finding) { f.Names[0].Given = []string{"Maria"} }, "same same similar same same", true},
		"the same, elsewhere": {
			func(f *nhs.Finding) { f.Names[0].Given, f.Addresses[0].Postcode = []string{"Maria"}, "LS1 4AA" },
			"same same similar similar same", false,
		},
		"another given name":         {func(f *nhs.Finding) { f.Names[0].Given = []string{"Susan"} }, "same same different same same", false},
		"no given name":              {func(f *nhs.Finding) { f.Names[0].Given = nil }, "same same unknown same same", true},
		"no given name, of a twin":   {func(f *nhs.Finding) { f.Names[0].Given, f.Multiple = nil, true }, "same same unknown same same", false},
		"no given name, another sex": {func(f *nhs.Finding) { f.Names[0].Given, f.Sex = nil, "male" }, "same same unknown same different", false},
		"another sex":                {func(f *nhs.Finding) { f.Sex = "male" }, "same same same same different", true},
		"another birth date":         {func(f *nhs.Finding) { f.BirthDate = "1990-02-01" }, "different same same same same", false},
		"a year of birth":            {func(f *nhs.Finding) { f.BirthDate = "1990" }, "similar same same same same", false},
		"no birth date":              {func(f *nhs.Finding) { f.BirthDate = "" }, "unknown same same same same", false},
		"no name":                    {func(f *nhs.Finding) { f.Names = nil }, "same unknown unknown same same", false},
		"a former name": {func(f *nhs.Finding) {
			f.Names = []patient.Name{{Use: "usual", Family: "Marsh", Given: []string{"Mary"}}, {Use: "maiden", Family: "O Reilly", Given: []string{"Mary"}}}
		}, "same former former same same", false},
		"a name that ended": {func(f *nhs.Finding) { f.Names[0].End = "2020-01-01" }, "same former former same same", false},
		"parts of two names": {func(f *nhs.Finding) {
			f.Names = []patient.Name{{Use: "usual", Family: "OReilly", Given: []string{"Susan"}}, {Use: "nickname", Family: "Marsh", Given: []string{"Mary"}}}
			f.Addresses = nil
		}, "same same different unknown same", false},
		"nothing at all": {func(f *nhs.Finding) { *f = nhs.Finding{} }, "unknown unknown unknown unknown unknown", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := theirs
			f.Names = append([]patient.Name(nil), theirs.Names...)
			f.Addresses = append([]patient.Address(nil), theirs.Addresses...)
			if x.change != nil {
				x.change(&f)
			}
			c := nhs.Compare(ours, f, today)
			got := strings.Join([]string{c.BirthDate, c.Family, c.Given, c.Postcode, c.Sex}, " ")
			if got != x.want || c.Agrees() != x.agrees {
				t.Errorf("%s, agrees: %v; want %s, %v", got, c.Agrees(), x.want, x.agrees)
			}
		})
	}
}

// Comparing never fails, and with another birth date nobody is taken for the patient.
func TestCompareProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "Smith", "smith", "Jo", "LS1 4AP"}))
		p := known(text.Draw(t, "family"), text.Draw(t, "given"), rapid.SampledFrom([]string{"", "1990", "1990-01-02"}).Draw(t, "born"), text.Draw(t, "postcode"))
		f := nhs.Finding{
			BirthDate: rapid.SampledFrom([]string{"", "1990", "1990-01-02", "1991-01-02"}).Draw(t, "theirs"),
			Names:     []patient.Name{{Use: "usual", Family: text.Draw(t, "their family"), Given: []string{text.Draw(t, "their given")}}},
			Addresses: []patient.Address{{Use: "home", Postcode: text.Draw(t, "their postcode")}},
		}
		if nhs.Compare(p, f, today).Agrees() && (p.BirthDate != f.BirthDate || len(p.BirthDate) != 10) {
			t.Fatal("agrees with another birth date")
		}
	})
}
