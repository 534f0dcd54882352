// Package patient is whom the clinic treats: who somebody is, where to reach the person, who acts for the person, and
// what to keep in mind. Its rule: all of that is sealed, in one piece, under a key that is this patient's alone, and
// stands nowhere else. Other records, events, queues and answers kept for repeats carry the id; look-ups go through
// keyed digests; and the types that hold it print as "[redacted]".
package patient

import (
	"slices"
	"time"

	"almanac/shared/private"
)

// Patient is one person's record.
type Patient struct {
	private.Hidden
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Names   []Name `json:"names"`
	// BirthDate is as much of the date as is known: YYYY, YYYY-MM or YYYY-MM-DD.
	BirthDate string    `json:"birthDate,omitempty"`
	Sex       string    `json:"sex,omitempty"` // one of Sexes
	Addresses []Address `json:"addresses,omitempty"`
	Contacts  []Contact `json:"contacts,omitempty"`
	Practice  *Practice `json:"practice,omitempty"`
	Number    *Number   `json:"number,omitempty"`
	// Restricted says that where the person lives and can be reached is protected: what the NHS's register said of it
	// is removed and kept out of every message, calendar and export.
	Restricted bool `json:"restricted,omitempty"`
	// RestrictedBy are the NHS numbers under which the register said so, and the ids of merged records.
	RestrictedBy    []string         `json:"restrictedBy,omitempty"`
	Death           *Death           `json:"death,omitempty"`
	Alerts          []Alert          `json:"alerts,omitempty"`
	BookingNote     string           `json:"bookingNote,omitempty"`
	Representatives []Representative `json:"representatives,omitempty"`
	Objection       *Objection       `json:"objection,omitempty"`
	// MergedInto is the patient whose record goes on for this one; Merged are those that this one goes on for.
	MergedInto string   `json:"mergedInto,omitempty"`
	Merged     []string `json:"merged,omitempty"`
}

// ETagVersion is the version that an ETag tells.
func (p Patient) ETagVersion() int64 { return p.Version }

// The sexes, as PDS and FHIR call them (administrative gender).
const (
	Male       = "male"
	Female     = "female"
	OtherSex   = "other"
	UnknownSex = "unknown"
)

// Sexes lists the values of Patient.Sex.
func Sexes() []string { return []string{Male, Female, OtherSex, UnknownSex} }

// Where a part of a record comes from.
const (
	Local  = "local"  // entered here
	PDS    = "pds"    // the NHS's register of patients, the Personal Demographics Service
	Upload = "upload" // a file that the organisation sent in
)

// Practice is the GP practice that the person is, or was, registered with.
type Practice struct {
	private.Hidden
	ODSCode string `json:"odsCode"`
	Start   string `json:"start,omitempty"` // dates, YYYY-MM-DD
	End     string `json:"end,omitempty"`
	Source  string `json:"source,omitempty"`
}

// Death says that the person died.
type Death struct {
	private.Hidden
	// On is as much of the date as is known: YYYY, YYYY-MM or YYYY-MM-DD; empty where nothing is.
	On string `json:"on,omitempty"`
	// Status is informal, or formal once the registrar was told.
	Status string `json:"status,omitempty"`
	Source string `json:"source,omitempty"`
}

// What is known of a death.
const (
	Informal = "informal"
	Formal   = "formal"
)

// Alert is something that whoever meets the person should know first.
type Alert struct {
	private.Hidden
	Kind  string `json:"kind"` // one of AlertKinds
	Text  string `json:"text"`
	Start string `json:"start,omitempty"` // dates, YYYY-MM-DD
	End   string `json:"end,omitempty"`
}

// AlertKinds lists the values of Alert.Kind.
func AlertKinds() []string {
	return []string{"access-need", "allergy", "communication", "safeguarding", "safety", "other"}
}

// Objection says that the person does not want the NHS number used. While it stands, the number is not traced, shown,
// looked up or exported.
type Objection struct {
	private.Hidden
	At time.Time `json:"at"`
	By string    `json:"by"` // the subject of who entered it
}

// Living tells whether nothing says that the person died.
func (p Patient) Living() bool { return p.Death == nil }

// current tells whether something of that period counts on the day; an end is the last day it counts.
func current(start, end, day string) bool { return start <= day && (end == "" || day <= end) }

// clone copies the record, so that a change of the copy leaves the original as it was.
func (p Patient) clone() Patient {
	p.Names = slices.Clone(p.Names)
	for i, n := range p.Names {
		p.Names[i].Prefix, p.Names[i].Given = slices.Clone(n.Prefix), slices.Clone(n.Given)
		p.Names[i].Suffix = slices.Clone(n.Suffix)
	}
	p.Addresses = slices.Clone(p.Addresses)
	for i, a := range p.Addresses {
		p.Addresses[i].Lines = slices.Clone(a.Lines)
	}
	p.Contacts, p.Alerts = slices.Clone(p.Contacts), slices.Clone(p.Alerts)
	p.Representatives = slices.Clone(p.Representatives)
	for i, r := range p.Representatives {
		p.Representatives[i].May, p.Representatives[i].Contacts = slices.Clone(r.May), slices.Clone(r.Contacts)
	}
	p.Merged, p.RestrictedBy = slices.Clone(p.Merged), slices.Clone(p.RestrictedBy)
	p.Practice, p.Number = copied(p.Practice), copied(p.Number)
	p.Death, p.Objection = copied(p.Death), copied(p.Objection)
	if p.Number != nil {
		p.Number.History = slices.Clone(p.Number.History)
	}
	return p
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
