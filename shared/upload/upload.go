// Package upload takes in a file of patients: first to the letter and without any effect, then for good. Its rules: a
// file is run only as it was tried; a line is one patient or none, and the same line twice, in one file or in two, is
// the same patient; whatever is stopped goes on where it was; records that are there already are never changed; and
// what is reported says which line and why, never what stood in it.
package upload

import (
	"strconv"
	"time"

	"almanac/shared/file"
)

// State is where an upload stands.
//
//	awaiting-file ─► checking ─► checked ─► loading ─► done
//	                  │    ▲        │          │
//	                  ▼    └────────┘          ▼
//	               refused   tried again    refused, if the file is another one by then, or gone
type State string

// The states.
const (
	Awaiting State = "awaiting-file" // nothing was started yet
	Checking State = "checking"      // the dry run is under way
	Checked  State = "checked"       // the dry run is complete: the report tells what the run would do
	Loading  State = "loading"       // patients are being registered
	Done     State = "done"
	Refused  State = "refused" // the file cannot be taken: see the refusal
)

// running tells whether a worker is, or ought to be, at it.
func (s State) running() bool { return s == Checking || s == Loading }

// The formats of files.
const (
	CSV  = "csv"
	FHIR = "fhir-ndjson"
)

// Counts are what became of the lines so far.
type Counts struct {
	Lines      int `json:"lines" dynamodbav:"n" doc:"That were dealt with so far."`
	Created    int `json:"created" dynamodbav:"new" doc:"Of a dry run: that would be."`
	Matched    int `json:"matched" dynamodbav:"old" doc:"That are there already, and were left as they are."`
	Duplicates int `json:"duplicates" dynamodbav:"dup" doc:"That stand in an earlier line of the file."`
	Refused    int `json:"refused" dynamodbav:"bad"`
}

// Upload is one file and what became of it. It tells nothing of anybody in the file.
type Upload struct {
	ID      string    `json:"id" dynamodbav:"id"`
	Version int64     `json:"version" dynamodbav:"v"`
	State   State     `json:"state" dynamodbav:"st" enum:"awaiting-file,checking,checked,loading,done,refused"`
	Format  string    `json:"format" dynamodbav:"fmt" enum:"csv,fhir-ndjson"`
	Dates   string    `json:"dates,omitempty" dynamodbav:"dates,omitempty" enum:"YYYY-MM-DD,DD/MM/YYYY"`
	Bytes   int64     `json:"bytes" dynamodbav:"size"`
	SHA256  string    `json:"sha256" dynamodbav:"sum"`
	Created time.Time `json:"created" dynamodbav:"made,unixtime"`
	By      string    `json:"createdBy" dynamodbav:"by" doc:"The subject of the member of staff."`

	Started time.Time `json:"started,omitzero" dynamodbav:"from,unixtime" doc:"Of the last run, dry or not."`
	Ended   time.Time `json:"ended,omitzero" dynamodbav:"to,unixtime"`
	Counts  Counts    `json:"counts" dynamodbav:"counts" doc:"Of the last run."`
	Total   int       `json:"total,omitempty" dynamodbav:"total,omitempty" doc:"Lines with a patient, once a dry run counted them."`
	Refusal *Refusal  `json:"refusal,omitempty" dynamodbav:"no,omitempty" doc:"Why the file cannot be taken."`
	// Percent and Expected are worked out when the upload is read.
	Percent  int       `json:"percent" dynamodbav:"-" doc:"Of the file, in the run that is under way."`
	Expected time.Time `json:"expected,omitzero" dynamodbav:"-" doc:"When that run is likely to end."`
	// Send is how the file is sent; who reads the upload while there is none gets a fresh one each time.
	Send *file.Ticket `json:"send,omitempty" dynamodbav:"-" doc:"How to send the file, while it is awaited."`

	// Run counts the runs, dry ones too: each writes a report of its own. Reported is the last complete one.
	Run      int `json:"-" dynamodbav:"run"`
	Reported int `json:"-" dynamodbav:"rep"`
	// Tag names the object that the run reads, Tried the one that the last complete dry run read.
	Tag   string `json:"-" dynamodbav:"tag,omitempty"`
	Tried string `json:"-" dynamodbav:"tried,omitempty"`
	// Line and Offset are the last line that was dealt with and where it ends; Parts counts the pieces of the report;
	// Read says that there are no more lines.
	Line   int   `json:"-" dynamodbav:"line"`
	Offset int64 `json:"-" dynamodbav:"off"`
	Parts  int   `json:"-" dynamodbav:"parts"`
	Read   bool  `json:"-" dynamodbav:"read"`
	// Woken is the version at which the last event was written that wakes a worker: messages of earlier ones are over.
	Woken int64 `json:"-" dynamodbav:"woken"`
	// Lease is until when the worker that took the upload may still be at it; Token is that worker's.
	Lease time.Time `json:"-" dynamodbav:"lease,unixtime"`
	Token string    `json:"-" dynamodbav:"try,omitempty"`
}

// ETagVersion is the version that an ETag tells.
func (u Upload) ETagVersion() int64 { return u.Version }

// Receipt is what a write is answered with.
type Receipt struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// ETagVersion is the version that an ETag tells.
func (r Receipt) ETagVersion() int64 { return r.Version }

// Path is the upload's address.
func (r Receipt) Path() string { return "/v1/uploads/" + r.ID }

// Names of objects. They hold ids and numbers alone.
func (u Upload) object(org string) string { return "uploads/" + org + "/" + u.ID }

func (u Upload) part(org string, n int) string {
	return u.object(org) + "/" + strconv.Itoa(u.Run) + "/" + strconv.Itoa(n)
}

func (u Upload) report(org string, run int) string {
	return u.object(org) + "/report-" + strconv.Itoa(run) + ".csv"
}

// dry tells whether the run that is under way, or was last, is a dry one.
func (u Upload) dry() bool { return u.State == Checking || u.State == Checked }

// shown is the upload as it is read at the instant.
func (u Upload) shown(now time.Time) Upload {
	u.Created, u.Started, u.Ended = u.Created.UTC(), inUTC(u.Started), inUTC(u.Ended)
	if u.Refusal != nil {
		u.Refusal.Sentence = u.Refusal.sentence()
	}
	switch {
	case u.State == Checked || u.State == Done:
		u.Percent = 100
	case u.State.running() && u.Bytes > 0:
		u.Percent = int(min(u.Offset*100/u.Bytes, 99)) // the last is the report
		if passed := now.Sub(u.Started); u.Offset > 0 && passed > 0 {
			left := float64(passed) * float64(u.Bytes-u.Offset) / float64(u.Offset)
			u.Expected = now.Add(time.Duration(left)).UTC().Truncate(time.Second)
		}
	}
	return u
}

// inUTC leaves the zero time as it is, which is how an answer leaves it out.
func inUTC(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC()
}
