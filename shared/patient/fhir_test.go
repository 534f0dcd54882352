package patient_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/disclosure"
	"almanac/shared/patient"
)

// whole is a patient of whom everything is known that a resource can say.
func whole() patient.Patient {
	return patient.Patient{
		ID: "pat_01kajw1ca0e008000000070rbm",
		Names: []patient.Name{
			{Use: patient.Usual, Prefix: []string{"Dr"}, Given: []string{"Zoë", "Ann"}, Family: "Example", Suffix: []string{"OBE"}},
			{Use: "maiden", Given: []string{"Zoë"}, Family: "O'Reilly", End: "2001-05-05"},
		},
		BirthDate: "1975-11", Sex: patient.Female,
		Addresses: []patient.Address{{Use: patient.Home, Lines: []string{"1 High Street", "Testford"}, Postcode: "TE1 1ST", Start: "2001-01-01"}},
		Contacts: []patient.Contact{
			{System: patient.Phone, Value: "+447700900123", Use: "mobile"}, {System: patient.Email, Value: "zoe@example.org"},
		},
		Practice: &patient.Practice{ODSCode: "A81001", Start: "2010-01-01"},
		Number:   &patient.Number{Value: "9990000018", Status: patient.StatusVerified, State: patient.NumberVerified},
		Death:    &patient.Death{On: "2026-02"},
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestFHIR(t *testing.T) {
	const want = `{
  "resourceType": "Patient",
  "id": "pat-01kajw1ca0e008000000070rbm",
  "meta": {
    "profile": [
      "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"
    ]
  },
  "identifier": [
    {
      "extension": [
        {
          "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
          "valueCodeableConcept": {
            "coding": [
              {
                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
                "code": "01",
                "display": "Number present and verified"
              }
            ]
          }
        }
      ],
      "system": "https://fhir.nhs.uk/Id/nhs-number",
      "value": "9990000018"
    }
  ],
  "active": true,
  "name": [
    {
      "use": "usual",
      "text": "Dr Zoë Ann Example OBE",
      "family": "Example",
      "given": [
        "Zoë",
        "Ann"
      ],
      "prefix": [
        "Dr"
      ],
      "suffix": [
        "OBE"
      ]
    },
    {
      "use": "maiden",
      "text": "Zoë O'Reilly",
      "family": "O'Reilly",
      "given": [
        "Zoë"
      ],
      "period": {
        "end": "2001-05-05"
      }
    }
  ],
  "telecom": [
    {
      "system": "phone",
      "value": "+447700900123",
      "use": "mobile"
    },
    {
      "system": "email",
      "value": "zoe@example.org"
    }
  ],
  "gender": "female",
  "birthDate": "1975-11",
  "deceasedDateTime": "2026-02",
  "address": [
    {
      "use": "home",
      "line": [
        "1 High Street",
        "Testford"
      ],
      "postalCode": "TE1 1ST",
      "period": {
        "start": "2001-01-01"
      }
    }
  ],
  "generalPractitioner": [
    {
      "identifier": {
        "system": "https://fhir.nhs.uk/Id/ods-organization-code",
        "value": "A81001",
        "period": {
          "start": "2010-01-01"
        }
      }
    }
  ]
}`
	if diff := cmp.Diff(want, encoded(t, patient.NewFHIR(whole()))); diff != "" {
		t.Error(diff)
	}
}

// What goes out and comes in again is the same person, as far as a file is believed.
func TestFHIRThereAndBack(t *testing.T) {
	p := whole()
	got, details := patient.FromFHIR([]byte(encoded(t, patient.NewFHIR(p))))
	if len(details) > 0 {
		t.Fatalf("refused: %+v", details)
	}
	p.ID, p.Number = "", &patient.Number{Value: p.Number.Value}
	if diff := cmp.Diff(encoded(t, p), encoded(t, got)); diff != "" {
		t.Error(diff)
	}
}

// What must not leave the house does not, whoever entered it.
func TestFHIRLeavesOut(t *testing.T) {
	protected, objecting, gone := whole(), whole(), whole()
	protected.Restricted = true
	objecting.Objection = &patient.Objection{At: time.Now()}
	gone.MergedInto = "pat_x"
	for name, c := range map[string]struct {
		p    patient.Patient
		not  []string
		want string
	}{
		"protected": {protected, []string{"TE1 1ST", "High Street", "900123", "zoe@", "A81001"}, "9990000018"},
		"objecting": {objecting, []string{"9990000018", "nhs-number"}, "TE1 1ST"},
		"merged":    {gone, []string{`"active": true`}, `"reference": "Patient/pat-x"`},
	} {
		out := encoded(t, patient.NewFHIR(c.p))
		for _, not := range c.not {
			if strings.Contains(out, not) {
				t.Errorf("%s: %q is in it", name, not)
			}
		}
		if !strings.Contains(out, c.want) {
			t.Errorf("%s: %q is not in it", name, c.want)
		}
	}
}

// Only a number that the NHS confirmed goes out, and never one whose owner objects to its use.
func TestOnlyVerifiedNumbersGoOut(t *testing.T) {
	for _, c := range []struct {
		name, status, state string
		objecting, out      bool
	}{
		{"verified", patient.StatusVerified, patient.NumberVerified, false, true},
		{"verified in another one's place", patient.StatusVerified, patient.NumberSuperseded, false, true},
		{"withdrawn", patient.StatusTraceNeeded, patient.NumberInvalidated, false, false},
		{"not traced", patient.StatusPresent, patient.NumberPresent, false, false},
		{"trace needed", patient.StatusTraceNeeded, patient.NumberPresent, false, false},
		{"not found", patient.StatusTraceNeeded, patient.NumberNotFound, false, false},
		{"without a status", "", patient.NumberVerified, false, false},
		{"objecting", patient.StatusVerified, patient.NumberVerified, true, false},
	} {
		p := whole()
		p.Number.Status, p.Number.State = c.status, c.state
		if c.objecting {
			p.Objection = &patient.Objection{At: time.Now()}
		}
		f := patient.NewFHIR(p)
		if got := strings.Contains(encoded(t, f), p.Number.Value); got != c.out {
			t.Errorf("%s: the number goes out: %t", c.name, got)
		}
		if got := slices.Contains(f.Exported(), disclosure.NHSNumber); got != c.out {
			t.Errorf("%s: the number is among what is entered as given away: %t", c.name, got)
		}
	}
}

func TestFromFHIR(t *testing.T) {
	read := func(body string) (string, string) {
		p, details := patient.FromFHIR([]byte(body))
		var codes []string
		for _, d := range details {
			codes = append(codes, d.Code+" "+d.Pointer)
		}
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw), strings.Join(codes, ", ")
	}
	for _, c := range []struct{ name, body, has, hasNot, refused string }{
		{"not JSON", `{`, "", "", "malformed_json "},
		{"two", `{"resourceType":"Patient"}{}`, "", "", "malformed_json "},
		{"another resource", `{"resourceType":"Bundle"}`, "", "", "wrong_value /resourceType"},
		{"a name that is a text", `{"resourceType":"Patient","name":"x"}`, "", "", "wrong_type /name"},
		{"no name", `{"resourceType":"Patient"}`, "", "", "required /name"},
		{"a name in one piece", `{"resourceType":"Patient","name":[{"text":"Ann Able"}]}`, "", "", "required /name/0"},
		{"an official name", `{"resourceType":"Patient","name":[{"use":"official","family":"Able"}]}`, `"use":"usual"`, "", ""},
		{"a maiden name alone", `{"resourceType":"Patient","name":[{"use":"maiden","family":"Able"}]}`, `"use":"usual"`, "", ""},
		{"official beside usual", `{"resourceType":"Patient","name":[{"use":"official","family":"Able"},{"use":"usual","family":"Baker"}]}`, `"use":"old","family":"Able"`, "", ""},
		{
			"an old telephone and a fax",
			`{"resourceType":"Patient","name":[{"family":"Able"}],"telecom":[{"system":"fax","value":"1"},{"system":"phone","use":"old","value":"2"}]}`,
			"", "contacts", "",
		},
		{
			"a town", `{"resourceType":"Patient","name":[{"family":"Able"}],"address":[{"line":["1 High Street",""],"city":"Testford","country":"GB"}]}`,
			`"lines":["1 High Street","Testford","GB"]`, "", "",
		},
		{
			"many lines", `{"resourceType":"Patient","name":[{"family":"Able"}],"address":[{"line":["1","2","3","4"],"city":"5","district":"6"}]}`,
			`"lines":["1","2","3","4","5, 6"]`, "", "",
		},
		{
			"two numbers",
			`{"resourceType":"Patient","name":[{"family":"Able"}],"identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"1"},{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"2"}]}`,
			"", "", "not_unique /identifier/1",
		},
		{
			"another number", `{"resourceType":"Patient","name":[{"family":"Able"}],"identifier":[{"system":"urn:x","value":"1"}]}`,
			"", "number", "",
		},
		{"died at an hour", `{"resourceType":"Patient","name":[{"family":"Able"}],"deceasedDateTime":"2026-02-03T10:00:00+00:00"}`, `"on":"2026-02-03"`, "", ""},
		{"died", `{"resourceType":"Patient","name":[{"family":"Able"}],"deceasedBoolean":true}`, `"death":{}`, "", ""},
		{"not dead", `{"resourceType":"Patient","name":[{"family":"Able"}],"deceasedBoolean":false}`, "", "death", ""},
		{
			"protected",
			`{"resourceType":"Patient","name":[{"family":"Able"}],"meta":{"security":[{"code":"R"}]},"address":[{"line":["1"]}],"telecom":[{"system":"phone","value":"1"}]}`,
			`"restricted":true`, `"addresses"`, "",
		},
		{"extensions", `{"resourceType":"Patient","name":[{"family":"Able","extension":[{"url":"x","valueString":"y"}]}],"contained":[{}]}`, "Able", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, refused := read(c.body)
			if refused != c.refused {
				t.Errorf("refused %q, want %q", refused, c.refused)
			}
			if !strings.Contains(got, c.has) || c.hasNot != "" && strings.Contains(got, c.hasNot) {
				t.Errorf("got %s", got)
			}
		})
	}
}

// Nothing that is read makes it panic, and nothing of it is in the refusals.
func FuzzFromFHIR(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Patient","name":[{"family":"Able","given":["Ann"]}],"birthDate":"1975"}`))
	f.Add([]byte(`{"resourceType":"Patient","telecom":[{}],"address":[{"text":"a,b"}],"generalPractitioner":[{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, details := patient.FromFHIR(raw)
		patient.NewFHIR(p)
		for _, d := range details {
			if len(d.Message) > 120 || strings.Contains(d.Message, "\ufffd") {
				t.Errorf("said %q", d.Message)
			}
		}
	})
}
