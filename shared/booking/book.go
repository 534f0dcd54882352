package booking

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Book books an appointment at a time that is free. Nobody needs a relationship with the patient for it: the booking
// makes one. Errors: fault.Invalid for what cannot be meant, fault.NotFound for an unknown patient, fault.Conflict
// "time_taken" with every reason, "screening_excludes" and "may_not_book", and what table.Clinic.Write gives.
func (s *Service) Book(ctx context.Context, by access.Caller, once access.Once, w Wish) (Appointment, error) {
	if !id.Valid(w.PatientID, "pat") {
		return Appointment{}, invalid(fault.Detail{
			Code: "unknown_id", Message: "There is no such patient.", Pointer: "/patientId",
		})
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return Appointment{}, err
	}
	p, err := s.grasp(snap, w)
	if err != nil {
		return Appointment{}, err
	}
	apt, zone := p.appointment(s.newID("apt")), snap.Zone(p.site.ID)
	if err := s.ask(ctx, by, p.service, w.Asked, &apt); err != nil {
		return Appointment{}, err
	}
	err = s.claim(ctx, by, &p, func() error {
		apt.Lanes = p.lanes
		return s.table.For(by).Write(ctx, s.booked(by, once, &apt, zone, exchange(footprint{}, apt.footprint())))
	})
	if err != nil {
		return Appointment{}, err
	}
	return apt.told(zone), nil
}

// BookHeld turns a hold into an appointment for the patient, atomically. Errors as for Book.
func (s *Service) BookHeld(
	ctx context.Context, by access.Caller, once access.Once, holdID, patientID string, asked Asked,
) (Appointment, error) {
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return Appointment{}, err
	}
	hold, err := s.heldFor(ctx, by, holdID, patientID)
	if err != nil {
		return Appointment{}, err
	}
	p, err := s.grasp(snap, hold.wish())
	if err != nil {
		return Appointment{}, err
	}
	p.timely, p.own, p.patient = true, rawOf(hold.ID), patientID
	p.keepLengths(hold.End.Sub(hold.Start), hold.BufferBefore, hold.BufferAfter)
	if why := p.unclaimed(); len(why) > 0 { // leave entered or hours changed since
		if err := s.refuse(ctx, by, &p); err != nil {
			return Appointment{}, err
		}
	}
	apt, zone := p.appointment(s.newID("apt")), snap.Zone(p.site.ID)
	apt.Lanes = hold.Lanes
	if err := s.ask(ctx, by, p.service, asked, &apt); err != nil {
		return Appointment{}, err
	}
	change := s.booked(by, once, &apt, zone, exchange(hold.footprint(), apt.footprint()))
	change.Put = append(change.Put, table.Item{
		Key: s.table.For(by).Hold(hold.ID), Delete: true, Version: hold.Version,
	})
	if change.Event.Refs == nil {
		change.Event.Refs = map[string]string{}
	}
	change.Event.Refs["hold"] = hold.ID
	err = s.table.For(by).Write(ctx, change)
	if isTaken(err) {
		if err := s.refuse(ctx, by, &p); err != nil {
			return Appointment{}, err
		}
	}
	if fault.Is(err, fault.Stale) { // renewed between our read and our write: no copy of the caller's is out of date
		return Appointment{}, fault.New(fault.Unavailable, "busy", "The hold was being renewed. Ask again.")
	}
	if err != nil {
		return Appointment{}, err
	}
	return apt.told(zone), nil
}

// keepLengths judges by the lengths that something was held or booked with, should the service have changed since.
func (p *plan) keepLengths(length time.Duration, before, after int) {
	p.service.Minutes = int(length / time.Minute)
	p.service.BufferBefore, p.service.BufferAfter = before, after
	p.over = around(*p)
}

func (p plan) appointment(id string) Appointment {
	return Appointment{
		ID: id, Status: Booked, ServiceID: p.service.ID, SiteID: p.site.ID, PractitionerID: p.practitioner.ID,
		PatientID: p.patient, Start: p.start.Time(), End: (p.start + ticksOf(p.service.Minutes)).Time(),
		TimeZone: p.snap.Zone(p.site.ID).String(), Sequence: 0, Version: 1,
		BufferBefore: p.service.BufferBefore, BufferAfter: p.service.BufferAfter,
	}
}

// booked is the change that books apt with the claims.
func (s *Service) booked(
	by access.Caller, once access.Once, apt *Appointment, zone *time.Location, claims []table.Claim,
) table.Change {
	c := s.table.For(by)
	var refs map[string]string
	if apt.BookedBy != nil {
		refs = map[string]string{"representative": apt.BookedBy.RepresentativeID}
	}
	return table.Change{
		Action: access.AppointmentBook, Target: apt.ID, Patient: apt.PatientID, Once: once, Answer: apt.told(zone),
		Put: []table.Item{{
			Key: c.Appointment(apt.ID), Value: apt, New: true,
			Index: c.PatientIndex(apt.PatientID, apt.Start, apt.ID),
		}},
		Claims: claims,
		Event: event.Event{
			Name: event.AppointmentBooked, Version: apt.Version, Sequence: apt.Sequence, Refs: refs,
		},
	}
}
