package booking

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Move gives an appointment another time, and another practitioner or site where the wish names one: the new time is
// claimed and the old one freed in one transaction. It keeps the length and the buffers that it was booked with.
// version is the one the caller saw. Errors as for Book, and fault.Conflict "not_changeable" for one that is under
// way, completed, missed or cancelled, and "no_change"; fault.Denied "no_relationship" for who has no part in the
// patient's care, and then the appointment names the patient and nothing else.
func (s *Service) Move(
	ctx context.Context, by access.Caller, once access.Once, aptID string, version int64, w Wish,
) (Appointment, error) {
	snap, was, by, err := s.changeable(ctx, by, aptID, version)
	if err != nil {
		return was, err
	}
	w.ServiceID, w.PatientID = was.ServiceID, was.PatientID
	if w.PractitionerID == "" {
		w.PractitionerID = was.PractitionerID
	}
	if w.SiteID == "" {
		w.SiteID = was.SiteID
	}
	p, err := s.grasp(snap, w)
	if err != nil {
		return Appointment{}, err
	}
	p.own = rawOf(was.ID)
	p.keepLengths(was.End.Sub(was.Start), was.BufferBefore, was.BufferAfter)
	if p.start.Time().Equal(was.Start) && p.practitioner.ID == was.PractitionerID && p.site.ID == was.SiteID &&
		len(w.RoomIDs) == 0 {
		return Appointment{}, fault.New(fault.Conflict, "no_change", "The appointment is at this time already.")
	}
	to, zone := p.appointment(was.ID), snap.Zone(p.site.ID)
	to.Status, to.Version, to.Sequence = Booked, version+1, was.Sequence+1
	to.BookedBy, to.Answers = was.BookedBy, was.Answers
	c := s.table.For(by)
	err = s.claim(ctx, by, &p, func() error {
		to.Lanes = p.keepRooms(was)
		return c.Write(ctx, table.Change{
			Action: access.AppointmentMove, Target: was.ID, Patient: was.PatientID, Once: once, Answer: to.told(zone),
			Put: []table.Item{{
				Key: c.Appointment(was.ID), Value: to, Version: version,
				Index: c.PatientIndex(to.PatientID, to.Start, to.ID),
			}},
			Claims: exchange(was.footprint(), to.footprint()),
			Event: event.Event{
				Name: event.AppointmentMoved, Before: version, Version: to.Version, Sequence: to.Sequence,
			},
		})
	})
	if err != nil {
		return Appointment{}, err
	}
	return to.told(zone), nil
}

// keepRooms prefers the rooms that the appointment has, as long as nothing is known to be in the way.
func (p plan) keepRooms(was Appointment) []string {
	unknown := p.busy == nil && len(p.rooms) == 0 && len(p.avoid) == 0
	if unknown && was.SiteID == p.site.ID && len(was.Lanes) == len(p.lanes) {
		r := p.rule()
		var kept []string
		if fits(only(r.needs, roomsOf(was.Lanes)), r.full(p.start), &kept) && slices.Equal(kept, was.Lanes) {
			return kept
		}
	}
	return p.lanes
}

// changeable reads an appointment that may still be moved or cancelled and is at the version that the caller saw.
func (s *Service) changeable(
	ctx context.Context, by access.Caller, aptID string, version int64,
) (*clinic.Snapshot, Appointment, access.Caller, error) {
	snap, apt, by, err := s.read(ctx, by, aptID)
	switch {
	case err != nil:
		return nil, apt, by, err
	case apt.Version != version:
		return nil, Appointment{}, by, outdated()
	case !apt.changeable():
		return nil, Appointment{}, by, fault.New(fault.Conflict, "not_changeable",
			"This appointment is under way, completed, missed or cancelled and cannot be changed.")
	}
	return snap, apt, by, nil
}

func outdated() error {
	return fault.New(fault.Stale, "stale", "This was changed by somebody else in the meantime. Look again.")
}

// read reads an appointment for somebody who has a part in the patient's care, and gives the caller with what that
// rests on. Who has none is denied, and the appointment then names the patient alone, for the note of the denial.
func (s *Service) read(
	ctx context.Context, by access.Caller, aptID string,
) (*clinic.Snapshot, Appointment, access.Caller, error) {
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, Appointment{}, by, err
	}
	c := s.table.For(by)
	var apt Appointment
	if err := c.Get(ctx, c.Appointment(aptID), &apt); err != nil {
		return nil, Appointment{}, by, err
	}
	apt.Basis, err = s.guard.Attends(ctx, by, apt.PatientID, apt.SiteID, apt.ID, apt.End)
	if err != nil {
		return nil, Appointment{ID: apt.ID, PatientID: apt.PatientID}, by, err
	}
	return snap, apt, by.Because(apt.Basis), nil
}

// Reasons for cancelling.
const (
	ByPatient = "patient_request"
	ByClinic  = "clinic_request"
	ByMistake = "booked_in_error"
)

// Cancel ends an appointment and gives its time back. version is the one the caller saw; why is one of the reasons
// for cancelling. Errors as for Move.
func (s *Service) Cancel(
	ctx context.Context, by access.Caller, once access.Once, aptID string, version int64, why string,
) (Appointment, error) {
	return s.cancel(ctx, by, once, aptID, version, why, nil)
}

func (s *Service) cancel(
	ctx context.Context, by access.Caller, once access.Once, aptID string, version int64, why string, with []table.Item,
) (Appointment, error) {
	snap, apt, by, err := s.changeable(ctx, by, aptID, version)
	if err != nil {
		return apt, err
	}
	claims := exchange(apt.footprint(), footprint{})
	for i := range claims {
		claims[i].Ended = claims[i].Resource == apt.PractitionerID
	}
	apt.Status, apt.CancelReason = Cancelled, why
	apt.Version, apt.Sequence = version+1, apt.Sequence+1
	return s.end(ctx, by, once, snap, apt, table.Change{
		Action: access.AppointmentCancel, Claims: claims, Put: with,
		Event: event.Event{Name: event.AppointmentCancelled, Why: why, Before: version},
	})
}

// end writes the appointment as it is now, with the rest of the change.
func (s *Service) end(
	ctx context.Context, by access.Caller, once access.Once, snap *clinic.Snapshot, apt Appointment, ch table.Change,
) (Appointment, error) {
	c, zone := s.table.For(by), snap.Zone(apt.SiteID)
	ch.Target, ch.Patient, ch.Once, ch.Answer = apt.ID, apt.PatientID, once, apt.told(zone)
	ch.Put = append(ch.Put, table.Item{
		Key: c.Appointment(apt.ID), Value: apt, Version: apt.Version - 1,
		Index: c.PatientIndex(apt.PatientID, apt.Start, apt.ID),
	})
	ch.Event.Version, ch.Event.Sequence = apt.Version, apt.Sequence
	if err := c.Write(ctx, ch); err != nil {
		return Appointment{}, err
	}
	return apt.told(zone), nil
}

// follows tells which statuses an appointment can go to from each.
func follows(from Status) []Status {
	switch from {
	case Booked:
		return []Status{Confirmed, Arrived, DidNotAttend}
	case Confirmed:
		return []Status{Arrived, DidNotAttend}
	case Arrived:
		return []Status{InProgress, Completed, DidNotAttend}
	case InProgress:
		return []Status{Completed}
	case DidNotAttend:
		return []Status{Arrived} // came late, after all
	case Completed, Cancelled:
		return nil
	}
	return nil
}

// earliest is how long before an appointment somebody can arrive for it.
const earliest = 12 * time.Hour

// Progress takes an appointment a step on: confirmed, arrived, in progress, completed, did not attend. An appointment
// that is completed or missed leaves the patient's diary, which is one item that must not grow for ever; the day's
// record of practitioner and rooms stays.
func (s *Service) Progress(
	ctx context.Context, by access.Caller, once access.Once, aptID string, version int64, to Status,
) (Appointment, error) {
	snap, apt, by, err := s.read(ctx, by, aptID)
	switch {
	case err != nil:
		return apt, err
	case apt.Version != version:
		return Appointment{}, outdated()
	case !slices.Contains(follows(apt.Status), to):
		return Appointment{}, fault.New(fault.Conflict, "status_does_not_follow",
			"An appointment cannot go from its status to this one.")
	case (to == DidNotAttend || to == InProgress || to == Completed) && s.now().Before(apt.Start),
		to == Arrived && s.now().Before(apt.Start.Add(-earliest)):
		return Appointment{}, fault.New(fault.Conflict, "not_yet",
			"It is too early for that: the appointment is still to come.")
	}
	ch := table.Change{
		Action: access.AppointmentProgress,
		Event:  event.Event{Name: event.AppointmentProgressed, Why: string(to), Before: version},
	}
	if (to == Completed || to == DidNotAttend) && !apt.LeftDiary {
		apt.LeftDiary = true
		ch.Claims = exchange(
			footprint{patient: apt.PatientID, core: apt.core(), owner: table.Owner{ID: apt.ID}}, footprint{})
	}
	apt.Status, apt.Version = to, version+1
	return s.end(ctx, by, once, snap, apt, ch)
}
