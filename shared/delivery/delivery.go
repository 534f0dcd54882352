// Package delivery is the ledger of what was sent to whom about what, and the one way to send. Its rule: a
// message goes out only after this worker, and no other, has written down that it is about to send it; from then on
// it is never sent again unless the provider said that it did not take it. What nobody can know is written down as
// unknown, for a person to look at.
package delivery

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/table"
)

// State is where a delivery stands.
//
//	(nothing) ─► sending ─► done | failed | skipped | unknown
//	    │           │ ▲
//	    │           ▼ │ not taken: the queue brings it again
//	    │         planned
//	    └─► skipped | failed, when there is nothing to send
//
// The first attempt goes straight to sending: planned is written only when a message must wait, so that the usual
// delivery is two writes. Until then it is the event in the outbox, or its message in the queue, that plans it.
type State string

// The states. Planned and Sending are the only ones that a delivery leaves, but for what Ledger.Deliver says of
// Unknown.
const (
	Planned State = "planned"
	Sending State = "sending"
	Done    State = "done"
	Failed  State = "failed"
	Skipped State = "skipped"
	Unknown State = "unknown"
)

// Email is the channel of mail, so far the only one.
const Email = "email"

// Delivery is one message about one event to one reader. It names people by no more than ids.
type Delivery struct {
	Event string     `json:"event" dynamodbav:"evt"`
	Name  event.Name `json:"name" dynamodbav:"name"` // what the message tells, such as "appointment.moved"
	// Target is the appointment or the alert that the message is about; only those about appointments are listed.
	Target string `json:"appointmentId" dynamodbav:"apt"`
	// Reader is the subject of whom it goes to, where an event is told to several; empty where Target says it.
	Reader  string `json:"-" dynamodbav:"to,omitempty"`
	Channel string `json:"channel" dynamodbav:"ch" enum:"email"`
	State   State  `json:"state" dynamodbav:"st" enum:"planned,sending,done,failed,skipped,unknown"`
	Reason  string `json:"reason,omitempty" dynamodbav:"why,omitempty"` // a code
	// Sentence tells a person what State and Reason mean.
	Sentence   string    `json:"sentence" dynamodbav:"-"`
	ProviderID string    `json:"providerId,omitempty" dynamodbav:"pid,omitempty"`
	Attempts   int       `json:"attempts" dynamodbav:"tries"`
	Began      time.Time `json:"began" dynamodbav:"began,unixtime"`
	Changed    time.Time `json:"changed" dynamodbav:"at,unixtime"`
	Version    int64     `json:"-" dynamodbav:"v"`
	// Lease is until when the worker that took the delivery may still be sending it; Token is that worker's.
	Lease time.Time `json:"-" dynamodbav:"lease,unixtime"`
	Token string    `json:"-" dynamodbav:"try,omitempty"`

	patient string // whom Target concerns; it stands there and is not kept here
}

// unsaid is the same delivery as if nothing were known of it.
func (d Delivery) unsaid() Delivery {
	return Delivery{Event: d.Event, Target: d.Target, Reader: d.Reader, patient: d.patient}
}

// key is the delivery's own: of its target, by event and reader. No subject holds what parts the two.
func (d Delivery) key(c table.Clinic) table.Key {
	if d.Reader == "" {
		return c.Delivery(d.Target, d.Event)
	}
	return c.Delivery(d.Target, d.Event+"#"+d.Reader)
}

// settled tells whether nothing more is done about the delivery.
func (d Delivery) settled() bool {
	switch d.State {
	case Done, Failed, Skipped, Unknown:
		return true
	case Planned, Sending, "":
		return false
	}
	return false
}

// List gives the deliveries about an appointment, oldest event first. An appointment that does not exist is
// fault.NotFound.
func List(ctx context.Context, t *table.Table, by access.Caller, appointment string) ([]Delivery, error) {
	c := t.For(by)
	if err := c.Get(ctx, c.Appointment(appointment), &struct{}{}); err != nil {
		return nil, err
	}
	rows, err := c.Under(ctx, c.Appointment(appointment), table.Deliveries)
	if err != nil {
		return nil, err
	}
	out := make([]Delivery, len(rows))
	for i, row := range rows {
		if err := row.Decode(&out[i]); err != nil {
			return nil, err
		}
		out[i] = out[i].shown()
	}
	return out, nil
}

func (d Delivery) shown() Delivery {
	d.Began, d.Changed, d.Sentence = d.Began.UTC(), d.Changed.UTC(), d.sentence()
	return d
}

func (d Delivery) sentence() string {
	switch d.State {
	case Planned:
		return "Not sent yet: the mail service did not take it. It is tried again."
	case Sending:
		return "Being sent just now."
	case Done:
		return "Handed to the mail service."
	case Failed:
		if d.Reason == "bad_address" {
			return "Not sent: mail cannot be sent to the e-mail address on record. Tell the patient in another way."
		}
		return "Not sent: the mail service refused it. Tell the patient in another way."
	case Skipped:
		return skipped(d.Reason)
	case Unknown:
		return "It is not known whether this was sent, and it is not sent again. Ask the patient."
	}
	return ""
}

// Reasons for which there is nothing to send.
const (
	Superseded = "superseded" // the appointment has changed again since
	NoAddress  = "no_address" // the patient has no address of the channel's kind
	NoPatient  = "no_patient" // the patient's record is gone
	Over       = "over"       // the appointment has ended
	Deceased   = "deceased"   // the patient has died
)

func skipped(reason string) string {
	switch reason {
	case Superseded:
		return "Not sent: the appointment changed again first. A later message tells how it stands."
	case NoAddress:
		return "Not sent: the patient has no e-mail address on record. Tell the patient in another way."
	case NoPatient:
		return "Not sent: the patient's record is gone."
	case Deceased:
		return "Not sent: the patient is recorded as having died."
	case Over:
		return "Not sent: the appointment was over before the message could go out."
	}
	return "Not sent: there was nothing to tell."
}
