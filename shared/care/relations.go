package care

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Relationship is a relation as it is shown. One that the diary makes has no id of its own and cannot be ended.
type Relationship struct {
	ID             string     `json:"id,omitempty"`
	Kind           string     `json:"kind" enum:"booking,registration,referral,care-team,claim,break-glass"`
	Subject        string     `json:"subject,omitempty" doc:"The person who is related."`
	SiteID         string     `json:"siteId,omitempty" doc:"Or the site whose people are."`
	PractitionerID string     `json:"practitionerId,omitempty" doc:"Or the practitioner whom the patient meets."`
	From           *time.Time `json:"from,omitempty"`
	Until          *time.Time `json:"until,omitempty" doc:"From when on it counts no longer; left out until somebody ends it."`
	Counts         bool       `json:"counts" doc:"It counts now."`
	Reason         string     `json:"reason,omitempty"`
	Referrer       string     `json:"referrer,omitempty" doc:"The ODS code of the organisation that referred the patient."`
	AlertID        string     `json:"alertId,omitempty"`
	By             string     `json:"by,omitempty" doc:"Who made it."`
	EndedBy        string     `json:"endedBy,omitempty"`
}

// List lists who is related to the patient, those whose time is over but for a short while included, the latest first.
func (s *Service) List(ctx context.Context, by access.Caller, patient string) ([]Relationship, error) {
	v, err := look(ctx, s.table.For(by), patient)
	if err != nil {
		return nil, err
	}
	now := s.now()
	var out []Relationship
	for _, m := range v.met {
		if !recent(m.Month, now) {
			continue
		}
		until := m.Month.AddDate(0, months+1, 0)
		r := Relationship{Kind: Booking, Counts: true, Until: &until}
		if id.Valid(m.ID, "sit") {
			r.SiteID = m.ID
		} else {
			r.PractitionerID = m.ID
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Relationship) int {
		return cmp.Or(b.Until.Compare(*a.Until), cmp.Compare(a.SiteID+a.PractitionerID, b.SiteID+b.PractitionerID))
	})
	for _, r := range slices.Backward(v.circle.Relations) {
		out = append(out, r.shown(now))
	}
	return out, nil
}

func (r Relation) shown(now time.Time) Relationship {
	from := r.From.UTC()
	out := Relationship{
		ID: r.ID, Kind: string(r.Kind), Subject: r.Person, SiteID: r.Site, From: &from, Counts: r.Holds(now),
		Reason: r.Reason, Referrer: r.Referrer, AlertID: r.Alert, By: r.By, EndedBy: r.EndedBy,
	}
	if over := r.over().UTC(); !over.IsZero() {
		out.Until = &over
	}
	return out
}

// Wish is a relation that somebody wants to make: a referral to a site, or a person in the care team.
type Wish struct {
	Kind     Kind
	SiteID   string // of a referral
	Referrer string // of a referral, may be empty: an ODS code
	Subject  string // of the care team
	Until    string // the last date, in the organisation's zone; empty for the usual time
}

// Term is what a change of a relation is answered with: which one, and how long it counts.
type Term struct {
	ID    string     `json:"id"`
	Until *time.Time `json:"until,omitempty"`
}

const (
	referralLasts = 12 // months, where nothing else is said
	longest       = 60 // months
)

// Make relates a site or a person to the patient. Errors: fault Invalid with all that is wrong, NotFound for a patient
// who does not exist, and those of table.Clinic.Write.
func (s *Service) Make(
	ctx context.Context, by access.Caller, once access.Once, patient string, w Wish,
) (Term, error) {
	k := s.table.For(by)
	if _, err := Of(ctx, k, patient); err != nil {
		return Term{}, err
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return Term{}, err
	}
	now := s.now().UTC().Truncate(time.Second)
	r, err := w.checked(snap, now)
	if err != nil {
		return Term{}, err
	}
	r.ID, r.By = s.newID(Prefix), by.Person()
	out := Term{ID: r.ID}
	if !r.Until.IsZero() {
		out.Until = &r.Until
	}
	return out, Settle(ctx, k, patient, func(c Circle) error {
		return k.Write(ctx, table.Change{
			Action: access.RelationshipMake, Target: patient, Once: once, Answer: out,
			Put: []table.Item{c.With(r, now).Item(k, patient)},
			Event: event.Event{
				Name: event.RelationshipMade, Why: string(r.Kind), Refs: map[string]string{"relationship": r.ID},
			},
		})
	})
}

// Prefix begins a relation's id.
const Prefix = "rel"

func (w Wish) checked(snap *clinic.Snapshot, now time.Time) (Relation, error) {
	var c clinic.Check
	r := Relation{Kind: w.Kind, Site: w.SiteID, Person: w.Subject, Referrer: w.Referrer, From: now}
	switch w.Kind { //nolint:exhaustive // the rest cannot be made by hand
	case Referral:
		r.Until = now.AddDate(0, referralLasts, 0)
		w.referral(&c, snap)
	case Team:
		w.team(&c, snap)
	default:
		c.Choice("/kind", string(w.Kind), string(Referral), string(Team))
	}
	if w.Until != "" {
		r.Until = w.until(&c, snap, now)
	}
	return r, c.Err()
}

func (w Wish) referral(c *clinic.Check, snap *clinic.Snapshot) {
	if _, ok := snap.Sites[w.SiteID]; !ok {
		c.Refuse("unknown_id", "/siteId", "There is no such site.")
	}
	if w.Subject != "" {
		c.Refuse("not_needed", "/subject", "A referral is to a site.")
	}
	if w.Referrer != "" && !regexp.MustCompile(`^[A-Z0-9]{3,12}$`).MatchString(w.Referrer) {
		c.Refuse("wrong_format", "/referrer", "Must be an organisation's ODS code.")
	}
}

func (w Wish) team(c *clinic.Check, snap *clinic.Snapshot) {
	if staff, ok := snap.Staff[w.Subject]; !ok || staff.Left {
		c.Refuse("unknown_id", "/subject", "There is no such member of staff.")
	}
	if w.SiteID != "" {
		c.Refuse("not_needed", "/siteId", "A care team is made of persons.")
	}
	if w.Referrer != "" {
		c.Refuse("not_needed", "/referrer", "Only a referral has one.")
	}
}

// until is the end of the last date.
func (w Wish) until(c *clinic.Check, snap *clinic.Snapshot, now time.Time) time.Time {
	date, err := time.Parse(time.DateOnly, w.Until)
	zone, zoneErr := wall.Zone(snap.Organisation.Zone)
	if err != nil || zoneErr != nil {
		c.Refuse("malformed_date", "/until", "Write a date as 2026-11-23.")
		return time.Time{}
	}
	_, end := wall.Day(date, zone)
	switch {
	case !end.After(now):
		c.Refuse("in_the_past", "/until", "Must not be over yet.")
	case end.After(now.AddDate(0, longest, 0)):
		c.Refuse("too_far", "/until", "Must be at most five years ahead.")
	}
	return end.UTC()
}

// End ends a relation before its time. One that is over is fault.Conflict "relationship_over", one that does not exist
// fault.NotFound.
func (s *Service) End(
	ctx context.Context, by access.Caller, once access.Once, patient, relation string,
) (Term, error) {
	k := s.table.For(by)
	now := s.now().UTC().Truncate(time.Second)
	out := Term{ID: relation, Until: &now}
	return out, Settle(ctx, k, patient, func(c Circle) error {
		i := slices.IndexFunc(c.Relations, func(r Relation) bool { return r.ID == relation })
		switch {
		case i < 0:
			return notFound()
		case !c.Relations[i].over().IsZero() && !c.Relations[i].over().After(now):
			return fault.New(fault.Conflict, "relationship_over", "This relationship has ended already.")
		}
		c.Relations[i].Ended, c.Relations[i].EndedBy = now, by.Person()
		return k.Write(ctx, table.Change{
			Action: access.RelationshipEnd, Target: patient, Once: once, Answer: out,
			Put: []table.Item{c.Item(k, patient)},
			Event: event.Event{
				Name: event.RelationshipEnded, Why: string(c.Relations[i].Kind),
				Refs: map[string]string{"relationship": relation},
			},
		})
	})
}
