package nhs

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// decision is a review on its way to what was decided.
type decision struct {
	*Service
	by     access.Caller
	review Review
	change func(p *patient.Patient)
}

// accept is the record with the candidate's number in it, waiting for the register to be read by it. Nothing else is
// taken from the candidate: since the decision was asked for the person may have moved, died, or come under protection.
func (x *decision) accept(ctx context.Context) (func(p *patient.Patient), error) {
	if len(x.review.Candidate) == 0 {
		return nil, conflict("no_candidate", "There is nobody to accept here. Refuse, or search again.")
	}
	set, err := x.settings(ctx, x.by)
	if err != nil {
		return nil, err
	}
	if !set.Tracing {
		return nil, conflict("tracing_off", "This organisation does not trace NHS numbers.")
	}
	f, err := x.candidate(ctx, x.by, x.review)
	if err != nil {
		return nil, err
	}
	return func(p *patient.Patient) { x.pending(p, f.Number) }, nil
}

// refuse is the record without the number in question: it is somebody else's, and so is what the register said under
// it. A number that the register does not give says nothing about why: then the protection stays.
func (x *decision) refuse(p *patient.Patient) {
	switch x.review.Reason {
	case Disagrees, NotFound:
		if p.Number != nil && p.Number.Value != "" {
			if x.review.Reason == Disagrees {
				p.Disown(p.Number.Value)
			}
			p.Number = p.Number.Superseded(patient.Number{Status: patient.StatusTraceNeeded}, "refused", x.now())
			forget(p)
		}
	}
}

func (x *decision) carryOut(ctx context.Context, once access.Once, ev event.Event) (patient.Receipt, error) {
	today, err := x.today()
	if err != nil {
		return patient.Receipt{}, err
	}
	with := func(c table.Clinic, _ seal.Key, p patient.Patient) ([]table.Item, []table.Claim, error) {
		t, err := x.decided(ctx, p, today)
		r := x.review
		r.Candidate, r.Decided = nil, x.by.Person()
		return []table.Item{x.reviewItem(c, r), t.item(c)}, nil, err
	}
	done, err := x.patients.Amend(ctx, x.by, once, x.review.Patient, access.NumberReview, ev, x.apply, with)
	if fault.Is(err, fault.Stale) {
		return done, decided() // by somebody else, at the same moment
	}
	return done, err
}

// apply changes the record as was decided, if it still can be.
func (x *decision) apply(p *patient.Patient) error {
	switch {
	case x.review.State == Refused && silent(*p): // nothing but the review is left to close
		return nil
	case p.Objection != nil:
		return conflict("number_objected", "The patient objects to the use of the NHS number.")
	case p.MergedInto != "":
		return conflict("patient_merged", "This record was merged into another one.")
	}
	if x.change != nil {
		x.change(p)
	}
	return nil
}

// decided is the trace after the decision, with which the record is p.
func (x *decision) decided(ctx context.Context, p patient.Patient, today string) (Trace, error) {
	t, err := x.trace(ctx, x.by, p.ID)
	if err != nil {
		return t, err
	}
	t.Review = ""
	switch x.review.State {
	case Accepted:
		t.Accepted, t.State, t.Outcome, t.Afresh, t.At = x.review.Pair, Waiting, "", false, x.now()
	case Refused:
		t.Refused = last(append(t.Refused, x.review.Pair), refusedKept)
	case Searching:
		t.State, t.Afresh, t.At = Waiting, true, x.now()
	}
	t.Identity, err = x.digest(ctx, x.by.Org(), "identity", identity(p, today)...)
	return t, err
}
