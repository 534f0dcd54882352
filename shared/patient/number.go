package patient

import (
	"time"

	"almanac/shared/private"
)

// Number is what is known of a person's NHS number.
type Number struct {
	private.Hidden
	Value string `json:"value"` // ten digits; empty where only past ones are known
	// Status is the NHS Data Dictionary's NHS NUMBER STATUS INDICATOR: one of Verified, Present and TraceNeeded.
	Status     string     `json:"status"`
	State      string     `json:"state"` // what became of it: one of the states below
	VerifiedAt *time.Time `json:"verifiedAt,omitempty"`
	Source     string     `json:"source,omitempty"`
	VersionID  string     `json:"versionId,omitempty"` // of the NHS's record when it was last compared
	// History are the numbers that the person had before, newest last.
	History []PastNumber `json:"history,omitempty"`
}

// PastNumber is a number that is a person's no longer.
type PastNumber struct {
	private.Hidden
	Value  string    `json:"value"`
	Until  time.Time `json:"until"`
	Why    string    `json:"why"` // a code: replaced, removed, superseded, invalidated, refused
	Source string    `json:"source,omitempty"`
}

// Status indicators of a number.
const (
	StatusVerified    = "01" // present and verified
	StatusPresent     = "02" // present, not traced
	StatusTraceNeeded = "03" // trace required
)

// States of a number.
const (
	NumberPresent     = "present"     // somebody told it; nothing confirms it
	NumberVerified    = "verified"    // it is this person's, the NHS says
	NumberSuperseded  = "superseded"  // another number took its place
	NumberInvalidated = "invalidated" // withdrawn, without another in its place
	NumberNotFound    = "not-found"   // the NHS knows no such number
)
