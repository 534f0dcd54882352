package upload

import (
	"slices"
	"strings"

	"almanac/shared/patient"
)

// differences lists in what a line and the record of its patient differ, by column. Nothing is changed, and nothing is
// told of somebody whose whereabouts are protected. What the line leaves out differs in nothing.
func differences(l, r patient.Patient) []string {
	if r.Restricted {
		return []string{notCompared}
	}
	var d difference
	named := func(of func(patient.Name) string) bool {
		return !slices.ContainsFunc(r.Names, func(n patient.Name) bool {
			return patient.Fold(of(n)) == patient.Fold(of(l.Names[0]))
		})
	}
	d.add(family, named(func(n patient.Name) string { return n.Family }))
	d.add(given, named(func(n patient.Name) string { return strings.Join(n.Given, "") }))
	d.add(birthDate, l.BirthDate != r.BirthDate)
	d.add(sex, l.Sex != patient.UnknownSex && l.Sex != r.Sex)
	if r.Objection == nil && l.Number != nil {
		d.add(nhsNumber, r.Number == nil || l.Number.Value != r.Number.Value)
	}
	d.reached(l, r)
	if l.Practice != nil {
		d.add(practice, r.Practice == nil || l.Practice.ODSCode != r.Practice.ODSCode)
	}
	if r.Death != nil {
		d = append(d, recordDeceased)
	}
	return slices.Compact(d)
}

// difference is a list of columns.
type difference []string

func (d *difference) add(column string, differ bool) {
	if differ && len(*d) < mostReasons {
		*d = append(*d, reason(differs, column))
	}
}

// reached compares where a line and a record say that somebody lives and can be reached.
func (d *difference) reached(l, r patient.Patient) {
	for _, a := range l.Addresses {
		d.add(postcode, a.Postcode != "" && !slices.ContainsFunc(r.Addresses, func(o patient.Address) bool {
			return o.Postcode == a.Postcode
		}))
		d.add(addressLine, len(a.Lines) > 0 && !slices.ContainsFunc(r.Addresses, func(o patient.Address) bool {
			return patient.Fold(strings.Join(o.Lines, "")) == patient.Fold(strings.Join(a.Lines, ""))
		}))
	}
	for _, c := range l.Contacts {
		column := phone
		if c.System == patient.Email {
			column = email
		}
		d.add(column, !slices.ContainsFunc(r.Contacts, func(o patient.Contact) bool {
			return strings.EqualFold(o.Value, c.Value)
		}))
	}
}
