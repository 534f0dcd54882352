// Package recordview lets somebody look at a record that another organisation holds: the Summary Care Record, or what
// the patient's GP practice holds. Its rules: before anything is asked of the other side it is written down who looks,
// and on whose permission or in what emergency, an emergency with an alert in the same transaction; what comes back is
// made safe, shown once, to that person, and stored nowhere.
package recordview

import (
	"context"
	"time"

	"almanac/shared/fault"
	"almanac/shared/private"
)

// Kind names a record.
type Kind string

// The records.
const (
	SummaryCareRecord Kind = "summary-care-record"
	GPRecord          Kind = "gp-record"
)

// Source is where a record is looked at. The implementations are the clients of the NHS's services and LinkOut.
type Source interface {
	// Elsewhere is the address of the view where a person looks instead; empty for a source that gives the content.
	Elsewhere() string
	// Find tells where the record is now and whether the patient lets it be seen, without anything of what is in it.
	Find(ctx context.Context, q Query) (Reference, error)
	// Read gets the record. It is not called where Find says No, but in an emergency.
	Read(ctx context.Context, q Query, ref Reference) (Content, error)
}

// Query says whose record is asked for, by whom.
type Query struct {
	private.Hidden

	View     string // the id of the view: a request that is repeated for it is told to be the same one
	Round    int    // how often the view was asked for anew because its record had been replaced meanwhile
	ODS      string // of the organisation that asks
	Number   string // the patient's verified NHS number
	Practice string // ODS code of the patient's GP practice, where it is known
}

// Reference is where a record is.
type Reference struct {
	ID string
	No bool // the patient opted out
}

// Content is what a record says. Its XHTML is as the other side sent it, until Shown.
type Content struct {
	private.Hidden

	Date     time.Time // when the record was made
	Sections []Part
}

// Part is one section of a record.
type Part struct {
	private.Hidden

	Title string
	XHTML string
}

// Shown is a record as it is shown, once.
type Shown struct {
	private.Hidden

	ID        string    `json:"id"`
	Record    Kind      `json:"record" enum:"summary-care-record,gp-record"`
	Date      time.Time `json:"date" doc:"When the record was made: it may be out of date."`
	FetchedAt time.Time `json:"fetchedAt"`
	Emergency bool      `json:"emergency,omitempty" doc:"It was opened without the patient's permission."`
	Sections  []Section `json:"sections"`
	Notice    string    `json:"notice" doc:"To be shown with the record."`
}

// Section is one section of a record, safe to put into a page.
type Section struct {
	private.Hidden

	Title string `json:"title"`
	HTML  string `json:"html" doc:"Paragraphs, lists and tables without attributes, scripts, links or images."`
}

// notice goes with every record that is shown.
const notice = "This is a copy made by another organisation, shown once. It is not part of your own record, and is " +
	"not kept: look at it again when you need it again."

// LinkOut is the source of an organisation that does not get records itself: people look at them in the web view of the
// National Care Records Service, with their own NHS log-in.
type LinkOut struct{}

// address is where the National Care Records Service is described and opened.
const address = "https://digital.nhs.uk/services/national-care-records-service"

// Elsewhere is the address of the web view.
func (LinkOut) Elsewhere() string { return address }

// Find refuses: there is nothing to find here.
func (LinkOut) Find(context.Context, Query) (Reference, error) {
	return Reference{}, elsewhere(LinkOut{})
}

// Read refuses: there is nothing to read here.
func (LinkOut) Read(context.Context, Query, Reference) (Content, error) {
	return Content{}, elsewhere(LinkOut{})
}

func elsewhere(s Source) error {
	return fault.New(fault.Conflict, "record_elsewhere", "Your organisation does not get this record here.",
		fault.Detail{
			Code: "look_elsewhere", Message: "Look at it in the National Care Records Service.",
			Choices: []string{s.Elsewhere()},
		})
}
