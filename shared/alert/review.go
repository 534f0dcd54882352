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
	"almanac/shared/table"
)

// List lists alerts a page at a time: those that wait, the oldest first, or those that were reviewed, the latest
// first. after is what the page before gave as next. The list may lag behind by a moment, and shows no notes.
func (s *Service) List(
	ctx context.Context, by access.Caller, state State, after string, limit int,
) ([]Alert, string, error) {
	if err := table.Position(after, Prefix); err != nil {
		return nil, "", err
	}
	k := s.table.For(by)
	at := k.Listing(table.Alerts, string(state), time.Time{}, "")
	all, next, err := table.List[Alert](ctx, k, at, after, limit, state == Reviewed)
	if err != nil {
		return nil, "", err
	}
	now := s.now()
	for i, a := range all {
		all[i] = a.shown(now)
	}
	return all, next, nil
}

// Get reads one alert with its notes.
func (s *Service) Get(ctx context.Context, by access.Caller, alert string) (Alert, error) {
	k := s.table.For(by)
	a, err := s.read(ctx, k, alert)
	if err != nil {
		return Alert{}, err
	}
	if err := s.unsealed(ctx, k, by, &a); err != nil {
		return Alert{}, err
	}
	return a.shown(s.now()), nil
}

func (s *Service) read(ctx context.Context, k table.Clinic, alert string) (Alert, error) {
	var a Alert
	if !valid(alert) {
		return a, fault.New(fault.NotFound, "not_found", "There is no such record.")
	}
	return a, k.Get(ctx, k.Alert(alert), &a)
}

// Verdict is what a review finds.
type Verdict struct {
	Outcome string // Justified, NotJustified, NeedsEnquiry
	Note    string // one line
}

// Standing is what a review is answered with.
type Standing struct {
	ID      string `json:"id"`
	State   State  `json:"state" enum:"in-enquiry,reviewed"`
	Version int64  `json:"version"`
}

// ETagVersion is the version that an ETag tells.
func (r Standing) ETagVersion() int64 { return r.Version }

// Path is the alert's address.
func (r Standing) Path() string { return "/v1/alerts/" + r.ID }

// Review enters what somebody found; version is that of the caller's copy. Errors: fault Invalid, NotFound, Stale,
// Conflict "own_alert" for the person whom the alert is about and "alert_reviewed" for one that is done with, and
// those of table.Clinic.Write.
func (s *Service) Review(
	ctx context.Context, by access.Caller, once access.Once, alert string, version int64, v Verdict,
) (Standing, error) {
	k := s.table.For(by)
	a, err := s.read(ctx, k, alert)
	if err != nil {
		return Standing{}, err
	}
	if a.Version != version {
		return Standing{}, fault.New(fault.Stale, "stale",
			"This was changed by somebody else in the meantime. Look again.")
	}
	to, err := a.judged(by, v)
	if err != nil {
		return Standing{}, err
	}
	var c clinic.Check
	v.Note = c.Line("/note", v.Note, 0, longestNote)
	if err := c.Err(); err != nil {
		return Standing{}, err
	}
	note, err := s.sealed(ctx, k, by, a.PatientID, reviewed, v.Note)
	if err != nil {
		return Standing{}, err
	}
	a.State, a.Version = to, version+1
	a.Findings = append(a.Findings, Finding{Outcome: v.Outcome, By: by.Person(), At: s.now(), Sealed: note})
	r := Standing{ID: a.ID, State: a.State, Version: a.Version}
	ch := table.Change{
		Action: access.AlertReview, Target: a.PatientID, Once: once, Answer: r,
		Put:   []table.Item{{Key: k.Alert(a.ID), Value: a, Version: version, Index: a.listing(k)}},
		Event: event.Event{Name: event.AlertReviewed, Why: v.Outcome, Refs: map[string]string{Ref: a.ID}},
	}
	if v.Outcome != NotJustified {
		return r, k.Write(ctx, ch)
	}
	return r, s.ending(ctx, by, a, ch)
}

// ending writes the change and ends with it the relation that the alert is about, if it still counts: what was not
// justified opens the record no more.
func (s *Service) ending(ctx context.Context, by access.Caller, a Alert, ch table.Change) error {
	k, review := s.table.For(by), ch.Put
	return care.Settle(ctx, k, a.PatientID, func(c care.Circle) error {
		ch.Put = review
		if ended, ok := c.Ending(a.About, by.Person(), s.now().UTC().Truncate(time.Second)); ok {
			ch.Put = append(slices.Clone(review), ended.Item(k, a.PatientID))
		}
		return k.Write(ctx, ch)
	})
}

// judged tells where a verdict takes the alert, if it takes it anywhere.
func (a Alert) judged(by access.Caller, v Verdict) (State, error) {
	switch {
	case a.Subject == by.Person():
		return "", fault.New(fault.Conflict, "own_alert", "This alert is about you: somebody else must review it.")
	case a.State == Reviewed:
		return "", fault.New(fault.Conflict, "alert_reviewed", "This alert was reviewed already.")
	}
	switch v.Outcome {
	case Justified, NotJustified:
		return Reviewed, nil
	case NeedsEnquiry:
		if a.State == InEnquiry {
			return "", fault.New(fault.Conflict, "status_does_not_follow", "This alert is being enquired into already.")
		}
		return InEnquiry, nil
	}
	var c clinic.Check
	c.Choice("/outcome", v.Outcome, Justified, NotJustified, NeedsEnquiry)
	return "", c.Err()
}
