package connection

import (
	"context"
	"errors"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// granted is what Zoom granted, and whose it is.
type granted struct {
	app     zoom.App
	grant   zoom.Grant
	user    zoom.User
	missing []string
}

// errElsewhere says that somebody else has the Zoom user.
var errElsewhere = errors.New("connected elsewhere")

// file puts a grant where it belongs. By now Zoom has ended whatever this user had granted before, so the new grant
// must reach the connection that the user has, wherever that is: it is tried hard.
func (s *Store) file(ctx context.Context, by access.Caller, p pending, g granted) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, saving)
	defer cancel()
	wait := waiting{left: saving, next: firstLook}
	for {
		con, err := s.place(ctx, by, p, g)
		switch {
		case err == nil, errors.Is(err, errElsewhere):
			return told(con, err), nil
		case moved(err), fault.Is(err, fault.Unavailable):
		default:
			return refused(err)
		}
		if late := wait.look(ctx); late != nil {
			s.p.Alarm(ctx, GrantLostRisk, con.ID, err)
			return Outcome{Code: TryAgain}, nil
		}
	}
}

// told is what the person is told of a connection.
func told(con Connection, err error) Outcome {
	switch {
	case err != nil:
		return Outcome{Code: Elsewhere}
	case con.State == Ending:
		return Outcome{Code: StillEnding}
	case con.ID == "" || con.Why == UserInactive:
		return Outcome{Code: Inactive}
	case con.Why == ScopesMissing:
		return Outcome{Code: Partly, Missing: con.Missing, Keeps: con.keeps}
	}
	return Outcome{Code: Connected, Licensed: con.Licensed, Replaces: con.replaces}
}

// place tries once to put a grant where it belongs: into the connection that the Zoom user has, or a new one.
func (s *Store) place(ctx context.Context, by access.Caller, p pending, g granted) (Connection, error) {
	whose, err := s.p.Table.WhoseIs(ctx, p.Provider, g.user.Account+"#"+g.user.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Connection{}, err
	}
	if whose.Ref == "" {
		return s.found(ctx, by, p, g, whose)
	}
	if whose.Org != by.Org() {
		return s.theirs(ctx, s.p.Job(whose.Org), whose.Ref, g)
	}
	con, err := s.Read(ctx, by, whose.Ref)
	switch {
	case fault.Is(err, fault.NotFound):
		return s.found(ctx, by, p, g, whose) // nobody's any more
	case err != nil:
		return con, err
	case p.Provider == Own && con.Subject != p.Subject:
		return s.theirs(ctx, by, con.ID, g)
	}
	check, err := s.member(ctx, by, p)
	if err != nil {
		return con, err
	}
	con.Subject = p.Subject // of the clinic's account, another manager's by now
	return s.regrant(ctx, by, con, g, check)
}

// theirs puts a grant into the connection of somebody else, who has the Zoom user.
func (s *Store) theirs(ctx context.Context, by access.Caller, id string, g granted) (Connection, error) {
	con, err := s.Read(ctx, by, id)
	if err == nil {
		con, err = s.regrant(ctx, by, con, g)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return con, err
	}
	return con, errElsewhere
}

// regrant puts a new grant into a connection that there is. One that is ending stays so, and ends with it. Where the
// user has granted once more in the meantime, the grant is dead already, and whoever got the other one files it here.
func (s *Store) regrant(
	ctx context.Context, by access.Caller, con Connection, g granted, more ...table.Item,
) (Connection, error) {
	_, err := s.p.API.Me(ctx, zoom.Access{Token: g.grant.Access, APIURL: g.grant.APIURL})
	if fault.Of(err) != nil && fault.Of(err).Code == video.NeedsReauth {
		return con, nil
	}
	was := con.State
	if err := s.grant(ctx, by, &con, g); err != nil {
		return con, err
	}
	said := event.ConnectionMade
	switch {
	case con.State == Ending:
		said = event.ConnectionRenewed
	case was == Linked && con.State == NeedsReauth: // less was granted than before, perhaps by somebody else
		said = event.ConnectionLapsed
		if err := s.raise(ctx, by, con); err != nil {
			return con, err
		}
	}
	return con, s.write(ctx, s.p.Table.For(by), access.ConnectionMake, con, event.Event{
		Name: said, Why: con.Why, Refs: map[string]string{"subject": con.Subject},
	}, more...)
}

// firstTended is when a connection is looked after for the first time.
const firstTended = time.Hour

// grant puts what was granted into a connection.
func (s *Store) grant(ctx context.Context, by access.Caller, con *Connection, g granted) error {
	con.Missing, con.Licensed, con.Died = g.missing, g.user.Licensed, time.Time{}
	con.History = g.app.History(g.grant.Scopes)
	if con.State != Ending {
		con.Made = s.p.Now()
	}
	switch {
	case con.State == Ending:
	case len(g.missing) > 0:
		con.State, con.Why = NeedsReauth, ScopesMissing
	case !g.user.Active():
		con.State, con.Why = NeedsReauth, UserInactive
	default:
		con.State, con.Why = Linked, ""
	}
	if con.Due.IsZero() {
		con.Due = s.p.Now().Add(firstTended).Truncate(time.Second)
	}
	return s.fill(ctx, by.Org(), con, g.grant, g.user.Email)
}

// found makes a new connection for a Zoom user who has none. What the person had connected before is ended, unless that
// serves and the new one would not: then that stays. Of a user who cannot hold meetings nothing is kept either.
func (s *Store) found(
	ctx context.Context, by access.Caller, p pending, g granted, whose table.Pointer,
) (Connection, error) {
	if !g.user.Active() {
		_ = g.app.Revoke(ctx, g.grant.Access) // nobody has it; if this fails, it ends by itself
		return Connection{}, nil
	}
	check, err := s.member(ctx, by, p)
	if err != nil {
		return Connection{}, err
	}
	c := s.p.Table.For(by)
	key := c.Connected(owner(p.Provider, p.Subject), p.Provider)
	var before connected
	if err := c.Get(ctx, key, &before); err != nil && !fault.Is(err, fault.NotFound) {
		return Connection{}, err
	}
	con := Connection{
		ID: s.p.ID("con"), Subject: p.Subject, Provider: p.Provider, Account: g.user.Account, User: g.user.ID,
	}
	if err := s.grant(ctx, by, &con, g); err != nil {
		return con, err
	}
	if con.keeps, err = s.better(ctx, by, before.Connection, con); err != nil || con.keeps {
		if con.keeps {
			_ = g.app.Revoke(ctx, g.grant.Access) // as above
		}
		return con, err
	}
	err = s.write(ctx, c, access.ConnectionMake, con, event.Event{
		Name: event.ConnectionMade, Why: con.Why, Refs: map[string]string{"subject": con.Subject},
	}, check,
		table.Item{
			Key: key, Value: connected{Connection: con.ID}, Version: before.Version, New: before.Version == 0,
		},
		table.Item{
			Key: c.Pointer(p.Provider, user(con)), Version: whose.Version, New: whose.Version == 0,
			Value: table.Pointer{Org: by.Org(), Ref: con.ID, Subject: con.Subject},
		})
	if err != nil {
		return con, err
	}
	if con.State == NeedsReauth {
		// Not before: then a write that must be done again would leave the task of a connection that never was. If this
		// fails, the page that the person sees says what is missing.
		_ = s.raise(ctx, by, con)
	}
	if before.Connection == "" {
		return con, nil
	}
	con.replaces = true
	// If this fails, whoever looks after that connection finds that it is nobody's any more.
	_ = s.ending(ctx, by, before.Connection, Replaced)
	return con, nil
}

// better tells whether what the person had connected before serves, and the new one would not.
func (s *Store) better(ctx context.Context, by access.Caller, before string, con Connection) (bool, error) {
	if con.State == Linked || before == "" {
		return false, nil
	}
	former, err := s.Read(ctx, by, before)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && former.State == Linked, err
}
