// Package booking is the diary: which times are free, holding one, booking, moving and cancelling. Its rules: a time
// is claimed in the same transaction that books it, never checked first; what lists the free times and what judges a
// booking is one rule on the same data; and when a time is refused, every reason is told at once.
package booking

import (
	"time"

	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Status is where an appointment stands in its one life.
type Status string

// The statuses.
const (
	Booked       Status = "booked"
	Confirmed    Status = "confirmed"
	Arrived      Status = "arrived"
	InProgress   Status = "in-progress"
	Completed    Status = "completed"
	DidNotAttend Status = "did-not-attend"
	Cancelled    Status = "cancelled"
)

// Appointment is one booking. It names people and places by id only.
type Appointment struct {
	ID             string    `json:"id" dynamodbav:"id"`
	Status         Status    `json:"status" dynamodbav:"st" enum:"booked,confirmed,arrived,in-progress,completed,did-not-attend,cancelled"`
	ServiceID      string    `json:"serviceId" dynamodbav:"svc"`
	SiteID         string    `json:"siteId" dynamodbav:"sit"`
	PractitionerID string    `json:"practitionerId" dynamodbav:"prc"`
	RoomIDs        []string  `json:"roomIds" dynamodbav:"-"`
	PatientID      string    `json:"patientId,omitempty" dynamodbav:"pat" doc:"Left out of a practitioner's day for who does not work at the site."`
	Start          time.Time `json:"start" dynamodbav:"start,unixtime"` // in the site's zone
	End            time.Time `json:"end" dynamodbav:"end,unixtime"`
	TimeZone       string    `json:"timeZone" dynamodbav:"zone"`
	LocalStart     string    `json:"localStart" dynamodbav:"-" example:"2026-11-23T09:30"` // the site's wall clock
	// CancelReason is a code, set when the appointment is cancelled.
	CancelReason string `json:"cancelReason,omitempty" dynamodbav:"why,omitempty" enum:"patient_request,clinic_request,booked_in_error,deleted_by_host"`
	// BookedBy is who booked on the patient's behalf; nil where nobody did.
	BookedBy *BookedBy `json:"bookedBy,omitempty" dynamodbav:"onb,omitempty"`
	// Answers are those to the service's questions, as codes. They say something of the patient, so only a read shows
	// them: what a change is answered with is kept for repeats.
	Answers []Answer `json:"answers,omitempty" dynamodbav:"ans,omitempty"`
	// Sequence counts the changes that people are told of (RFC 5545, SEQUENCE).
	Sequence int64 `json:"sequence" dynamodbav:"seq"`
	Version  int64 `json:"version" dynamodbav:"v"`
	// Lanes are the claimed places of rooms, kept so that exactly they are freed; so are the buffers, in minutes.
	Lanes        []string `json:"-" dynamodbav:"lanes,omitempty"`
	BufferBefore int      `json:"-" dynamodbav:"bb,omitempty"`
	BufferAfter  int      `json:"-" dynamodbav:"ba,omitempty"`
	// LeftDiary tells that the patient's diary was freed of it.
	LeftDiary bool `json:"-" dynamodbav:"left,omitempty"`
	// Basis is what the caller's access to it rests on, for the event that reading it leaves.
	Basis string `json:"-" dynamodbav:"-"`
}

// ETagVersion is the version that an ETag tells.
func (a Appointment) ETagVersion() int64 { return a.Version }

// Path is the appointment's address.
func (a Appointment) Path() string { return "/v1/appointments/" + a.ID }

// shown fills in what is told but not stored: the rooms behind the lanes, and the times in the site's zone.
func (a Appointment) shown(zone *time.Location) Appointment {
	a.RoomIDs = roomsOf(a.Lanes)
	a.Start, a.End = a.Start.In(zone), a.End.In(zone)
	a.LocalStart = a.Start.Format(localLayout)
	return a
}

// told is shown without what must not be kept for repeats of the request.
func (a Appointment) told(zone *time.Location) Appointment {
	a.Answers = nil
	return a.shown(zone)
}

const localLayout = "2006-01-02T15:04"

func (a Appointment) core() table.Span { return table.SpanOf(a.Start, a.End) }

func (a Appointment) full() table.Span {
	return table.SpanOf(a.Start.Add(-minutes(a.BufferBefore)), a.End.Add(minutes(a.BufferAfter)))
}

// changeable tells whether the appointment can still be moved or cancelled.
func (a Appointment) changeable() bool { return a.Status == Booked || a.Status == Confirmed }

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// Service carries out everything that happens to the diary. It is safe for concurrent use.
type Service struct {
	table *table.Table
	dir   *clinic.Directory
	guard care.Guard
	now   func() time.Time
	newID id.Source
}

// New makes the Service over the table; dir tells what the organisation has set up.
func New(t *table.Table, dir *clinic.Directory, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, dir: dir, guard: care.Guard{Table: t, Now: now}, now: now, newID: newID}
}
