package patient

import (
	"context"
	"slices"
	"strconv"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/wall"
)

const (
	maxRepresentatives = 20
	maxReference       = 100
	representative     = "rep" // prefix of ids
)

// Represented is what adding a representative is answered with; like a Receipt it names nobody.
type Represented struct {
	ID        string `json:"id" example:"rep_01kc4z7v8wfj7rw4q3hxe6m2ta"`
	PatientID string `json:"patientId"`
	Version   int64  `json:"version" doc:"Of the patient's record."`
}

// ETagVersion is the version that an ETag tells, the patient's.
func (r Represented) ETagVersion() int64 { return r.Version }

// AddRepresentative writes down somebody who acts for a patient, from now until the end of the last day, where one is
// given as YYYY-MM-DD. Errors: fault Invalid with all that is wrong, NotFound, Conflict "patient_merged" or
// "too_many_representatives", and those of table.Clinic.Write.
func (s *Service) AddRepresentative(
	ctx context.Context, by access.Caller, once access.Once, patient string, r Representative, lastDay string,
) (Represented, error) {
	// A refusal tells first whether there is such a patient.
	if _, err := s.one(ctx, by, patient); err != nil {
		return Represented{}, err
	}
	r, err := s.checkedRepresentative(r, lastDay)
	if err != nil {
		return Represented{}, err
	}
	r.ID = s.newID(representative)
	change := func(p *Patient) error {
		if p.MergedInto != "" {
			return merged(*p)
		}
		if len(p.Representatives) == maxRepresentatives {
			return fault.New(fault.Conflict, "too_many_representatives",
				"There are as many representatives as a record holds: "+strconv.Itoa(maxRepresentatives)+".")
		}
		p.Representatives = append(p.Representatives, r)
		return nil
	}
	out := Represented{ID: r.ID, PatientID: patient}
	err = s.represent(ctx, by, once, access.RepresentativeAdd, event.RepresentativeAdded, &out, change,
		func(circle *care.Circle) {
			circle.Representatives = append(circle.Representatives, r.unnamed())
		})
	return out, err
}

// EndRepresentative ends that somebody acts for a patient, now. Errors: fault NotFound when there is no such patient or
// representative, or it ended already, and those of table.Clinic.Write.
func (s *Service) EndRepresentative(
	ctx context.Context, by access.Caller, once access.Once, patient, representative string,
) (Represented, error) {
	now := s.now().UTC().Truncate(time.Second)
	change := func(p *Patient) error {
		at := slices.IndexFunc(p.Representatives, func(r Representative) bool {
			return r.ID == representative && (r.Until == nil || now.Before(*r.Until))
		})
		if at < 0 {
			return notFound()
		}
		p.Representatives[at].Until, p.Representatives[at].EndedBy = &now, by.Person()
		return nil
	}
	out := Represented{ID: representative, PatientID: patient}
	err := s.represent(ctx, by, once, access.RepresentativeEnd, event.RepresentativeEnded, &out, change,
		func(circle *care.Circle) {
			for i := range circle.Representatives {
				if circle.Representatives[i].ID == representative {
					circle.Representatives[i].Until = now
				}
			}
		})
	return out, err
}

// represent changes the record and the circle together, and fills in the version of the answer.
func (s *Service) represent(
	ctx context.Context, by access.Caller, once access.Once, action access.Permission, name event.Name,
	out *Represented, change func(*Patient) error, circle func(*care.Circle),
) error {
	with := func(c table.Clinic, _ seal.Key, p Patient) (table.Change, error) {
		out.Version = p.Version + 1
		var of care.Circle
		err := c.Get(ctx, c.Circle(p.ID), &of)
		item := table.Item{Key: c.Circle(p.ID), Version: of.Version}
		if fault.Is(err, fault.NotFound) {
			item.New, err = true, nil
		}
		circle(&of)
		item.Value = of
		return table.Change{Put: []table.Item{item}, Answer: *out}, err
	}
	ev := event.Event{Name: name, Refs: map[string]string{"representative": out.ID}}
	_, err := s.amendWith(ctx, by, once, out.PatientID, table.Change{Action: action, Event: ev}, change, with)
	return err
}

// unnamed is what others may know of the representative.
func (r Representative) unnamed() care.Representative {
	out := care.Representative{ID: r.ID, Relationship: r.Relationship, May: r.May, From: r.From}
	if r.Until != nil {
		out.Until = *r.Until
	}
	return out
}

func (s *Service) checkedRepresentative(r Representative, lastDay string) (Representative, error) {
	today, err := s.today()
	if err != nil {
		return r, err
	}
	c := check{today: today}
	c.Choice("/relationship", r.Relationship, Relationships()...)
	r.Name.Use = Usual
	r.Name = Patient{Names: []Name{r.Name}}.clone().Names[0]
	c.name("/name", &r.Name)
	r.Contacts = slices.Clone(r.Contacts)
	for i := range r.Contacts {
		r.Contacts[i].Source = Local
	}
	c.contacts("/contacts", r.Contacts)
	if c.Count("/may", len(r.May), 1, len(Abilities())) {
		for i, m := range r.May {
			if slices.Contains(r.May[:i], m) {
				c.Refuse("not_unique", "/may/"+strconv.Itoa(i), "Stands there twice.")
			}
			c.Choice("/may/"+strconv.Itoa(i), m, Abilities()...)
		}
	}
	c.evidence(&r.Evidence)
	r.From, r.Until, r.EndedBy = s.now().UTC().Truncate(time.Second), c.last("/until", lastDay), ""
	return r, c.Err()
}

// Abilities lists what a representative may do.
func Abilities() []string { return []string{care.MayBook, care.MayAsk} }

func (c *check) evidence(e *Evidence) {
	c.Choice("/evidence/kind", e.Kind, EvidenceKinds()...)
	if e.SeenOn == "" {
		c.Refuse("required", "/evidence/seenOn", "Must be given.")
	}
	if e.SeenOn = c.past("/evidence/seenOn", e.SeenOn); e.SeenOn != "" && len(e.SeenOn) < len(time.DateOnly) {
		c.Refuse("wrong_format", "/evidence/seenOn", "Must be a whole date, such as 2026-11-21.")
	}
	e.Reference = c.Line("/evidence/reference", clinic.WithoutBidi(e.Reference), 0, maxReference)
}

// last turns the last day on which something counts into the instant from which it does not.
func (c *check) last(at, day string) *time.Time {
	if day == "" {
		return nil
	}
	zone, err := wall.Zone(home)
	if err != nil {
		c.Refuse("wrong_value", at, "Cannot be taken as it stands.")
		return nil
	}
	last, err := time.ParseInLocation(time.DateOnly, day, zone)
	switch {
	case err != nil:
		c.Refuse("wrong_format", at, "Must be a date that exists, such as 2026-11-21.")
		return nil
	case day < c.today:
		c.Refuse("in_the_past", at, "Must not be in the past.")
	}
	until := last.AddDate(0, 0, 1).UTC() // the clocks never change at midnight in the UK
	return &until
}
