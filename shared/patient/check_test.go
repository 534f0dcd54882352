package patient

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"almanac/shared/fault"
	"almanac/shared/id"
)

func newRules() *Service {
	return New(nil, nil, func() time.Time { return time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC) }, id.New)
}

func florence() Patient {
	return Patient{
		Names:     []Name{{Use: Usual, Prefix: []string{"Ms"}, Given: []string{"Florence", "Ada"}, Family: "Marker"}},
		BirthDate: "1950-02-27", Sex: Female,
		Addresses: []Address{{Use: Home, Lines: []string{"1 Harbour Street"}, Postcode: "te11st"}},
		Contacts:  []Contact{{System: Email, Value: "florence@example.org"}, {System: Phone, Value: "07700 900123"}},
	}
}

// wrong lists what a refusal found as "code pointer".
func wrong(err error) []string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return nil
	}
	var out []string
	for _, d := range e.Details {
		out = append(out, d.Code+" "+d.Pointer)
	}
	return out
}

func TestNames(t *testing.T) {
	for name, c := range map[string]struct {
		given  []string
		family string
		want   string // given names and family name, with strokes
	}{
		"O'Reilly":         {[]string{"Siobhán"}, "O'Reilly", "Siobhán|O'Reilly"},
		"curly apostrophe": {[]string{"Ann"}, "O’Reilly", "Ann|O’Reilly"},
		"Kociński":         {[]string{"Łukasz"}, "Kociński", "Łukasz|Kociński"},
		"capitals":         {[]string{"PÀULINÉ"}, "DÀVIS", "PÀULINÉ|DÀVIS"},
		"John Paul, James": {[]string{"John Paul", "James"}, "Example", "John Paul|James|Example"},
		"family alone":     {nil, "Suharto", "Suharto"},
		"given alone":      {[]string{"Suharto"}, "", "Suharto|"},
		"one letter":       {[]string{"X"}, "Y", "X|Y"},
		"five given":       {[]string{"A", "B", "C", "D", "E"}, "F", "A|B|C|D|E|F"},
		"35 characters":    {[]string{strings.Repeat("é", 35)}, strings.Repeat("ł", 35), strings.Repeat("é", 35) + "|" + strings.Repeat("ł", 35)},
		"decomposed":       {[]string{"Zoe\u0308"}, "Kocin\u0301ski", "Zoë|Kociński"},
		"direction marks":  {[]string{"\u202aAda\u202c"}, "\u200fExample\u2069", "Ada|Example"},
		"spaces":           {[]string{"  John \u00a0 Paul "}, "van  der   Berg", "John Paul|van der Berg"},
		"not Latin":        {[]string{"محمد"}, "李", "محمد|李"},
		"with its joiner":  {[]string{"علی\u200cرضا"}, "X", "علی\u200cرضا|X"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newRules().checked(Patient{Names: []Name{{Use: Usual, Given: c.given, Family: c.family}}})
			if err != nil {
				t.Fatal(wrong(err))
			}
			n := got.Names[0]
			want := c.want
			if c.given == nil {
				want = c.family
			}
			if s := strings.Join(append(slices.Clone(n.Given), n.Family), "|"); s != want {
				t.Errorf("stored as %q", s)
			}
		})
	}
}

// Each of these is refused, and where several things are wrong each is named.
func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 36)
	for name, c := range map[string]struct {
		change func(p *Patient)
		want   []string
	}{
		"no name":             {func(p *Patient) { p.Names = nil }, []string{"too_few /names"}},
		"an empty name":       {func(p *Patient) { p.Names[0].Given, p.Names[0].Family = nil, " " }, []string{"required /names/0"}},
		"direction alone":     {func(p *Patient) { p.Names[0].Given, p.Names[0].Family = nil, "\u200e" }, []string{"required /names/0"}},
		"an empty given name": {func(p *Patient) { p.Names[0].Given[1] = " " }, []string{"required /names/0/given/1"}},
		"six given names":     {func(p *Patient) { p.Names[0].Given = make([]string, 6) }, []string{"too_many /names/0/given"}},
		"36 characters":       {func(p *Patient) { p.Names[0].Family, p.Names[0].Given[0] = long, long }, []string{"too_long /names/0/given/0", "too_long /names/0/family"}},
		"no letter":           {func(p *Patient) { p.Names[0].Family = "*" }, []string{"wrong_format /names/0/family"}},
		"not UTF-8":           {func(p *Patient) { p.Names[0].Family = "a\xff" }, []string{"text_refused /names/0/family"}},
		"a NUL":               {func(p *Patient) { p.Names[0].Given[0] = "a\x00b" }, []string{"text_refused /names/0/given/0"}},
		"a line break":        {func(p *Patient) { p.Names[0].Prefix[0] = "a\r\nBcc: x" }, []string{"text_refused /names/0/prefix/0"}},
		"no usual name":       {func(p *Patient) { p.Names[0].Use = "old" }, []string{"required /names"}},
		"two usual names":     {func(p *Patient) { p.Names = append(p.Names, p.Names[0]) }, []string{"not_unique /names/1/use"}},
		"another use":         {func(p *Patient) { p.Names[0].Use = "official" }, []string{"not_a_choice /names/0/use", "required /names"}},
		"another sex":         {func(p *Patient) { p.Sex = "F" }, []string{"not_a_choice /sex"}},
		"a backward period":   {func(p *Patient) { p.Names[0].Start, p.Names[0].End = "2020-02-02", "2020-02-01" }, []string{"ends_too_early /names/0/end"}},
		"no date":             {func(p *Patient) { p.Names[0].Start = "2021-02-29" }, []string{"wrong_format /names/0/start"}},
		"30 February":         {func(p *Patient) { p.BirthDate = "1950-02-30" }, []string{"wrong_format /birthDate"}},
		"month 13":            {func(p *Patient) { p.BirthDate = "1950-13" }, []string{"wrong_format /birthDate"}},
		"a short year":        {func(p *Patient) { p.BirthDate = "50" }, []string{"wrong_format /birthDate"}},
		"Unicode digits":      {func(p *Patient) { p.BirthDate = "١٩٥٠" }, []string{"wrong_format /birthDate"}},
		"born long ago":       {func(p *Patient) { p.BirthDate = "1879" }, []string{"too_early /birthDate"}},
		"born tomorrow":       {func(p *Patient) { p.BirthDate = "2027-01-05" }, []string{"in_the_future /birthDate"}},
		"born next month":     {func(p *Patient) { p.BirthDate = "2027-02" }, []string{"in_the_future /birthDate"}},
		"born next year":      {func(p *Patient) { p.BirthDate = "2028" }, []string{"in_the_future /birthDate"}},
		"a wrong postcode":    {func(p *Patient) { p.Addresses[0].Postcode = "DN15258JY" }, []string{"wrong_format /addresses/0/postcode"}},
		"no address at all":   {func(p *Patient) { p.Addresses[0] = Address{Use: Home} }, []string{"required /addresses/0"}},
		"six lines":           {func(p *Patient) { p.Addresses[0].Lines = make([]string, 6) }, []string{"too_many /addresses/0/lines"}},
		"an empty line":       {func(p *Patient) { p.Addresses[0].Lines = []string{"a", ""} }, []string{"required /addresses/0/lines/1"}},
		"two addresses":       {func(p *Patient) { p.Contacts[0].Value = "a@example.org, b@example.org" }, []string{"wrong_format /contacts/0/value"}},
		"a mail header":       {func(p *Patient) { p.Contacts[0].Value = "a@example.org\r\nBcc: b@example.org" }, []string{"wrong_format /contacts/0/value"}},
		"no telephone number": {func(p *Patient) { p.Contacts[1].Value = "12" }, []string{"wrong_format /contacts/1/value"}},
		"an empty contact":    {func(p *Patient) { p.Contacts[1].Value = "" }, []string{"required /contacts/1/value"}},
		"a fax":               {func(p *Patient) { p.Contacts[1].System = "fax" }, []string{"not_a_choice /contacts/1/system"}},
		"no ODS code":         {func(p *Patient) { p.Practice = &Practice{ODSCode: "A-1"} }, []string{"wrong_format /practice/odsCode"}},
		"a wrong check digit": {func(p *Patient) { p.Number = &Number{Value: "999 000 0019"} }, []string{"wrong_check_digit /nhsNumber"}},
		"nine digits":         {func(p *Patient) { p.Number = &Number{Value: "999000001"} }, []string{"wrong_format /nhsNumber"}},
		"digits repeated":     {func(p *Patient) { p.Number = &Number{Value: "4444444444"} }, []string{"wrong_format /nhsNumber"}},
		"died before born":    {func(p *Patient) { p.Death = &Death{On: "1950-02-26"} }, []string{"ends_too_early /death/on"}},
		"dies tomorrow":       {func(p *Patient) { p.Death = &Death{On: "2027-01-05", Status: "maybe"} }, []string{"not_a_choice /death/status", "in_the_future /death/on"}},
		"an empty alert":      {func(p *Patient) { p.Alerts = []Alert{{Kind: "safety"}} }, []string{"required /alerts/0/text"}},
		"an unknown alert":    {func(p *Patient) { p.Alerts = []Alert{{Kind: "x", Text: "y"}} }, []string{"not_a_choice /alerts/0/kind"}},
		"a note with a NUL":   {func(p *Patient) { p.BookingNote = "a\nb\x00" }, []string{"text_refused /bookingNote"}},
		"a long note":         {func(p *Patient) { p.BookingNote = strings.Repeat("x", 1001) }, []string{"too_long /bookingNote"}},
		"all at once": {func(p *Patient) {
			p.Names[0].Family, p.BirthDate, p.Addresses[0].Postcode, p.Contacts[0].Value = long, "x", "x", "x"
		}, []string{"too_long /names/0/family", "wrong_format /birthDate", "wrong_format /addresses/0/postcode", "wrong_format /contacts/0/value"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := florence()
			c.change(&p)
			_, err := newRules().checked(p)
			if got := wrong(err); !slices.Equal(got, c.want) || !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestTaken(t *testing.T) {
	for _, born := range []string{"", "1932", "1932-07", "1932-07-31", "1880", "1880-01-01", "2027", "2027-01", "2027-01-04"} {
		p := florence()
		p.BirthDate, p.Sex = born, ""
		if got, err := newRules().checked(p); err != nil || got.BirthDate != born || got.Sex != UnknownSex {
			t.Errorf("born %q: %v", born, wrong(err))
		}
	}
	p := florence()
	p.Death, p.BirthDate = &Death{On: "1950"}, "1950-02-27" // as much as is known may be the same year
	p.BookingNote, p.Practice = " first\r\nse\u0301cond\u202e ", &Practice{ODSCode: " a81001 "}
	p.Number = &Number{Value: "999 000 0018", Status: StatusVerified}
	got, err := newRules().checked(p)
	if err != nil || got.BookingNote != "first\nsécond" || got.Practice.ODSCode != "A81001" || got.Death.Status != Informal ||
		got.Number.Value != "9990000018" || got.Number.Status != StatusVerified || got.Addresses[0].Postcode != "TE1 1ST" ||
		got.Contacts[1].Value != "+447700900123" {
		t.Errorf("%v: the record is not stored as it should be", wrong(err))
	}
	if p.Addresses[0].Postcode != "te11st" {
		t.Error("what was passed in was changed")
	}
}

// In production a number that is kept for tests can only be a mistake.
func TestIssuedOnly(t *testing.T) {
	every, only := newRules(), newRules().IssuedOnly()
	for number, taken := range map[string]bool{"9990000018": false, "9434765919": false, "5990000006": false, "4010232137": true} {
		p := florence()
		p.Number = &Number{Value: number}
		if _, err := every.checked(p); err != nil {
			t.Errorf("%s: %v", number, wrong(err))
		}
		if _, err := only.checked(p); (err == nil) != taken || !taken && !slices.Equal(wrong(err), []string{"test_number /nhsNumber"}) {
			t.Errorf("%s in production: %v", number, wrong(err))
		}
	}
}

func TestPostcode(t *testing.T) {
	for in, want := range map[string]string{
		"SW1A2AA": "SW1A 2AA", "sw1a 2aa": "SW1A 2AA", " M1 1AE ": "M1 1AE", "DN55 1PT": "DN55 1PT", "w1a0ax": "W1A 0AX",
		"EC1A 1BB": "EC1A 1BB", "B33 8TH": "B33 8TH", "CR2 6XH": "CR2 6XH", "gir0aa": "GIR 0AA", "BF1 3AA": "BF1 3AA",
		"zz993vz": "ZZ99 3VZ", "ZZ99 3WZ": "ZZ99 3WZ", "ZZ99 3CZ": "ZZ99 3CZ", "JE2 3XP": "JE2 3XP",
		"DN15258JY": "", "": "", "SW1A": "", "SW1A 2A": "", "1AA 1AA": "", "QW1 1AA": "", "AI1 1AA": "", "SW1A 2CA": "",
		"SW1A2AAA": "", "12345": "", "75001": "", "SW1A\t2AA": "", "ＳＷ１Ａ 2AA": "", "AA1A٢AA": "",
		"ZZ98 3VZ": "", "S W 1 A 2 A A": "", "SW1A-2AA": "",
	} {
		if got, ok := Postcode(in); got != want || ok != (want != "") {
			t.Errorf("%q became %q, %t", in, got, ok)
		}
	}
}

// Whatever name is stored is NFC, one line, free of what steers the display, and is stored the same way again.
func TestNamesAreNormal(t *testing.T) {
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("aé\u0301\u0308oŁ' -\u200e\u202e\u00a0\u200dİß\x00\n\ufffd李")), 0, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		p := Patient{Names: []Name{{
			Use: Usual, Given: rapid.SliceOfN(rapid.OneOf(letters, rapid.String()), 0, 6).Draw(t, "given"), Family: letters.Draw(t, "family"),
		}}}
		got, err := newRules().checked(p)
		if err != nil {
			return
		}
		for _, s := range append(slices.Clone(got.Names[0].Given), got.Names[0].Family) {
			if !norm.NFC.IsNormalString(s) || strings.TrimSpace(s) != s || len([]rune(s)) > maxPart ||
				strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Fatalf("stored %q", s)
			}
		}
		again, err := newRules().checked(got)
		if err != nil || !slices.Equal(again.Names[0].Given, got.Names[0].Given) || again.Names[0].Family != got.Names[0].Family {
			t.Fatalf("taken once and not again: %v", wrong(err))
		}
	})
}

// Whatever postcode is taken has one space before its last three characters, and is taken again as it is.
func TestPostcodesAreNormal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[A-Za-z]{1,2}[0-9][A-Za-z0-9]? {0,2}[0-9][A-Za-z]{2}`).Draw(t, "typed")
		got, ok := Postcode(in)
		if !ok {
			return
		}
		again, ok := Postcode(got)
		if !ok || again != got || strings.ToUpper(got) != got || strings.Count(got, " ") != 1 || got[len(got)-4] != ' ' {
			t.Fatalf("%q became %q, then %q", in, got, again)
		}
	})
}

func FuzzPostcode(f *testing.F) {
	for _, s := range []string{"SW1A 2AA", "ZZ993VZ", "DN15258JY", "", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := Postcode(s); ok && (len(got) < 6 || len(got) > 8 || strings.ReplaceAll(got, " ", "") != strings.ToUpper(strings.ReplaceAll(s, " ", ""))) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestUsual(t *testing.T) {
	p := Patient{Names: []Name{
		{Use: "nickname", Given: []string{"Flo"}},
		{Use: Usual, Given: []string{"Old"}, End: "2020-01-01"},
		{Use: "maiden", Family: "Maiden"},
		{Use: Usual, Prefix: []string{"Dr"}, Given: []string{"Florence", "Ada"}, Family: "Marker", Suffix: []string{"MD"}, Start: "2020-01-02"},
	}}
	for day, want := range map[string]string{"2027-01-04": "Dr Florence Ada Marker MD", "2020-01-01": "Old", "2020-01-02": "Dr Florence Ada Marker MD"} {
		if got := p.Usual(day).Full(); got != want {
			t.Errorf("on %s: %q", day, got)
		}
	}
	if got := (Patient{Names: []Name{{Use: "old", Family: "Over", End: "2000-01-01"}}}).Usual("2027-01-04").Full(); got != "Over" {
		t.Errorf("without a name that counts: %q", got)
	}
	if got := (Patient{}).Usual("2027-01-04").Full(); got != "" {
		t.Errorf("without a name: %q", got)
	}
}

func TestReach(t *testing.T) {
	p := Patient{
		Contacts: []Contact{
			{System: Email, Value: "old@example.org", End: "2026-12-31"},
			{System: Email, Value: "to-come@example.org", Start: "2027-02-01"},
			{System: Phone, Value: "+441632960123"},
			{System: Email, Value: "now@example.org", Start: "2027-01-01"},
		},
		Addresses: []Address{{Use: "work", Postcode: "W1A 0AX"}, {Use: "temp", Postcode: "M1 1AE"}, {Use: Home, Postcode: "TE1 1ST", End: "2027-01-04"}},
	}
	for day, want := range map[string][2]string{
		"2027-01-04": {"now@example.org", "TE1 1ST"}, "2026-12-31": {"old@example.org", "TE1 1ST"}, "2027-02-01": {"to-come@example.org", "M1 1AE"},
	} {
		mail, _ := p.Reach(Email, day)
		at, _ := p.Home(day)
		if mail.Value != want[0] || at.Postcode != want[1] {
			t.Errorf("on %s: reached at another address", day)
		}
	}
	if _, ok := p.Reach(SMS, "2027-01-04"); ok {
		t.Error("a text goes to a telephone at home")
	}
}

func TestBanner(t *testing.T) {
	codes := func(p Patient) []string {
		var out []string
		for _, n := range p.Banner("2027-01-04") {
			out = append(out, n.Code)
		}
		return out
	}
	all := Patient{
		MergedInto: "pat_x", Death: &Death{}, Restricted: true, Number: &Number{State: NumberSuperseded},
		Alerts: []Alert{{Kind: "safety", Text: "x", End: "2027-01-04"}},
	}
	for name, c := range map[string]struct {
		p    Patient
		want []string
	}{
		"nothing":     {Patient{Number: &Number{State: NumberVerified}}, nil},
		"everything":  {all, []string{"merged", "deceased", "restricted", "number_superseded", "alerts"}},
		"past alert":  {Patient{Alerts: []Alert{{End: "2027-01-03"}}}, nil},
		"invalidated": {Patient{Number: &Number{State: NumberInvalidated}}, []string{"number_invalidated"}},
		"not found":   {Patient{Number: &Number{State: NumberNotFound}}, []string{"number_not_found"}},
		"an objection hides the number's state": {
			Patient{Number: &Number{State: NumberNotFound}, Objection: &Objection{}}, nil,
		},
	} {
		if got := codes(c.p); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Of somebody whose whereabouts are protected, what the NHS's register said is not shown, wherever it comes from.
func TestShown(t *testing.T) {
	p := florence()
	p.Restricted = true
	p.Addresses[0].Source, p.Contacts[0].Source, p.Contacts[1].Source = PDS, PDS, Local
	p.Practice, p.Number = &Practice{ODSCode: "A81001", Source: PDS}, &Number{Value: "9990000018"}
	got := p.Shown()
	if len(got.Addresses) != 0 || len(got.Contacts) != 1 || got.Practice != nil || got.Number == nil || !got.Caution() {
		t.Error("what is shown of a restricted patient is wrong")
	}
	if len(p.Addresses) != 1 || len(p.Contacts) != 2 || p.Practice == nil {
		t.Error("showing a record changed it")
	}
	p.Contacts[1].Source = PDS
	if p.Shown().Caution() {
		t.Error("a caution over nothing")
	}
	p.Restricted, p.Objection = false, &Objection{}
	if got := p.Shown(); got.Number != nil || len(got.Addresses) != 1 || got.Caution() {
		t.Error("what is shown of somebody who objects is wrong")
	}
	p.Restrict()
	if !p.Restricted || len(p.Addresses)+len(p.Contacts) != 0 || p.Practice != nil {
		t.Error("restricting a record leaves what the register said")
	}
}
