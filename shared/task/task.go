// Package task is what staff must see to that no rule could settle: a time that was changed elsewhere and is taken, an
// account that must be connected again. Its rules: the same matter is one task, however often it is raised; a task
// tells what to do in words of its own and names records by id; and who does not work at its site does not see it.
package task

import (
	"time"

	"almanac/shared/id"
	"almanac/shared/table"
)

// State is where a task stands.
type State string

// The states.
const (
	Open State = "open"
	Done State = "done"
)

// Task is something that staff must see to.
type Task struct {
	ID    string `json:"id" dynamodbav:"id"`
	Kind  string `json:"kind" dynamodbav:"kind" example:"room_time_refused" doc:"What it is about, for a program."`
	State State  `json:"state" dynamodbav:"st" enum:"open,done"`
	// Text says what happened and what to do.
	Text string `json:"text" dynamodbav:"-" doc:"What happened and what to do, for people."`
	// Because is more of why, as codes.
	Because []string `json:"because,omitempty" dynamodbav:"bec,omitempty" doc:"Why, as codes: those of a time that is not free, as in entries of errors, or of what became of an account, as in Connected."`
	// AppointmentID is what it is about; it is empty for a task about a person's account.
	AppointmentID string `json:"appointmentId,omitempty" dynamodbav:"apt,omitempty" doc:"The appointment that it is about. A task about an account has none."`
	// AppointmentIDs are the first of several that it is about.
	AppointmentIDs []string `json:"appointmentIds,omitempty" dynamodbav:"apts,omitempty" maxItems:"50" doc:"The appointments that it concerns, the earliest first, and at most 50 of them; count tells of all."`
	// Subject is whose account it is about.
	Subject string `json:"subject,omitempty" dynamodbav:"sub,omitempty" doc:"Of the member of staff whose account it is about."`
	// SiteID is whose staff see it; empty for those of the whole organisation.
	SiteID   string     `json:"siteId,omitempty" dynamodbav:"sit,omitempty" doc:"Whose staff see it. One without is shown to the whole organisation."`
	Count    int        `json:"count,omitempty" dynamodbav:"n,omitempty" doc:"How many it concerns, where it concerns several."`
	RaisedAt time.Time  `json:"raisedAt" dynamodbav:"at,unixtime"`
	DoneAt   *time.Time `json:"doneAt,omitempty" dynamodbav:"done,omitempty"`
	DoneBy   string     `json:"doneBy,omitempty" dynamodbav:"by,omitempty" doc:"Who saw to it; absent where it settled by itself."`
	// Settled is how it came to be done without anybody.
	Settled string `json:"settled,omitempty" dynamodbav:"set,omitempty" enum:"connected,account_gone,visit_settled" doc:"How it came to be done by itself: an account was connected, it is no more, or what was told of the visit is untrue by now."`
	// Held tells that a row stands among the matters of its person, or of its appointment, while it is open.
	Held    bool  `json:"-" dynamodbav:"hld,omitempty"`
	Version int64 `json:"version" dynamodbav:"v"`
}

// ETagVersion is the version that an ETag tells.
func (t Task) ETagVersion() int64 { return t.Version }

// Prefix begins a task's id.
const Prefix = "tsk"

// listing places the task with those that wait for somebody, or those that are done with.
func (t Task) listing(c table.Clinic) table.Index {
	return c.Listing(table.Tasks, string(t.State), t.RaisedAt, t.ID)
}

// position is where a list goes on after the task: the sort key of its listing.
func (t Task) position() string { return t.RaisedAt.UTC().Format(time.RFC3339) + "#" + t.ID }

// shown fills in what is told but not stored.
func (t Task) shown() Task {
	t.RaisedAt, t.Text = t.RaisedAt.UTC(), text(t.Kind)
	if t.DoneAt != nil {
		at := t.DoneAt.UTC()
		t.DoneAt = &at
	}
	return t
}

// Service raises tasks and lets them be done. It is safe for concurrent use.
type Service struct {
	table *table.Table
	now   func() time.Time
}

// New makes the Service.
func New(t *table.Table, now func() time.Time) *Service { return &Service{table: t, now: now} }

// valid tells whether an id can be a task's.
func valid(task string) bool { return id.Valid(task, Prefix) }
