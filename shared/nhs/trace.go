package nhs

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/nhsnumber"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// Where the tracing of a patient's number stands.
const (
	Never    = "never"    // nobody asked yet
	Waiting  = "waiting"  // somebody asked for it
	Asking   = "asking"   // the register is being asked
	Settled  = "settled"  // Outcome says what came of it
	Objected = "objected" // the patient does not want it
)

// Trace is how the tracing of one patient's number stands. It holds codes, ids and digests, and nothing of the person.
type Trace struct {
	Patient string      `dynamodbav:"id"`
	State   string      `dynamodbav:"st"`
	Outcome string      `dynamodbav:"out,omitempty"`
	Steps   []TraceStep `dynamodbav:"steps,omitempty"`
	At      time.Time   `dynamodbav:"at,unixtime"` // of the state
	// Checked is when the record was last compared with the register's.
	Checked time.Time `dynamodbav:"chk,unixtime,omitempty"`
	// Event is the one that is dealt with; Done are the last of those that were. A disclosure is entered once for each.
	Event string   `dynamodbav:"evt,omitempty"`
	Done  []string `dynamodbav:"done,omitempty"`
	// Identity is a digest of what was searched by: as long as it is the same, another search finds the same.
	Identity string `dynamodbav:"idn,omitempty"`
	// Afresh says that a person wants a search, whatever number there is.
	Afresh bool `dynamodbav:"new,omitempty"`
	// Accepted and Refused are digests of pairs of records that a person decided about.
	Accepted string   `dynamodbav:"acc,omitempty"`
	Refused  []string `dynamodbav:"ref,omitempty"`
	Review   string   `dynamodbav:"rev,omitempty"` // id of the open review
	// Revived is when the register took back that the patient had died.
	Revived time.Time `dynamodbav:"rvv,unixtime,omitempty"`
	Version int64     `dynamodbav:"v"`
}

// item writes the trace on the condition that nobody changed it since it was read.
func (t Trace) item(c table.Clinic) table.Item {
	return table.Item{Key: c.Trace(t.Patient), Value: t, New: t.Version == 0, Version: t.Version}
}

func (s *Service) trace(ctx context.Context, by access.Caller, patient string) (Trace, error) {
	c := s.table.For(by)
	t := Trace{Patient: patient, State: Never}
	err := c.Get(ctx, c.Trace(patient), &t)
	if fault.Is(err, fault.NotFound) {
		return t, nil
	}
	return t, err
}

// Reasons for which nothing is asked about a patient.
const (
	SkipOff       = "tracing_off"
	SkipObjection = "patient_objects"
	SkipMerged    = "patient_merged"
	SkipDeceased  = "died_long_ago"
	SkipDone      = "done"      // this event was dealt with
	SkipUnchanged = "unchanged" // nothing that a search goes by changed
	SkipFresh     = "fresh"     // the copy is new enough
	SkipReview    = "in_review" // a person has to decide first
)

const (
	// stale is from what age on a copy is compared again when somebody is booked.
	stale = 12 * time.Hour
	// retrace is after how long a patient without a number who is booked is searched for again.
	retrace = 30 * 24 * time.Hour
	// mourning is for how long after a death the register is still asked, because it may take it back.
	mourning = 365 * 24 * time.Hour
	// busyFor is for how long a worker that began is taken to be at work.
	busyFor = time.Minute
	// doneKept and refusedKept bound what a trace remembers.
	doneKept    = 12
	refusedKept = 12
)

// Case is one patient whom an event gives reason to ask about, and how: by number, or by search.
type Case struct {
	Event    event.Message
	Patient  patient.Patient
	Settings clinic.NHS
	// Number is what the register is read by; zero where the patient must be searched for.
	Number nhsnumber.Number
	// Search is set where there is no number, or a person asked for a search; nil too if the patient cannot be
	// searched for: then Unsearchable says why.
	Search       *Cascade
	Unsearchable string

	trace    Trace
	today    string
	identity string // of the record as it is
}

// Waiting tells whether a person waits for what becomes of it.
func (c *Case) Waiting() bool { return c.Event.Name == event.TraceRequested }

// Open looks at what an event gives reason to do about a patient. If there is nothing, the code says why. Errors: fault
// NotFound, Unavailable.
func (s *Service) Open(
	ctx context.Context, by access.Caller, m event.Message, patientID string,
) (*Case, string, error) {
	set, err := s.settings(ctx, by)
	if err != nil {
		return nil, "", err
	}
	if !set.Tracing || set.ODSCode == "" {
		return nil, SkipOff, nil
	}
	cs := &Case{Event: m, Settings: set}
	// The trace first: if another worker settles it in between, what is begun on the old one is refused.
	if cs.trace, err = s.trace(ctx, by, patientID); err != nil {
		return nil, "", err
	}
	if cs.Patient, err = s.patients.Get(ctx, by, patientID); err != nil {
		return nil, "", err
	}
	if cs.today, err = s.today(); err != nil {
		return nil, "", err
	}
	if cs.identity, err = s.digest(ctx, by.Org(), "identity", identity(cs.Patient, cs.today)...); err != nil {
		return nil, "", err
	}
	if why := s.barred(cs.Patient); why != "" {
		return nil, why, nil
	}
	if why := s.needless(cs); why != "" {
		return nil, why, nil
	}
	if s.busy(cs) {
		return nil, "", fault.New(fault.Unavailable, "trace_under_way",
			"This patient's number is being traced just now.")
	}
	cs.plan()
	return cs, "", nil
}

// barred says why nothing may be asked about a patient.
func (s *Service) barred(p patient.Patient) string {
	switch {
	case p.MergedInto != "":
		return SkipMerged
	case p.Objection != nil:
		return SkipObjection
	case p.Death != nil && p.Death.On < s.now().Add(-mourning).Format(time.DateOnly)[:len(p.Death.On)]:
		return SkipDeceased
	}
	return ""
}

// needless says why an event gives no reason to ask.
func (s *Service) needless(cs *Case) string {
	t := cs.trace
	switch {
	case slices.Contains(t.Done, cs.Event.Event):
		return SkipDone
	case cs.Waiting() || t.Event == cs.Event.Event: // somebody asked, or it was begun
		return ""
	case t.Identity != cs.identity: // it was never traced, or something changed that a search goes by
		return ""
	case t.Review != "" && numberOf(cs.Patient).IsZero(): // else the number's owner may have come under protection
		return SkipReview
	case t.State != Settled:
		return ""
	case cs.Event.Name != event.AppointmentBooked:
		return SkipUnchanged
	case !numberOf(cs.Patient).IsZero() && s.now().Sub(t.Checked) < stale,
		numberOf(cs.Patient).IsZero() && s.now().Sub(t.At) < retrace:
		return SkipFresh
	}
	return ""
}

// busy tells whether another worker asks about the same patient just now, for another event. A person who waits does
// not wait for that.
func (s *Service) busy(cs *Case) bool {
	t := cs.trace
	return t.State == Asking && t.Event != cs.Event.Event && !cs.Waiting() && s.now().Sub(t.At) < busyFor
}

// numberOf is the number that the patient has.
func numberOf(p patient.Patient) nhsnumber.Number {
	if p.Number == nil {
		return nhsnumber.Number{}
	}
	n, err := nhsnumber.Parse(p.Number.Value)
	if err != nil {
		return nhsnumber.Number{}
	}
	return n
}

func (c *Case) plan() {
	if n := numberOf(c.Patient); !n.IsZero() && !c.trace.Afresh {
		c.Number = n
		return
	}
	c.Search, c.Unsearchable = NewCascade(c.Patient, c.today)
}

// pds names the register in a patient's list of disclosures.
const (
	pdsName = "NHS England, Personal Demographics Service"
	pdsODS  = "X26"
)

// Begin writes down that the register is about to be asked, and what is disclosed to it by that, before anything
// leaves. Done again for the same event it changes nothing.
func (s *Service) Begin(ctx context.Context, by access.Caller, cs *Case) error {
	if cs.trace.Event == cs.Event.Event && cs.trace.State == Asking {
		return nil
	}
	c := s.table.For(by)
	key, err := s.keeper.Key(ctx, c, by.Org(), cs.Patient.ID)
	if err != nil {
		return err
	}
	// Whom a search finds is read by number, and this is written before anything leaves.
	what := []string{disclosure.Identity, disclosure.ContactDetails, disclosure.NHSNumber}
	if !cs.Number.IsZero() {
		what = []string{disclosure.NHSNumber}
	}
	entry := disclosure.Entry{
		ID: s.newID("dsc"), At: s.now(), By: by.Person(), Source: disclosure.Auto, Ref: cs.Event.Event,
		Recipient:  disclosure.Recipient{Name: pdsName, ODSCode: pdsODS},
		Categories: what, Purpose: disclosure.NumberTracing, Authority: disclosure.DutyToShare,
		Channel: disclosure.NHSService,
	}
	item, err := disclosure.Item(c, key, cs.Patient.ID, entry)
	if err != nil {
		return err
	}
	t := cs.trace
	t.State, t.Event, t.At, t.Steps = Asking, cs.Event.Event, s.now(), nil
	err = c.Write(ctx, table.Change{
		Action: access.NumberSettle, Target: cs.Patient.ID, Put: []table.Item{item, t.item(c)},
		Event: event.Event{Name: event.NumberTraced, Why: "begun", Refs: map[string]string{
			"disclosure": entry.ID, "cause": cs.Event.Event,
		}},
	})
	if err != nil {
		return moved(err)
	}
	t.Version++
	cs.trace = t
	return nil
}

// moved is the error of a write that found that another worker deals with the same patient: the queue brings the
// message again, when that one is done.
func moved(err error) error {
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists" {
		return fault.Wrap(err, fault.Unavailable, "trace_under_way", "This patient's number is being traced just now.")
	}
	return err
}

// Still makes sure, before another request goes out, that the trace is the one that was begun: that the patient did not
// object meanwhile, and that nobody else took it over. Errors: fault Unavailable, after which the event comes again.
func (s *Service) Still(ctx context.Context, by access.Caller, cs *Case) error {
	t, err := s.trace(ctx, by, cs.Patient.ID)
	if err != nil {
		return err
	}
	if t.Event != cs.Event.Event || t.State != Asking && t.State != Waiting {
		return fault.New(fault.Unavailable, "busy", "The tracing of this number was ended or taken over.")
	}
	return nil
}

// Note writes down one call to the register and what it answered, or that it did not: the trail has every one of them.
func (s *Service) Note(ctx context.Context, by access.Caller, cs *Case, step TraceStep) error {
	return s.table.For(by).Note(ctx, access.NumberSettle, cs.Patient.ID, event.Event{
		Name: event.NumberTraced, Why: step.Name + ":" + step.Outcome,
		Refs: map[string]string{"request": step.Request, "cause": cs.Event.Event},
	})
}
