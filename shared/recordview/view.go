package recordview

import (
	"slices"
	"time"

	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/private"
)

// State is how far a view has come.
type State string

// The states of a view. Only Granted and Failed can be opened, Failed and an Opening that nobody finished for a while.
const (
	Granted State = "granted" // it is written down on what it rests; nothing was asked of the other side
	Opening State = "opening" // the other side is being asked
	Used    State = "shown"   // the record was shown
	Failed  State = "failed"  // nothing came; Why says why
	Closed  State = "closed"  // nothing will come; Why says why
)

// How a permission counts.
const (
	Once  = "once"  // for one view, soon
	Until = "until" // for views until an instant
)

// Reasons of an emergency.
const (
	PublicInterest = "public-interest"
	Statute        = "statute"
	CourtOrder     = "court-order"
	UnableToAsk    = "unable-to-ask" // the patient cannot be asked, and waiting would do harm
)

// Reasons lists the reasons of an emergency.
func Reasons() []string { return []string{UnableToAsk, PublicInterest, Statute, CourtOrder} }

// view is one view of a record as it is stored. It holds nothing of the record.
type view struct {
	ID      string    `dynamodbav:"id"`
	Version int64     `dynamodbav:"v"`
	Record  Kind      `dynamodbav:"rec"`
	State   State     `dynamodbav:"st"`
	By      string    `dynamodbav:"by"` // who may open it
	At      time.Time `dynamodbav:"at"`
	// AskedBy is the member of staff who asked the patient; Scope is how the permission counts; Earlier is the view
	// for which the patient gave it, where it still counts from then. Empty in an emergency.
	AskedBy string `dynamodbav:"ask,omitempty"`
	Scope   string `dynamodbav:"scope,omitempty"`
	Earlier string `dynamodbav:"earl,omitempty"`
	// Reason is why the patient was not asked, Alert the alert that this raised. Empty with a permission.
	Reason string `dynamodbav:"why,omitempty"`
	Alert  string `dynamodbav:"alr,omitempty"`
	// Until is the instant from which the view rests on nothing any longer.
	Until time.Time `dynamodbav:"until"`
	// First is when it was first opened, Tried when last.
	First time.Time `dynamodbav:"first,omitempty"`
	Tried time.Time `dynamodbav:"tried,omitempty"`
	// Round counts how often the record was found to be replaced while it was fetched, so that it is asked for anew.
	Round int `dynamodbav:"rnd,omitempty"`
	// Outcome is why it failed or is closed, as a code.
	Outcome string `dynamodbav:"out,omitempty"`
	// Told is when the NHS's privacy officers were told of an emergency.
	Told time.Time `dynamodbav:"told,omitempty"`
	// Sealed holds the facts, under the patient's key.
	Sealed []byte `dynamodbav:"s"`
}

// facts are what of a view could identify somebody, or is written in words.
type facts struct {
	private.Hidden

	Number string `json:"number"`         // the NHS number that the view is for
	Note   string `json:"note,omitempty"` // what was written about the emergency
	ODS    string `json:"ods"`
	ASID   string `json:"asid,omitempty"`
	User   string `json:"user,omitempty"` // the person's id in the Spine directory
	Role   string `json:"role,omitempty"`
}

// what names the sealed part of one view, so that it opens in no other one.
func what(view string) string { return "record view " + view }

const (
	prefix        = "viw"
	patientPrefix = "pat"

	// onceLasts is how long a permission for one view counts: the patient is there, or was just now.
	onceLasts = time.Hour
	// emergencyLasts is as long as a broken glass.
	emergencyLasts = 30 * time.Minute
	// longestUntil bounds a permission for several views.
	longestUntil = 366 * 24 * time.Hour
	// retryWithin is how long after it was first opened a view that failed may be opened again.
	retryWithin = 10 * time.Minute
	// abandoned is when an opening that was not finished is taken for one that never will be. It is longer than the
	// function may run.
	abandoned = time.Minute
)

func (v view) emergency() bool { return v.Reason != "" }

// openable tells why the view cannot be opened now, or nil.
func (v view) openable(now time.Time) error {
	switch {
	case v.State == Used:
		return fault.New(fault.Conflict, "view_used",
			"This view was shown. It is shown once: ask for another one if you need the record again.")
	case v.State == Closed:
		return closed(v.Outcome)
	case v.State == Opening && now.Before(v.Tried.Add(abandoned)):
		return opening()
	case v.State != Granted && !now.Before(v.First.Add(retryWithin)):
		return closed("record_retry_over")
	case !now.Before(v.Until):
		return expired()
	}
	return nil
}

func opening() error {
	return fault.New(fault.Conflict, "view_opening", "This view is being opened. Wait a moment.")
}

func expired() error {
	return fault.New(fault.Conflict, "permission_expired",
		"What this view rests on counts no longer. Ask the patient again, and ask for another view.")
}

// closed is for a view that cannot be opened any more, with why.
func closed(why string) error {
	return fault.New(fault.Conflict, "view_closed", "This view cannot be opened any more. Ask for another one.",
		reason(why))
}

func reason(why string) fault.Detail {
	switch why {
	case "record_opted_out":
		return fault.Detail{Code: "record_opted_out", Message: "The patient does not want this record seen."}
	case "record_none":
		return fault.Detail{Code: "record_none", Message: "The patient has no such record."}
	case "record_retry_over":
		return fault.Detail{Code: "record_retry_over", Message: "It failed, and the time to try again is over."}
	case "permission_expired":
		return fault.Detail{
			Code: "permission_expired", Message: "What it rested on counted no longer when the record came.",
		}
	}
	return fault.Detail{Code: "record_refused", Message: "The service does not let this record be seen."}
}

// covers tells whether the permission that the earlier view was given with counts for another view of the same record.
func (v view) covers(record Kind, now time.Time) bool {
	return v.Record == record && v.Scope == Until && !v.emergency() && now.Before(v.Until)
}

func isView(s string) bool    { return id.Valid(s, prefix) }
func isPatient(s string) bool { return id.Valid(s, patientPrefix) }

func isReason(s string) bool { return slices.Contains(Reasons(), s) }

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }
