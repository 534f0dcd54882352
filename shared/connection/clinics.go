package connection

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// The clinic's account is no account of rooms, so whoever looks after those does not see it. It is looked after here.

const (
	// clinicsTended is between two looks at a clinic's account, afterSilence after one that Zoom did not answer.
	clinicsTended = 24 * time.Hour
	afterSilence  = 15 * time.Minute
)

// Tend looks after a clinic's account as it was read: its grant is kept alive when that is due, and one that another
// account has replaced is given back and taken away. Errors: fault.NotFound where it is gone, and those of Revoke.
func (s *Store) Tend(ctx context.Context, by access.Caller, con Connection) error {
	switch {
	case con.State == Ending:
		return s.drop(ctx, by, con.ID, con.Why)
	case s.p.Now().Before(con.Due):
		return nil // somebody was here meanwhile
	}
	next := clinicsTended
	err := s.Fresh(ctx, by, con.ID)
	switch f := fault.Of(err); {
	case err == nil, f.Code == video.NeedsReauth: // which the connection says by now
	case f.Kind == fault.Unavailable, f.Kind == fault.Limited:
		next = max(f.RetryAfter, afterSilence)
	default:
		return err
	}
	return s.Due(ctx, by, con.ID, s.p.Now().Add(next))
}

// Drop takes a clinic's account away whose user uninstalled us at Zoom at an instant: with everything that is kept of
// it, but for its tombstone. There is nothing left to give back to Zoom. Where no such user is connected, or was
// connected again since, it is fault.NotFound; so it is when told twice.
func (s *Store) Drop(ctx context.Context, account, user string, at time.Time) error {
	whose, err := s.p.Table.WhoseIs(ctx, Admin, account+"#"+user)
	if err != nil {
		return err
	}
	return s.remove(ctx, s.p.Job(whose.Org), whose.Ref, video.UninstalledByOwner, func(now Connection) error {
		if at.Before(now.Made) {
			return none()
		}
		return nil
	})
}

// drop gives back to Zoom what was granted of an account in which there is nothing, and takes it away.
func (s *Store) drop(ctx context.Context, by access.Caller, con, why string) error {
	if err := s.Revoke(ctx, by, con); err != nil {
		return err
	}
	return s.remove(ctx, by, con, why, func(Connection) error { return nil })
}

// remove takes a connection away in which there is nothing, if it is still one of those that are meant.
func (s *Store) remove(
	ctx context.Context, by access.Caller, con, why string, meant func(Connection) error,
) error {
	for range rounds {
		now, err := s.Read(ctx, by, con)
		if err == nil {
			err = meant(now)
		}
		if err != nil {
			return err
		}
		items, err := s.removal(ctx, by, now, why, nil)
		if err != nil {
			return err
		}
		err = s.p.Table.For(by).Write(ctx, table.Change{
			Action: closing(by), Target: con, Put: items,
			Event: event.Event{
				Name: event.ConnectionEnded, Why: why, Refs: map[string]string{"subject": now.Subject},
			},
		})
		if !moved(err) {
			return err
		}
	}
	return busy()
}
