package nhs

import (
	"context"
	"errors"
	"slices"
	"strings"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Result is what the register's answers came to.
type Result struct {
	// Outcome is Found, with Finding, for somebody who was read by number; NotFound or Invalidated for the number that
	// was read by; None, Many, Two or Unusable for a search; or a reason for which the patient cannot be searched for.
	Outcome string
	Finding *Finding
	Steps   []TraceStep
}

// Outcomes of a trace, besides those of its steps: what became of the number.
const (
	Verified  = "verified"
	Renewed   = "superseded"        // the number was replaced, and the new one taken
	Disagrees = "details_disagree"  // the register's details of the number's owner are not the patient's
	Replaced  = "superseded_differ" // the number was replaced, and the details under the new one are not the patient's
	Held      = "number_held"       // another record of ours has the number
	Doubtful  = "no_postcode"       // found without a postcode, which is not enough to be sure
	// NotConnected says that this installation cannot ask at all.
	NotConnected = "not_connected"
)

// errMoved says that the record is not what was asked about any more.
var errMoved = errors.New("the record changed while the register was asked")

// Settle makes of the patient's record what the answers say, once for each event, and says by a code what that was.
// What cannot be decided without a person becomes a review. Errors: fault NotFound; Unavailable, after which everything
// is to be done again.
func (s *Service) Settle(ctx context.Context, by access.Caller, cs *Case, r Result) (string, error) {
	v, err := s.judge(ctx, by, cs, r)
	if err != nil {
		return "", err
	}
	err = s.settle(ctx, by, cs, r, v)
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code == "number_taken" {
		v = s.held(v, fault.Of(err))
		err = s.settle(ctx, by, cs, r, v)
	}
	return v.outcome, err
}

// verdict is what is to be made of a record.
type verdict struct {
	outcome string
	change  func(p *patient.Patient)
	// review, where it is not empty, is what a person must decide, and finding whom it is about.
	review     string
	finding    *Finding
	comparison Comparison
	other      string // the patient who has the number
	// checked says that the record was compared with the register's, and news what is new in it besides the number.
	checked bool
	news    []string
	pair    string // digest of our record and theirs
	// protect says that the register protects the owner of the very number that the record has, or of the one in its
	// place: that holds for the record, whatever else is doubted. Only agreement takes it back.
	protect bool
}

// codes says what became of the record p, for the trail.
func (v verdict) codes(p patient.Patient) string {
	out := append([]string{v.outcome}, v.news...)
	if v.protect && !p.Restricted && !slices.Contains(out, newlyRestricted) {
		out = append(out, newlyRestricted)
	}
	return strings.Join(out, "+")
}

// judge decides. It reads nothing but what was asked and answered, so that it can be done again.
func (s *Service) judge(ctx context.Context, by access.Caller, cs *Case, r Result) (verdict, error) {
	v := verdict{outcome: r.Outcome}
	switch r.Outcome {
	case Found:
		return s.found(ctx, by, cs, *r.Finding)
	case NotFound:
		v.review, v.change = NotFound, s.notFound
	case Invalidated:
		v.review, v.change = Invalidated, s.invalidated
	case Many, Two, Unusable:
		v.review = r.Outcome
	}
	return v, nil
}

func (s *Service) found(ctx context.Context, by access.Caller, cs *Case, f Finding) (verdict, error) {
	v := verdict{outcome: Verified, comparison: Compare(cs.Patient, f, cs.today), checked: true, finding: &f}
	pair, err := s.pair(ctx, by.Org(), cs.Patient, f, cs.today)
	if err != nil {
		return v, err
	}
	v.pair = pair
	searched := cs.Number.IsZero()
	changed := !searched && f.Number != cs.Number.Digits()
	accepted := cs.trace.Accepted == pair
	v.protect = cs.protected(f)
	switch {
	case !accepted && !v.comparison.Agrees():
		v.outcome, v.change = Disagrees, s.doubted
		if changed {
			v.outcome, v.change = Replaced, s.lost
		}
		v.review = v.outcome
	case !accepted && searched && cs.Search.who.postcode == "":
		v.outcome, v.review = Doubtful, Doubtful
	case changed:
		v.outcome, v.news = Renewed, f.news(cs.Patient)
		v.change = func(p *patient.Patient) { s.take(p, f, cs, patient.NumberSuperseded, "superseded") }
	default:
		v.news = f.news(cs.Patient)
		v.change = func(p *patient.Patient) { s.take(p, f, cs, patient.NumberVerified, "replaced") }
	}
	if slices.Contains(cs.trace.Refused, pair) { // a person said that it is somebody else
		v.review = ""
	}
	return v, nil
}

// protected tells whether the register protects the owner of the number that the record has, or of the one that took
// its place.
func (c *Case) protected(f Finding) bool {
	return f.Restricted && (!c.Number.IsZero() || f.Number == numberOf(c.Patient).Digits())
}

// pair is a digest of our record and theirs, as far as they are compared: a decision about the two holds as long as
// neither changes.
func (s *Service) pair(
	ctx context.Context, org string, p patient.Patient, f Finding, today string,
) (string, error) {
	values := append(identity(p, today)[:4], f.Number, f.BirthDate)
	for _, n := range f.Names {
		values = append(values, patient.Fold(n.Full()))
	}
	return s.digest(ctx, org, "pair", values...)
}

// held is the verdict when it turns out that another of our records has the number: nobody gets it twice.
func (s *Service) held(v verdict, taken *fault.Error) verdict {
	if len(taken.Details) > 0 {
		v.other = taken.Details[0].Resource
	}
	v.change, v.news = nil, nil
	if v.outcome == Renewed { // the old one is nobody's any more
		v.change = s.lost
	}
	v.outcome, v.review = Held, Held
	return v
}

// settle writes what a verdict makes of the record, of the trace and of the review, in one transaction.
func (s *Service) settle(ctx context.Context, by access.Caller, cs *Case, r Result, v verdict) error {
	var t Trace
	change := func(p *patient.Patient) error {
		var err error
		if t, err = s.current(ctx, by, cs, *p); err != nil {
			return err
		}
		if v.change != nil {
			v.change(p)
		}
		if v.protect {
			p.RestrictBy(v.finding.Number)
		}
		return nil
	}
	with := func(c table.Clinic, key seal.Key, p patient.Patient) ([]table.Item, []table.Claim, error) {
		if err := s.settled(ctx, by, &t, cs, r, v, p); err != nil {
			return nil, nil, err
		}
		items, err := s.reviewed(ctx, c, key, &t, cs, v)
		return append(items, t.item(c)), nil, err
	}
	_, err := s.patients.Amend(ctx, by, access.Once{}, cs.Patient.ID, access.NumberSettle, event.Event{
		Name: event.NumberSettled, Why: v.codes(cs.Patient),
		Refs: map[string]string{"cause": cs.Event.Event},
	}, change, with)
	switch {
	case errors.Is(err, errDone):
		return nil
	case errors.Is(err, errMoved):
		return fault.Wrap(err, fault.Unavailable, "busy", "The record changed while the NHS was asked.")
	}
	return moved(err)
}

// settled is the trace once the record is p.
func (s *Service) settled(
	ctx context.Context, by access.Caller, t *Trace, cs *Case, r Result, v verdict, p patient.Patient,
) error {
	t.State, t.Outcome, t.Steps, t.At, t.Afresh = Settled, v.outcome, r.Steps, s.now(), false
	t.Done = last(append(t.Done, cs.Event.Event), doneKept)
	if v.checked {
		t.Checked = s.now()
	}
	if cs.Patient.Death != nil && p.Death == nil {
		t.Revived = s.now()
	}
	t.Identity = ""
	if v.outcome == NotConnected { // as if nobody had asked
		return nil
	}
	var err error
	t.Identity, err = s.digest(ctx, by.Org(), "identity", identity(p, cs.today)...)
	return err
}

// errDone says that the event was dealt with by another worker.
var errDone = errors.New("this event was dealt with")

// current reads the trace again, at the moment at which it is settled, and makes sure that what was answered is still
// about this record: that nobody objected, merged it or entered another number or name meanwhile.
func (s *Service) current(ctx context.Context, by access.Caller, cs *Case, p patient.Patient) (Trace, error) {
	t, err := s.trace(ctx, by, p.ID)
	if err != nil {
		return t, err
	}
	if slices.Contains(t.Done, cs.Event.Event) {
		return t, errDone
	}
	identity, err := s.digest(ctx, by.Org(), "identity", identity(p, cs.today)...)
	if err != nil {
		return t, err
	}
	if s.barred(p) != "" || identity != cs.identity || t.Event != cs.trace.Event && t.Event != "" {
		return t, errMoved
	}
	return t, nil
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }
