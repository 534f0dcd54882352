package scr

import (
	"encoding/json"
	"net/http"
	"time"

	"almanac/shared/private"
)

// Record is what a record says, for a person to read. It prints as "[redacted]".
type Record struct {
	private.Hidden

	Title    string
	Date     time.Time // when it was made
	Sections []Section
}

// Section is one part of a record. Its XHTML is as it was sent: whoever shows it makes it safe first.
type Section struct {
	private.Hidden

	Title string
	XHTML string
}

// bundle is what of an answer is read: the narrative of the composition, which comes first. The coded entries behind
// it say the same for machines, and are left out, because nothing of a record is kept.
type bundle struct {
	ResourceType string `json:"resourceType"`
	Entry        []struct {
		Resource composition `json:"resource"`
	} `json:"entry"`
}

type composition struct {
	ResourceType string          `json:"resourceType"`
	Identifier   json.RawMessage `json:"identifier"` // one of a Composition, a list of a Patient
	Title        string          `json:"title"`
	Date         string          `json:"date"`
	Section      []section       `json:"section"`
}

type section struct {
	Title string `json:"title"`
	Text  struct {
		Div string `json:"div"`
	} `json:"text"`
	Section []section `json:"section"`
}

// strange tells whether the record is somebody else's.
func (b bundle) strange(number string) bool {
	for _, e := range b.Entry {
		var all []identifier
		if e.Resource.ResourceType == "Patient" &&
			(json.Unmarshal(e.Resource.Identifier, &all) != nil || !names(all, number)) {
			return true
		}
	}
	return false
}

const (
	maxSections = 200
	maxDepth    = 5
)

// record gives the composition. An answer whose parts cannot all be shown is an error: half a record looks like a whole
// one.
func (b bundle) record() (Record, error) {
	if b.ResourceType != "Bundle" || len(b.Entry) == 0 || b.Entry[0].Resource.ResourceType != "Composition" {
		return Record{}, unreadable(http.StatusOK)
	}
	c := b.Entry[0].Resource
	date, err := fhirTime(c.Date)
	if err != nil {
		return Record{}, unreadable(http.StatusOK)
	}
	sections, ok := flat(nil, c.Section, 0)
	if !ok || len(sections) == 0 {
		return Record{}, unreadable(http.StatusOK)
	}
	return Record{Title: c.Title, Date: date, Sections: sections}, nil
}

// flat lists sections and those within them in the order in which they are read.
func flat(out []Section, from []section, depth int) ([]Section, bool) {
	if depth > maxDepth {
		return nil, false
	}
	for _, s := range from {
		out = append(out, Section{Title: s.Title, XHTML: s.Text.Div})
		var ok bool
		if out, ok = flat(out, s.Section, depth+1); !ok || len(out) > maxSections {
			return nil, false
		}
	}
	return out, true
}

// fhirTime reads a FHIR dateTime, of which the time of day may be missing.
func fhirTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errDate
}

const errDate = dateError("not a FHIR dateTime")

// dateError is an error without what could not be read.
type dateError string

// Error says that a date was not one.
func (e dateError) Error() string { return string(e) }
