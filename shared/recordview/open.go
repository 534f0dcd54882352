package recordview

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/table"
)

const (
	// fetchTime bounds how long the other side is waited for.
	fetchTime = 20 * time.Second
	// settleTime is left of the request's time to write down what came of it.
	settleTime = 2 * time.Second
)

// Open shows the record of a view, once. That it is opened, and what leaves the house by that, is written before the
// other side is asked; that it was shown, before it is shown. So a record that could not be fetched may be asked for
// again within ten minutes of the first try, and one that may have been seen may not.
//
// Errors: fault NotFound; Denied for somebody else's view; Conflict "view_used", "view_opening", "view_closed",
// "permission_expired", "record_elsewhere", "record_not_viewable", and what the source says for good
// ("record_opted_out", "record_none", "record_refused"); Unavailable or Limited with the source's code, after which it
// may be opened again; and those of table.Clinic.Write.
func (s *Service) Open(ctx context.Context, by access.Caller, of, id string) (Shown, error) {
	if !isView(id) {
		return Shown{}, notFound()
	}
	o, err := s.begun(ctx, by, of, id)
	if err != nil {
		return Shown{}, err
	}
	v := &o.view
	content, err := fetch(ctx, o.source, o.query, *v)
	fetched := s.Now().UTC()
	if err == nil && !fetched.Before(v.Until) {
		err = expired()
	}
	if settled := s.settle(ctx, o.file, v, err); settled != nil {
		return Shown{}, settled
	}
	if err != nil {
		return Shown{}, err
	}
	return Shown{
		ID: v.ID, Record: v.Record, Date: content.Date.UTC(), FetchedAt: fetched, Emergency: v.emergency(),
		Sections: content.show(), Notice: notice,
	}, nil
}

// opened is a view that is being opened, and on what it was judged.
type opened struct {
	file
	view   view
	source Source
	query  Query
}

// beginTries is how often a view is judged anew because it, or the patient's record, moved on under it.
const beginTries = 5

// begun judges the view and writes down that it is opened, on the record and the view as they were judged.
func (s *Service) begun(ctx context.Context, by access.Caller, of, id string) (opened, error) {
	for try := 1; ; try++ {
		o, err := s.tryBegin(ctx, by, of, id)
		if try == beginTries || !fault.Is(err, fault.Stale) {
			return o, err
		}
	}
}

func (s *Service) tryBegin(ctx context.Context, by access.Caller, of, id string) (opened, error) {
	var o opened
	var err error
	if o.file, err = s.file(ctx, by, of); err != nil {
		return o, err
	}
	if err := o.c.Get(ctx, o.c.RecordView(of, id), &o.view); err != nil {
		return o, err
	}
	o.source = s.source(o.view.Record, o.org)
	if o.query, err = s.judge(by, o.file, o.view, o.source); err != nil {
		return o, err
	}
	return o, s.begin(ctx, by, o.file, &o.view, o.query)
}

// judge tells whether the view may be opened now, by everything that could have changed since it was granted.
func (s *Service) judge(by access.Caller, f file, v view, source Source) (Query, error) {
	if v.By != by.Person() {
		return Query{}, fault.New(fault.Denied, "denied", "This view was granted to somebody else.")
	}
	if err := v.openable(s.Now()); err != nil {
		return Query{}, err
	}
	if source.Elsewhere() != "" {
		return Query{}, elsewhere(source)
	}
	if err := viewable(f.patient); err != nil {
		return Query{}, err
	}
	var facts facts
	if err := f.key.Open(what(v.ID), v.Sealed, &facts); err != nil {
		return Query{}, err
	}
	if facts.Number != f.patient.Number.Value {
		return Query{}, fault.New(fault.Conflict, "number_changed",
			"The patient's NHS number changed since this view was granted. Ask for another one.")
	}
	return f.query(v, facts.Number, s.Now()), nil
}

// begin writes down that the record is asked for now, and that the patient's number is given away by that. An objection
// that came since the record was read makes it fault.Stale, and so does somebody who opens the view at the same moment.
func (s *Service) begin(ctx context.Context, by access.Caller, f file, v *view, q Query) error {
	now := s.Now().UTC()
	entry := disclosure.Entry{
		ID: s.NewID("dsc"), At: now, Recipient: recipient(v.Record, q), Categories: []string{disclosure.NHSNumber},
		Purpose: disclosure.DirectCare, Authority: v.authority(), Channel: disclosure.NHSService, By: by.Person(),
		Source: disclosure.Auto, Ref: v.ID,
	}
	item, err := disclosure.Item(f.c, f.key, f.patient.ID, entry)
	if err != nil {
		return err
	}
	if v.First.IsZero() {
		v.First = now
	}
	v.State, v.Tried, v.Outcome = Opening, now, ""
	return s.put(ctx, f, v, access.RecordViewOpen, event.RecordViewOpened, "", item, patient.Unchanged(f.c, f.patient))
}

func recipient(record Kind, q Query) disclosure.Recipient {
	if record == GPRecord && q.Practice != "" {
		return disclosure.Recipient{Name: "GP practice", ODSCode: q.Practice}
	}
	return disclosure.Recipient{Name: "NHS England", ODSCode: "X26"}
}

// authority is on what the asking itself rests in law.
func (v view) authority() string {
	switch v.Reason {
	case UnableToAsk:
		return disclosure.VitalInterests
	case PublicInterest:
		return disclosure.PublicInterest
	case Statute:
		return disclosure.LegalObligation
	case CourtOrder:
		return disclosure.CourtOrder
	}
	return disclosure.DutyToShare
}

// fetch asks the other side. A record whose patient opted out is read in an emergency only.
func fetch(ctx context.Context, source Source, q Query, v view) (Content, error) {
	wait := fetchTime
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-settleTime)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	ref, err := source.Find(ctx, q)
	if err != nil {
		return Content{}, err
	}
	if ref.No && !v.emergency() {
		return Content{}, fault.New(fault.Conflict, "record_opted_out", "The patient does not want this record seen.")
	}
	return source.Read(ctx, q, ref)
}

// recordStale is the code of a record that was replaced between the two requests that it takes to get it.
const recordStale = "record_stale"

// settle writes down what came of opening the view. What failed for now may be tried again; what failed for good, and
// what was shown, may not.
func (s *Service) settle(ctx context.Context, f file, v *view, came error) error {
	v.State = Used
	if came != nil {
		refusal := fault.Of(came)
		v.State, v.Outcome = Failed, refusal.Code
		if refusal.Kind == fault.Conflict || refusal.Kind == fault.Invalid || refusal.Kind == fault.Denied {
			v.State = Closed
		}
		if refusal.Code == recordStale {
			v.Round++
		}
	}
	why := string(v.State)
	if v.Outcome != "" {
		why = v.Outcome
	}
	err := s.put(ctx, f, v, access.RecordViewOpen, event.RecordViewSettled, why)
	if fault.Is(err, fault.Stale) { // taken for abandoned and opened anew: that one shows it, or nobody
		return opening()
	}
	return err
}

// put writes the view in its next version, with an event of the patient's.
func (s *Service) put(
	ctx context.Context, f file, v *view, action access.Permission, name event.Name, why string, also ...table.Item,
) error {
	was := v.Version
	err := f.c.Write(ctx, table.Change{
		Action: action, Target: f.patient.ID,
		Put:   append(also, table.Item{Key: f.c.RecordView(f.patient.ID, v.ID), Value: *v, Version: was}),
		Event: event.Event{Name: name, Why: why, Refs: map[string]string{"view": v.ID}},
	})
	if err == nil {
		v.Version = was + 1
	}
	return err
}
