package video

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Started is the way into a call for its host. It is a secret that serves for minutes: it is given to the host who
// asked, and kept nowhere.
type Started struct {
	StartURL string              `json:"startUrl" doc:"Opens the call as its host. It serves for minutes: ask again rather than keep it."`
	Apt      booking.Appointment `json:"-"`
}

// Start gives the practitioner the way into the call, and makes the room where there is none yet. Errors: as those of
// Email, and fault.Denied "not_host" for anybody but the person whose account the room is in; fault.Conflict
// "not_connected", "reconnect", "room_deleted", "daily_quota", "too_many_changes", "provider_refused" and
// "visit_too_long"; and fault.Unavailable while the room is being made, or the provider cannot be reached.
func (s *Service) Start(ctx context.Context, by access.Caller, appointment string) (Started, error) {
	m, err := s.matter(ctx, by, appointment)
	out := Started{Apt: m.apt}
	switch {
	case err != nil:
		return out, err
	case m.host.Connection == "":
		return out, notConnected()
	case m.host.Subject != by.Person():
		return out, fault.New(fault.Denied, NotHost,
			"Only the practitioner whose video account the room is in can start the call.")
	case !m.host.Usable:
		return out, reconnect()
	}
	v, err := s.ensure(ctx, m)
	if err != nil {
		return out, err
	}
	job := s.job(by.Org())
	h := Host{Org: by.Org(), Subject: v.Subject, Connection: v.Connection}
	link, err := s.provider.HostLink(ctx, h, v.Ref)
	if err != nil {
		return out, s.noLink(ctx, job, v, err)
	}
	err = s.table.For(m.by).Write(ctx, table.Change{
		Action: access.VideoStart, Target: m.apt.ID, Patient: m.apt.PatientID,
		Event: event.Event{Name: event.VideoStarted, Version: v.Version, Sequence: m.apt.Sequence},
	})
	if err != nil {
		return out, err
	}
	out.StartURL = link
	return out, nil
}

// ensure gives the visit with its room, asked for and made as far as need be.
func (s *Service) ensure(ctx context.Context, m matter) (Visit, error) {
	c := s.table.For(m.by)
	v, err := load(ctx, c, m.apt.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return v, err
	}
	if v.Version == 0 || v.State == Removed || v.State == Ended || v.State == Failed {
		_, err := s.ask(ctx, &m, func(v *Visit) (table.Change, error) {
			return v.change(c, access.VideoStart, event.VideoAsked), nil
		})
		if err != nil {
			return v, err
		}
	}
	if !v.enterable(m) {
		if err := s.patiently(ctx, m); err != nil {
			return v, err
		}
		if v, err = load(ctx, c, m.apt.ID); err != nil {
			return v, err
		}
	}
	if !v.enterable(m) {
		return v, v.refusal()
	}
	return v, nil
}

// enterable tells whether the host can go into the visit's room: its time need not be the diary's by now.
func (v Visit) enterable(m matter) bool {
	return v.Ref != "" && v.Connection == m.host.Connection && v.State != Removed && v.State != Ended
}

const (
	// patience is how long somebody who starts a call waits for who is making the room in this moment.
	patience  = 8 * time.Second
	lookAgain = 400 * time.Millisecond
)

// patiently brings the room about, or waits for another who is at it.
func (s *Service) patiently(ctx context.Context, m matter) error {
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	for waited := time.Duration(0); ; waited += lookAgain {
		err := s.Sync(ctx, s.job(m.by.Org()), m.apt.ID)
		busy := err != nil && fault.Of(err).Code == videoBusy
		if !busy || waited >= patience {
			return plain(err)
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return err
		}
	}
}

// plain is a provider's refusal as somebody who waits is told it.
func plain(err error) error {
	if fault.Is(err, fault.Limited) { // the provider's limit, and not one of the person's
		e := fault.New(fault.Unavailable, ProviderBusy, "The video provider takes no more requests just now.")
		e.RetryAfter = fault.Of(err).RetryAfter
		return e
	}
	return err
}

// refusal says why the visit has no room.
func (v Visit) refusal() error {
	switch v.Why {
	case NeedsReauth:
		return reconnect()
	case NotConnected:
		return notConnected()
	case DailyQuota:
		return fault.New(fault.Conflict, DailyQuota,
			"The video provider makes no more rooms for this practitioner today.")
	case TooManyMoves:
		return fault.New(fault.Conflict, TooManyMoves,
			"The room was changed too often. It is tried again within the hour.")
	case ProviderRefused:
		return fault.New(fault.Conflict, ProviderRefused, "The video provider refuses to make this room.")
	case TooLong:
		return fault.New(fault.Conflict, TooLong, "The video provider has no rooms for so long.")
	}
	return again()
}

func reconnect() error {
	return fault.New(fault.Conflict, "reconnect",
		"The video account does not let us in any more. Connect it again under My profile.")
}

// noLink says why the provider gave no way in, and has what it tells seen to.
func (s *Service) noLink(ctx context.Context, job access.Caller, v Visit, err error) error {
	why := fault.Of(err).Code
	switch why {
	case NotHost: // somebody else's by now: there will be another one
		if err := s.strange(ctx, job, v); err != nil && !fault.Is(err, fault.NotFound) {
			return plain(err)
		}
		return again()
	case NeedsReauth:
		if err := s.accounts.Lapse(ctx, job, v.Connection, why); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return reconnect()
	case RoomGone: // its webhook may be on its way, or lost
		if err := s.accounts.Due(ctx, job, v.Connection, s.now()); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return fault.New(fault.Conflict, "room_deleted", "The room was deleted at the video provider.")
	case ProviderRefused:
		return fault.New(fault.Conflict, ProviderRefused, "The video provider refuses to let the host in.")
	}
	return plain(err)
}

// strange has a room looked at that is said to be somebody else's.
func (s *Service) strange(ctx context.Context, job access.Caller, v Visit) error {
	a, err := s.accounts.Read(ctx, job, v.Connection)
	if err != nil {
		return err
	}
	return s.regard(ctx, job, a, v.AppointmentID, v.Ref)
}
