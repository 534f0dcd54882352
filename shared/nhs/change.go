package nhs

import (
	"slices"

	"almanac/shared/patient"
)

// take makes the finding's number the patient's, and of the record what the register says besides.
func (s *Service) take(p *patient.Patient, f Finding, cs *Case, state, why string) {
	s.number(p, f, state, why)
	s.demographics(p, f.without(cs.Settings))
}

func (s *Service) number(p *patient.Patient, f Finding, state, why string) {
	next := patient.Number{
		Value: f.Number, Status: patient.StatusVerified, State: state, VerifiedAt: new(f.ReadAt.UTC()),
		Source: patient.PDS, VersionID: f.VersionID,
	}
	if p.Number != nil && p.Number.Value == f.Number {
		next.Source, next.History = p.Number.Source, p.Number.History
		p.Number = &next
		return
	}
	p.Number = p.Number.Superseded(next, why, s.now())
}

// notFound is the record when the register has no such number.
func (s *Service) notFound(p *patient.Patient) {
	if p.Number == nil {
		return
	}
	p.Number.Status, p.Number.State, p.Number.VerifiedAt = patient.StatusTraceNeeded, patient.NumberNotFound, nil
	forgetPlaces(p)
}

// invalidated is the record when the number was withdrawn and nothing took its place. Nobody says any more that what
// the register told of the person under it still holds.
func (s *Service) invalidated(p *patient.Patient) {
	p.Number = p.Number.Superseded(patient.Number{
		Status: patient.StatusTraceNeeded, State: patient.NumberInvalidated,
	}, "invalidated", s.now())
	forgetPlaces(p)
}

// lost is the record when the number was replaced by one that may be somebody else's: the old one counts no longer, and
// the new one not yet.
func (s *Service) lost(p *patient.Patient) {
	p.Number = p.Number.Superseded(patient.Number{
		Status: patient.StatusTraceNeeded, State: patient.NumberSuperseded,
	}, "superseded", s.now())
	forgetPlaces(p)
}

// doubted is the record when the number's owner may be somebody else: it is not sent anywhere until a person decided.
func (s *Service) doubted(p *patient.Patient) {
	if p.Number == nil || p.Number.Value == "" {
		return
	}
	p.Number.Status, p.Number.State, p.Number.VerifiedAt = patient.StatusTraceNeeded, patient.NumberPresent, nil
}

// pending is the record with the number that a person accepted. It counts once the register was read by it again: what
// was found when the decision was asked for may be long out of date.
func (s *Service) pending(p *patient.Patient, number string) {
	if p.Number != nil && p.Number.Value == number {
		s.doubted(p)
		return
	}
	p.Number = p.Number.Superseded(patient.Number{
		Value: number, Status: patient.StatusTraceNeeded, State: patient.NumberPresent, Source: patient.PDS,
	}, "replaced", s.now())
}

// demographics makes of the record what the register says of the person, besides the number. What was entered here
// stays; what came from the register before is replaced, and all of it removed from a restricted record.
func (s *Service) demographics(p *patient.Patient, f Finding) {
	forget(p)
	if f.Restricted {
		p.RestrictBy(f.Number)
	} else {
		p.Unrestrict(f.Number)
	}
	if f.Death != nil && (p.Death == nil || p.Death.Status != patient.Formal) {
		p.Death = f.Death
	}
	if p.Restricted {
		return
	}
	p.Addresses = append(p.Addresses, f.Addresses...)
	p.Contacts = append(p.Contacts, f.Contacts...)
	if p.Practice == nil {
		p.Practice = f.Practice
	}
}

// newlyRestricted says in the trail that the record's whereabouts are protected from now on.
const newlyRestricted = "restricted"

// news lists as codes what the finding changes of a record that has visible effects, for the trail.
func (f Finding) news(p patient.Patient) []string {
	var out []string
	switch {
	case f.Restricted && !p.Restricted:
		out = append(out, newlyRestricted)
	case !f.Restricted && p.Restricted && !p.Protected(f.Number):
		out = append(out, "unrestricted")
	}
	switch {
	case f.Death != nil && p.Death == nil:
		out = append(out, "deceased")
	case f.Death == nil && p.Death != nil && p.Death.Source == patient.PDS:
		out = append(out, "not_deceased")
	}
	return out
}

// forget removes from a record all that came from the register, and what it said of a death: if it still says so, it is
// entered again.
func forget(p *patient.Patient) {
	forgetPlaces(p)
	if p.Death != nil && p.Death.Source == patient.PDS {
		p.Death = nil
	}
}

// forgetPlaces removes where the register said that the person lives, can be reached and is registered.
func forgetPlaces(p *patient.Patient) {
	p.Addresses = slices.DeleteFunc(p.Addresses, func(a patient.Address) bool { return a.Source == patient.PDS })
	p.Contacts = slices.DeleteFunc(p.Contacts, func(c patient.Contact) bool { return c.Source == patient.PDS })
	if p.Practice != nil && p.Practice.Source == patient.PDS {
		p.Practice = nil
	}
}
