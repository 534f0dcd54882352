package patient

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"almanac/shared/fault"
)

// FromFHIR reads a FHIR R4 Patient, of UK Core or of the NHS's register, as somebody new: what it says of identifiers
// other than the NHS number, and of relations, is passed over. The details are what cannot be understood, with pointers
// into the resource; what a record may hold is judged when it is written.
//
// A telephone that is for text messages is one; fax, pagers and the like are left out. An address's city, district,
// state and country are lines. The status of the number is not believed: a file confirms nobody's number.
func FromFHIR(raw []byte) (Patient, []fault.Detail) {
	var f FHIR
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&f); err != nil {
		return Patient{}, []fault.Detail{unreadable(err)}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Patient{}, []fault.Detail{{Code: "malformed_json", Message: "There is something after the resource."}}
	}
	if f.ResourceType != "Patient" {
		return Patient{}, []fault.Detail{{
			Code: "wrong_value", Message: "Must be a resource of the type Patient.", Pointer: "/resourceType",
		}}
	}
	in := intoPatient{f: f}
	in.names()
	in.contacts()
	in.addresses()
	in.number()
	in.rest()
	return in.p, in.details
}

// unreadable says what cannot be read, without a word of what was sent.
func unreadable(err error) fault.Detail {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.Detail{
			Code: "wrong_type", Message: "Must be of the type that FHIR R4 gives it.",
			Pointer: "/" + strings.ReplaceAll(wrong.Field, ".", "/"),
		}
	}
	return fault.Detail{Code: "malformed_json", Message: "Must be one JSON object."}
}

// intoPatient is a resource on its way into a record.
type intoPatient struct {
	f       FHIR
	p       Patient
	details []fault.Detail
}

func (in *intoPatient) refuse(code, pointer, message string) {
	in.details = append(in.details, fault.Detail{Code: code, Pointer: pointer, Message: message})
}

// names takes the names over. FHIR's "official" is the usual name where there is no other; a name that is anonymous
// is none.
func (in *intoPatient) names() {
	usual := slices.ContainsFunc(in.f.Name, func(n FHIRName) bool { return n.Use == Usual })
	for i, n := range in.f.Name {
		if n.Use == "anonymous" {
			continue
		}
		if n.Family == "" && len(nonEmpty(n.Given)) == 0 {
			in.refuse("required", "/name/"+strconv.Itoa(i),
				"Must have a family or a given name; a text alone does not say which is which.")
			continue
		}
		use := n.Use
		if use == "" || use == "official" {
			use = "old"
			if !usual {
				use, usual = Usual, true
			}
		}
		in.p.Names = append(in.p.Names, Name{
			Use: use, Prefix: nonEmpty(n.Prefix), Given: nonEmpty(n.Given), Family: n.Family,
			Suffix: nonEmpty(n.Suffix), Start: n.Period.start(), End: n.Period.end(),
		})
	}
	switch {
	case len(in.p.Names) > 0 && !usual:
		in.p.Names[0].Use = Usual
	case len(in.p.Names) == 0 && len(in.details) == 0:
		in.refuse("required", "/name", "Must be given.")
	}
}

// contacts takes telephone and e-mail over.
func (in *intoPatient) contacts() {
	for _, t := range in.f.Telecom {
		if slices.Contains(Systems(), t.System) && t.Use != "old" && t.Value != "" {
			in.p.Contacts = append(in.p.Contacts, Contact{
				System: t.System, Value: t.Value, Use: t.Use, Start: t.Period.start(), End: t.Period.end(),
			})
		}
	}
}

// addresses takes the addresses over.
func (in *intoPatient) addresses() {
	for _, a := range in.f.Address {
		use := a.Use
		if use == "old" || use == "" {
			use = Home
		}
		in.p.Addresses = append(in.p.Addresses, Address{
			Use: use, Lines: a.lines(), Postcode: a.PostalCode, Start: a.Period.start(), End: a.Period.end(),
		})
	}
}

// lines are all parts of the address but the postcode.
func (a FHIRAddress) lines() []string {
	lines := nonEmpty(slices.Concat(a.Line, []string{a.City, a.District, a.State, a.Country}))
	if len(lines) == 0 {
		lines = nonEmpty(strings.FieldsFunc(a.Text, func(r rune) bool { return r == '\n' || r == ',' }))
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if len(lines) > maxLines {
		lines = append(lines[:maxLines-1], strings.Join(lines[maxLines-1:], ", "))
	}
	return lines
}

// number takes the NHS number over, if there is one. Two are nobody's.
func (in *intoPatient) number() {
	for i, id := range in.f.Identifier {
		if id.System != fhirNumber || id.Value == "" {
			continue
		}
		if in.p.Number != nil && in.p.Number.Value != id.Value {
			in.refuse("not_unique", "/identifier/"+strconv.Itoa(i), "There can be one NHS number only.")
			continue
		}
		in.p.Number = &Number{Value: id.Value}
	}
}

// rest takes over birth, sex, death and practice.
func (in *intoPatient) rest() {
	f := in.f
	in.p.BirthDate, in.p.Sex = f.BirthDate, f.Gender
	if f.DeceasedAt != "" {
		in.p.Death = &Death{On: day(f.DeceasedAt)}
	} else if f.Deceased != nil && *f.Deceased {
		in.p.Death = &Death{}
	}
	for _, g := range f.Practitioners {
		if g.Identifier != nil && g.Identifier.System == fhirODS && g.Identifier.Value != "" {
			in.p.Practice = &Practice{
				ODSCode: g.Identifier.Value, Start: g.Identifier.Period.start(), End: g.Identifier.Period.end(),
			}
		}
	}
	if f.Meta == nil {
		return
	}
	for _, s := range f.Meta.Security {
		if s.Code != "" && s.Code != "U" { // all but unrestricted: where the person is must not come in by a file
			in.p.Restricted = true
			in.p.Addresses, in.p.Contacts, in.p.Practice = nil, nil, nil
		}
	}
}

func (p *FHIRPeriod) start() string {
	if p == nil {
		return ""
	}
	return day(p.Start)
}

func (p *FHIRPeriod) end() string {
	if p == nil {
		return ""
	}
	return day(p.End)
}
