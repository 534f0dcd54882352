package video

import (
	"context"
	"strconv"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Why staff must see to a visit after what its host did at the provider.
const (
	// TimeRefused: the room was given a time that the diary cannot have; the diary kept its own.
	TimeRefused = "room_time_refused"
	// RoomDeletedLate: the room was deleted when the appointment had begun, or could not be cancelled any more.
	RoomDeletedLate = "room_deleted_late"
	// RoomRecoveredAgain: the room of an appointment that was cancelled with it is there again.
	RoomRecoveredAgain = "room_recovered"
)

// host is the account as providers name it.
func (a Account) host(org string) Host {
	return Host{Org: org, Subject: a.Subject, Connection: a.Connection}
}

// view is a room with the visit and the appointment that it is of, all as they are now.
type view struct {
	s   *Service
	by  access.Caller
	c   table.Clinic
	a   Account
	v   Visit
	apt booking.Appointment
}

// regard looks at a room at the provider and brings the diary to agree with what its host did to it: a time that is
// neither what the provider was known to have nor what the diary wants is claimed, and a room that is gone cancels its
// appointment. Doing it again changes nothing more. Errors as for Observe.
func (s *Service) regard(ctx context.Context, by access.Caller, a Account, appointment, ref string) error {
	for range writes {
		w := view{s: s, by: by, c: s.table.For(by), a: a}
		var err error
		if w.v, err = load(ctx, w.c, appointment); err != nil {
			return err
		}
		if w.v.Connection != a.Connection || w.v.Ref != ref || w.v.State == Removed || w.v.State == Ended {
			return nil // it is not the visit's room any more
		}
		if err := w.c.Get(ctx, w.c.Appointment(appointment), &w.apt); err != nil {
			return err
		}
		if err = w.judge(ctx, ref); !fault.Is(err, fault.Stale) {
			return err
		}
	}
	return again()
}

// judge reads the room and has the diary follow what is so of it.
func (w view) judge(ctx context.Context, ref string) error {
	room, err := w.s.provider.Get(ctx, w.a.host(w.by.Org()), ref)
	if err == nil {
		return w.compare(ctx, room)
	}
	switch fault.Of(err).Code {
	case RoomGone:
		return w.vanished(ctx)
	case NotHost:
		return w.strange(ctx)
	case ProviderRefused:
		return w.s.tell(ctx, w.by, w.trouble(ProviderRefused)) // nor will it be shown by the next try
	}
	return w.s.unreached(ctx, w.by, w.a, err)
}

// unreached is for a room that cannot be looked at. What an account that must be connected again had to tell is found
// by the look at it that follows its being connected, and what one that does not answer had to tell by the next look.
func (s *Service) unreached(ctx context.Context, by access.Caller, a Account, err error) error {
	switch f := fault.Of(err); {
	case f.Code == NeedsReauth:
		return s.accounts.Lapse(ctx, by, a.Connection, NeedsReauth)
	case f.Kind == fault.Unavailable, f.Kind == fault.Limited:
		at := s.now().Add(max(f.RetryAfter, takeOver))
		if lost := s.accounts.Due(ctx, by, a.Connection, at); lost != nil {
			return lost
		}
		return takenUp(err)
	}
	return err
}

func (w view) minutes() int { return int(w.apt.End.Sub(w.apt.Start) / time.Minute) }

// behind tells that the diary's own change is on its way to the room.
func (w view) behind() bool { return w.v.Acked.Sequence < w.apt.Sequence }

// has tells whether the room has a time.
func (r Room) has(start time.Time, minutes int) bool {
	return r.Start.Equal(start) && r.Minutes == minutes
}

// compare judges the time that the room has.
func (w view) compare(ctx context.Context, room Room) error {
	now := w.s.now()
	wanted := room.has(w.apt.Start, w.minutes())
	known := room.has(w.v.Acked.Start, w.v.Acked.Minutes)
	switch {
	case !current(w.apt, now):
		return nil // what comes of the room is no matter of the diary's any more
	case wanted && (w.behind() || w.v.held(now)):
		return nil // whoever is at it, or will be, sees that
	case known && !w.behind() && (!wanted || w.v.Why == ""):
		return nil
	case wanted:
		return w.ack(ctx, room)
	case w.v.held(now):
		return again() // what was read may be the middle of a change of ours
	case w.behind():
		return w.s.Sync(ctx, w.by, w.apt.ID) // the diary wins
	}
	return w.follow(ctx, room)
}

// ack notes that the room has the diary's time, whoever saw to that.
func (w view) ack(ctx context.Context, room Room) error {
	v := w.v
	v.Acked = Acked{Start: room.Start, Minutes: room.Minutes, Sequence: w.apt.Sequence, At: w.s.now()}
	if v.State == Ready {
		v.Why = ""
	}
	return w.c.Write(ctx, v.change(w.c, access.VideoNote, event.VideoNoted))
}

// follow has the diary follow the room.
func (w view) follow(ctx context.Context, room Room) error {
	v := w.v
	v.Acked = Acked{Start: room.Start, Minutes: room.Minutes, Sequence: w.apt.Sequence + 1, At: w.s.now()}
	v.Start = room.Start.UTC()
	if v.State == Ready {
		v.Why = ""
	}
	_, err := w.s.diary.Follow(ctx, w.by, w.apt.ID, w.apt.Version, room.Start, room.Minutes, []table.Item{v.item(w.c)})
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid):
		return w.refuse(ctx, room, err)
	case err != nil || w.s.settle.Visit == nil:
		return err
	}
	return w.s.settle.Visit(ctx, w.by, Standing{
		AppointmentID: w.apt.ID, Sequence: v.Acked.Sequence, Hosted: true, Fits: v.State == Ready,
	})
}

// refuse keeps the diary's time, has the staff told why, and gives the room its time back. What the room has is put
// down as behind the diary, so that whoever comes by brings it to agree.
func (w view) refuse(ctx context.Context, room Room, why error) error {
	t := w.trouble(TimeRefused)
	t.Because, t.Apart = codes(why), room.Start.UTC().Format(time.RFC3339)+"#"+strconv.Itoa(room.Minutes)
	if err := w.s.tell(ctx, w.by, t); err != nil {
		return err
	}
	v := w.v
	v.Acked = Acked{Start: room.Start, Minutes: room.Minutes, Sequence: -1, At: w.s.now()}
	if err := w.c.Write(ctx, v.change(w.c, access.VideoNote, event.VideoNoted)); err != nil {
		return err
	}
	return w.s.Sync(ctx, w.by, w.apt.ID)
}

// codes are the reasons of a refusal: those of its details, or its own.
func codes(err error) string {
	f := fault.Of(err)
	if len(f.Details) == 0 {
		return f.Code
	}
	var out []string
	for _, d := range f.Details {
		out = append(out, d.Code)
	}
	return strings.Join(out, " ")
}

// strange judges a room that is somebody else's by now: the visit gets another one. It is put down as behind the diary,
// so that whoever comes by sees to that.
func (w view) strange(ctx context.Context) error {
	now := w.s.now()
	switch {
	case w.v.held(now):
		return again()
	case w.apt.Status != booking.Cancelled && !current(w.apt, now):
		return nil
	case !w.behind():
		v := w.v
		v.Acked.Sequence = -1
		if err := w.c.Write(ctx, v.change(w.c, access.VideoNote, event.VideoNoted)); err != nil {
			return err
		}
	}
	return w.s.Sync(ctx, w.by, w.apt.ID)
}

// vanished judges a room that is gone.
func (w view) vanished(ctx context.Context) error {
	now := w.s.now()
	switch {
	case w.apt.Status == booking.Cancelled:
		return w.s.Sync(ctx, w.by, w.apt.ID) // it ends what there is to end
	case w.v.held(now):
		return again()
	case !current(w.apt, now):
		return w.c.Write(ctx, w.closed(w.apt.Sequence).change(w.c, access.VideoNote, event.VideoNoted))
	case w.behind():
		return w.s.Sync(ctx, w.by, w.apt.ID) // the diary wins: there is a new one
	case !now.Before(w.apt.Start):
		return w.late(ctx)
	}
	_, err := w.s.diary.CancelFor(ctx, w.by, w.apt.ID, w.apt.Version, booking.DeletedByHost,
		[]table.Item{w.closed(w.apt.Sequence + 1).item(w.c)})
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code == "not_changeable" {
		return w.late(ctx)
	}
	return err
}

// closed is the visit without its room.
func (w view) closed(sequence int64) Visit {
	v := w.v
	v.State, v.Why, v.JoinURL, v.Live, v.Again = Removed, RoomGone, nil, false, time.Time{}
	v.LeaseBy, v.LeaseUntil = "", time.Time{}
	v.Acked.Sequence, v.Acked.At = sequence, w.s.now()
	return v
}

// late is for a room that was deleted when its time had come: whether the visit took place is for people to say.
func (w view) late(ctx context.Context) error {
	if err := w.s.tell(ctx, w.by, w.trouble(RoomDeletedLate)); err != nil {
		return err
	}
	return w.c.Write(ctx, w.closed(w.apt.Sequence).change(w.c, access.VideoNote, event.VideoNoted))
}

func (w view) trouble(why string) Trouble {
	return Trouble{
		Why: why, AppointmentID: w.apt.ID, PatientID: w.apt.PatientID, Subject: w.v.Subject, Sequence: w.apt.Sequence,
	}
}

// tell makes a task for the staff. Told twice is once; whoever goes on after it and fails tells it again.
func (s *Service) tell(ctx context.Context, by access.Caller, t Trouble) error {
	if s.raise == nil {
		return nil
	}
	return s.raise(ctx, by, t)
}
