// Package event is the catalogue of everything that happens, and the one table of who is told. Its rule: an event
// carries ids and codes only, never anybody's data, because it is kept, streamed and queued.
package event

import (
	"strconv"
	"time"
)

// Name says what happened, as noun and past participle.
type Name string

// The events.
const (
	OrganisationCreated   Name = "organisation.created"
	OrganisationChanged   Name = "organisation.changed"
	SiteCreated           Name = "site.created"
	SiteChanged           Name = "site.changed"
	RoomCreated           Name = "room.created"
	RoomChanged           Name = "room.changed"
	ServiceCreated        Name = "service.created"
	ServiceChanged        Name = "service.changed"
	PractitionerCreated   Name = "practitioner.created"
	PractitionerChanged   Name = "practitioner.changed"
	StaffCreated          Name = "staff.created"
	StaffChanged          Name = "staff.changed"
	LeaveEntered          Name = "leave.entered"
	LeaveWithdrawn        Name = "leave.withdrawn"
	PatientCreated        Name = "patient.created"
	PatientChanged        Name = "patient.changed"
	HoldCreated           Name = "hold.created"
	HoldRenewed           Name = "hold.renewed"
	HoldReleased          Name = "hold.released"
	AppointmentBooked     Name = "appointment.booked"
	AppointmentMoved      Name = "appointment.moved"
	AppointmentCancelled  Name = "appointment.cancelled"
	AppointmentProgressed Name = "appointment.progressed"
	MessagePlanned        Name = "message.planned"
	MessageSending        Name = "message.sending"
	MessageSettled        Name = "message.settled"
	RecordRead            Name = "record.read"
	ReadDenied            Name = "read.denied"
)

// Queue names a worker's queue.
type Queue string

// Email is the queue of messages to patients.
const Email Queue = "email"

// Queues is the one table of who is told of what. An event that no queue wants stays an audit entry.
func Queues(n Name) []Queue {
	switch n { //nolint:exhaustive // the events that somebody is told of
	case AppointmentBooked, AppointmentMoved, AppointmentCancelled:
		return []Queue{Email}
	default:
		return nil
	}
}

// Event is one thing that happened: audit entry and outbox row at once.
type Event struct {
	ID     string    `dynamodbav:"id"`
	Name   Name      `dynamodbav:"name"`
	Org    string    `dynamodbav:"org"`
	Action string    `dynamodbav:"act"` // the permission that was used
	By     string    `dynamodbav:"by"`  // the caller's person or job
	Target string    `dynamodbav:"tgt"` // the id of what it happened to
	At     time.Time `dynamodbav:"at,unixtime"`
	// Version is the target's version after the event; Before the one before it, zero where there was none.
	Version int64 `dynamodbav:"ver,omitempty"`
	Before  int64 `dynamodbav:"bef,omitempty"`
	// Sequence counts the changes of an appointment that people are told of (RFC 5545, SEQUENCE).
	Sequence int64 `dynamodbav:"seq,omitempty"`
	// Why is a reason as a code, such as "patient_request"; never free text.
	Why string `dynamodbav:"why,omitempty"`
	// Refs are ids of other records concerned, by role.
	Refs map[string]string `dynamodbav:"ref,omitempty"`
}

// Message is what a queue carries of an event: enough to find it, nothing to learn from.
type Message struct {
	V        int    `json:"v"`
	Event    string `json:"event"`
	Name     Name   `json:"name"`
	Org      string `json:"org"`
	Target   string `json:"target"`
	Version  int64  `json:"version"`
	Sequence int64  `json:"sequence"`
}

// MessageVersion is the V of messages written by this code; a worker refuses a V it does not know.
const MessageVersion = 1

// Message gives the queue message of the event.
func (e Event) Message() Message {
	return Message{
		V: MessageVersion, Event: e.ID, Name: e.Name, Org: e.Org, Target: e.Target,
		Version: e.Version, Sequence: e.Sequence,
	}
}

// FromAttributes reads an event's message from a stream record, whose attributes attr gives as text by name.
func FromAttributes(attr func(name string) string) Message {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(attr(name), 10, 64) // absent counts as zero, as it was written
		return n
	}
	return Message{
		V: MessageVersion, Event: attr("id"), Name: Name(attr("name")), Org: attr("org"), Target: attr("tgt"),
		Version: number("ver"), Sequence: number("seq"),
	}
}
