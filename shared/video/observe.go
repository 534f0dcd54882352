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

// Why something happened that a provider told of.
const (
	// UninstalledByOwner says that the account's owner took our permission away at the provider.
	UninstalledByOwner = "uninstalled"
	// AccountGone says that the provider's user was deleted, deactivated or moved.
	AccountGone = "user_gone"
	// LongDead says that nobody told of it, and that what was granted has been dead for DeadFor.
	LongDead = "grant_long_dead"
)

// ClocksDiffer is by how much the provider's clock may be behind ours. What it told of a moment that is less before an
// account was connected may have been after it.
const ClocksDiffer = 10 * time.Minute

// Observe takes what a provider told: it stands in the visit's log, and what it says is looked up at the provider and
// taken into the diary. So it does not matter whether a notice comes twice, late, or after a later one. nil says that
// it was dealt with; fault.NotFound that it is about nothing of ours, or not any more; fault.Unavailable and
// fault.Limited that it is to come again.
func (s *Service) Observe(ctx context.Context, n Notice) error {
	g, err := s.sight(ctx, n)
	if err != nil {
		return err
	}
	switch n.Kind { //nolint:exhaustive // the others are of a room
	case Uninstalled, UserGone:
		return g.ofGrant(ctx)
	}
	if g.p, err = g.placed(ctx); err != nil {
		return err
	}
	if err := g.note(ctx); err != nil || n.Part {
		return err
	}
	return g.act(ctx)
}

// ofGrant erases the account whose owner uninstalled us, and marks one whose user is gone as one to connect again. A
// notice without a time of its own, or of one shortly before it was connected, may be from before that: it counts only
// if the account does not let us in.
func (g *sighting) ofGrant(ctx context.Context) error {
	if g.n.At.Before(g.a.Granted) {
		_, err := g.s.provider.Upcoming(ctx, g.a.host(g.by.Org()))
		switch {
		case err == nil:
			return nothingOfOurs()
		case fault.Of(err).Code != NeedsReauth:
			return err
		}
	}
	if g.n.Kind == UserGone {
		return g.s.accounts.Lapse(ctx, g.by, g.a.Connection, AccountGone)
	}
	return g.s.erase(ctx, g.by, g.a, UninstalledByOwner)
}

// act looks at the room where what was told of it may concern the diary.
func (g *sighting) act(ctx context.Context) error {
	switch n := g.n; n.Kind { //nolint:exhaustive // the others do not
	case RoomUpdated:
		if n.Start == nil && n.Minutes == nil && !n.Unclear {
			return nil // of its name, or its settings
		}
		return g.s.regard(ctx, g.by, g.a, g.p.AppointmentID, n.Room)
	case RoomDeleted:
		return g.s.regard(ctx, g.by, g.a, g.p.AppointmentID, n.Room)
	case MeetingEnded:
		return g.ended(ctx)
	case RoomRecovered:
		return g.s.recovered(ctx, g.by, g.a, g.p.AppointmentID, n.Room)
	}
	return nil
}

// ended has the room given the appointment's time where the meeting stood in the way of that.
func (g *sighting) ended(ctx context.Context) error {
	v, err := load(ctx, g.c, g.p.AppointmentID)
	if err != nil || v.Connection != g.a.Connection || v.Ref != g.n.Room || !v.heldUp() {
		return ignore(err)
	}
	return g.s.askAgain(ctx, g.by, v)
}

// sighting is a notice with what it is about.
type sighting struct {
	s  *Service
	n  Notice
	by access.Caller
	c  table.Clinic
	a  Account
	p  Placing
}

// sight finds whose account a notice is of. The notice says so itself, so it counts only if exactly that user of that
// account is connected, or if it names no user, a room that is on record of that account; and what happened before its
// owner last connected it was dealt with by that.
func (s *Service) sight(ctx context.Context, n Notice) (*sighting, error) {
	whose, err := s.whose(ctx, n)
	if err != nil {
		return nil, err
	}
	by := s.job(whose.Org)
	g := &sighting{s: s, n: n, by: by, c: s.table.For(by)}
	if g.a, err = s.accounts.Read(ctx, by, whose.Ref); err != nil {
		return nil, err
	}
	ofGrant := n.Kind == Uninstalled || n.Kind == UserGone
	before := ofGrant && n.told().Add(ClocksDiffer).Before(g.a.Granted)
	if g.a.Account != n.Account || n.User != "" && g.a.User != n.User || before {
		return nil, nothingOfOurs()
	}
	return g, nil
}

func (s *Service) whose(ctx context.Context, n Notice) (table.Pointer, error) {
	switch {
	case n.User != "":
		return s.table.WhoseIs(ctx, n.Provider, n.Account+"#"+n.User)
	case n.Room != "":
		return whoseRoom(ctx, s.table, n.Provider, n.Account, n.Room)
	}
	return table.Pointer{}, nothingOfOurs()
}

func nothingOfOurs() error {
	return fault.New(fault.NotFound, "not_found", "This is about nothing of ours.")
}

// settling is how long a room that is being made may be unknown after it was told of. Later, the look at the account
// finds what it was.
const settling = 10 * time.Minute

// placed finds the appointment that the room is of. While a room is being made in the account whose answer is not on
// record, one that nobody knows may be that one: it is told again.
func (g *sighting) placed(ctx context.Context) (Placing, error) {
	con := g.a.Connection
	p, err := roomOf(ctx, g.c, con, g.n.Room)
	if err == nil && p.Closed {
		return p, nothingOfOurs()
	}
	if !fault.Is(err, fault.NotFound) || !g.s.now().Before(g.n.Received.Add(settling)) {
		return p, err
	}
	making, lookErr := g.c.Under(ctx, g.c.Tombstone(con), table.Makings)
	if lookErr != nil {
		return p, lookErr
	}
	if len(making) == 0 {
		// It may have been stored between the two looks.
		return roomOf(ctx, g.c, con, g.n.Room)
	}
	return p, again()
}

// note puts the notice into the log, once, together with whether a meeting is under way in the room now. Both stand on
// one version of the room's row: of two notices that come at once, the second sees the first.
func (g *sighting) note(ctx context.Context) error {
	e := g.n.entry(g.a.Connection)
	for range writes {
		items, err := g.changed(ctx, e)
		if err != nil || len(items) == 0 {
			return err
		}
		err = g.c.Write(ctx, table.Change{
			Action: access.VideoNote, Target: g.p.AppointmentID, Patient: g.p.PatientID, Put: items,
			Event: event.Event{Name: event.VideoNoted},
		})
		if !beaten(err) {
			return err
		}
		if g.p, err = roomOf(ctx, g.c, g.a.Connection, g.n.Room); err != nil {
			return err
		}
		if g.p.Closed { // the account is being erased
			return nothingOfOurs()
		}
	}
	return again()
}

// changed is what an entry changes: nothing where it stands already. Of the log no more is read than that entry, and
// what it may replace.
func (g *sighting) changed(ctx context.Context, e Happening) ([]table.Item, error) {
	was, err := e.standing(ctx, g.c, g.p.AppointmentID)
	if err != nil || was.Version > 0 && !was.Looked {
		return nil, err
	}
	items, err := g.instead(ctx, e, was)
	if err != nil {
		return nil, err
	}
	p := g.p.with(e)
	// What can be read at the provider afterwards, too, moves the row on, so that whoever reads it then sees it.
	readable := e.Kind.ofSession() || e.Kind == Left
	items = append(items, p.item(g.c, g.a.Connection, g.n.Room, !readable))
	if !e.Kind.ofSession() {
		return items, nil
	}
	v, err := load(ctx, g.c, g.p.AppointmentID)
	if err != nil {
		return nil, err
	}
	live := p.underway(g.s.now())
	if v.Connection == g.a.Connection && v.Ref == g.n.Room && v.State != Removed && v.Live != live {
		v.Live = live
		items = append(items, v.item(g.c))
	}
	return items, nil
}

// instead puts an entry where it belongs, in the place of the one that was read at the provider before it was told.
func (g *sighting) instead(ctx context.Context, e, was Happening) ([]table.Item, error) {
	apt := g.p.AppointmentID
	items := []table.Item{{Key: e.key(g.c, apt), Value: e, New: was.Version == 0, Version: was.Version}}
	if was.Version > 0 {
		return items, nil
	}
	old, found, err := g.p.looked(ctx, g.c, e)
	if found {
		items = append(items, table.Item{Key: old.key(g.c, apt), Delete: true, Version: old.Version})
	}
	return items, err
}

// recovered has the staff told of a room that its host brought back after it was taken away with its appointment.
func (s *Service) recovered(ctx context.Context, by access.Caller, a Account, appointment, ref string) error {
	c := s.table.For(by)
	v, err := load(ctx, c, appointment)
	if err != nil || v.State != Removed || v.Connection != a.Connection || v.Ref != ref {
		return err
	}
	var apt booking.Appointment
	if err := c.Get(ctx, c.Appointment(appointment), &apt); err != nil {
		return err
	}
	_, err = s.provider.Get(ctx, a.host(by.Org()), ref)
	switch {
	case err != nil && (fault.Of(err).Code == RoomGone || fault.Of(err).Code == NotHost):
		return nil // and gone again, or not the host's any more
	case err != nil:
		return s.unreached(ctx, by, a, err)
	}
	return s.tell(ctx, by, view{v: v, apt: apt}.trouble(RoomRecoveredAgain))
}
