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

// Tend looks after a clinic's account as it was read: its grant is kept alive when that is due, one that another
// account has replaced is given back and taken away, and one whose grant has been dead for long is taken away. Errors:
// fault.NotFound where it is gone, and those of Revoke.
func (s *Store) Tend(ctx context.Context, by access.Caller, con Connection) error {
	switch {
	case con.State == Ending:
		return s.drop(ctx, by, con.ID, con.Why)
	case s.longDead(con):
		return s.remove(ctx, by, con.ID, video.LongDead, func(now Connection) error {
			if !s.longDead(now) {
				return none()
			}
			return nil
		})
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

// longDead tells whether the grant of a connection has been dead for so long that it was uninstalled, as like as not.
func (s *Store) longDead(con Connection) bool {
	died := con.died()
	return !died.IsZero() && !s.p.Now().Before(died.Add(video.DeadFor))
}

// Drop takes a clinic's account away whose user uninstalled us at Zoom at an instant, by Zoom's clock; the zero time
// where Zoom told none. With it goes everything that is kept of it, but for its tombstone. There is nothing left to
// give back to Zoom. Where no such user is connected, or was connected again since, it is fault.NotFound; so it is when
// told twice. Where it cannot be told which of the two came first, Zoom is asked whether it lets us in: errors are then
// also those of Token.
func (s *Store) Drop(ctx context.Context, account, user string, at time.Time) error {
	whose, err := s.p.Table.WhoseIs(ctx, Admin, account+"#"+user)
	if err != nil {
		return err
	}
	by := s.p.Job(whose.Org)
	return s.remove(ctx, by, whose.Ref, video.UninstalledByOwner, func(now Connection) error {
		switch {
		case !at.IsZero() && at.Add(video.ClocksDiffer).Before(now.Made):
			return none()
		case at.Before(now.Made):
			return s.shut(ctx, by, now)
		}
		return nil
	})
}

// shut checks that Zoom does not let us into an account any more. Into one that is coming to its end it need not.
func (s *Store) shut(ctx context.Context, by access.Caller, con Connection) error {
	if con.State == Ending || !con.died().IsZero() {
		return nil
	}
	token, err := s.access(ctx, by.Org(), con.ID, want{anyhow: true})
	if err == nil {
		_, err = s.p.API.Me(ctx, token)
	}
	switch {
	case err == nil:
		return none()
	case fault.Of(err).Code == video.NeedsReauth:
		return nil
	}
	return err
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
