package connection

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// End disconnects the caller's own account: nothing new is made with it, and what is at Zoom is taken away by the
// worker whom the event tells. Twice is once. With Admin it disconnects the clinic's, in which there is nothing to take
// away: that is gone at once. Where there is none it is fault.NotFound.
func (s *Store) End(ctx context.Context, by access.Caller, provider string) (Connection, error) {
	if provider == Admin && !by.Can(access.LoginProvision) || !by.Can(access.ConnectionEnd) {
		return Connection{}, denied()
	}
	con, err := s.Of(ctx, by, by.Person(), provider)
	if err != nil {
		return con, err
	}
	if provider == Admin {
		return con, s.drop(ctx, by, con.ID, Asked)
	}
	if err := s.ending(ctx, by, con.ID, Asked); err != nil {
		return con, err
	}
	return s.Read(ctx, by, con.ID)
}

// ending begins the end of a connection.
func (s *Store) ending(ctx context.Context, by access.Caller, con, why string) error {
	action := closing(by)
	for range rounds {
		now, err := s.Read(ctx, by, con)
		if err != nil || now.State == Ending {
			return err
		}
		now.State, now.Why, now.Due = Ending, why, s.p.Now().Add(endingAgain).Truncate(time.Second)
		err = s.write(ctx, s.p.Table.For(by), action, now, event.Event{
			Name: event.ConnectionEnding, Why: why, Refs: map[string]string{"subject": now.Subject},
		})
		if !moved(err) {
			return err
		}
	}
	return busy()
}

// closing is the permission by which a caller ends connections.
func closing(by access.Caller) access.Permission {
	if by.Job() {
		return tending(by)
	}
	return access.ConnectionEnd
}

// endingAgain is when an end is looked at again that did not come about.
const endingAgain = 15 * time.Minute

// Revoke takes back at Zoom what the owner of a connection granted. A grant that is dead already is no error, and
// neither is a connection that is gone.
func (s *Store) Revoke(ctx context.Context, by access.Caller, con string) error {
	now, err := s.Read(ctx, by, con)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	app, err := s.app(now.Provider)
	if err != nil {
		return err
	}
	token, err := s.access(ctx, by.Org(), con, want{anyhow: true})
	if fault.Is(err, fault.Denied) {
		return nil
	}
	if err != nil {
		return err
	}
	return app.Revoke(ctx, token.Token)
}

// Tombstone is what is left of a connection: that it was, and what went with it. It tells nothing of anybody.
type Tombstone struct {
	Connection string         `dynamodbav:"con"`
	Provider   string         `dynamodbav:"prv"`
	Why        string         `dynamodbav:"why"`
	At         time.Time      `dynamodbav:"at,unixtime"`
	Counts     map[string]int `dynamodbav:"n,omitempty"`
	Version    int64          `dynamodbav:"v"`
}

// Removal gives the items that take a connection away, with the row and the pointer by which it is found, and leave its
// tombstone: they belong into one change. Where the connection is gone it is fault.NotFound; the change fails as stale
// where it was written to since.
func (s *Store) Removal(
	ctx context.Context, by access.Caller, con, why string, counts map[string]int,
) ([]table.Item, error) {
	now, err := s.Read(ctx, by, con)
	if err != nil {
		return nil, err
	}
	return s.removal(ctx, by, now, why, counts)
}

// removal gives the items for a connection as it was read.
func (s *Store) removal(
	ctx context.Context, by access.Caller, now Connection, why string, counts map[string]int,
) ([]table.Item, error) {
	c, con := s.p.Table.For(by), now.ID
	items := []table.Item{
		{Key: c.Connection(con), Version: now.Version, Delete: true},
		{Key: c.Tombstone(con), New: true, Value: Tombstone{
			Connection: con, Provider: now.Provider, Why: why, At: s.p.Now(), Counts: counts,
		}},
	}
	var row connected
	key := c.Connected(owner(now.Provider, now.Subject), now.Provider)
	err := c.Get(ctx, key, &row)
	switch {
	case err == nil && row.Connection == con:
		items = append(items, table.Item{Key: key, Version: row.Version, Delete: true})
	case err != nil && !fault.Is(err, fault.NotFound):
		return nil, err
	}
	whose, err := s.p.Table.WhoseIs(ctx, now.Provider, user(now))
	switch {
	case err == nil && whose.Org == by.Org() && whose.Ref == con:
		items = append(items, table.Item{
			Key: c.Pointer(now.Provider, user(now)), Version: whose.Version, Delete: true,
		})
	case err != nil && !fault.Is(err, fault.NotFound):
		return nil, err
	}
	return items, nil
}

// user is the name under which a connection's user at Zoom is pointed to.
func user(con Connection) string { return con.Account + "#" + con.User }
