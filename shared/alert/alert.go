// Package alert is what privacy officers are told of: access that somebody took without a relationship, by a claim or
// in an emergency. Its rules: the access and the alert are written in one transaction, so that there is none without
// the other and no way to switch alerts off; and nobody reviews an alert about himself.
package alert

import (
	"time"

	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Kind is what was done.
type Kind string

// The kinds of alerts.
const (
	Claim         Kind = "claim"          // a relationship was claimed
	BreakGlass    Kind = "break-glass"    // the glass was broken
	EmergencyView Kind = "emergency-view" // a record that another organisation holds was opened in an emergency
)

// State is where an alert stands: open, then perhaps in-enquiry, then reviewed.
type State string

// The states.
const (
	Open      State = "open"
	InEnquiry State = "in-enquiry"
	Reviewed  State = "reviewed"
)

// Outcomes of a review.
const (
	Justified    = "justified"
	NotJustified = "not-justified"
	NeedsEnquiry = "needs-enquiry"
)

// within is how soon an alert is to be reviewed.
const within = 72 * time.Hour

// Alert is one access to be reviewed. It names the patient and the person by id alone.
type Alert struct {
	ID        string   `json:"id" dynamodbav:"id"`
	Kind      Kind     `json:"kind" dynamodbav:"kind" enum:"claim,break-glass,emergency-view"`
	PatientID string   `json:"patientId" dynamodbav:"pat"`
	Subject   string   `json:"subject" dynamodbav:"per" doc:"Of the person concerned."`
	Roles     []string `json:"roles" dynamodbav:"rol" doc:"The person's at the time."`
	Reason    string   `json:"reason" dynamodbav:"why" doc:"What the person gave, as a code."`
	// About is the relation, or the view of a record, that the alert is about.
	About    string    `json:"aboutId,omitempty" dynamodbav:"abt,omitempty"`
	RaisedAt time.Time `json:"raisedAt" dynamodbav:"at,unixtime"`
	Due      time.Time `json:"due" dynamodbav:"due,unixtime" doc:"By when it is to be reviewed."`
	Overdue  bool      `json:"overdue" dynamodbav:"-"`
	State    State     `json:"state" dynamodbav:"st" enum:"open,in-enquiry,reviewed"`
	Findings []Finding `json:"findings,omitempty" dynamodbav:"fnds,omitempty"`
	// Note is what the person wrote; only a read of the one alert shows it.
	Note    string `json:"note,omitempty" dynamodbav:"-"`
	Version int64  `json:"version" dynamodbav:"v"`
	// Sealed is the note as it is stored, under the patient's key.
	Sealed []byte `json:"-" dynamodbav:"note,omitempty"`
}

// Finding is what somebody found.
type Finding struct {
	Outcome string    `json:"outcome" dynamodbav:"out" enum:"justified,not-justified,needs-enquiry"`
	By      string    `json:"by" dynamodbav:"by"`
	At      time.Time `json:"at" dynamodbav:"at,unixtime"`
	Note    string    `json:"note,omitempty" dynamodbav:"-"`
	Sealed  []byte    `json:"-" dynamodbav:"note,omitempty"`
}

// ETagVersion is the version that an ETag tells.
func (a Alert) ETagVersion() int64 { return a.Version }

// Raise is a new alert as an item of the change that it is about; the event of that change names it in Refs, under
// Ref, and its name is one that the mail queue wants. The caller gives a fresh ID with the prefix "alr", Kind,
// PatientID, Subject, Roles, Reason, About, RaisedAt and Sealed.
func Raise(c table.Clinic, a Alert) table.Item {
	a.RaisedAt = a.RaisedAt.UTC().Truncate(time.Second)
	a.Due, a.State = a.RaisedAt.Add(within), Open
	return table.Item{Key: c.Alert(a.ID), Value: a, New: true, Index: a.listing(c)}
}

// Ref is the role under which an event names the alert that it raised.
const Ref = "alert"

// Prefix begins an alert's id.
const Prefix = "alr"

// listing places the alert with those that wait for somebody, or those that are done with.
func (a Alert) listing(c table.Clinic) table.Index {
	state := Open
	if a.State == Reviewed {
		state = Reviewed
	}
	return c.Listing(table.Alerts, string(state), a.RaisedAt, a.ID)
}

// shown fills in what is told but not stored.
func (a Alert) shown(now time.Time) Alert {
	a.RaisedAt, a.Due = a.RaisedAt.UTC(), a.Due.UTC()
	a.Overdue = a.State != Reviewed && now.After(a.Due)
	for i := range a.Findings {
		a.Findings[i].At = a.Findings[i].At.UTC()
	}
	return a
}

// Service takes claims and emergencies, and lets them be reviewed. It is safe for concurrent use.
type Service struct {
	table  *table.Table
	keeper *seal.Keeper
	now    func() time.Time
	newID  id.Source
}

// New makes the Service over the table; keeper opens the patients' keys, under which notes are sealed.
func New(t *table.Table, keeper *seal.Keeper, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, keeper: keeper, now: now, newID: newID}
}
