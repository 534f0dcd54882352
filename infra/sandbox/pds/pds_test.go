package pds_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhstest"
	"almanac/infra/sandbox/pds"
)

// patient is what the tests look at of a Patient.
type patient struct {
	ResourceType string
	ID           string
	Meta         struct {
		VersionID string
		Security  []struct{ System, Code string }
	}
	Identifier []struct {
		System, Value string
		Extension     []struct {
			ValueCodeableConcept struct{ Coding []struct{ Code string } }
		}
	}
	Name                 []struct{ Use, Family string }
	Gender               string
	BirthDate            string
	MultipleBirthInteger int
	DeceasedDateTime     string
	GeneralPractitioner  []struct {
		Identifier struct {
			Value  string
			Period struct{ Start, End string }
		}
	}
	Address []struct {
		Use, PostalCode string
		Period          struct{ End string }
	}
	Telecom, Contact []struct{ System string }
	Extension        []struct {
		URL       string
		Extension []struct {
			URL                  string
			ValueCodeableConcept struct{ Coding []struct{ Code string } }
		}
	}
}

// ext is the first code of an extension, by the end of its URL.
func (p patient) ext(name string) string {
	for _, e := range p.Extension {
		if strings.HasSuffix(e.URL, name) {
			if len(e.Extension) == 0 {
				return "there"
			}
			return e.Extension[0].ValueCodeableConcept.Coding[0].Code
		}
	}
	return ""
}

func get(t *testing.T, s *nhstest.Stand, who pds.Who) (patient, nhstest.Reply) {
	t.Helper()
	r := s.Get(t, s.PDSURL+"/Patient/"+who.Number())
	var p patient
	r.Into(t, &p)
	return p, r
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{1: "9990000018", 2: "9990000026", 5: "9990000050", 13: "9990000131", 14: "9990000158"} {
		if got := pds.Number(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for text, good := range map[string]bool{
		"9000000009": true, "9434765919": true, "9990000050": true, "9999999999": true, "9990000019": false, "999000001": false,
		"99900000188": false, "999 000 0018": false, "999000001٨": false, "": false, "999000001x": false,
	} {
		if pds.GoodNumber(text) != good {
			t.Errorf("%q: %v", text, !good)
		}
	}
	seen := 0
	for number := range pds.Numbers() {
		if seen++; !pds.GoodNumber(number) {
			t.Fatal(number)
		}
		if seen == 20_000 {
			break
		}
	}
}

func TestGet(t *testing.T) {
	s := nhstest.New(t)
	p, r := get(t, s, pds.Ordinary)
	if r.Header.Get("ETag") != `W/"4"` || r.Header.Get("Content-Type") != "application/fhir+json" || p.Meta.VersionID != "4" ||
		p.ID != pds.Ordinary.Number() || p.Identifier[0].Value != p.ID || p.Meta.Security[0].Code != "U" ||
		p.Identifier[0].Extension[0].ValueCodeableConcept.Coding[0].Code != "01" || len(p.Name) != 2 || len(p.Telecom) != 2 ||
		len(p.Contact) != 1 || len(p.GeneralPractitioner) != 1 || p.ext("NominatedPharmacy") == "" || p.ext("birthPlace") == "" {
		t.Errorf("%v %s", r.Header, r.Body)
	}
	for _, c := range []struct {
		who  pds.Who
		good func(p patient) bool
	}{
		{pds.DeadInformal, func(p patient) bool { return p.ext("DeathNotificationStatus") == "1" && len(p.DeceasedDateTime) == 25 }},
		{pds.DeadFormal, func(p patient) bool { return p.ext("DeathNotificationStatus") == "2" && p.DeceasedDateTime != "" }},
		{pds.DeadUndone, func(p patient) bool { return p.ext("DeathNotificationStatus") == "U" && p.DeceasedDateTime == "" }},
		{pds.DeadYearOnly, func(p patient) bool { return p.DeceasedDateTime == "2010" }},
		{pds.VeryRestricted, func(p patient) bool { return p.Meta.Security[0].Code == "V" }},
		{pds.NoLabel, func(p patient) bool { return len(p.Meta.Security) == 0 && p.Meta.VersionID != "" }},
		{pds.NoPractice, func(p patient) bool { return len(p.GeneralPractitioner)+len(p.Address) == 0 && len(p.Name) == 1 }},
		{pds.EndedPractice, func(p patient) bool { return p.GeneralPractitioner[0].Identifier.Period.End == "2024-06-30" }},
		{pds.RemovedPractice, func(p patient) bool { return p.ext("RemovalFromRegistration") == "SCT" }},
		{pds.TwinTwo, func(p patient) bool { return p.MultipleBirthInteger == 2 }},
		{pds.OldNumber, func(p patient) bool { return p.ID == pds.NewNumber.Number() && p.Identifier[0].Value == p.ID }},
		{pds.ChainStart, func(p patient) bool { return p.ID == pds.ChainEnd.Number() }},
		{pds.StrangeOld, func(p patient) bool { return p.ID == pds.StrangeNew.Number() && p.BirthDate == "1999-09-19" }},
		{pds.MergedAway, func(p patient) bool { return p.ID == pds.Survivor.Number() }},
		{pds.LongNames, func(p patient) bool { return len(p.Name[0].Family) == 35 }},
		{pds.YearOnly, func(p patient) bool { return p.BirthDate == "1932" }},
		{pds.Letters, func(p patient) bool { return len(p.Address) == 4 && p.Address[1].Use == "temp" }},
		{pds.NoAbode, func(p patient) bool { return p.Address[0].PostalCode == "ZZ99 3VZ" }},
	} {
		if p, r := get(t, s, c.who); r.Status != http.StatusOK || !c.good(p) {
			t.Errorf("%d: %d %s", c.who, r.Status, r.Body)
		}
	}
}

// TestRestricted: nothing that tells where somebody is leaves, by any path.
func TestRestricted(t *testing.T) {
	s := nhstest.New(t)
	for _, who := range []pds.Who{pds.Restricted, pds.VeryRestricted} {
		p, r := get(t, s, who)
		if len(p.Address)+len(p.Telecom)+len(p.Contact)+len(p.GeneralPractitioner)+len(p.Extension) != 0 || len(p.Name) != 1 || p.BirthDate == "" {
			t.Errorf("%s", r.Body)
		}
	}
	related := s.Get(t, s.PDSURL+"/Patient/"+pds.Restricted.Number()+"/RelatedPerson")
	found := s.Get(t, s.PDSURL+"/Patient?family=Greywillow&birthdate=1993-07-21")
	for _, r := range []nhstest.Reply{related, found} {
		if r.Status != http.StatusOK || bytes.Contains(r.Body, []byte("KB2")) || bytes.Contains(r.Body, []byte("Nevershown")) {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	if !bytes.Contains(found.Body, []byte(pds.Restricted.Number())) {
		t.Errorf("%s", found.Body)
	}
}

func TestBareRecord(t *testing.T) {
	s := nhstest.New(t)
	_, r := get(t, s, pds.Bare)
	var o map[string]any
	r.Into(t, &o)
	var names []string
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"id", "identifier", "meta", "resourceType"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestFHIR: no resource has an empty value, which FHIR forbids.
func TestFHIR(t *testing.T) {
	s := nhstest.New(t)
	var empty func(path string, v any) []string
	empty = func(path string, v any) []string {
		var found []string
		switch v := v.(type) {
		case nil:
			found = append(found, path)
		case string:
			if strings.TrimSpace(v) == "" {
				found = append(found, path)
			}
		case []any:
			if len(v) == 0 {
				found = append(found, path)
			}
			for _, one := range v {
				found = append(found, empty(path+"[]", one)...)
			}
		case map[string]any:
			if len(v) == 0 {
				found = append(found, path)
			}
			for name, one := range v {
				found = append(found, empty(path+"."+name, one)...)
			}
		}
		return found
	}
	for _, p := range s.PDS.Everybody() {
		for _, path := range []string{"", "/RelatedPerson"} {
			r := s.Get(t, s.PDSURL+"/Patient/"+p.Number+path)
			var v any
			r.Into(t, &v)
			if bad := empty("", v); len(bad) > 0 {
				t.Errorf("%s%s: empty %q", p.Number, path, bad)
			}
		}
	}
}

func TestGetErrors(t *testing.T) {
	s := nhstest.New(t)
	for what, c := range map[string]struct {
		method, path string
		status       int
		code         string
	}{
		"unknown number":        {"GET", "/Patient/9434765919", 404, "RESOURCE_NOT_FOUND"},
		"redacted":              {"GET", "/Patient/" + pds.Redacted.Number(), 404, "RESOURCE_NOT_FOUND"},
		"invalidated":           {"GET", "/Patient/" + pds.Invalid.Number(), 404, "INVALIDATED_RESOURCE"},
		"equal digits":          {"GET", "/Patient/9999999999", 404, "RESOURCE_NOT_FOUND"},
		"wrong check digit":     {"GET", "/Patient/9990000019", 400, "INVALID_RESOURCE_ID"},
		"nine digits":           {"GET", "/Patient/999000001", 400, "INVALID_RESOURCE_ID"},
		"letters":               {"GET", "/Patient/abcdefghij", 400, "INVALID_RESOURCE_ID"},
		"spaces":                {"GET", "/Patient/999%20000%200018", 400, "INVALID_RESOURCE_ID"},
		"other digits":          {"GET", "/Patient/%D9%A9990000018", 400, "INVALID_RESOURCE_ID"},
		"no number":             {"GET", "/Patient/", 400, "INVALID_RESOURCE_ID"},
		"other resource":        {"GET", "/Practitioner/1", 400, "UNSUPPORTED_REQUEST"},
		"deeper":                {"GET", "/Patient/9990000018/History", 400, "UNSUPPORTED_REQUEST"},
		"related, unknown":      {"GET", "/Patient/9434765919/RelatedPerson", 404, "RESOURCE_NOT_FOUND"},
		"related, wrong digit":  {"GET", "/Patient/9990000019/RelatedPerson", 400, "INVALID_RESOURCE_ID"},
		"coverage":              {"GET", "/Coverage?x=y", 403, "ACCESS_DENIED"},
		"create":                {"POST", "/Patient", 403, "INVALID_METHOD"},
		"search by POST":        {"POST", "/Patient/_search", 403, "INVALID_METHOD"},
		"update":                {"PATCH", "/Patient/9990000018", 403, "INVALID_METHOD"},
		"delete":                {"DELETE", "/Patient/9990000018", 400, "UNSUPPORTED_SERVICE"},
		"put":                   {"PUT", "/Patient/9990000018", 400, "UNSUPPORTED_SERVICE"},
		"search without a word": {"GET", "/Patient", 400, "UNSUPPORTED_SERVICE"},
	} {
		r := s.Send(t, c.method, s.PDSURL+c.path, nil)
		if r.Status != c.status || r.Code() != c.code {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
		var o struct {
			ResourceType string
			Issue        []struct {
				Severity, Code string
				Details        struct {
					Coding []struct{ System, Version, Code, Display string }
				}
			}
		}
		r.Into(t, &o)
		if c := o.Issue[0].Details.Coding[0]; o.ResourceType != "OperationOutcome" || c.System != apim.SpineCodes || c.Version != "1" ||
			c.Display == "" || o.Issue[0].Severity == "" || o.Issue[0].Code == "" {
			t.Errorf("%s: %s", what, r.Body)
		}
	}
}

func TestRelated(t *testing.T) {
	s := nhstest.New(t)
	for who, want := range map[pds.Who]int{pds.Ordinary: 2, pds.Plain: 1, pds.TwinOne: 0} {
		r := s.Get(t, s.PDSURL+"/Patient/"+who.Number()+"/RelatedPerson")
		var b struct {
			ResourceType string
			Total        int
			Entry        []struct {
				Resource struct {
					ResourceType string
					Patient      struct{ Identifier struct{ Value string } }
				}
			}
		}
		r.Into(t, &b)
		if r.Status != http.StatusOK || b.Total != want || len(b.Entry) != want || (want > 0 && b.Entry[0].Resource.Patient.Identifier.Value != who.Number()) {
			t.Errorf("%d: %d %s", who, r.Status, r.Body)
		}
	}
}

// TestChanges changes people at run time, as their lives would.
func TestChanges(t *testing.T) {
	s := nhstest.New(t)
	number := pds.Plain.Number()
	do := func(err error) patient {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		p, _ := get(t, s, pds.Plain)
		return p
	}
	if p := do(s.PDS.Restrict(number)); p.Meta.Security[0].Code != "R" || len(p.Address) != 0 || p.Meta.VersionID != "2" {
		t.Errorf("restricted: %+v", p)
	}
	if p := do(s.PDS.Unrestrict(number)); p.Meta.Security[0].Code != "U" || len(p.Address) != 1 || p.Meta.VersionID != "3" {
		t.Errorf("open again: %+v", p)
	}
	if p := do(s.PDS.Die(number, false)); p.ext("DeathNotificationStatus") != "1" || p.DeceasedDateTime != "2026-11-21T00:00:00+00:00" {
		t.Errorf("dead: %+v", p)
	}
	if p := do(s.PDS.Die(number, true)); p.ext("DeathNotificationStatus") != "2" {
		t.Errorf("formally dead: %+v", p)
	}
	if p := do(s.PDS.Undie(number)); p.ext("DeathNotificationStatus") != "U" || p.DeceasedDateTime != "" {
		t.Errorf("not dead: %+v", p)
	}
	if p := do(s.PDS.Move(number, pds.Address{Lines: []string{"2 New Street"}, Postcode: "KB2 2NS"})); len(p.Address) != 2 ||
		p.Address[0].PostalCode != "KB2 2NS" || p.Address[1].Period.End != "2026-11-20" {
		t.Errorf("moved: %+v", p.Address)
	}
	next, err := s.PDS.Renumber(number)
	if p := do(err); p.ID != next || next == number || p.Name[0].Family != "Quillfeather" {
		t.Errorf("renumbered: %+v", p)
	}
	if err := s.PDS.Supersede(number, number); !errors.Is(err, pds.ErrPerson) {
		t.Errorf("superseded by itself: %v", err)
	}
	if err := s.PDS.Supersede("9434765919", next); !errors.Is(err, pds.ErrPerson) {
		t.Errorf("nobody: %v", err)
	}
	if err := s.PDS.Supersede(next, number); err != nil { // a ring of numbers must not hang anything
		t.Fatal(err)
	}
	if _, r := get(t, s, pds.Plain); r.Status != http.StatusOK {
		t.Errorf("ring: %d", r.Status)
	}
	if err := s.PDS.Invalidate(pds.Ordinary.Number()); err != nil {
		t.Fatal(err)
	}
	if r := s.Get(t, s.PDSURL+"/Patient/"+pds.Ordinary.Number()); r.Code() != "INVALIDATED_RESOURCE" {
		t.Errorf("invalidated: %s", r.Body)
	}
}

func TestAdd(t *testing.T) {
	s := nhstest.New(t)
	mine := pds.Person{Number: pds.Number(900), Names: []pds.Name{{Use: "usual", Given: []string{"Zed"}, Family: "Addedlater"}}, BirthDate: "2001-02-03"}
	if err := s.PDS.Add(mine); err != nil {
		t.Fatal(err)
	}
	mine.Names[0].Family = "Changed outside" // what was added is a copy
	r := s.Get(t, s.PDSURL+"/Patient?family=Addedlater&birthdate=2001-02-03")
	if !strings.Contains(string(r.Body), pds.Number(900)) {
		t.Errorf("%s", r.Body)
	}
	for what, p := range map[string]pds.Person{
		"another range": {Number: "9434765919"}, "wrong digit": {Number: "9990000019"}, "no number": {},
		"security": {Number: pds.Number(901), Security: "N"},
	} {
		if err := s.PDS.Add(p); !errors.Is(err, pds.ErrPerson) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := pds.New(pds.Config{}); !errors.Is(err, apim.ErrConfig) {
		t.Errorf("no gateway: %v", err)
	}
}

// TestPopulation checks the rules for the invented people themselves.
func TestPopulation(t *testing.T) {
	names := map[string]int{}
	for n, p := range pds.People() {
		if p.Number != pds.Number(n+1) || p.About == "" {
			t.Errorf("%d: %s %q", n+1, p.Number, p.About)
		}
		for _, tel := range p.Telecoms {
			kept := strings.HasPrefix(tel.Value, "01632960") || strings.HasPrefix(tel.Value, "07700900") || strings.HasSuffix(tel.Value, "@example.com")
			if !kept {
				t.Errorf("%s: %s could be somebody's", p.Number, tel.Value)
			}
		}
		for _, a := range p.Addresses {
			if !strings.HasPrefix(a.Postcode, "KB") && !strings.HasPrefix(a.Postcode, "ZZ99") {
				t.Errorf("%s: postcode %s", p.Number, a.Postcode)
			}
		}
		raw, err := json.Marshal(p.Names)
		if err != nil {
			t.Fatal(err)
		}
		names[string(raw)]++
	}
	if names["null"] != 1 {
		t.Errorf("%d people without a name, want the bare record only", names["null"])
	}
}
