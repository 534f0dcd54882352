package gate

import (
	"cmp"

	"almanac/shared/booking"
)

// Appointment is embedded in the input of all that concerns one appointment, and gets the appointment once it is known,
// so that the event of a read or a denial stands in its patient's access log.
type Appointment struct {
	ID   string `path:"id" maxLength:"40"`
	kept booking.Appointment
}

// Found keeps the appointment that was read or changed, or that was denied, and gives it back.
func (a *Appointment) Found(apt booking.Appointment, err error) (booking.Appointment, error) {
	a.kept = apt
	return apt, err
}

// Subject is the patient whose appointment it is; the appointment itself as long as the patient is not known.
func (a *Appointment) Subject() string { return cmp.Or(a.kept.PatientID, a.ID) }

// References names the appointment, for an event that stands with its patient.
func (a *Appointment) References() map[string]string {
	if a.kept.PatientID == "" {
		return nil
	}
	return map[string]string{"appointment": a.ID}
}

// Basis is what the access to the appointment rests on.
func (a *Appointment) Basis() string { return a.kept.Basis }
