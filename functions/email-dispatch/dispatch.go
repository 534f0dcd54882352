package main

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/mail"
	"almanac/shared/patient"
	"almanac/shared/table"
	"almanac/shared/video"
)

// dispatcher has what it takes to send a mail.
type dispatcher struct {
	table     *table.Table
	directory *clinic.Directory
	patients  *patient.Service
	ledger    *delivery.Ledger
	writer    *mail.Writer
	post      *mail.Post
	links     video.Links
	public    string // address of our own pages
	now       func() time.Time
}

// dispatch sends what an event is told of.
func (d dispatcher) dispatch(ctx context.Context, by access.Caller, m event.Message) error {
	switch m.Name { //nolint:exhaustive // the events that the mail queue is told of
	case event.GlassBroken, event.RelationshipClaimed, event.EmergencyViewGranted:
		return d.alert(ctx, by, m)
	case event.VideoLinkAsked:
		return d.invitation(ctx, by, m)
	case event.ConnectionLapsed:
		return d.reconnect(ctx, by, m)
	default:
		return d.appointment(ctx, by, m)
	}
}

// appointment sends the patient the mail about an event of an appointment. One whose appointment does not exist is
// fault.NotFound: its subject is gone.
func (d dispatcher) appointment(ctx context.Context, by access.Caller, m event.Message) error {
	apt, err := d.read(ctx, by, m)
	if err != nil {
		return err
	}
	return d.tell(ctx, by, m, apt, func(now booking.Appointment) error { return d.current(now, m) })
}

// invitation sends the patient the link to a video visit, with the time that is so now: it is asked for by a person, so
// no later event takes its place.
func (d dispatcher) invitation(ctx context.Context, by access.Caller, m event.Message) error {
	apt, err := d.read(ctx, by, m)
	if err != nil {
		return err
	}
	return d.tell(ctx, by, m, apt, func(now booking.Appointment) error {
		switch {
		case now.Status == booking.Cancelled:
			return delivery.Skip(delivery.Superseded)
		case !now.End.After(d.now()):
			return delivery.Skip(delivery.Over)
		case now.Sequence != apt.Sequence: // moved in this moment: it is written anew
			return fault.New(fault.Unavailable, "overtaken", "The appointment changed while its mail was written.")
		}
		return nil
	})
}

// tell sends the patient a mail about an appointment, as long as that holds what the mail says.
func (d dispatcher) tell(
	ctx context.Context, by access.Caller, m event.Message, apt booking.Appointment,
	holds func(booking.Appointment) error,
) error {
	errand := delivery.Plain(m, apt.PatientID)
	return d.ledger.Deliver(ctx, by, errand, func(ctx context.Context) (delivery.Send, error) {
		if err := holds(apt); err != nil {
			return nil, err
		}
		letter, err := d.letter(ctx, by, m, apt)
		if err != nil {
			return nil, err
		}
		parcel, err := d.writer.Write(letter)
		if err != nil {
			return nil, err
		}
		parcel.Tags = map[string]string{"organisation": m.Org, "appointment": m.Target, "event": m.Event}
		return func(ctx context.Context) (string, error) {
			// Once more, as late as can be: a mail with a time that no longer holds is worse than none.
			if err := d.still(ctx, by, apt, holds); err != nil {
				return "", unsent(err)
			}
			return d.post.Send(ctx, parcel)
		}, nil
	})
}

// read reads the appointment as it is.
func (d dispatcher) read(ctx context.Context, by access.Caller, m event.Message) (booking.Appointment, error) {
	c := d.table.For(by)
	var apt booking.Appointment
	err := c.Get(ctx, c.Appointment(m.Target), &apt)
	return apt, err
}

// still reads whether there is a patient to tell, and whether the appointment still holds what the mail says.
func (d dispatcher) still(
	ctx context.Context, by access.Caller, was booking.Appointment, holds func(booking.Appointment) error,
) error {
	c := d.table.For(by)
	found, err := table.Together(ctx, c, c.Appointment(was.ID), c.Diary(was.PatientID))
	if err != nil {
		return err
	}
	var apt booking.Appointment
	row, there := found[c.Appointment(was.ID)]
	if _, known := found[c.Diary(was.PatientID)]; !there || !known {
		return fault.New(fault.NotFound, "not_found", "There is no such record.")
	}
	if err := row.Decode(&apt); err != nil {
		return err
	}
	return holds(apt)
}

// current tells whether the event is still the last of which people are told.
func (d dispatcher) current(apt booking.Appointment, m event.Message) error {
	switch {
	case m.Sequence < apt.Sequence:
		return delivery.Skip(delivery.Superseded)
	case m.Sequence > apt.Sequence: // the table was set back behind the event: for a person to look at
		return fault.New(fault.Internal, "ahead", "The appointment is older than the event about it.")
	case !apt.End.After(d.now()):
		return delivery.Skip(delivery.Over)
	}
	return nil
}

// unsent makes an error from before the hand-over one that says that nothing was handed over.
func unsent(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
		return fault.Wrap(err, fault.Unavailable, fault.Of(err).Code, "The appointment could not be read again.")
	}
	return err
}

func (d dispatcher) letter(
	ctx context.Context, by access.Caller, m event.Message, apt booking.Appointment,
) (mail.Letter, error) {
	who, err := d.patients.Addressee(ctx, by, apt.PatientID)
	switch {
	case fault.Is(err, fault.NotFound):
		return mail.Letter{}, delivery.Skip(delivery.NoPatient)
	case err != nil:
		return mail.Letter{}, err
	case who.Why == patient.HasDied:
		return mail.Letter{}, delivery.Skip(delivery.Deceased)
	case who.Email == "":
		return mail.Letter{}, delivery.Skip(delivery.NoAddress)
	}
	snap, err := d.directory.Snapshot(ctx, by)
	if err != nil {
		return mail.Letter{}, err
	}
	link, err := d.link(ctx, by, m.Name, apt)
	if err != nil {
		return mail.Letter{}, err
	}
	site, zone := snap.Sites[apt.SiteID], snap.Zone(apt.SiteID)
	return mail.Letter{
		ID: m.Event, Kind: kind(m.Name), Appointment: apt.ID, Sequence: apt.Sequence,
		To:           mail.Person{Name: who.Name, Email: who.Email},
		Organisation: snap.Organisation.Name,
		Site:         mail.Place{Name: site.Name, Address: site.Address, Email: site.Email, Phone: site.Phone},
		Mode:         snap.Services[apt.ServiceID].Mode, Link: link,
		Practitioner: snap.Practitioners[apt.PractitionerID].Name,
		Start:        apt.Start.In(zone), End: apt.End.In(zone), At: d.now(),
	}, nil
}

// link gives the address of the appointment's video visit, where somebody asked for it and the mail is to tell it.
func (d dispatcher) link(
	ctx context.Context, by access.Caller, n event.Name, apt booking.Appointment,
) (string, error) {
	if n != event.VideoLinkAsked && n != event.AppointmentMoved {
		return "", nil
	}
	token, err := d.links.Of(ctx, by, apt.ID)
	switch invited := n == event.VideoLinkAsked; {
	case err != nil:
		return "", err
	case invited && token == "": // the visit went with the account that it was in
		return "", delivery.Skip(delivery.Superseded)
	case invited && d.public == "":
		return "", fault.New(fault.Invalid, "no_public_url", "This installation has no address for links.")
	case token == "" || d.public == "":
		return "", nil
	}
	return d.public + "/v/" + token, nil
}

func kind(n event.Name) mail.Kind {
	switch n { //nolint:exhaustive // the events that the mail queue is told of
	case event.AppointmentMoved:
		return mail.Moved
	case event.AppointmentCancelled:
		return mail.Cancelled
	case event.VideoLinkAsked:
		return mail.Invited
	default:
		return mail.Booked
	}
}
