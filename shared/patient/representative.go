package patient

import (
	"time"

	"almanac/shared/private"
)

// Representative is somebody who acts for a patient. What the person may do, and for how long, stands in the patient's
// circle as well (care.Representative), under the same id and without a name.
type Representative struct {
	private.Hidden
	ID           string    `json:"id"`           // rep_…
	Relationship string    `json:"relationship"` // one of Relationships
	Name         Name      `json:"name"`
	Contacts     []Contact `json:"contacts,omitempty"`
	May          []string  `json:"may"` // care.MayBook, care.MayAsk
	Evidence     Evidence  `json:"evidence"`
	From         time.Time `json:"from"`
	// Until is the instant from which it counts no longer; nil until it is ended.
	Until   *time.Time `json:"until,omitempty"`
	EndedBy string     `json:"endedBy,omitempty"` // the subject of who ended it
}

// Evidence is what was seen before somebody was let act for the patient.
type Evidence struct {
	private.Hidden
	Kind      string `json:"kind"`                // one of EvidenceKinds
	SeenOn    string `json:"seenOn"`              // a date, YYYY-MM-DD
	Reference string `json:"reference,omitempty"` // such as the number of the registered power of attorney
}

// Relationships lists the values of Representative.Relationship.
func Relationships() []string {
	return []string{
		"parent", "guardian", "local-authority", "spouse-or-partner", "child", "sibling", "other-relative", "carer",
		"friend", "attorney", "deputy", "advocate",
	}
}

// EvidenceKinds lists the values of Evidence.Kind.
func EvidenceKinds() []string {
	return []string{
		"patients-word", "written-authority", "birth-certificate", "parental-responsibility", "power-of-attorney",
		"court-order",
	}
}
