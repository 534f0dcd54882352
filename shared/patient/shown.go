package patient

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/nhsnumber"
)

// Notice is a line of the banner over a record: a stable code and a sentence for a person.
type Notice struct {
	Code     string `json:"code" enum:"merged,deceased,restricted,number_superseded,number_invalidated,number_not_found,alerts"`
	Sentence string `json:"sentence"`
}

// Shown is the record as it may be shown and passed on: without the number of somebody who objects to its use, and,
// where the person's whereabouts are protected, without anything of them that the NHS's register said.
func (p Patient) Shown() Patient {
	p = p.clone()
	if p.Objection != nil {
		p.Number = nil
	}
	if p.Restricted {
		p.purge()
	}
	return p
}

// Restrict marks the record as one of somebody whose whereabouts are protected, and removes what the NHS's register
// said of them.
func (p *Patient) Restrict() {
	p.Restricted = true
	p.purge()
}

func (p *Patient) purge() {
	p.Addresses = slices.DeleteFunc(p.Addresses, func(a Address) bool { return a.Source == PDS })
	p.Contacts = slices.DeleteFunc(p.Contacts, func(c Contact) bool { return c.Source == PDS })
	if p.Practice != nil && p.Practice.Source == PDS {
		p.Practice = nil
	}
}

// Caution tells whether the record shows where a person is whose whereabouts are protected, because it was entered
// here.
func (p Patient) Caution() bool {
	return p.Restricted && (len(p.Addresses) > 0 || len(p.Contacts) > 0 || p.Practice != nil)
}

// Banner lists what whoever opens the record should see before anything else, most important first.
func (p Patient) Banner(day string) []Notice {
	out := []Notice{} // a list in the answer, never null
	add := func(when bool, code, sentence string) {
		if when {
			out = append(out, Notice{Code: code, Sentence: sentence})
		}
	}
	add(p.MergedInto != "", "merged", "This record was merged into another one, which goes on for it. Use that one.")
	add(p.Death != nil, "deceased", "The patient is recorded as having died.")
	add(p.Restricted, "restricted", "Where this person lives and can be reached is protected. Tell nobody, not even "+
		"that there is a record.")
	if p.Objection == nil && p.Number != nil {
		is := p.Number.State
		add(is == NumberSuperseded, "number_superseded", "The NHS gave this person another NHS number.")
		add(is == NumberInvalidated, "number_invalidated", "The NHS withdrew this NHS number. Do not use it.")
		add(is == NumberNotFound, "number_not_found", "The NHS does not know this NHS number.")
	}
	alerts := slices.ContainsFunc(p.Alerts, func(a Alert) bool { return current(a.Start, a.End, day) })
	add(alerts, "alerts", "There are alerts: read them before meeting the patient.")
	return out
}

// Display is the number as it is shown to people: three, three and four digits.
func (n Number) Display() string {
	parsed, err := nhsnumber.Parse(n.Value)
	if err != nil {
		return ""
	}
	return parsed.Shown()
}

// Acts tells whether the representative acts for the patient at the instant.
func (r Representative) Acts(at time.Time) bool {
	return !at.Before(r.From) && (r.Until == nil || at.Before(*r.Until))
}

// Moment is when a record was read: the instant, and the day that it is then in the UK.
type Moment struct {
	Now time.Time
	Day string
}

// Show reads a patient's record as staff may see it, and says when. Errors: fault NotFound, Unavailable.
func (s *Service) Show(ctx context.Context, by access.Caller, patient string) (Patient, Moment, error) {
	day, err := s.today()
	if err != nil {
		return Patient{}, Moment{}, err
	}
	p, err := s.Get(ctx, by, patient)
	if err != nil {
		return Patient{}, Moment{}, err
	}
	return p.Shown(), Moment{Now: s.now(), Day: day}, nil
}
