package nhs

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/nhsnumber"
	"almanac/shared/patient"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Review is something about a patient's number that a person must decide.
type Review struct {
	ID      string    `json:"id" dynamodbav:"id"`
	Patient string    `json:"patientId" dynamodbav:"pat"`
	Reason  string    `json:"reason" dynamodbav:"why" enum:"details_disagree,superseded_differ,number_held,no_postcode,not-found,invalidated,many,two,unusable"`
	State   string    `json:"state" dynamodbav:"st" enum:"open,accepted,refused,searching,closed"`
	At      time.Time `json:"at" dynamodbav:"at,unixtime"`
	// Other is the patient whose record has the number.
	Other string `json:"otherPatientId,omitempty" dynamodbav:"oth,omitempty"`
	// Sentence tells a person what is to be decided.
	Sentence string `json:"sentence" dynamodbav:"-"`

	Compared  bool       `json:"-" dynamodbav:"cmpd,omitempty"`
	Parts     Comparison `json:"-" dynamodbav:"cmp,omitempty"`
	Candidate []byte     `json:"-" dynamodbav:"s,omitempty"` // sealed; gone once it is decided
	Pair      string     `json:"-" dynamodbav:"pair,omitempty"`
	Decided   string     `json:"-" dynamodbav:"by,omitempty"`
	Version   int64      `json:"-" dynamodbav:"v"`
}

// States of a review.
const (
	Open      = "open"
	Accepted  = "accepted"
	Refused   = "refused"
	Searching = "searching"
	Closed    = "closed" // there is nothing left to decide
)

// Candidate is whom a review is about, as far as it takes to decide. It prints as "[redacted]".
type Candidate struct {
	private.Hidden
	// Number is shown as people read it; not where another record of ours has it.
	Number     string         `json:"nhsNumber,omitempty" example:"999 000 0018"`
	Names      []patient.Name `json:"names"`
	BirthDate  string         `json:"birthDate,omitempty"`
	Sex        string         `json:"sex,omitempty"`
	Restricted bool           `json:"restricted,omitempty"`
	Deceased   bool           `json:"deceased,omitempty"`
}

// ReviewDetail is a review with the person whom it is about.
type ReviewDetail struct {
	Review
	Candidate  *Candidate  `json:"candidate,omitempty"`
	Comparison *Comparison `json:"comparison,omitempty"`
}

const (
	reviewPrefix = "rev"
	// sealedAs names the candidate to the patient's key.
	sealedAs = "review"
)

// reviewed gives what settling a trace writes of its review: a new one, the open one with something else to decide, or
// the open one closed, because there is nothing left to decide. A patient has one open review at the most.
func (s *Service) reviewed(
	ctx context.Context, c table.Clinic, key seal.Key, t *Trace, cs *Case, v verdict,
) ([]table.Item, error) {
	r := Review{}
	if t.Review != "" {
		if err := c.Get(ctx, c.Review(t.Review), &r); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	switch {
	case v.review == "" && r.Version == 0:
		t.Review = ""
		return nil, nil
	case v.review == "":
		t.Review = ""
		r.State, r.Candidate = Closed, nil
		return []table.Item{s.reviewItem(c, r)}, nil
	case r.Version == 0:
		r.ID, r.Patient = s.newID(reviewPrefix), cs.Patient.ID
	}
	if !v.asks(r) { // else it keeps its place in the list
		r.At = s.now().UTC()
	}
	r.Reason, r.State, r.Other = v.review, Open, v.other
	r.Compared, r.Parts, r.Pair, r.Candidate = v.finding != nil, v.comparison, v.pair, nil
	if v.finding != nil {
		sealed, err := key.Seal(sealedAs, v.finding.without(cs.Settings))
		if err != nil {
			return nil, err
		}
		r.Candidate = sealed
	}
	t.Review = r.ID
	return []table.Item{s.reviewItem(c, r)}, nil
}

// asks tells whether the review is about the very thing that the verdict leaves to a person.
func (v verdict) asks(r Review) bool {
	return r.Version > 0 && r.Reason == v.review && r.Pair == v.pair
}

// reviewItem writes a review; only an open one is in the list.
func (s *Service) reviewItem(c table.Clinic, r Review) table.Item {
	it := table.Item{Key: c.Review(r.ID), Value: r, New: r.Version == 0, Version: r.Version}
	if r.State == Open {
		it.Index = c.Listing(table.Reviews, Open, r.At, r.ID)
	}
	return it
}

// Reviews lists what is to be decided, oldest first. after is what the page before gave as next.
func (s *Service) Reviews(ctx context.Context, by access.Caller, after string, limit int) ([]Review, string, error) {
	c := s.table.For(by)
	out, next, err := table.List[Review](ctx, c, c.Listing(table.Reviews, Open, time.Time{}, ""), after, limit, false)
	for i := range out {
		out[i] = out[i].shown()
	}
	return out, next, err
}

func (r Review) shown() Review {
	r.At, r.Sentence = r.At.UTC(), r.sentence()
	return r
}

// Review gives one review and whom it is about; nobody where the patient objects, or the record was merged, since the
// review was opened. Errors: fault NotFound, Unavailable.
func (s *Service) Review(ctx context.Context, by access.Caller, reviewID string) (ReviewDetail, error) {
	r, err := s.review(ctx, by, reviewID)
	if err != nil {
		return ReviewDetail{Review: Review{Patient: r.Patient}}, err // so that a denial stands with the patient
	}
	d := ReviewDetail{Review: r.shown()}
	if r.State != Open || len(r.Candidate) == 0 {
		return d, nil
	}
	p, err := s.patients.Get(ctx, by, r.Patient)
	if err != nil {
		return ReviewDetail{}, err
	}
	if silent(p) {
		return d, nil
	}
	f, err := s.candidate(ctx, by, r)
	if err != nil {
		return ReviewDetail{}, err
	}
	d.Comparison = &r.Parts
	d.Candidate = &Candidate{
		Names: f.Names, BirthDate: f.BirthDate, Sex: f.Sex, Restricted: f.Restricted, Deceased: f.Death != nil,
	}
	if n, err := nhsnumber.Parse(f.Number); err == nil && r.Reason != Held {
		d.Candidate.Number = n.Shown()
	}
	return d, nil
}

func (s *Service) review(ctx context.Context, by access.Caller, reviewID string) (Review, error) {
	var r Review
	if !id.Valid(reviewID, reviewPrefix) {
		return r, notFound()
	}
	c := s.table.For(by)
	if err := c.Get(ctx, c.Review(reviewID), &r); err != nil {
		return r, err
	}
	// It shows who the patient may be, so it takes what the patient's record takes.
	guard := care.Guard{Table: s.table, Now: s.now}
	if _, err := guard.Related(ctx, by, access.NumberReview, r.Patient); err != nil {
		return Review{Patient: r.Patient}, err
	}
	return r, nil
}

// silent tells whether nobody may be shown whose the number may be: the patient objects, or the record is another's.
func silent(p patient.Patient) bool { return p.Objection != nil || p.MergedInto != "" }

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

func (s *Service) candidate(ctx context.Context, by access.Caller, r Review) (Finding, error) {
	var f Finding
	key, err := s.keeper.Key(ctx, s.table.For(by), by.Org(), r.Patient)
	if err != nil {
		return f, err
	}
	return f, key.Open(sealedAs, r.Candidate, &f)
}

// Decision is what a person decides about a review.
type Decision string

// The decisions.
const (
	Accept      Decision = "accept"       // it is this patient: take the number, once the register was read by it again
	Refuse      Decision = "refuse"       // it is somebody else: the number is not this patient's
	SearchAgain Decision = "search-again" // look for the patient once more
)

// Decide carries out what a person decided. The candidate is removed from the review with it. Errors: fault NotFound;
// Conflict "review_decided", "no_candidate", "tracing_off", "number_taken", "number_objected", "patient_merged"; and
// those of table.Clinic.Write.
func (s *Service) Decide(
	ctx context.Context, by access.Caller, once access.Once, reviewID string, d Decision,
) (patient.Receipt, error) {
	r, err := s.review(ctx, by, reviewID)
	switch {
	case err != nil:
		return patient.Receipt{}, err
	case r.State != Open:
		return patient.Receipt{}, decided()
	}
	x := decision{Service: s, by: by, review: r}
	ev := event.Event{Name: event.NumberReviewed, Why: string(d), Refs: map[string]string{"review": r.ID}}
	switch d {
	case Accept:
		if x.change, err = x.accept(ctx); err != nil {
			return patient.Receipt{}, err
		}
		ev.Name, x.review.State = event.TraceRequested, Accepted
	case Refuse:
		x.change, x.review.State = x.refuse, Refused
	case SearchAgain:
		ev.Name, x.review.State = event.TraceRequested, Searching
	default:
		return patient.Receipt{}, fault.New(fault.Invalid, "invalid", "Must be accept, refuse or search-again.")
	}
	return x.carryOut(ctx, once, ev)
}

func decided() error { return conflict("review_decided", "This was decided already.") }

func (r Review) sentence() string {
	switch r.Reason {
	case Disagrees:
		return "The NHS holds other details under this number. Is it the same person?"
	case Replaced:
		return "The NHS replaced this patient's number, and holds other details under the new one. Is it the same " +
			"person?"
	case Held:
		return "Another record here has the number that the NHS gives for this patient. If both are one person, " +
			"merge them."
	case Doubtful:
		return "One person was found, but without a postcode to be sure by. Is it the same person?"
	case NotFound:
		return "The NHS does not know the number on record. Ask the patient for it, or search again."
	case Invalidated:
		return "The NHS withdrew the number on record and gave no other. Check the details and search again."
	case Many:
		return "Several people fit. Complete the details, such as given names and postcode, and search again."
	case Two:
		return "Different searches found different people. Check the details and search again."
	case Unusable:
		return "The NHS's answer could not be used. Search again later."
	}
	return ""
}
