package patient

import (
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/nhsnumber"
)

// registered is the record of a new patient as somebody enters it: what is set in other ways is not there yet, and
// nothing can be entered as if it came from the NHS's register.
func registered(p Patient, by access.Caller) Patient {
	source := Local
	if by.Job() {
		source = Upload
	}
	p = p.entered(source)
	p.Restricted, p.Objection, p.MergedInto, p.Merged, p.Representatives = false, nil, "", nil, nil
	p.RestrictedBy = nil
	if p.Number != nil {
		p.Number = told(p.Number.Value, source)
	}
	return p
}

// entered is the record with the source on everything in it.
func (p Patient) entered(source string) Patient {
	p = p.clone()
	for i := range p.Addresses {
		p.Addresses[i].Source = source
	}
	for i := range p.Contacts {
		p.Contacts[i].Source = source
	}
	if p.Practice != nil {
		p.Practice.Source = source
	}
	if p.Death != nil {
		p.Death.Source = source
	}
	return p
}

// told is a number that somebody told us.
func told(value, source string) *Number {
	return &Number{Value: value, Status: StatusPresent, State: NumberPresent, Source: source}
}

// revised is the record was with what somebody entered anew, checked. What the NHS's register said stays, and so does
// all that is changed in other ways.
func (s *Service) revised(was, is Patient) (Patient, error) {
	if was.MergedInto != "" {
		return is, merged(was)
	}
	number, err := s.renumbered(was, is.Number)
	if err != nil {
		return is, err
	}
	is = is.entered(Local)
	is.Restricted, is.Objection, is.Merged = was.Restricted, was.Objection, was.Merged
	is.MergedInto, is.Representatives, is.Number = was.MergedInto, was.Representatives, number
	is.RestrictedBy = was.RestrictedBy
	is.keep(was)
	is.Number = is.Number.retraced(was, is)
	return s.checked(is)
}

// keep puts what the NHS's register said into the record again.
func (p *Patient) keep(was Patient) {
	for _, a := range was.Addresses {
		if a.Source == PDS {
			p.Addresses = append(slices.DeleteFunc(p.Addresses, a.copied), a)
		}
	}
	for _, c := range was.Contacts {
		if c.Source == PDS {
			p.Contacts = append(slices.DeleteFunc(p.Contacts, c.copied), c)
		}
	}
	if g := was.Practice; g != nil && g.Source == PDS && (p.Practice == nil || p.Practice.ODSCode == g.ODSCode) {
		p.Practice = g
	}
	if was.Death != nil && was.Death.Source == PDS {
		p.Death = was.Death
	}
}

func merged(p Patient) error {
	return fault.New(fault.Conflict, "patient_merged", "This record was merged into another one: change that one.",
		fault.Detail{Code: "patient_merged", Message: "This record goes on for it.", Resource: p.MergedInto})
}

// copied tells whether o is this address sent back with the rest of the record. It must not become one that was
// entered here, which would outlive the removal of what the register said.
func (a Address) copied(o Address) bool {
	return o.Source != PDS && o.Use == a.Use && o.Postcode == a.Postcode && slices.Equal(o.Lines, a.Lines)
}

func (c Contact) copied(o Contact) bool {
	return o.Source != PDS && o.System == c.System && o.Value == c.Value
}

// renumbered is the number after somebody entered one anew, or left it out: the one there was becomes a past one. A
// number that the person does not want used is neither shown nor changed.
func (s *Service) renumbered(was Patient, is *Number) (*Number, error) {
	switch {
	case was.Objection != nil && is != nil:
		return nil, fault.New(fault.Conflict, "number_objected",
			"The patient objects to the use of the NHS number. It can be entered once the objection is withdrawn.")
	case was.Objection != nil, is == nil && was.Number == nil:
		return was.Number, nil
	case is == nil:
		return was.Number.passed(&Number{}, "removed", s.now()), nil
	}
	value := is.Value
	if typed, err := nhsnumber.Parse(value); err == nil { // else the check of the whole record says what is wrong
		value = typed.Digits()
	}
	switch {
	case was.Number == nil:
		return told(value, Local), nil
	case was.Number.Value == value:
		return was.Number, nil
	}
	return was.Number.passed(told(value, Local), "replaced", s.now()), nil
}

// passed is the number that takes this one's place, with this one in its history.
func (n *Number) passed(next *Number, why string, now time.Time) *Number {
	next.History = slices.Clone(n.History)
	if n.Value != "" {
		past := PastNumber{Value: n.Value, Until: now.UTC().Truncate(time.Second), Why: why, Source: n.Source}
		next.History = append(next.History, past)
	}
	return next
}

// Superseded gives the number that takes this one's place, which goes into its history with the reason, a code.
func (n *Number) Superseded(next Number, why string, now time.Time) *Number {
	if n == nil {
		return &next
	}
	return n.passed(&next, why, now)
}
