package connection

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
)

// Lapse marks a connection as one that its owner must make again, and has the owner and the staff told, once. One that
// is ending, or that was made again since this process last used it, stays as it is. why is a code. A connection that
// is gone is fault.NotFound.
func (s *Store) Lapse(ctx context.Context, by access.Caller, con, why string) error {
	for range rounds {
		now, err := s.Read(ctx, by, con)
		if err != nil {
			return err
		}
		if s.since(now) {
			return nil
		}
		if err := s.lapse(ctx, by, now, why); !moved(err) {
			return err
		}
	}
	return busy()
}

// since tells whether the tokens of a connection are others than those that this process used last: then what it heard
// of those says nothing about these.
func (s *Store) since(con Connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	used, ok := s.handed[con.ID]
	return ok && used < con.Grant
}

// lapse does it, on condition that the connection is still as it was read. The staff's task comes first: it is the same
// one however often it is made, and were it last, a failure in between would leave none.
func (s *Store) lapse(ctx context.Context, by access.Caller, con Connection, why string) error {
	if con.State != Linked {
		return nil
	}
	con.State, con.Why = NeedsReauth, why
	con.LeaseBy, con.LeaseUntil = "", time.Time{}
	if why == GrantDead {
		con.Died = s.p.Now()
	}
	if err := s.raise(ctx, by, con); err != nil {
		return err
	}
	return s.write(ctx, s.p.Table.For(by), tending(by), con, event.Event{
		Name: event.ConnectionLapsed, Why: why, Refs: map[string]string{"subject": con.Subject},
	})
}

// raise has the staff told of a person's account that must be connected again.
func (s *Store) raise(ctx context.Context, by access.Caller, con Connection) error {
	if s.p.Raise == nil || con.Provider != Own {
		return nil
	}
	return s.p.Raise(ctx, by, con.ID, con.Subject, con.Why, con.Grant)
}

// tending is the permission by which a caller looks after connections.
func tending(by access.Caller) access.Permission {
	if by.Can(access.ConnectionTend) {
		return access.ConnectionTend
	}
	return access.ConnectionRenew
}

// Due has a connection looked after at an instant, or earlier if that is planned already.
func (s *Store) Due(ctx context.Context, by access.Caller, con string, at time.Time) error {
	at = at.Truncate(time.Second)
	for range rounds {
		now, err := s.Read(ctx, by, con)
		if err != nil {
			return err
		}
		// What should have been looked after before now is not planned any more: it is being looked after.
		if planned := now.Due; planned.After(s.p.Now()) && !at.Before(planned) || planned.Equal(at) {
			return nil
		}
		now.Due = at
		err = s.write(ctx, s.p.Table.For(by), access.ConnectionTend, now, event.Event{Name: event.ConnectionPlanned})
		if !moved(err) {
			return err
		}
	}
	return busy()
}

// A grant that nobody used is renewed after a week: Zoom does not say for how long one lasts. Where nothing else asks
// Zoom for anything, it is after a day: that is how it shows that the grant is dead, should nobody have told us that
// the app was uninstalled, and what is kept must go within ten days of that.
const (
	day  = 24 * time.Hour
	week = 7 * day
)

// unused is how long the grant of a connection may go without being renewed.
func (c Connection) unused() time.Duration {
	if c.Provider == Admin || c.State == NeedsReauth {
		return day
	}
	return week
}

// died is since when the grant is dead, by Zoom's own word; zero where it is not.
func (c Connection) died() time.Time {
	switch {
	case c.State != NeedsReauth || c.Why != GrantDead:
		return time.Time{}
	case c.Died.IsZero(): // it died before that was put down: not later than this
		return c.Renewed.Add(week)
	}
	return c.Died
}

// Fresh keeps the grant of a connection alive that nobody used for long, also of one that must be connected again for
// another reason than that its grant is dead. A connection of somebody who works here no more, or who has another one
// by now, is ended. Errors are those of Token, and fault.NotFound.
func (s *Store) Fresh(ctx context.Context, by access.Caller, con string) error {
	now, err := s.Read(ctx, by, con)
	if err != nil || now.State == Ending {
		return err
	}
	why, err := s.orphaned(ctx, by, now)
	if err != nil {
		return err
	}
	if why != "" {
		return s.ending(ctx, by, con, why)
	}
	if !now.died().IsZero() || s.p.Now().Sub(now.Renewed) < now.unused() {
		return nil
	}
	_, err = s.access(ctx, by.Org(), con, want{anyhow: true})
	return err
}

// orphaned tells why a connection is nobody's any more; empty where it is somebody's.
func (s *Store) orphaned(ctx context.Context, by access.Caller, con Connection) (string, error) {
	of, err := s.Of(ctx, by, con.Subject, con.Provider)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if of.ID != con.ID {
		return Replaced, nil
	}
	if con.Provider == Admin { // it is the organisation's, whoever connected it
		return "", nil
	}
	snap, err := s.p.Directory.Snapshot(ctx, by)
	if err != nil {
		return "", err
	}
	if member, ok := snap.Staff[con.Subject]; !ok || member.Left {
		return OwnerLeft, nil
	}
	return "", nil
}
