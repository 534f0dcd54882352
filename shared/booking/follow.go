package booking

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Reasons for which the diary does not follow a time that was set elsewhere, besides those for which it is not free.
const (
	OffGrid   = "off_grid"
	InThePast = "in_the_past"
	NoLength  = "no_length"
	TooLong   = "too_long"
)

// Why an appointment changed that nobody here changed.
const (
	MovedByHost   = "moved_by_host"
	DeletedByHost = "deleted_by_host"
)

// Follow gives an appointment the time that its practitioner set elsewhere, such as at the provider of a video visit's
// room: start and length are claimed by the rule that books, and the old time is freed, in one transaction with what
// else rests on it. Nobody asked for it ahead, so lead time and horizon do not count. Rooms are kept where they are
// free. version is the one the caller saw. Errors: fault.Conflict "time_taken" with every reason, among them those of
// this file, "not_changeable", "patient_closed" and "no_change"; fault.Stale where the appointment or an item of with
// was changed meanwhile; and those of table.Clinic.Write.
func (s *Service) Follow(
	ctx context.Context, by access.Caller, aptID string, version int64, start time.Time, length int, with []table.Item,
) (Appointment, error) {
	snap, was, by, err := s.changeable(ctx, by, aptID, version)
	if err != nil {
		return was, err
	}
	moved := !start.Equal(was.Start)
	if !moved && minutes(length) == was.End.Sub(was.Start) {
		return Appointment{}, fault.New(fault.Conflict, "no_change", "The appointment is at this time already.")
	}
	if why := unusable(start, length, moved, s.now()); len(why) > 0 {
		return Appointment{}, table.TimeTaken(why...)
	}
	p, err := s.grasp(snap, Wish{
		ServiceID: was.ServiceID, SiteID: was.SiteID, PractitionerID: was.PractitionerID, PatientID: was.PatientID,
		Start: start.UTC().Format(time.RFC3339),
	})
	if err != nil {
		return Appointment{}, err
	}
	p.timely, p.own = true, rawOf(was.ID)
	p.keepLengths(minutes(length), was.BufferBefore, was.BufferAfter)
	return s.followed(ctx, by, snap, &p, was, with)
}

// unusable tells what of a time cannot be in the diary at all.
func unusable(start time.Time, length int, moved bool, now time.Time) []fault.Detail {
	var why []fault.Detail
	grain := int(table.TickLength / time.Minute)
	if moved && start.Unix()%int64(table.TickLength/time.Second) != 0 || length%grain != 0 {
		why = append(why, reason(OffGrid, "Times and lengths in the diary are full five minutes.", ""))
	}
	if moved && table.TickOf(start) < table.TickOf(now) { // the step that is running may still be booked
		why = append(why, reason(InThePast, "It is in the past.", ""))
	}
	switch {
	case length <= 0:
		why = append(why, reason(NoLength, "It has no length.", ""))
	case length > table.MaxClaimTicks*grain:
		why = append(why, reason(TooLong, "One appointment can last 8 hours at the most.", ""))
	}
	return why
}

// followed claims the plan.
func (s *Service) followed(
	ctx context.Context, by access.Caller, snap *clinic.Snapshot, p *plan, was Appointment, with []table.Item,
) (Appointment, error) {
	to, zone := p.appointment(was.ID), snap.Zone(p.site.ID)
	to.Version, to.Sequence = was.Version+1, was.Sequence+1
	to.BookedBy, to.Answers = was.BookedBy, was.Answers
	if to.Start.Equal(was.Start) {
		to.Status = was.Status // who confirmed the start did not confirm the end
	}
	c := s.table.For(by)
	err := s.claim(ctx, by, p, func() error {
		to.Lanes = p.keepRooms(was)
		return c.Write(ctx, table.Change{
			Action: access.AppointmentMove, Target: was.ID, Patient: was.PatientID,
			Put: append([]table.Item{{
				Key: c.Appointment(was.ID), Value: to, Version: was.Version,
				Index: c.PatientIndex(to.PatientID, to.Start, to.ID),
			}}, with...),
			Claims: exchange(was.footprint(), to.footprint()),
			Event: event.Event{
				Name: event.AppointmentMoved, Why: MovedByHost, Before: was.Version, Version: to.Version,
				Sequence: to.Sequence,
			},
		})
	})
	if err != nil {
		return Appointment{}, err
	}
	return to.told(zone), nil
}

// CancelFor cancels an appointment for a reason that lies elsewhere, in one transaction with what else rests on it.
// Errors as for Follow.
func (s *Service) CancelFor(
	ctx context.Context, by access.Caller, aptID string, version int64, why string, with []table.Item,
) (Appointment, error) {
	return s.cancel(ctx, by, access.Once{}, aptID, version, why, with)
}
