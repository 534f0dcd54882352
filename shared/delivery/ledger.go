package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Ledger keeps the deliveries. It is safe for concurrent use.
type Ledger struct {
	table *table.Table
	now   func() time.Time
	newID id.Source
}

// New makes the Ledger over the table.
func New(t *table.Table, now func() time.Time, newID id.Source) *Ledger {
	return &Ledger{table: t, now: now, newID: newID}
}

// Prepare makes a message ready, which may take reading but no effect. It gives what sends it. Instead it may give
// Skip, when there is nothing to send, fault.Invalid when there never can be, or any other error, which leaves the
// delivery as it is and goes back to the queue.
type Prepare func(ctx context.Context) (Send, error)

// Send hands the message to the provider, at most once, and gives the provider's id of it. Its error tells what
// became of the message: fault.Invalid: the provider refuses it for good; fault.Unavailable or fault.Limited: the
// provider did not take it; Skip: it was not tried, for there is nothing to send any more. Any other error, a kind
// that nobody thought of included, means that it may have been sent.
type Send func(ctx context.Context) (providerID string, err error)

// Skip makes the error that says that there is nothing to send, and why.
func Skip(reason string) error { return skipError(reason) }

type skipError string

// Error gives the reason's code.
func (s skipError) Error() string { return "nothing to send: " + string(s) }

const (
	// lease is how long a worker is taken to be alive after it began to send: twice the time that Lambda gives it,
	// and less than the queue's visibility, so that a message that comes back finds it over.
	lease = time.Minute
	// settleTime is kept of the deadline for writing down what became of a message, and sendTime for sending it.
	settleTime = 3 * time.Second
	sendTime   = 3 * time.Second
)

// Errand is a message to deliver: what happened, what the message is about, which patient that concerns, and to whom it
// goes where that does not follow from it.
type Errand struct {
	event.Message
	About   string
	Patient string
	Reader  string
}

// Plain is the errand of an event that is told to the patient whom its target concerns.
func Plain(m event.Message, patient string) Errand {
	return Errand{Message: m, About: m.Target, Patient: patient}
}

// Deliver delivers the message about an event, unless that was done or given up before: nil means that nothing more
// is to be done. fault.Unavailable leaves it to the queue: another worker is at it, or it could not be sent now.
// fault.NotFound says that the patient was erased, even in this moment: then nothing is written any more, nor sent
// unless it had been by then.
//
// When a worker dies between beginning to send and writing down what came of it, the message comes back from the
// queue, finds the lease over, and the delivery becomes unknown. Should the worker be alive after all, only seen late
// by a clock that is ahead, it knows better and has the last word.
func (l *Ledger) Deliver(ctx context.Context, by access.Caller, e Errand, prepare Prepare) error {
	d, err := l.find(ctx, by, Delivery{
		Event: e.Event, Name: e.Name, Target: e.About, Reader: e.Reader, Channel: Email, Began: l.now(),
		patient: e.Patient,
	})
	switch {
	case err != nil:
		return err
	case d.settled():
		return nil
	case d.State == Sending && l.now().Before(d.Lease):
		return later("being_sent")
	case d.State == Sending:
		d.State, d.Reason = Unknown, "worker_lost"
		return l.turn(ctx, by, &d)
	}
	send, err := prepare(ctx)
	if err != nil {
		return l.unprepared(ctx, by, d, err)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < sendTime+settleTime {
		return later("no_time")
	}
	if err := l.take(ctx, by, &d); err != nil {
		return err
	}
	providerID, err := bounded(ctx, send)
	return l.settle(ctx, by, d, providerID, err)
}

// bounded sends so early that what became of it can still be written down.
func bounded(ctx context.Context, send Send) (string, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-settleTime))
		defer cancel()
	}
	return send(ctx)
}

func later(code string) error {
	return fault.New(fault.Unavailable, code, "This message waits for its next turn.")
}

// find reads the delivery as it stands; one that there is not yet is as it is given.
func (l *Ledger) find(ctx context.Context, by access.Caller, fresh Delivery) (Delivery, error) {
	c := l.table.For(by)
	var d Delivery
	err := c.Get(ctx, fresh.key(c), &d)
	if fault.Is(err, fault.NotFound) {
		return fresh, nil
	}
	d.patient = fresh.patient
	return d, err
}

func (l *Ledger) unprepared(ctx context.Context, by access.Caller, d Delivery, err error) error {
	var skip skipError
	switch {
	case errors.As(err, &skip):
		d.State, d.Reason = Skipped, string(skip)
	case fault.Is(err, fault.Invalid):
		d.State, d.Reason = Failed, fault.Of(err).Code
	default:
		return err
	}
	return l.turn(ctx, by, &d)
}

// take writes down that this worker is about to send. When the table's answer was lost, the token tells whether it
// is ours all the same: without that look, a message that never went out would end as unknown.
func (l *Ledger) take(ctx context.Context, by access.Caller, d *Delivery) error {
	d.State, d.Reason, d.Attempts = Sending, "", d.Attempts+1
	d.Token, d.Lease = l.newID("try"), l.now().Add(lease)
	err := l.turn(ctx, by, d)
	if !fault.Is(err, fault.Unavailable) {
		return err
	}
	got, findErr := l.find(ctx, by, d.unsaid())
	if findErr != nil || got.State != Sending || got.Token != d.Token {
		return err
	}
	*d = got
	return nil
}

// settle writes down what became of a message that was sent, or was not.
func (l *Ledger) settle(ctx context.Context, by access.Caller, d Delivery, providerID string, sent error) error {
	var skip skipError
	kind := fault.Of(sent)
	switch {
	case sent == nil:
		d.State, d.Reason, d.ProviderID = Done, "", providerID
	case errors.As(sent, &skip):
		d.State, d.Reason = Skipped, string(skip)
	case kind.Kind == fault.Invalid:
		d.State, d.Reason = Failed, kind.Code
	case kind.Kind == fault.Unavailable, kind.Kind == fault.Limited:
		d.State, d.Reason = Planned, kind.Code
	default:
		d.State, d.Reason = Unknown, kind.Code
	}
	if err := l.insist(ctx, by, d); err != nil {
		return fmt.Errorf("write down that it is %s: %w", d.State, err)
	}
	if d.State == Planned {
		return sent // the queue brings it again
	}
	return nil
}

// insistence is how often the outcome of a message is written before it is left to become unknown.
const insistence = 3

// insist writes the outcome, and if that fails looks what stands there: the same, because only the answer was lost, or
// what another worker made of it, who thought this one dead. Of a patient who was erased meanwhile nothing is written.
func (l *Ledger) insist(ctx context.Context, by access.Caller, d Delivery) error {
	var err error
	for range insistence {
		try := d
		if err = l.turn(ctx, by, &try); err == nil || fault.Is(err, fault.NotFound) {
			return err
		}
		got, findErr := l.find(ctx, by, d.unsaid())
		switch {
		case findErr != nil:
			continue
		case got.Token != d.Token:
			return err // cannot be: nobody takes what was taken
		case got.State == d.State:
			return nil
		}
		d.Version = got.Version
	}
	return err
}

// turn writes the delivery as it is now, on the condition that nobody has since it was read, with the event that says
// so. Losing to another worker is fault.Unavailable: the message finds what that one did when it comes back.
func (l *Ledger) turn(ctx context.Context, by access.Caller, d *Delivery) error {
	c, now := l.table.For(by), l.now()
	d.Changed = now
	err := c.Write(ctx, table.Change{
		Action: access.MessageSend, Target: d.Target, Patient: d.patient,
		Put:   []table.Item{{Key: d.key(c), Value: *d, New: d.Version == 0, Version: d.Version}},
		Event: event.Event{Name: d.news(), Why: d.why(), Refs: map[string]string{"event": d.Event}},
	})
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) {
		return later("being_sent")
	}
	if err == nil {
		d.Version++
	}
	return err
}

// news names the event of the state that the delivery has come to.
func (d Delivery) news() event.Name {
	switch d.State {
	case Planned:
		return event.MessagePlanned
	case Sending:
		return event.MessageSending
	case Done, Failed, Skipped, Unknown:
		return event.MessageSettled
	}
	return event.MessageSettled
}

// why gives the state, and the reason for it, as the code of the event.
func (d Delivery) why() string {
	if d.Reason == "" {
		return string(d.State)
	}
	return string(d.State) + ":" + d.Reason
}
