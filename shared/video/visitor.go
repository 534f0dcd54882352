package video

import (
	"context"
	"slices"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// knock is what stands behind a patient's link.
type knock struct {
	row   linked
	apt   booking.Appointment
	visit Visit
	snap  *clinic.Snapshot
}

// knock finds what stands behind a link, as the job that acts for whoever has it. There is nothing behind a wrong one,
// one that was replaced, and one of a patient who was erased.
func (s *Service) knock(ctx context.Context, by access.Caller, token string) (knock, error) {
	c := s.table.For(by)
	var k knock
	var err error
	if k.snap, err = s.dir.Snapshot(ctx, by); err != nil {
		return k, err
	}
	if err := c.Get(ctx, c.VisitLink(digestOf(token)), &k.row); err != nil {
		return k, err
	}
	apt, visit, patient := c.Appointment(k.row.AppointmentID), c.Visit(k.row.AppointmentID), c.Diary(k.row.PatientID)
	rows, err := table.Together(ctx, c, apt, visit, patient)
	if err != nil {
		return k, err
	}
	row, there := rows[apt]
	if _, lives := rows[patient]; !there || !lives {
		return k, fault.New(fault.NotFound, "not_found", "There is no such record.")
	}
	if err := row.Decode(&k.apt); err != nil {
		return k, err
	}
	if row, ok := rows[visit]; ok {
		return k, row.Decode(&k.visit)
	}
	return k, nil
}

// open tells whether there is a room that the patient can go to. One of a practitioner whose the appointment is no more
// is none: it has not been replaced yet, and somebody else's patient may be in it.
func (k knock) open() bool {
	return slices.Contains(people(k.snap, k.apt.PractitionerID), k.visit.Subject) &&
		k.visit.Ref != "" && len(k.visit.JoinURL) > 0 && k.visit.State != Removed && k.visit.State != Ended
}

func (k knock) over() bool {
	return k.apt.Status == booking.Completed || k.apt.Status == booking.DidNotAttend
}

// Visitor tells whoever has a patient's link what it leads to now. It changes nothing. A link that there is not, or not
// any more, is fault.NotFound.
func (s *Service) Visitor(ctx context.Context, by access.Caller, token string) (Invitation, error) {
	k, err := s.knock(ctx, by, token)
	if err != nil {
		return Invitation{}, err
	}
	snap := k.snap
	site := snap.Sites[k.apt.SiteID]
	return Invitation{
		Start: k.apt.Start.UTC(), End: k.apt.End.UTC(), Zone: k.apt.TimeZone,
		Told: k.row.Told.UTC(), Moved: !k.row.Told.Equal(k.apt.Start),
		Cancelled: k.apt.Status == booking.Cancelled, Over: k.over(),
		RoomReady: k.open(), HostThere: k.open() && k.visit.Live,
		Organisation: snap.Organisation.Name, Practitioner: snap.Practitioners[k.apt.PractitionerID].Name,
		Site: Contact{Name: site.Name, Phone: site.Phone, Email: site.Email},
	}, nil
}

// Join gives whoever has a patient's link the way into the call, and notes that. It is a secret, kept nowhere but
// sealed. Errors: fault.NotFound as for Visitor; fault.Conflict where there is no call to go to:
// "appointment_cancelled", "appointment_over" and "no_room".
func (s *Service) Join(ctx context.Context, by access.Caller, token string) (string, error) {
	k, err := s.knock(ctx, by, token)
	switch {
	case err != nil:
		return "", err
	case k.apt.Status == booking.Cancelled:
		return "", fault.New(fault.Conflict, "appointment_cancelled", "This appointment was cancelled.")
	case k.over() || !s.now().Before(k.apt.End.Add(LinkLife)):
		return "", fault.New(fault.Conflict, "appointment_over", "This appointment is over.")
	case !k.open():
		return "", fault.New(fault.Conflict, "no_room", "There is no call to join yet.")
	}
	url, err := s.opened(ctx, by.Org(), k.visit)
	if err != nil {
		return "", err
	}
	return url, s.table.For(by).Write(ctx, table.Change{
		Action: access.VideoVisit, Target: k.apt.ID, Patient: k.apt.PatientID,
		Event: event.Event{Name: event.VideoJoined, Version: k.visit.Version, Sequence: k.apt.Sequence},
	})
}
