package video

import "time"

// Invitation is what the page behind a patient's link may know: when, by whom and how to reach the clinic. It knows no
// patient, no service and no reason.
type Invitation struct {
	// Start and End are the appointment's, as the diary has them now.
	Start, End time.Time
	Zone       string // IANA name of the site's zone
	// Told is the start that the patient was told of when the link was sent; Moved says that it is another one now.
	Told  time.Time
	Moved bool
	// Cancelled and Over are how the appointment ended, if it did: Over is completed, or the patient did not come.
	Cancelled, Over bool
	// RoomReady says that there is a room to go to; HostThere that a meeting is under way in it.
	RoomReady, HostThere bool
	Organisation         string // its name
	Practitioner         string // the name that patients know the practitioner by
	Site                 Contact
}

// Contact is how a patient reaches the clinic.
type Contact struct{ Name, Phone, Email string }
