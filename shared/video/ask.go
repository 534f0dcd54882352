package video

import (
	"cmp"
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// AskedLink is what asking for a link is answered with.
type AskedLink struct {
	AppointmentID string `json:"appointmentId"`
	Version       int64  `json:"version"` // of the video visit
	// WaitsFor says for what the room waits, or its being changed; nil where it waits for nothing that is known of.
	WaitsFor *Wait `json:"waitsFor,omitempty" doc:"What has to come about before there is a room. The link is mailed all the same."`
	// Apt is the appointment that was asked about, or the patient's id alone for who was denied.
	Apt booking.Appointment `json:"-"`
}

// Wait is what a video visit waits for.
type Wait struct {
	Code string `json:"code" enum:"not_connected,needs_reauth,daily_quota,too_many_changes"`
	Text string `json:"text"`
}

// matter is what somebody asks for a video visit of.
type matter struct {
	by   access.Caller // with what the access rests on
	apt  booking.Appointment
	snap *clinic.Snapshot
	host Account
}

// matter reads an appointment that can have a video visit now, for somebody who has a part in the patient's care.
func (s *Service) matter(ctx context.Context, by access.Caller, appointment string) (matter, error) {
	m := matter{by: by}
	var err error
	if m.apt, err = s.diary.Get(ctx, by, appointment); err != nil {
		return m, err
	}
	m.by = by.Because(m.apt.Basis)
	if m.snap, err = s.dir.Snapshot(ctx, by); err != nil {
		return m, err
	}
	if err := s.possible(m.snap, m.apt); err != nil {
		return m, err
	}
	return m, s.meetHost(ctx, &m)
}

// possible says why an appointment can have no video visit now; nil while it can.
func (s *Service) possible(snap *clinic.Snapshot, apt booking.Appointment) error {
	switch {
	case snap.Services[apt.ServiceID].Mode != clinic.Video:
		return fault.New(fault.Conflict, "no_video", "This appointment is not by video.")
	case apt.Status == booking.Cancelled:
		return fault.New(fault.Conflict, "appointment_cancelled", "This appointment was cancelled.")
	case !current(apt, s.now()):
		return fault.New(fault.Conflict, "appointment_over", "This appointment is over.")
	}
	return nil
}

// meetHost finds whose room it is to be.
func (s *Service) meetHost(ctx context.Context, m *matter) error {
	job := s.job(m.by.Org())
	v, err := load(ctx, s.table.For(job), m.apt.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	m.host, err = s.hostOf(ctx, job, m.snap, m.apt.PractitionerID, v.Connection)
	return err
}

// waits says what a visit waits for; nil where there is nothing in its way that is known of.
func (m matter) waits(v Visit) *Wait {
	const later = " It is tried again by itself."
	switch {
	case m.host.Connection == "":
		return &Wait{NotConnected, noAccount + " Until then there is no room; " + notReady}
	case !m.host.Usable:
		return &Wait{
			NeedsReauth, "The practitioner must connect the video account again, under My profile. Until then no " +
				"room is made or changed.",
		}
	case v.State == Parked && v.Why == DailyQuota:
		return &Wait{DailyQuota, "The video provider makes no more rooms for this practitioner today." + later}
	case v.State == Parked && v.Why == TooManyMoves:
		return &Wait{TooManyMoves, "The room was changed too often." + later}
	}
	return nil
}

const noAccount = "The practitioner has no video account connected. It is connected under My profile."

// notReady is what the patient sees meanwhile: until the page opens it says when one can join, as of any other visit.
const notReady = "from ten minutes before the appointment the patient's page says that it is not ready."

func notConnected() error { return fault.New(fault.Conflict, NotConnected, noAccount) }

// Email has the patient mailed the link to the visit, and a room made where there is none yet. Asked again it is mailed
// again; with renew it is another link, and the one before leads nowhere any more. Where the practitioner's account
// cannot be used the link is mailed all the same, and the answer says what it waits for: the link is right once there
// is a room. Errors: fault.Conflict "no_video", "appointment_cancelled" and "appointment_over"; those of
// booking.Service.Get and table.Clinic.Write.
func (s *Service) Email(
	ctx context.Context, by access.Caller, once access.Once, appointment string, renew bool,
) (AskedLink, error) {
	m, err := s.matter(ctx, by, appointment)
	r := AskedLink{AppointmentID: appointment, Apt: m.apt}
	if err != nil {
		return r, err
	}
	c := s.table.For(m.by)
	r.Version, err = s.ask(ctx, &m, func(v *Visit) (table.Change, error) {
		var rows []table.Item
		if renew && v.Linked > 0 {
			old, err := s.linkRow(ctx, c, by.Org(), *v)
			if err != nil {
				return table.Change{}, err
			}
			if old.Version > 0 {
				old.Delete = true
				rows = append(rows, old)
			}
			v.Issue++
		}
		v.Linked++
		v.LinkedAt = m.apt.Start.UTC()
		link, err := s.linkRow(ctx, c, by.Org(), *v)
		if err != nil {
			return table.Change{}, err
		}
		link.New = link.Version == 0
		link.Value = linked{AppointmentID: m.apt.ID, PatientID: m.apt.PatientID, Told: v.LinkedAt}
		ch := v.change(c, access.VideoEmail, event.VideoLinkAsked, append(rows, link)...)
		r.WaitsFor = m.waits(*v)
		ch.Once = once
		ch.Answer = AskedLink{AppointmentID: appointment, Version: v.Version + 1, WaitsFor: r.WaitsFor}
		ch.Event.Sequence = m.apt.Sequence
		return ch, nil
	})
	return r, err
}

// linkRow gives the key of the row behind the visit's link, and the version it is at; zero where there is none.
func (s *Service) linkRow(ctx context.Context, c table.Clinic, org string, v Visit) (table.Item, error) {
	ring, err := s.keeper.Ring(ctx, org)
	if err != nil {
		return table.Item{}, err
	}
	t, err := token(ring, org, v.AppointmentID, v.Issue)
	if err != nil {
		return table.Item{}, err
	}
	it := table.Item{Key: c.VisitLink(digestOf(t))}
	var row linked
	if err := c.Get(ctx, it.Key, &row); err != nil && !fault.Is(err, fault.NotFound) {
		return table.Item{}, err
	}
	it.Version = row.Version
	return it, nil
}

// ask changes the visit as somebody asks, and makes one where there is none: the worker, or whoever starts the call,
// sees to its room. Others may write to it in the same moment.
func (s *Service) ask(ctx context.Context, m *matter, how func(*Visit) (table.Change, error)) (int64, error) {
	c := s.table.For(m.by)
	for range 2 * writes {
		v, err := load(ctx, c, m.apt.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return 0, err
		}
		v.AppointmentID, v.PatientID = m.apt.ID, m.apt.PatientID
		was := v.List
		v.want(*m)
		ch, err := how(&v)
		if err != nil {
			return 0, err
		}
		if con := m.host.Connection; con != "" && v.List == con && was != con {
			ch.Put = append(ch.Put, m.host.open(c)...)
		}
		if err = c.Write(ctx, ch); err == nil {
			return v.Version + 1, nil
		}
		if !beaten(err) {
			return 0, err
		}
		if err := s.meetHost(ctx, m); err != nil { // whose account may have come to its end
			return 0, err
		}
	}
	return 0, again()
}

// want makes the visit one that wants a room, unless it has one or is about to have one.
func (v *Visit) want(m matter) {
	v.Start = m.apt.Start.UTC()
	switch v.State {
	case Making, Ready, Parked, Wanted:
		return
	case Removed, Ended:
		v.Connection, v.Subject, v.Ref, v.JoinURL = "", "", "", nil
	case Failed, "":
		if !v.Pending && v.Connection != m.host.Connection {
			v.Connection, v.Subject = "", "" // there is nothing of the visit in it
		}
	}
	v.State, v.Why, v.Again, v.Acked = Wanted, "", time.Time{}, Acked{}
	v.List = cmp.Or(m.host.Connection, m.apt.PractitionerID)
	v.LeaseBy, v.LeaseUntil = "", time.Time{}
}
