package video

import (
	"context"
	"errors"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// What becomes of a room after its appointment.
const (
	// readAfter is how long after an appointment's end it is read what took place in its room, where nobody is in it
	// any more: most of what a provider tells late has come by then.
	readAfter = 20 * time.Minute
	// readWithin is how long that is tried.
	readWithin = 14 * 24 * time.Hour
	// longOver is when a room is put aside. Nothing was seen to be told that late.
	longOver = 7 * 24 * time.Hour
	// clockGap is how far the provider's clock may be from ours.
	clockGap = time.Minute
)

// placed is a room in the account, with the appointment and the visit that it is, or was, of.
type placed struct {
	ref string
	p   Placing
	apt booking.Appointment
	v   Visit
}

// over is when the appointment was over; the zero time while it is not.
func (x placed) over(now time.Time) time.Time {
	if x.apt.ID == "" || now.Before(x.apt.End) {
		return time.Time{}
	}
	return x.apt.End.UTC()
}

// here tells whether the room is the visit's now.
func (x placed) here(connection string) bool { return x.v.Connection == connection && x.v.Ref == x.ref }

// errSpent says that as much was done as one look may do.
var errSpent = errors.New("as much was done as one look may do")

// past sees to the rooms that are on record of the account: what took place in those that are over is read once, where
// the account's owner lets us; one in which a meeting seems to go on is asked whether it does; and those that are long
// over are put aside, so that no look has to go through them any more.
func (l *looker) past(ctx context.Context) error {
	all, err := l.placed(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		err := l.aftermath(ctx, x)
		switch {
		case err == nil, fault.Is(err, fault.NotFound): // of a patient who was erased nothing is noted
		case errors.Is(err, errSpent):
			return nil
		case fault.Is(err, fault.Unavailable) && l.silent < silences:
			l.silent++
			l.next = min(l.next, afterSilence)
		case beaten(err): // somebody told something in the same moment
			l.next = min(l.next, goOn)
		default:
			return err
		}
	}
	return nil
}

// placed reads the rows of the rooms that are not put aside, with the appointments and visits that they are of.
func (l *looker) placed(ctx context.Context) ([]placed, error) {
	rows, err := l.c.Under(ctx, l.c.Tombstone(l.a.Connection), table.RoomsOf)
	if err != nil {
		return nil, err
	}
	all := make([]placed, len(rows))
	keys := make([]table.Key, 0, 2*len(rows))
	for i, row := range rows {
		all[i].ref = row.SK[len(table.RoomsOf):]
		if err := row.Decode(&all[i].p); err != nil {
			return nil, err
		}
		apt := all[i].p.AppointmentID
		keys = append(keys, l.c.Appointment(apt), l.c.Visit(apt))
	}
	there, err := table.Together(ctx, l.c, keys...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if row, ok := there[keys[2*i]]; ok {
			err = row.Decode(&all[i].apt)
		}
		if row, ok := there[keys[2*i+1]]; ok && err == nil {
			err = row.Decode(&all[i].v)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// aftermath does for one room what its time has come for.
func (l *looker) aftermath(ctx context.Context, x placed) error {
	now := l.s.now()
	over := x.over(now)
	unread := l.unread(x, over, now)
	due := unread && !now.Before(over.Add(readAfter))
	if unread && !due {
		l.next = min(l.next, over.Add(readAfter).Sub(now))
	}
	asks := due || x.v.Live && x.here(l.a.Connection)
	switch {
	case x.p.Closed, !asks && (unread || !x.long(over, now)):
		return nil
	case !l.spend(ctx):
		return errSpent
	case asks:
		return l.ask(ctx, x, due)
	}
	return l.retire(ctx, x)
}

// long tells whether a room is long over.
func (x placed) long(over, now time.Time) bool {
	return !over.IsZero() && !now.Before(over.Add(longOver))
}

// unread tells whether there may be something to read of what took place in a room. One that was moved to another time
// after it was over has something anew.
func (l *looker) unread(x placed, over, now time.Time) bool {
	return l.a.History && l.s.provider.Capabilities().History && !over.IsZero() && x.apt.Status != booking.Cancelled &&
		x.p.Read.Unix() != over.Unix() && now.Before(over.Add(readWithin))
}

// nothingThere tells of an answer after which there is nothing to read: nobody ever began a meeting in the room, or it
// is none of the host's, or the account has no such right.
func nothingThere(err error) bool {
	code := fault.Of(err).Code
	return code == RoomGone || code == NotHost || fault.Is(err, fault.Invalid)
}

// ask asks whether a meeting goes on in a room. If not, what took place there is read where that is due.
func (l *looker) ask(ctx context.Context, x placed, due bool) error {
	idle := l.s.now().Add(-clockGap) // one that begins while we ask is under way
	host := l.a.host(l.by.Org())
	room, err := l.s.provider.Get(ctx, host, x.ref)
	switch {
	case err != nil && !nothingThere(err):
		return err
	case err == nil && room.Started:
		l.next = min(l.next, soonWithRooms)
		return nil
	case !due:
		return l.fill(ctx, x, idle, x.p.Read, nil)
	}
	var missing []Happening
	m, err := l.s.provider.Past(ctx, host, x.ref)
	switch {
	case err == nil && (m.End.IsZero() || m.End.After(l.s.now())):
		l.next = min(l.next, soonWithRooms)
		return nil
	case err == nil:
		if missing, err = l.missing(ctx, x, m); err != nil {
			return err
		}
	case !nothingThere(err):
		return err
	}
	return l.fill(ctx, x, idle, x.apt.End.UTC(), missing)
}

// retire puts a room aside that is long over: from now on a notice of it is of nothing of ours, and only the erasing of
// the account finds its row, and by that the log. Should the appointment be moved yet, it gets another room.
func (l *looker) retire(ctx context.Context, x placed) error {
	if x.v.held(l.s.now()) || x.v.Pending {
		return nil // somebody is at it
	}
	var before Placing
	key := l.c.PastRoomOf(l.a.Connection, x.ref)
	if err := l.c.Get(ctx, key, &before); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	items, err := unpoint(ctx, l.s.table, l.c, l.by.Org(), l.a, x.ref)
	if err != nil {
		return err
	}
	items = append(items,
		table.Item{Key: l.c.RoomOf(l.a.Connection, x.ref), Delete: true, Version: x.p.Version},
		table.Item{
			Key: key, New: before.Version == 0, Version: before.Version,
			Value: Placing{AppointmentID: x.p.AppointmentID, PatientID: x.p.PatientID},
		})
	if x.here(l.a.Connection) {
		v := x.v
		if v.State != Removed && v.State != Ended {
			v.State, v.Why = Ended, Passed
		}
		v.Ref, v.JoinURL, v.List, v.Live, v.Again = "", nil, "", false, time.Time{}
		items = append(items, v.item(l.c))
	}
	return l.write(ctx, x, "", items)
}

// write writes what the look came to for a room.
func (l *looker) write(ctx context.Context, x placed, patient string, items []table.Item) error {
	return l.c.Write(ctx, table.Change{
		Action: access.VideoNote, Target: x.p.AppointmentID, Patient: patient, Put: items,
		Event: event.Event{Name: event.VideoNoted},
	})
}
