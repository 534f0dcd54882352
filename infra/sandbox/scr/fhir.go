package scr

import (
	"html"
	"strings"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox/pds"
)

// Names in FHIR that are spelt as there.
const (
	orgResource     = "Organization" //nolint:misspell // see above
	vaccineResource = "Immunization" //nolint:misspell // see above
)

// object is a JSON object.
type object = map[string]any

// searchset is a Bundle; without hits it has no entry.
func searchset(now time.Time, entries ...any) object {
	b := object{
		"resourceType": "Bundle", "id": uuid.NewString(), "type": "searchset", "total": len(entries),
		"timestamp": stamp(now),
	}
	if len(entries) > 0 {
		b["entry"] = entries
	}
	return b
}

// stamp is a time as this API writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") + "+00:00" }

func coded(system, code, display string) object {
	c := object{"code": code}
	if system != "" {
		c["system"] = system
	}
	if display != "" {
		c["display"] = display
	}
	return object{"coding": []any{c}}
}

func entry(kind, id string, resource object) object {
	resource["resourceType"], resource["id"] = kind, id
	return object{"fullUrl": publicBase + "/" + kind + "/" + id, "resource": resource}
}

// derived is a UUID that follows from a record's, so that a record reads the same twice.
func derived(record Record, part string) string {
	return strings.ToUpper(uuid.NewSHA1(uuid.NameSpaceOID, []byte(record.ID+" "+part)).String())
}

// documentOf is the answer to which record is current: the reference first, then whose it is, which total does not
// count.
func documentOf(record Record, number string) []any {
	who := strings.ToLower(derived(record, "patient"))
	kind := coded(snomed, summary, "General Practice Summary")
	reference := entry("DocumentReference", strings.ToLower(derived(record, "reference")), object{
		"masterIdentifier": object{"system": "https://fhir.nhs.uk/Id/nhsSCRUUID", "value": record.ID},
		"status":           "current", "type": kind, "date": stamp(record.At),
		"subject":       object{"reference": "Patient/" + who},
		"securityLabel": []any{coded(permission, record.Permission, "")},
		"content": []any{object{"attachment": object{"url": publicBase + "/Bundle?composition.identifier=" + record.ID +
			"&composition.subject:Patient.identifier=" + nhsNumber + "|" + number}}},
		"context": object{"event": []any{kind}},
	})
	reference["search"] = object{"mode": "match"}
	return []any{reference, patientEntry(who, number)}
}

func patientEntry(id, number string) object {
	return object{"fullUrl": id, "resource": object{
		"resourceType": "Patient", "id": id, "identifier": []any{object{"system": nhsNumber, "value": number}},
	}}
}

// recordOf is the record: the Composition first, then what it is made of.
func recordOf(record Record, p pds.Person) []any {
	role, doctor, place := derived(record, "role"), derived(record, "doctor"), derived(record, "place")
	condition, meeting, who := derived(record, "condition"), derived(record, "meeting"), derived(record, "patient")
	composition := object{
		"meta":       object{"lastUpdated": stamp(record.At)},
		"identifier": object{"system": "https://tools.ietf.org/html/rfc4122", "value": record.ID},
		"status":     "final", "type": coded(snomed, summary, "General Practice Summary"),
		"category": []any{coded(snomed, "163171000000105", "Care Professional Documentation")},
		"subject":  object{"reference": "Patient/" + who}, "date": stamp(record.At),
		"author":  []any{object{"reference": "PractitionerRole/" + role}},
		"section": sections(record, condition),
	}
	if record.Replaces != "" {
		before := object{"value": record.Replaces}
		composition["relatesTo"] = []any{object{"code": "replaces", "targetIdentifier": before}}
	}
	return []any{
		entry("Composition", record.ID, composition),
		entry("PractitionerRole", role, object{
			"practitioner": object{"reference": "Practitioner/" + doctor},
			"organization": object{"reference": orgResource + "/" + place}, //nolint:misspell // a name in FHIR
			"code": []any{coded("https://fhir.nhs.uk/CodeSystem/HL7v3-SDSJobRoleName", "R0260",
				"General Medical Practitioner")},
		}),
		entry("Practitioner", doctor, object{
			"identifier": []any{object{"system": sdsUser, "value": "999900000001"}},
			"name":       []any{object{"text": "Dr Hazel Invented"}},
		}),
		entry(orgResource, place, object{
			"identifier": []any{object{"system": odsCode, "value": p.Practice.ODS}}, "name": "The Kestrel Bay Practice",
			"address": []any{object{"line": []string{"1 Harbour Parade", "Kestrel Bay"}, "postalCode": "KB1 1HP"}},
		}),
		entry("Condition", condition, object{
			"identifier":     []any{object{"value": condition}},
			"clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", ""),
			"category":       []any{coded(snomed, "163001000000103", "Diagnoses")},
			"code":           coded(snomed, "195967001", "Asthma"),
			"subject":        object{"reference": "Patient/" + who}, "onsetDateTime": "2011-04-06T00:00:00+00:00",
			"encounter": object{"reference": "Encounter/" + meeting},
		}),
		entry("Encounter", meeting, object{
			"status": "finished", "class": object{
				"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK", "display": "Unknown",
			},
		}),
		patientEntry(who, p.Number),
	}
}

// sections are the parts of the record with their texts, in the order of the real one.
func sections(record Record, condition string) []any {
	day := record.At.Format("02-Jan-2006")
	list := []any{
		section("General Practice Summary", "Title", `<h3 id="Disclaimer">Sourced from the patient's General Practice `+
			`record. This summary may not include all the information pertinent to this patient.</h3>`+
			`<p id="CreateTime">Summary Created: `+day+`</p><p id="Author">Created by: INVENTED, Hazel (Dr)</p>`),
		section("Allergies and Adverse Reactions", "AllergiesHeader", table("Date", "Description", "Certainty",
			"Severity", "12-May-2019", "Penicillin allergy", "Certain", "Severe")),
		section("Acute Medications (For the 12 month period)", "AcuteMedsHeader", table("Type", "Date",
			"Medication Item", "Dosage Instructions", "Acute Medication", "Prescribed: "+day,
			"Amoxicillin 500mg capsules & co <generic>",
			"One To Be Taken Three Times A Day")),
		section("Current Repeat Medications", "RepeatMedsHeader", table("Type", "Date", "Medication Item",
			"Dosage Instructions", "Repeat Medication", "Last Issued: "+day, "Salbutamol 100micrograms/dose inhaler",
			"Two Puffs When Required")),
	}
	diagnoses := section("Diagnoses", "DiagnosesHeader",
		table("Date", "Description", "", "", "06-Apr-2011", "Asthma", "", ""))
	diagnoses["entry"] = []any{object{"reference": "Condition/" + condition}}
	list = append(list, diagnoses)
	if record.Hostile {
		list = append(list, section("Personal Preferences", "PreferencesHeader", hostile()))
	}
	return list
}

func section(title, code, body string) object {
	return object{
		"title": title, "code": coded("", code, ""), "text": object{
			"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + body + `</div>`,
		},
	}
}

// table is a table of four columns: four headings, then the cells of its only row.
func table(cells ...string) string {
	var b strings.Builder
	row := func(tag string, cells []string) {
		b.WriteString("<tr>")
		for _, c := range cells {
			if c == "" {
				b.WriteString("<" + tag + "/>") // XHTML allows it, HTML parsers trip over it
				continue
			}
			b.WriteString("<" + tag + ">" + html.EscapeString(c) + "</" + tag + ">")
		}
		b.WriteString("</tr>")
	}
	b.WriteString("<table><thead>")
	row("th", cells[:4])
	b.WriteString(`</thead><tbody>`)
	row("td", cells[4:])
	b.WriteString("</tbody></table>")
	return b.String()
}

// hostile is text that must lose everything but its words before anybody sees it. Each marker contains "hostile", so
// that a test can look for them.
func hostile() string {
	return strings.Join([]string{
		`<p>Prefers to be called in the morning.</p>`,
		`<script>document.title="hostile-script"</script>`,
		`<p onclick="alert('hostile-handler')" style="background:url(https://hostile-style.example)">Click me</p>`,
		`<a href="javascript:alert('hostile-link')">results</a>`,
		`<a href="java&#x0A;script:alert('hostile-split')">letters</a>`,
		`<img src="https://hostile-image.example/pixel.gif" onerror="alert('hostile-error')"/>`,
		`<iframe src="https://hostile-frame.example"></iframe>`,
		`<form action="https://hostile-form.example"><input name="hostile-input"/></form>`,
		`<svg><script>alert("hostile-svg")</script></svg>`,
		`<![CDATA[<script>alert("hostile-cdata")</script>]]>`,
		`<meta http-equiv="refresh" content="0;url=https://hostile-meta.example"/>`,
		`<p>1 &lt; 2 &amp; 3</p>`,
	}, "")
}
