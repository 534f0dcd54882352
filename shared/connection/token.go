package connection

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/delay"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

const (
	// margin is how long before its end a token is renewed.
	margin = 5 * time.Minute
	// usable is how long a token must last for whoever does not want to wait for the one who is renewing it.
	usable = 30 * time.Second
	// lease is longer than a renewal takes at the most: its call, and its saving.
	lease = 30 * time.Second
	// saving is how long is tried to save what Zoom gave.
	saving = 15 * time.Second
	// leastTime is what must be left to the caller for a renewal to be begun: one that is cut off loses the grant.
	leastTime = 12 * time.Second
	// patience is how long is waited for another worker's renewal.
	patience  = 8 * time.Second
	firstLook = 25 * time.Millisecond
	rarest    = 400 * time.Millisecond
)

// want is what somebody wants of a token.
type want struct {
	rejected string // Zoom has just refused this one
	anyhow   bool   // to end a connection: even of one that must be made again
}

// serves tells whether a connection's token will do.
func (w want) serves(con Connection, t tokens, until time.Time) bool {
	return t.Access != "" && t.Access != w.rejected && until.Before(con.Expires)
}

// Token gives the access of a host, and renews it where that is needed: it is a zoom.Tokens. rejected is a token that
// Zoom has just refused, or empty. Errors: fault.Denied needs_reauth where the grant is dead, or was never enough, or
// is gone; Unavailable and Limited while Zoom does not answer, or somebody else is renewing the token for too long.
func (s *Store) Token(ctx context.Context, h video.Host, rejected string) (zoom.Access, error) {
	return s.access(ctx, h.Org, h.Connection, want{rejected: rejected})
}

func (s *Store) access(ctx context.Context, org, con string, w want) (zoom.Access, error) {
	by := s.p.Job(org)
	wait := waiting{left: patience, next: firstLook}
	for {
		now, t, err := s.current(ctx, by, con, w)
		if err != nil {
			return zoom.Access{}, err
		}
		leased := now.LeaseBy != "" && s.p.Now().Before(now.LeaseUntil)
		switch {
		case w.serves(now, t, s.p.Now().Add(margin)), leased && w.serves(now, t, s.p.Now().Add(usable)):
			return s.hand(now, t), nil
		case leased:
			if err := wait.look(ctx); err != nil {
				return zoom.Access{}, err
			}
			continue
		}
		now, t, err = s.renew(ctx, by, now, t)
		if moved(err) {
			continue // somebody else was quicker: what they saved is looked at
		}
		if err != nil {
			return zoom.Access{}, err
		}
		return s.hand(now, t), nil
	}
}

// current reads a connection that can be used.
func (s *Store) current(ctx context.Context, by access.Caller, con string, w want) (Connection, tokens, error) {
	now, err := s.Read(ctx, by, con)
	switch {
	case fault.Is(err, fault.NotFound):
		return now, tokens{}, dead(err)
	case err != nil:
		return now, tokens{}, err
	case now.State == NeedsReauth && !w.anyhow:
		return now, tokens{}, dead(nil)
	}
	t, err := s.open(ctx, by.Org(), now)
	return now, t, err
}

func dead(cause error) error {
	return fault.Wrap(cause, fault.Denied, video.NeedsReauth, "Zoom must be connected again.")
}

// hand gives the access of a connection to somebody, and remembers which one it was.
func (s *Store) hand(con Connection, t tokens) zoom.Access {
	const many = 1000
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.handed) >= many {
		clear(s.handed)
	}
	s.handed[con.ID] = con.Grant
	return zoom.Access{Token: t.Access, APIURL: t.APIURL, Account: con.Account}
}

// renew takes the lease of a connection, has Zoom renew its tokens, and saves them. An error that is moved says that
// the connection is another one by now, and that nothing was done.
func (s *Store) renew(ctx context.Context, by access.Caller, con Connection, t tokens) (Connection, tokens, error) {
	app, err := s.app(con.Provider)
	if err != nil {
		return con, t, err
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < leastTime {
		return con, t, late()
	}
	c := s.p.Table.For(by)
	con.LeaseBy, con.LeaseUntil = s.p.ID("lse"), s.p.Now().Add(lease)
	if err := s.write(ctx, c, access.ConnectionRenew, con, event.Event{Name: event.ConnectionRenewing}); err != nil {
		return con, t, err
	}
	con.Version++
	// From here on the caller's going away ends nothing: the token that is presented serves once.
	ctx = context.WithoutCancel(ctx)
	g, err := s.p.API.Renew(ctx, app, con.Account, t.Refresh)
	switch {
	case err == nil:
		return s.save(ctx, by, con, g, t.Email)
	case fault.Of(err).Code == video.NeedsReauth:
		return con, t, s.buried(ctx, by, con)
	}
	s.release(ctx, by, con, fault.Of(err).Code)
	return con, t, err
}

func late() error {
	e := fault.New(fault.Unavailable, video.ProviderUnavailable, "There is no time left to ask Zoom.")
	e.RetryAfter = time.Second
	return e
}

// overtaken is moved: somebody else has filed other tokens.
func overtaken(cause error) error {
	return fault.Wrap(cause, fault.Stale, "stale", "The connection was made again in the meantime.")
}

// release gives the lease back after a failure. If that fails too, the lease ends by itself.
func (s *Store) release(ctx context.Context, by access.Caller, con Connection, why string) {
	con.LeaseBy, con.LeaseUntil = "", time.Time{}
	_ = s.write(ctx, s.p.Table.For(by), access.ConnectionRenew, con, event.Event{
		Name: event.ConnectionNotRenewed, Why: why,
	})
}

// buried is what becomes of a connection whose refresh token Zoom refuses. It is believed only if the tokens are still
// the ones that were presented: else somebody else was quicker, and the answer is moved.
func (s *Store) buried(ctx context.Context, by access.Caller, con Connection) error {
	for range rounds {
		now, err := s.Read(ctx, by, con.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			return dead(err)
		case err != nil:
			return err
		case now.Grant != con.Grant:
			return overtaken(nil)
		case now.State != Linked: // there is nobody to tell
			if now.State == NeedsReauth && now.Why != GrantDead {
				now.Why, now.Died = GrantDead, s.p.Now()
			}
			s.release(ctx, by, now, GrantDead)
			return dead(nil)
		}
		if err := s.lapse(ctx, by, now, GrantDead); !moved(err) {
			if err != nil {
				return err
			}
			return dead(nil)
		}
	}
	return busy()
}

// save saves the tokens that Zoom gave. Whoever has them now is the only one who has any that serve, so it is tried
// hard; and what others changed of the connection meanwhile stays.
func (s *Store) save(
	ctx context.Context, by access.Caller, con Connection, g zoom.Grant, email string,
) (Connection, tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, saving)
	defer cancel()
	c, base := s.p.Table.For(by), con.Grant
	wait := waiting{left: saving, next: firstLook}
	for {
		saved, said := con, event.ConnectionRenewed
		if con.State == NeedsReauth && con.Why == GrantDead { // somebody who took our lease for over met a spent token
			saved.State, saved.Why, saved.Died, said = Linked, "", time.Time{}, event.ConnectionMade
			if len(saved.Missing) > 0 {
				saved.State, saved.Why = NeedsReauth, ScopesMissing
			}
		}
		err := s.fill(ctx, by.Org(), &saved, g, email)
		if err == nil {
			err = s.write(ctx, c, access.ConnectionRenew, saved, event.Event{Name: said})
		}
		if err == nil {
			saved.Version++
			return saved, tokens{Access: g.Access, Refresh: g.Refresh, APIURL: g.APIURL, Email: email}, nil
		}
		if fresh, failed := s.Read(ctx, by, con.ID); failed == nil {
			con = fresh
		} else if fault.Is(failed, fault.NotFound) {
			return con, tokens{}, dead(failed) // it was erased meanwhile, and these tokens with it
		}
		if con.Grant != base { // made again meanwhile, or saved by the very write whose answer was lost
			return con, tokens{}, overtaken(err)
		}
		if late := wait.look(ctx); late != nil {
			s.p.Alarm(ctx, GrantLostRisk, con.ID, err)
			return con, tokens{}, fault.Wrap(err, fault.Unavailable, "busy", "What Zoom granted could not be saved.")
		}
	}
}

// waiting is for something that others do.
type waiting struct{ left, next time.Duration }

// look waits before it is looked at again. When there is no time for that it is fault.Unavailable.
func (w *waiting) look(ctx context.Context) error {
	if w.left <= 0 {
		return tooLong(nil)
	}
	now := w.next
	w.left -= now
	w.next = min(2*now, rarest)
	if late := delay.For(ctx, now); late != nil {
		return tooLong(late)
	}
	return nil
}

func tooLong(cause error) error {
	e := fault.Wrap(cause, fault.Unavailable, video.ProviderUnavailable, "The Zoom account is being renewed.")
	e.RetryAfter = rarest
	return e
}
