package mail

import (
	"cmp"
	"time"

	"almanac/shared/private"
	"almanac/shared/wall"
)

// Notice is a mail that tells a privacy officer that an alert waits. It knows no patient and nobody whom the alert is
// about, so it can name none: only a reference, which leads to the rest after a log-in. It prints as "[redacted]".
type Notice struct {
	private.Hidden

	ID           string // of the delivery; the Message-ID is made of it
	To           Person
	Organisation string // its name
	Reference    string // the alert's id
	Due          time.Time
	At           time.Time // when the notice is written
}

// Notify makes the mail of a notice. An address that mail cannot be sent to is fault.Invalid "bad_address".
func (w *Writer) Notify(n Notice) (Parcel, error) {
	to, err := address(n.To.Email)
	if err != nil {
		return Parcel{}, err
	}
	from := cmp.Or(line(n.Organisation), "Almanac")
	return pack(w.begin(n.ID, from, Person{Name: line(n.To.Name), Email: to}, n.At, n.content(from)), to)
}

func (n Notice) content(from string) content {
	return content{
		Subject:  "An alert waits for review",
		Greeting: "Hello,",
		Lead:     "Somebody opened a record and gave a reason. Please review whether it was justified.",
		Facts: []fact{
			{Label: "Reference", Value: n.Reference},
			{Label: "Review by", Value: wall.Date(n.Due) + ", " + wall.Clock(n.Due)},
		},
		Notes: []string{
			"Log in to Almanac and look for this reference under Alerts.",
			"This email says no more on purpose. Please do not reply to it: nobody reads the replies.",
		},
		Signature: []string{from},
	}
}
