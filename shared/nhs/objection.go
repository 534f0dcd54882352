package nhs

import (
	"cmp"
	"context"
	"errors"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// errNothing says that there is nothing to change.
var errNothing = errors.New("nothing to change")

// Object enters that the patient does not want the NHS number used. From this transaction on it is not shown, looked up
// or traced, and what was to be decided about it is closed. Errors: fault NotFound, Conflict "patient_merged", and
// those of table.Clinic.Write.
func (s *Service) Object(
	ctx context.Context, by access.Caller, once access.Once, patientID string,
) (patient.Receipt, error) {
	at := s.now().UTC().Truncate(time.Second)
	change := func(p *patient.Patient) error {
		if p.MergedInto != "" { // it would hold for nobody
			return conflict("patient_merged", "This record was merged into another one: enter it there.")
		}
		if p.Objection != nil {
			return errNothing
		}
		p.Objection = &patient.Objection{At: at, By: by.Person()}
		return nil
	}
	with := func(c table.Clinic, _ seal.Key, p patient.Patient) ([]table.Item, []table.Claim, error) {
		return s.stopped(ctx, by, c, p.ID, Trace{State: Objected})
	}
	return s.objection(ctx, by, once, patientID, event.ObjectionMade, change, with)
}

// Withdraw takes the objection back. The number counts again once it was traced anew, which is begun with this. Errors:
// fault NotFound, Conflict "patient_merged", and those of table.Clinic.Write.
func (s *Service) Withdraw(
	ctx context.Context, by access.Caller, once access.Once, patientID string,
) (patient.Receipt, error) {
	taken := false
	change := func(p *patient.Patient) error {
		if p.MergedInto != "" { // as entering it
			return conflict("patient_merged", "This record was merged into another one: withdraw it there.")
		}
		if p.Objection == nil {
			return errNothing
		}
		p.Objection = nil
		switch {
		case p.Number == nil || p.Number.Value == "":
		case taken: // another record got it meanwhile
			p.Number = p.Number.Superseded(patient.Number{Status: patient.StatusTraceNeeded}, "replaced", s.now())
		default:
			p.Number.Status, p.Number.State, p.Number.VerifiedAt = patient.StatusTraceNeeded, patient.NumberPresent, nil
		}
		return nil
	}
	with := func(c table.Clinic, _ seal.Key, p patient.Patient) ([]table.Item, []table.Claim, error) {
		t, err := s.trace(ctx, by, p.ID)
		if err != nil {
			return nil, nil, err
		}
		t.State, t.Outcome, t.Identity, t.At = Waiting, "", "", s.now()
		return []table.Item{t.item(c)}, nil, nil
	}
	r, err := s.objection(ctx, by, once, patientID, event.ObjectionWithdrawn, change, with)
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code == "number_taken" {
		taken = true
		r, err = s.objection(ctx, by, once, patientID, event.ObjectionWithdrawn, change, with)
	}
	return r, err
}

func (s *Service) objection(
	ctx context.Context, by access.Caller, once access.Once, patientID string, name event.Name,
	change func(*patient.Patient) error,
	with func(table.Clinic, seal.Key, patient.Patient) ([]table.Item, []table.Claim, error),
) (patient.Receipt, error) {
	amend := func() (patient.Receipt, error) {
		return s.patients.Amend(ctx, by, once, patientID, access.NumberObject, event.Event{Name: name}, change, with)
	}
	r, err := amend()
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists" { // a first trace began at this moment
		r, err = amend()
	}
	if !errors.Is(err, errNothing) {
		return r, err
	}
	// It is so already: perhaps this very request did it, and its answer was lost.
	if _, done, err := s.table.For(by).Recall(ctx, once); err != nil || done {
		return r, cmp.Or(err, access.ErrDone)
	}
	p, err := s.patients.Get(ctx, by, patientID)
	return patient.Receipt{ID: p.ID, Version: p.Version}, err
}

// stopped gives what ends all that is going on about a patient's number, and what the trace is then. It always writes
// the trace, so that a worker who is asking at this moment finds that it may ask no more and store nothing.
func (s *Service) stopped(
	ctx context.Context, by access.Caller, c table.Clinic, patientID string, is Trace,
) ([]table.Item, []table.Claim, error) {
	t, err := s.trace(ctx, by, patientID)
	if err != nil {
		return nil, nil, err
	}
	var items []table.Item
	if t.Review != "" {
		var r Review
		switch err := c.Get(ctx, c.Review(t.Review), &r); {
		case err == nil:
			r.State, r.Candidate, r.Decided = Closed, nil, by.Person()
			items = append(items, s.reviewItem(c, r))
		case !fault.Is(err, fault.NotFound):
			return nil, nil, err
		}
	}
	is.Patient, is.At, is.Done, is.Version = patientID, s.now(), t.Done, t.Version
	return append(items, is.item(c)), nil, nil
}

// Merged ends what was going on about the numbers of a patient with whose record another one was merged: about the
// merged ones always, and about this one if an objection came over. Done again it changes nothing. Errors: fault
// NotFound, Unavailable.
func (s *Service) Merged(ctx context.Context, by access.Caller, patientID string) error {
	p, err := s.patients.Get(ctx, by, patientID)
	if err != nil {
		return err
	}
	for _, one := range append([]string{p.ID}, p.Merged...) {
		p, err := s.patients.Get(ctx, by, one)
		if fault.Is(err, fault.NotFound) { // a merged record may have been destroyed since
			continue
		}
		if err != nil {
			return err
		}
		if err := s.silence(ctx, by, p); err != nil {
			return err
		}
	}
	return nil
}

// silence ends what is going on about the number of somebody about whom nothing may be asked.
func (s *Service) silence(ctx context.Context, by access.Caller, p patient.Patient) error {
	t, err := s.trace(ctx, by, p.ID)
	if err != nil {
		return err
	}
	is := Trace{State: Settled, Outcome: SkipMerged}
	if p.Objection != nil {
		is = Trace{State: Objected}
	}
	if !silent(p) || t.Review == "" && t.State == is.State && t.Outcome == is.Outcome {
		return nil
	}
	c := s.table.For(by)
	items, _, err := s.stopped(ctx, by, c, p.ID, is)
	if err != nil {
		return err
	}
	return moved(c.Write(ctx, table.Change{
		Action: access.NumberSettle, Target: p.ID, Put: items,
		Event: event.Event{Name: event.NumberSettled, Why: "ended", Version: p.Version, Before: p.Version},
	}))
}
