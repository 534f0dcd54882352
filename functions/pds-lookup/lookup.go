package main

import (
	"context"
	"strconv"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/nhs"
	"almanac/shared/nhsnumber"
	"almanac/shared/pds"
	"almanac/shared/table"
)

// worker has what it takes to trace a number.
type worker struct {
	table    *table.Table
	numbers  *nhs.Service
	register *pds.Client // nil where this installation is not connected
	privacy  privacy
	now      func() time.Time
}

// work deals with one event: the patient's number is looked for, or compared with the register's, if there is reason
// to. A patient or appointment that does not exist is fault.NotFound: the subject is gone.
func (w worker) work(ctx context.Context, by access.Caller, m event.Message) error {
	if m.Name == event.EmergencyViewGranted {
		return w.privacy.tell(ctx, by, m)
	}
	patient := m.Target
	if m.Name == event.AppointmentBooked {
		c := w.table.For(by)
		var apt booking.Appointment
		if err := c.Get(ctx, c.Appointment(m.Target), &apt); err != nil {
			return err
		}
		patient = apt.PatientID
	}
	if m.Name == event.PatientMerged {
		if err := w.numbers.Merged(ctx, by, patient); err != nil {
			return err
		}
	}
	cs, why, err := w.numbers.Open(ctx, by, m, patient)
	if err != nil || why != "" {
		return err
	}
	if w.register == nil && !cs.Waiting() { // whoever waits is told
		return nil
	}
	l := lookup{worker: w, by: by, cs: cs}
	result, err := l.ask(ctx)
	if err != nil {
		return err
	}
	_, err = w.numbers.Settle(ctx, by, cs, result)
	return err
}

// lookup is the asking about one patient.
type lookup struct {
	worker
	by    access.Caller
	cs    *nhs.Case
	steps []nhs.TraceStep
}

func (l *lookup) ask(ctx context.Context) (nhs.Result, error) {
	if l.register == nil {
		return nhs.Result{Outcome: nhs.NotConnected}, nil
	}
	if l.cs.Number.IsZero() && l.cs.Search == nil {
		return nhs.Result{Outcome: l.cs.Unsearchable}, nil
	}
	if err := l.numbers.Begin(ctx, l.by, l.cs); err != nil {
		return nhs.Result{}, err
	}
	if !l.cs.Number.IsZero() {
		return l.read(ctx, l.cs.Number)
	}
	return l.search(ctx)
}

// search makes one search after the other, and then reads the one person that was found by number: a search tells less.
func (l *lookup) search(ctx context.Context) (nhs.Result, error) {
	var number nhsnumber.Number
	for {
		name, q, more := l.cs.Search.Next()
		if !more {
			break
		}
		person, outcome, err := l.find(ctx, name, q)
		if err != nil {
			return nhs.Result{}, err
		}
		if outcome == nhs.Found {
			number = person.Number
		}
		l.cs.Search.Saw(l.steps[len(l.steps)-1], person.Number.Digits())
	}
	outcome, _ := l.cs.Search.Result()
	if outcome != nhs.Found {
		return nhs.Result{Outcome: outcome, Steps: l.steps}, nil
	}
	result, err := l.read(ctx, number)
	if err == nil && result.Outcome != nhs.Found { // found a moment ago, and now not there: for a person to look at
		result.Outcome = nhs.Unusable
	}
	return result, err
}

func (l *lookup) find(ctx context.Context, step string, q nhs.Query) (pds.Person, string, error) {
	if err := l.still(ctx); err != nil {
		return pds.Person{}, "", err
	}
	call := l.call(step)
	query := pds.Query{Family: q.Family, BirthDate: q.BirthDate, Postcode: q.Postcode, History: q.History}
	if q.Given != "" {
		query.Given = []string{q.Given}
	}
	person, said, err := l.register.Search(ctx, call, query)
	outcome := outcomeOf(said)
	return person, outcome, l.note(ctx, call, step, outcome, err)
}

func (l *lookup) read(ctx context.Context, number nhsnumber.Number) (nhs.Result, error) {
	if err := l.still(ctx); err != nil {
		return nhs.Result{}, err
	}
	call := l.call(nhs.StepRead)
	person, said, err := l.register.Get(ctx, call, number)
	result := nhs.Result{Outcome: outcomeOf(said)}
	if err := l.note(ctx, call, nhs.StepRead, result.Outcome, err); err != nil {
		return nhs.Result{}, err
	}
	result.Steps = l.steps
	if result.Outcome == nhs.Found {
		f := finding(person, l.now())
		result.Finding = &f
	}
	return result, nil
}

// still makes sure that there is reason to ask on: an objection stops everything but the request that is under way.
func (l *lookup) still(ctx context.Context) error {
	if len(l.steps) == 0 { // it was begun just now
		return nil
	}
	return l.numbers.Still(ctx, l.by, l.cs)
}

// call names the request. It is repeated under the same id as long as the record is the one it was made of: after a
// change of the record another question is asked.
func (l *lookup) call(step string) pds.Call {
	return pds.Call{
		ODS: l.cs.Settings.ODSCode, Event: l.cs.Event.Event, Waiting: l.cs.Waiting(),
		Step: step + "@" + strconv.FormatInt(l.cs.Patient.Version, 10),
	}
}

// note writes down the call, whatever came of it. Without that nothing goes on.
func (l *lookup) note(ctx context.Context, call pds.Call, step, outcome string, err error) error {
	if err != nil {
		outcome = fault.Of(err).Code
	}
	s := nhs.TraceStep{Name: step, Outcome: outcome, Request: call.Request()}
	l.steps = append(l.steps, s)
	if err != nil {
		_ = l.numbers.Note(context.WithoutCancel(ctx), l.by, l.cs, s) // the error that there is counts more
		return err
	}
	return l.numbers.Note(ctx, l.by, l.cs, s)
}

func outcomeOf(said pds.Outcome) string {
	switch said {
	case pds.Found:
		return nhs.Found
	case pds.NotFound:
		return nhs.NotFound
	case pds.Invalidated:
		return nhs.Invalidated
	case pds.None:
		return nhs.None
	case pds.Many:
		return nhs.Many
	case pds.Unusable, pds.Unsupported:
		return nhs.Unusable
	}
	return nhs.Unusable
}
