package mail

import (
	"cmp"
	"time"

	"almanac/shared/private"
)

// Reconnect is a mail that asks somebody to connect their Zoom account again. It holds no link: a mail that leads to a
// log-in is what people are warned of. It prints as "[redacted]".
type Reconnect struct {
	private.Hidden

	ID           string // of the delivery; the Message-ID is made of it
	To           Person
	Organisation string // its name
	Clinics      bool   // it is the clinic's account, and not the person's own
	At           time.Time
}

// Remind makes the mail that asks for a new connection. An address that mail cannot be sent to is fault.Invalid
// "bad_address".
func (w *Writer) Remind(r Reconnect) (Parcel, error) {
	to, err := address(r.To.Email)
	if err != nil {
		return Parcel{}, err
	}
	from := cmp.Or(line(r.Organisation), "Almanac")
	return pack(w.begin(r.ID, from, Person{Name: line(r.To.Name), Email: to}, r.At, r.content(from)), to)
}

func (r Reconnect) content(from string) content {
	c := content{
		Subject:  "Please connect your Zoom account again",
		Greeting: "Hello,",
		Lead:     "Almanac cannot use your own Zoom account any more, the one that your video visits are held with.",
		Notes: []string{
			"No video visit is lost: those that wait for a call get one as soon as Zoom is connected. Until then, " +
				"patients cannot join new ones.",
			"Log in to Almanac, open your profile and choose to connect Zoom. Allow everything that Zoom asks for.",
			"Please do not reply to this email: nobody reads the replies.",
		},
		Signature: []string{from},
	}
	if r.Clinics {
		c.Subject = "Please connect the clinic’s Zoom account again"
		c.Lead = "Almanac cannot use the clinic’s Zoom account any more, the one that staff’s Zoom log-ins are made in."
		c.Notes[0] = "Until it is connected again, no Zoom log-ins can be made for your staff. " +
			"Video visits are not affected."
		c.Notes[1] = "Log in to Almanac, open your profile and choose to connect the clinic’s Zoom account."
	}
	return c
}
