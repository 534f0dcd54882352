package upload_test

import (
	"strings"
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/upload"
)

func TestFHIR(t *testing.T) {
	o := newOffice(t)
	const ada = `{"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}],` +
		`"name":[{"use":"official","family":"Marker","given":["Ada"]}],"gender":"female","birthDate":"1950-02-27",` +
		`"address":[{"use":"home","line":["1 High Street"],"city":"London","postalCode":"SW1A 2AA"}]}`
	file := strings.Join([]string{
		ada,
		strings.Replace(ada, `"Ada"`, `"Ada","Lovelace"`, 1),
		`{"resourceType":"Practitioner"}`,
		`{"resourceType":"Patient"`,
		"",
		strings.Replace(ada, `"gender"`, `"name":[],"gender"`, 1),
		strings.Repeat("[", 40),
		strings.Replace(ada, `1950-02-27`, `1950-02`, 1),
		strings.Replace(ada, `{"resourceType"`, `{"meta":{"security":[{"code":"R"}]},"resourceType"`, 1),
		`{"resourceType":"Patient","birthDate":"` + strings.Repeat("1", upload.MaxLine) + `"}`,
		`{"resourceType":"Patient","name":[{"family":"Mar\u0000ker","given":["Ada"]}],"birthDate":"1950-02-27"}`,
	}, "\r\n")
	_, report := o.both(t, file, upload.Wish{Format: upload.FHIR})
	says(t, report, "1 created", "2 duplicate duplicate_of_line:1", "3 refused wrong_value:/resourceType",
		"4 refused malformed_json", "6 refused duplicate_field", "7 refused duplicate_field", "8 refused required:birthDate",
		"9 refused restricted", "10 refused line_too_long", "11 refused text_refused:family")
	p, err := o.patients.Get(t.Context(), o.By(t, clinictest.Manager), report[0][2])
	if err != nil || p.Names[0].Family != "Marker" || p.Addresses[0].Postcode != "SW1A 2AA" || p.Number.Source != "upload" {
		t.Errorf("the record is not that of the line: %v", err)
	}
	_, again := o.both(t, header+"Marker,Ada,1950-02-27,female,,,SW1A 2AA,,,\n")
	says(t, again, "2 matched")
}
