package alert

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Plea is why somebody needs a record without having a part in the patient's care.
type Plea struct {
	Reason string // one of ClaimReasons or Emergencies
	Note   string // one line; required with the reason "other"
}

// ClaimReasons lists the reasons for which a relationship can be claimed.
func ClaimReasons() []string {
	return []string{
		"new-referral", "covering-colleague", "patient-contact", "results-or-letters", "administration",
		"complaint-or-enquiry", other,
	}
}

// Emergencies lists the reasons for which the glass can be broken.
func Emergencies() []string {
	return []string{"life-at-risk", "urgent-treatment", "cannot-consent", "safeguarding", other}
}

const other = "other"

const (
	claimLasts     = 24 * time.Hour
	emergencyLasts = 30 * time.Minute
	longestNote    = 500
)

// Granted is what a claim or an emergency is answered with. It says nothing of the patient.
type Granted struct {
	RelationshipID string    `json:"relationshipId"`
	AlertID        string    `json:"alertId"`
	Until          time.Time `json:"until"`
}

// way is one of the two ways to a record.
type way struct {
	kind    Kind
	related care.Kind
	action  access.Permission
	event   event.Name
	reasons []string
	lasts   time.Duration
}

// Claim relates the caller to the patient for a day, and raises an alert. Asked again while it counts it gives the same
// one. Errors: fault Invalid, NotFound for a patient who does not exist, Unavailable, and those of table.Clinic.Write.
func (s *Service) Claim(
	ctx context.Context, by access.Caller, once access.Once, patient string, p Plea,
) (Granted, error) {
	return s.grant(ctx, by, once, patient, p, way{
		kind: Claim, related: care.Claim, action: access.RelationshipClaim, event: event.RelationshipClaimed,
		reasons: ClaimReasons(), lasts: claimLasts,
	})
}

// BreakGlass relates the caller to the patient for half an hour, and raises an alert. Like Claim otherwise. Without a
// note it needs no key, so that a record can be asked for in an emergency whatever else does not work.
func (s *Service) BreakGlass(
	ctx context.Context, by access.Caller, once access.Once, patient string, p Plea,
) (Granted, error) {
	return s.grant(ctx, by, once, patient, p, way{
		kind: BreakGlass, related: care.BreakGlass, action: access.GlassBreak, event: event.GlassBroken,
		reasons: Emergencies(), lasts: emergencyLasts,
	})
}

func (s *Service) grant(
	ctx context.Context, by access.Caller, once access.Once, patient string, p Plea, w way,
) (Granted, error) {
	k := s.table.For(by)
	// Whether there is such a patient is told first, so that no refusal tells of another organisation's.
	if _, err := care.Of(ctx, k, patient); err != nil {
		return Granted{}, err
	}
	p, err := p.checked(w.reasons)
	if err != nil {
		return Granted{}, err
	}
	note, err := s.sealed(ctx, k, by, patient, NoteAs, p.Note)
	if err != nil {
		return Granted{}, err
	}
	var out Granted
	err = care.Settle(ctx, k, patient, func(c care.Circle) error {
		now := s.now().UTC().Truncate(time.Second)
		if r, ok := c.Running(w.related, by.Person(), now); ok {
			out = Granted{RelationshipID: r.ID, AlertID: r.Alert, Until: r.Until.UTC()}
			return k.Write(ctx, table.Change{
				Action: w.action, Target: patient, Once: once, Answer: out,
				Event: event.Event{Name: event.RelationshipKept, Why: p.Reason, Refs: out.refs()},
			})
		}
		out = Granted{RelationshipID: s.newID("rel"), AlertID: s.newID(Prefix), Until: now.Add(w.lasts)}
		r := care.Relation{
			ID: out.RelationshipID, Kind: w.related, Person: by.Person(), From: now, Until: out.Until,
			Reason: p.Reason, Alert: out.AlertID, By: by.Person(),
		}
		return k.Write(ctx, table.Change{
			Action: w.action, Target: patient, Once: once, Answer: out,
			Put: []table.Item{c.With(r, now).Item(k, patient), Raise(k, Alert{
				ID: out.AlertID, Kind: w.kind, PatientID: patient, Subject: by.Person(), Roles: names(by.Roles()),
				Reason: p.Reason, About: out.RelationshipID, RaisedAt: now, Sealed: note,
			})},
			Event: event.Event{Name: w.event, Why: p.Reason, Refs: out.refs()},
		})
	})
	if err != nil {
		return Granted{}, err
	}
	return out, nil
}

func (g Granted) refs() map[string]string {
	return map[string]string{Ref: g.AlertID, "relationship": g.RelationshipID}
}

func names(roles []access.Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return out
}

// checked takes a reason of the list, with a note where the reason says nothing.
func (p Plea) checked(reasons []string) (Plea, error) {
	var c clinic.Check
	if !slices.Contains(reasons, p.Reason) {
		c.Choice("/reason", p.Reason, reasons...)
	}
	least := 0
	if p.Reason == other {
		least = 1
	}
	p.Note = c.Line("/note", p.Note, least, longestNote)
	return p, c.Err()
}

// What notes are sealed as.
const (
	// NoteAs is for the note of who raised an alert; Raise takes it sealed so.
	NoteAs   = "alert-note"
	reviewed = "alert-review"
)

// sealed seals a note under the patient's key; nothing gives nothing.
func (s *Service) sealed(
	ctx context.Context, k table.Clinic, by access.Caller, patient, what, note string,
) ([]byte, error) {
	if note == "" {
		return nil, nil
	}
	key, err := s.keeper.Key(ctx, k, by.Org(), patient)
	if err != nil {
		return nil, err
	}
	return key.Seal(what, note)
}

// unsealed opens the notes of an alert. Those of a patient whose key was destroyed are gone.
func (s *Service) unsealed(ctx context.Context, k table.Clinic, by access.Caller, a *Alert) error {
	if len(a.Sealed) == 0 && !slices.ContainsFunc(a.Findings, func(f Finding) bool { return len(f.Sealed) > 0 }) {
		return nil
	}
	key, err := s.keeper.Key(ctx, k, by.Org(), a.PatientID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := opened(key, NoteAs, a.Sealed, &a.Note); err != nil {
		return err
	}
	for i := range a.Findings {
		if err := opened(key, reviewed, a.Findings[i].Sealed, &a.Findings[i].Note); err != nil {
			return err
		}
	}
	return nil
}

func opened(key seal.Key, what string, blob []byte, into *string) error {
	if len(blob) == 0 {
		return nil
	}
	return key.Open(what, blob, into)
}

// valid tells whether an id can be an alert's.
func valid(alert string) bool { return id.Valid(alert, Prefix) }
