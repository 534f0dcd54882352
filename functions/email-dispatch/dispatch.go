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
)

// dispatcher has what it takes to send a mail.
type dispatcher struct {
	table     *table.Table
	directory *clinic.Directory
	patients  *patient.Service
	ledger    *delivery.Ledger
	writer    *mail.Writer
	post      *mail.Post
	now       func() time.Time
}

// dispatch sends what an event is told of.
func (d dispatcher) dispatch(ctx context.Context, by access.Caller, m event.Message) error {
	switch m.Name { //nolint:exhaustive // the events that the mail queue is told of
	case event.GlassBroken, event.RelationshipClaimed, event.EmergencyViewGranted:
		return d.alert(ctx, by, m)
	default:
		return d.appointment(ctx, by, m)
	}
}

// appointment sends the patient the mail about an event of an appointment. One whose appointment does not exist is
// fault.NotFound: its subject is gone.
func (d dispatcher) appointment(ctx context.Context, by access.Caller, m event.Message) error {
	return d.ledger.Deliver(ctx, by, delivery.Plain(m), func(ctx context.Context) (delivery.Send, error) {
		apt, err := d.current(ctx, by, m)
		if err != nil {
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
			if _, err := d.current(ctx, by, m); err != nil {
				return "", unsent(err)
			}
			return d.post.Send(ctx, parcel)
		}, nil
	})
}

// current reads the appointment as it is, if the event is still the last of which people are told.
func (d dispatcher) current(ctx context.Context, by access.Caller, m event.Message) (booking.Appointment, error) {
	c := d.table.For(by)
	var apt booking.Appointment
	if err := c.Get(ctx, c.Appointment(m.Target), &apt); err != nil {
		return apt, err
	}
	switch {
	case m.Sequence < apt.Sequence:
		return apt, delivery.Skip(delivery.Superseded)
	case m.Sequence > apt.Sequence: // the table was set back behind the event: for a person to look at
		return apt, fault.New(fault.Internal, "ahead", "The appointment is older than the event about it.")
	case !apt.End.After(d.now()):
		return apt, delivery.Skip(delivery.Over)
	}
	return apt, nil
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
	site, zone := snap.Sites[apt.SiteID], snap.Zone(apt.SiteID)
	return mail.Letter{
		ID: m.Event, Kind: kind(m.Name), Appointment: apt.ID, Sequence: apt.Sequence,
		To:           mail.Person{Name: who.Name, Email: who.Email},
		Organisation: snap.Organisation.Name,
		Site:         mail.Place{Name: site.Name, Address: site.Address, Email: site.Email, Phone: site.Phone},
		Mode:         snap.Services[apt.ServiceID].Mode,
		Start:        apt.Start.In(zone), End: apt.End.In(zone), At: d.now(),
	}, nil
}

func kind(n event.Name) mail.Kind {
	switch n { //nolint:exhaustive // the events that the mail queue is told of
	case event.AppointmentMoved:
		return mail.Moved
	case event.AppointmentCancelled:
		return mail.Cancelled
	default:
		return mail.Booked
	}
}
