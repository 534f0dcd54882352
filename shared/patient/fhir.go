package patient

import (
	"slices"
	"strings"
	"time"

	"almanac/shared/disclosure"
	"almanac/shared/private"
)

// The names that FHIR and the NHS give to what a record holds. The extension and its codes are those of UK Core.
const (
	fhirProfile  = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"
	fhirNumber   = "https://fhir.nhs.uk/Id/nhs-number"
	fhirODS      = "https://fhir.nhs.uk/Id/ods-organization-code"
	fhirStatus   = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
	fhirStatuses = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
)

// FHIR is a patient as a FHIR R4 resource of the profile UK Core Patient: what is exported, and what is read of a file.
// Elements that are not of use here are left out.
type FHIR struct {
	private.Hidden
	ResourceType  string           `json:"resourceType"`
	ID            string           `json:"id,omitempty"`
	Meta          *FHIRMeta        `json:"meta,omitempty"`
	Identifier    []FHIRIdentifier `json:"identifier,omitempty"`
	Active        *bool            `json:"active,omitempty"`
	Name          []FHIRName       `json:"name,omitempty"`
	Telecom       []FHIRTelecom    `json:"telecom,omitempty"`
	Gender        string           `json:"gender,omitempty"`
	BirthDate     string           `json:"birthDate,omitempty"`
	Deceased      *bool            `json:"deceasedBoolean,omitempty"`
	DeceasedAt    string           `json:"deceasedDateTime,omitempty"`
	Address       []FHIRAddress    `json:"address,omitempty"`
	Practitioners []FHIRReference  `json:"generalPractitioner,omitempty"`
	Link          []FHIRLink       `json:"link,omitempty"`
}

// FHIRMeta says of which profile a resource is, and who may see it.
type FHIRMeta struct {
	Profile  []string     `json:"profile,omitempty"`
	Security []FHIRCoding `json:"security,omitempty"` // who may see it: v3-Confidentiality
}

// FHIRIdentifier is a number that somebody has in a system of numbers.
type FHIRIdentifier struct {
	private.Hidden
	Extension []FHIRExtension `json:"extension,omitempty"`
	System    string          `json:"system,omitempty"`
	Value     string          `json:"value,omitempty"`
	Period    *FHIRPeriod     `json:"period,omitempty"`
}

// FHIRExtension says what a base element has no place for.
type FHIRExtension struct {
	URL     string       `json:"url"`
	Concept *FHIRConcept `json:"valueCodeableConcept,omitempty"`
}

// FHIRConcept is a coded meaning.
type FHIRConcept struct {
	Coding []FHIRCoding `json:"coding,omitempty"`
}

// FHIRCoding is a code of a list.
type FHIRCoding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

// FHIRPeriod is a time from and to days, either of which may be left out.
type FHIRPeriod struct {
	Start string `json:"start,omitempty"`
	End   string `json:"end,omitempty"`
}

// FHIRName is a name (HumanName).
type FHIRName struct {
	private.Hidden
	Use    string      `json:"use,omitempty"`
	Text   string      `json:"text,omitempty"`
	Family string      `json:"family,omitempty"`
	Given  []string    `json:"given,omitempty"`
	Prefix []string    `json:"prefix,omitempty"`
	Suffix []string    `json:"suffix,omitempty"`
	Period *FHIRPeriod `json:"period,omitempty"`
}

// FHIRTelecom is a way to be reached (ContactPoint).
type FHIRTelecom struct {
	private.Hidden
	System string      `json:"system,omitempty"`
	Value  string      `json:"value,omitempty"`
	Use    string      `json:"use,omitempty"`
	Period *FHIRPeriod `json:"period,omitempty"`
}

// FHIRAddress is an address.
type FHIRAddress struct {
	private.Hidden
	Use        string      `json:"use,omitempty"`
	Type       string      `json:"type,omitempty"`
	Text       string      `json:"text,omitempty"`
	Line       []string    `json:"line,omitempty"`
	City       string      `json:"city,omitempty"`
	District   string      `json:"district,omitempty"`
	State      string      `json:"state,omitempty"`
	PostalCode string      `json:"postalCode,omitempty"`
	Country    string      `json:"country,omitempty"`
	Period     *FHIRPeriod `json:"period,omitempty"`
}

// FHIRReference names another resource.
type FHIRReference struct {
	Reference  string          `json:"reference,omitempty"`
	Type       string          `json:"type,omitempty"`
	Identifier *FHIRIdentifier `json:"identifier,omitempty"`
	Display    string          `json:"display,omitempty"`
}

// FHIRLink says which resource goes on for which.
type FHIRLink struct {
	Other FHIRReference `json:"other"`
	Type  string        `json:"type"`
}

// NewFHIR is the patient as a FHIR resource that may leave the house: with the NHS number only where the NHS confirmed
// it and nobody objects to its use, and without address, telephone, e-mail and practice where the person's whereabouts
// are protected, whoever entered them. Past numbers, alerts, notes and representatives stay here.
func NewFHIR(p Patient) FHIR {
	active := p.MergedInto == ""
	out := FHIR{
		ResourceType: "Patient", ID: fhirID(p.ID), Meta: &FHIRMeta{Profile: []string{fhirProfile}}, Active: &active,
		Gender: p.Sex, BirthDate: p.BirthDate,
	}
	if p.Objection == nil {
		out.Identifier = p.Number.fhir()
	}
	for _, n := range p.Names {
		out.Name = append(out.Name, FHIRName{
			Use: n.Use, Text: n.Full(), Family: n.Family, Given: n.Given, Prefix: n.Prefix, Suffix: n.Suffix,
			Period: fhirPeriod(n.Start, n.End),
		})
	}
	if p.Death != nil && p.Death.On != "" {
		out.DeceasedAt = p.Death.On
	} else if p.Death != nil {
		died := true
		out.Deceased = &died
	}
	if !p.Restricted {
		out.reach(p)
	}
	if p.MergedInto != "" {
		out.Link = append(out.Link, fhirLink(p.MergedInto, "replaced-by"))
	}
	for _, m := range p.Merged {
		out.Link = append(out.Link, fhirLink(m, "replaces"))
	}
	return out
}

// reach adds where the person lives and can be reached.
func (f *FHIR) reach(p Patient) {
	for _, c := range p.Contacts {
		f.Telecom = append(f.Telecom, FHIRTelecom{
			System: c.System, Value: c.Value, Use: c.Use, Period: fhirPeriod(c.Start, c.End),
		})
	}
	for _, a := range p.Addresses {
		f.Address = append(f.Address, FHIRAddress{
			Use: a.Use, Line: a.Lines, PostalCode: a.Postcode, Period: fhirPeriod(a.Start, a.End),
		})
	}
	if g := p.Practice; g != nil && g.ODSCode != "" {
		f.Practitioners = []FHIRReference{{Identifier: &FHIRIdentifier{
			System: fhirODS, Value: g.ODSCode, Period: fhirPeriod(g.Start, g.End),
		}}}
	}
}

// fhirID is an id in the characters that FHIR's ids may have: letters, digits, hyphens and dots.
func fhirID(id string) string { return strings.ReplaceAll(id, "_", "-") }

func fhirLink(patient, kind string) FHIRLink {
	return FHIRLink{Other: FHIRReference{Reference: "Patient/" + fhirID(patient)}, Type: kind}
}

func fhirPeriod(start, end string) *FHIRPeriod {
	if start == "" && end == "" {
		return nil
	}
	return &FHIRPeriod{Start: start, End: end}
}

// fhir is the number as an identifier, with its status beside it. A number that nobody confirmed may be somebody
// else's: only verified ones go out (NHS number standard).
func (n *Number) fhir() []FHIRIdentifier {
	if n == nil || n.Value == "" || n.Status != StatusVerified {
		return nil
	}
	status := FHIRCoding{System: fhirStatuses, Code: StatusVerified, Display: "Number present and verified"}
	return []FHIRIdentifier{{
		Extension: []FHIRExtension{{URL: fhirStatus, Concept: &FHIRConcept{Coding: []FHIRCoding{status}}}},
		System:    fhirNumber, Value: n.Value,
	}}
}

// Exported lists, as categories of the disclosure register, what the resource says of the person.
func (f FHIR) Exported() []string {
	out := []string{disclosure.Identity}
	add := func(when bool, category string) {
		if when {
			out = append(out, category)
		}
	}
	add(len(f.Telecom)+len(f.Address) > 0, disclosure.ContactDetails)
	add(len(f.Identifier) > 0, disclosure.NHSNumber)
	add(len(f.Practitioners) > 0, disclosure.Practice)
	return out
}

// day is the date of a FHIR date or dateTime, as much of it as is known.
func day(s string) string {
	if len(s) > len(time.DateOnly) && s[len(time.DateOnly)] == 'T' {
		return s[:len(time.DateOnly)]
	}
	return s
}

// nonEmpty leaves out what is empty.
func nonEmpty(words []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(s string) bool { return strings.TrimSpace(s) == "" })
}
