package scr

import (
	"context"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// GP reads what GP practices hold of patients, as a FHIR R4 collection of resources. It is safe for concurrent use.
type GP struct{ wire }

// NewGP makes the client. Errors name the setting that is missing or malformed.
func NewGP(set Settings) (*GP, error) {
	w, err := newWire(set)
	return &GP{w}, err
}

// Read gets what the patient's practice holds. Errors: fault Conflict "record_none", "record_opted_out" and
// "record_refused", and those of every request.
func (g *GP) Read(ctx context.Context, call Call, number string) (Record, error) {
	var c collection
	if err := g.get(ctx, call, "gp", "Patient/"+number, nil, &c); err != nil {
		return Record{}, err
	}
	date, err := time.Parse(time.RFC3339, c.Timestamp)
	if err != nil || c.ResourceType != "Bundle" || len(c.Entry) == 0 {
		return Record{}, unreadable(http.StatusOK)
	}
	out := Record{Date: date.UTC(), Sections: c.sections()}
	for _, e := range c.Entry {
		if e.Resource.ResourceType == "Patient" && !names(e.Resource.Identifier, number) {
			return Record{}, unreadable(http.StatusOK)
		}
	}
	return out, nil
}

type collection struct {
	ResourceType string `json:"resourceType"`
	Timestamp    string `json:"timestamp"`
	Entry        []struct {
		Resource resource `json:"resource"`
	} `json:"entry"`
}

// resource is what is read of any resource: what it is about, when, and what was written about it.
type resource struct {
	ResourceType    string       `json:"resourceType"`
	Identifier      []identifier `json:"identifier"`
	Status          string       `json:"status"`
	ClinicalStatus  concept      `json:"clinicalStatus"`
	Code            concept      `json:"code"`
	VaccineCode     concept      `json:"vaccineCode"`
	Medication      concept      `json:"medicationCodeableConcept"`
	RecordedDate    string       `json:"recordedDate"`
	OnsetDateTime   string       `json:"onsetDateTime"`
	Occurrence      string       `json:"occurrenceDateTime"`
	EffectivePeriod struct {
		Start string `json:"start"`
		End   string `json:"end"`
	} `json:"effectivePeriod"`
	LotNumber string `json:"lotNumber"`
	Dosage    []text `json:"dosage"`
	Note      []text `json:"note"`
}

type text struct {
	Text string `json:"text"`
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

// names tells whether the identifiers hold the NHS number and no other one.
func names(all []identifier, number string) bool {
	found := false
	for _, i := range all {
		if i.System == systemNumber {
			if i.Value != number {
				return false
			}
			found = true
		}
	}
	return found
}

// concept is a coded thing, of which the words are read.
type concept struct {
	Text   string   `json:"text"`
	Coding []coding `json:"coding"`
}

type coding struct {
	Code    string `json:"code"`
	Display string `json:"display"`
}

func (c concept) String() string {
	if c.Text != "" {
		return c.Text
	}
	for _, coding := range c.Coding {
		if coding.Display != "" {
			return coding.Display
		}
	}
	for _, coding := range c.Coding {
		if coding.Code != "" {
			return coding.Code
		}
	}
	return ""
}

const immunisation = "Immunization" //nolint:misspell // FHIR's name

// sections lists what a collection holds, kind by kind. That there is more than is shown is said: what is left out
// without a word looks as if it were not there.
func (c collection) sections() []Section {
	kinds := []struct{ kind, title string }{
		{"AllergyIntolerance", "Allergies and adverse reactions"},
		{"MedicationStatement", "Medications"},
		{"Condition", "Problems"},
		{immunisation, "Immunisations"},
	}
	var out []Section
	lines, others := map[string][]string{}, 0
	for _, e := range c.Entry {
		switch kind := e.Resource.ResourceType; kind {
		case "AllergyIntolerance", "MedicationStatement", "Condition", immunisation:
			lines[kind] = append(lines[kind], e.Resource.line())
		case "Patient", "Organization", "Practitioner", "PractitionerRole": //nolint:misspell // FHIR's names
		default:
			others++
		}
	}
	for _, k := range kinds {
		body := "<p>Nothing is listed.</p>"
		if all := lines[k.kind]; len(all) > 0 {
			body = "<ul>" + strings.Join(all, "") + "</ul>"
		}
		out = append(out, Section{Title: k.title, XHTML: "<div>" + body + "</div>"})
	}
	if others > 0 {
		out = append(out, Section{
			Title: "Not shown",
			XHTML: "<p>The record holds " + strconv.Itoa(others) + " more entries, of kinds not shown here.</p>",
		})
	}
	return out
}

// line is one resource in words, as a list's entry.
func (r resource) line() string {
	var parts []string
	add := func(words ...string) {
		for _, w := range words {
			if w = strings.TrimSpace(w); w != "" {
				parts = append(parts, w)
			}
		}
	}
	what := r.Code.String() + r.VaccineCode.String() + r.Medication.String()
	if what == "" {
		what = "(no name given)"
	}
	add(what, r.ClinicalStatus.String(), r.Status)
	add(r.RecordedDate, r.OnsetDateTime, r.Occurrence)
	if p := r.EffectivePeriod; p.Start != "" || p.End != "" {
		add(p.Start + " to " + p.End)
	}
	if r.LotNumber != "" {
		add("batch " + r.LotNumber)
	}
	for _, d := range append(r.Dosage, r.Note...) {
		add(d.Text)
	}
	return "<li>" + html.EscapeString(strings.Join(parts, "; ")) + "</li>"
}
