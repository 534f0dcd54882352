package patient

import "slices"

// RestrictBy protects the whereabouts of the record's person, because the NHS's register says so under the number, and
// removes what the register said of them.
func (p *Patient) RestrictBy(number string) {
	if !slices.Contains(p.RestrictedBy, number) {
		p.RestrictedBy = append(p.RestrictedBy, number)
	}
	p.Restrict()
}

// Unrestrict takes the protection back, because the register says under the number, which is the person's, that there
// is none. It stays where something else gave it: a record that was merged into this one, or the number of one.
func (p *Patient) Unrestrict(number string) {
	p.RestrictedBy = p.protectors(number)
	p.Restricted = len(p.RestrictedBy) > 0
}

// Protected tells whether the protection stays when the register says under the number that there is none.
func (p Patient) Protected(number string) bool { return len(p.protectors(number)) > 0 }

// protectors lists what protects the person besides the number and those that gave way to it.
func (p Patient) protectors(number string) []string {
	return slices.DeleteFunc(slices.Clone(p.RestrictedBy), func(by string) bool {
		merged := p.Number != nil && slices.ContainsFunc(p.Number.History, func(past PastNumber) bool {
			return past.Value == by && past.Why == numberMerged
		})
		return by == number || by == p.ID || !merged && len(by) == numberDigits
	})
}

// Disown takes back what the number protected: it is somebody else's.
func (p *Patient) Disown(number string) {
	p.RestrictedBy = slices.DeleteFunc(p.RestrictedBy, func(by string) bool { return by == number })
	p.Restricted = len(p.RestrictedBy) > 0
}

// numberDigits tells a number from the id of a record.
const numberDigits = 10

// handedOn lists what protects the person of a record once that record is merged: its number, which may go over and be
// read again, and otherwise the record itself, of which nobody can say that it is protected no longer.
func (p Patient) handedOn() []string {
	if !p.Restricted {
		return nil
	}
	var out []string
	for _, by := range p.RestrictedBy {
		if len(by) == numberDigits && (p.Number == nil || p.Number.Value != by) {
			by = p.ID
		}
		if !slices.Contains(out, by) {
			out = append(out, by)
		}
	}
	if len(out) == 0 {
		out = []string{p.ID}
	}
	return out
}
