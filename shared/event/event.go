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
	PatientMerged         Name = "patient.merged"
	PatientUnmerged       Name = "patient.unmerged"
	RepresentativeAdded   Name = "representative.added"
	RepresentativeEnded   Name = "representative.ended"
	RelationshipMade      Name = "relationship.made"
	RelationshipClaimed   Name = "relationship.claimed"
	RelationshipKept      Name = "relationship.kept" // asked for again while it counts
	RelationshipEnded     Name = "relationship.ended"
	GlassBroken           Name = "glass.broken"
	AlertReviewed         Name = "alert.reviewed"
	TraceRequested        Name = "number.trace-requested"
	NumberTraced          Name = "number.traced"
	NumberSettled         Name = "number.settled"
	NumberReviewed        Name = "number.reviewed"
	ObjectionMade         Name = "objection.made"
	ObjectionWithdrawn    Name = "objection.withdrawn"
	ConsentTextCreated    Name = "consent-text.created"
	ConsentGiven          Name = "consent.given"
	ConsentWithdrawn      Name = "consent.withdrawn"
	DisclosureEntered     Name = "disclosure.entered"
	RecordViewGranted     Name = "record-view.granted"
	EmergencyViewGranted  Name = "record-view.emergency-granted"
	RecordViewOpened      Name = "record-view.opened"
	RecordViewSettled     Name = "record-view.settled"
	UploadCreated         Name = "upload.created"
	UploadStarted         Name = "upload.started"
	UploadContinued       Name = "upload.continued"
	UploadCheckpoint      Name = "upload.checkpoint"
	UploadFinished        Name = "upload.finished"
	KeyMade               Name = "key.made"
	HoldCreated           Name = "hold.created"
	HoldRenewed           Name = "hold.renewed"
	HoldReleased          Name = "hold.released"
	AppointmentBooked     Name = "appointment.booked"
	AppointmentMoved      Name = "appointment.moved"
	AppointmentCancelled  Name = "appointment.cancelled"
	AppointmentProgressed Name = "appointment.progressed"
	ConnectionBegun       Name = "connection.begun"
	ConnectionReturned    Name = "connection.returned" // somebody came back from the provider with what Why says
	ConnectionMade        Name = "connection.made"
	ConnectionRenewing    Name = "connection.renewing" // somebody has the lease to renew its token
	ConnectionRenewed     Name = "connection.renewed"
	ConnectionNotRenewed  Name = "connection.not-renewed"
	ConnectionPlanned     Name = "connection.planned" // when it is to be looked after
	ConnectionLapsed      Name = "connection.lapsed"  // its owner must connect it again
	ConnectionDue         Name = "connection.due"     // it is to be looked after
	ConnectionEnding      Name = "connection.ending"
	ConnectionEnded       Name = "connection.ended"
	LoginProvisioned      Name = "login.provisioned"
	VideoAsked            Name = "video.asked"
	VideoLinkAsked        Name = "video.link-asked"
	VideoSyncing          Name = "video.syncing"
	VideoSettled          Name = "video.settled"
	VideoNoted            Name = "video.noted"
	VideoErased           Name = "video.erased"
	VideoStarted          Name = "video.started"
	VideoJoined           Name = "video.joined"
	TaskRaised            Name = "task.raised"
	TaskDone              Name = "task.done"
	MessagePlanned        Name = "message.planned"
	MessageSending        Name = "message.sending"
	MessageSettled        Name = "message.settled"
	RecordRead            Name = "record.read"
	ReadDenied            Name = "read.denied"
)

// Queue names a worker's queue.
type Queue string

// The queues.
const (
	Email  Queue = "email"  // messages to patients, and alerts to privacy officers
	PDS    Queue = "pds"    // work with NHS services that nobody waits for: tracing numbers, keeping them in step
	Asked  Queue = "asked"  // work with NHS services that somebody asked for and may be waiting for, and privacy alerts
	Upload Queue = "upload" // files of patients to take in
	Video  Queue = "video"  // rooms for video visits to make, change and take away, and connections to look after
)

// Queues is the one table of who is told of what. An event that no queue wants stays an audit entry.
func Queues(n Name) []Queue {
	switch n { //nolint:exhaustive // the events that somebody is told of
	case AppointmentBooked:
		return []Queue{Email, PDS}
	case AppointmentMoved, AppointmentCancelled:
		return []Queue{Email, Video}
	case VideoLinkAsked:
		return []Queue{Email, Video}
	case VideoAsked, ConnectionMade, ConnectionEnding, ConnectionEnded, ConnectionDue:
		return []Queue{Video}
	case ConnectionLapsed:
		return []Queue{Email}
	case GlassBroken, RelationshipClaimed:
		return []Queue{Email}
	case EmergencyViewGranted:
		return []Queue{Email, Asked}
	case PatientCreated, PatientChanged, PatientMerged:
		return []Queue{PDS}
	case TraceRequested, ObjectionWithdrawn:
		return []Queue{Asked}
	case UploadStarted, UploadContinued:
		return []Queue{Upload}
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
	// Basis is the relationship to the patient that the access rested on, such as "booking".
	Basis string `dynamodbav:"bas,omitempty"`
	// Roles are the caller's at the time.
	Roles []string `dynamodbav:"rol,omitempty"`
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
