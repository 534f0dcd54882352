// Package connection is the accounts at Zoom that people connect, and the one that a clinic connects. Its rules: what
// was granted belongs to its user at Zoom, whom one connection alone can have; a token is renewed by one worker at a
// time and saved before it is used; a grant is dead when Zoom says so and at no other time; and whoever comes back from
// Zoom is whom we sent there, in the same browser, once.
package connection

import (
	"context"
	"sync"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/zoom"
)

// State is where a connection stands.
type State string

// The states.
const (
	Linked      State = "linked"
	NeedsReauth State = "needs-reauth" // its owner must connect it again; Why tells for what
	Ending      State = "ending"       // its owner disconnected it, and what is at Zoom is being taken away
)

// Kinds of connections: a person's own account, and the account of the clinic in which log-ins are made, of which an
// organisation has at most one.
const (
	Own   = zoom.Provider
	Admin = zoom.Provider + "-admin"
)

// Why a connection must be made again, besides what those say who use it.
const (
	// ScopesMissing says that less was granted than is needed.
	ScopesMissing = "scopes_missing"
	// UserInactive says that Zoom does not let the user hold meetings.
	UserInactive = "zoom_user_inactive"
	// GrantDead says that Zoom takes the refresh token for none.
	GrantDead = "grant_dead"
	// Asked says that its owner disconnected it.
	Asked = "asked"
	// OwnerLeft says that its owner works here no more.
	OwnerLeft = "owner_left"
	// Replaced says that its owner connected another account.
	Replaced = "replaced"
)

// Connection is an account that somebody connected. It names its user at Zoom by Zoom's opaque ids; what could be read
// by people, and what lets somebody in, is sealed.
type Connection struct {
	ID       string `dynamodbav:"id"`
	Subject  string `dynamodbav:"sub"` // who connected it
	Provider string `dynamodbav:"prv"` // Own or Admin
	State    State  `dynamodbav:"st"`
	Why      string `dynamodbav:"why,omitempty"`
	Account  string `dynamodbav:"acc"`
	User     string `dynamodbav:"usr"`
	// Licensed says that the user's meetings have no limit of forty minutes, as far as was seen when it was made.
	Licensed bool     `dynamodbav:"lic,omitempty"`
	Missing  []string `dynamodbav:"mis,omitempty"` // scopes that were not granted
	// History tells that what took place in the user's meetings may be read afterwards, which nobody has to grant.
	History bool   `dynamodbav:"his,omitempty"`
	Sealed  []byte `dynamodbav:"tok"`
	// Grant counts the pairs of tokens: another pair is another number.
	Grant   int64     `dynamodbav:"gr"`
	Expires time.Time `dynamodbav:"exp,unixtime"` // of the access token
	Made    time.Time `dynamodbav:"at,unixtime"`  // when it was granted last
	Renewed time.Time `dynamodbav:"ren,unixtime"` // when the tokens came
	// Lease is held by whoever is renewing the tokens, until LeaseUntil or until LeaseBy is empty.
	LeaseBy    string    `dynamodbav:"lby,omitempty"`
	LeaseUntil time.Time `dynamodbav:"lun,omitempty,unixtime"`
	// Died is when Zoom first said that the grant is dead, zero where it did not.
	Died time.Time `dynamodbav:"ded,omitempty,unixtime"`
	// Due is when it is to be looked after; zero where there is nothing to look after.
	Due     time.Time `dynamodbav:"due,omitempty,unixtime"`
	Version int64     `dynamodbav:"v"`
	// replaces tells, of one that was made just now, that its owner had another one before.
	replaces bool
	// keeps tells, of one that was not made, that its owner has one that serves.
	keeps bool
}

// tokens are what Sealed holds. The address of the user's mail is in it because it is shown to the owner.
type tokens struct {
	private.Hidden

	Access  string `json:"a"`
	Refresh string `json:"r"`
	APIURL  string `json:"u"`
	Email   string `json:"e"`
}

// connected is the row that says which connection is a person's, or the organisation's.
type connected struct {
	Connection string `dynamodbav:"con"`
	Version    int64  `dynamodbav:"v"`
}

// Parts are what a Store is made of; each is required but Raise and those of apps that there are not.
type Parts struct {
	Table     *table.Table
	Keeper    *seal.Keeper
	Directory *clinic.Directory
	// Own and Admin are the apps; one without a ClientID is not registered.
	Own, Admin zoom.App
	API        *zoom.API
	// Job gives the caller that keeps connections usable: access.Renewer.
	Job func(org string) access.Caller
	// Alarm is told when a grant may be lost, for the operator to see; it gets no secret.
	Alarm func(ctx context.Context, code, connection string, cause error)
	// Raise makes a task for the staff of a person's account that must be connected again, with the number of its last
	// grant; the same one twice is one task.
	Raise func(ctx context.Context, by access.Caller, connection, subject, why string, grant int64) error
	Now   func() time.Time
	ID    id.Source
}

// Store keeps the connections. It is safe for concurrent use.
type Store struct {
	p       Parts
	buckets *table.Buckets

	mu sync.Mutex
	// handed is the last pair of tokens of each connection that this process gave to somebody.
	handed map[string]int64
}

// New makes the Store.
func New(p Parts) *Store {
	return &Store{p: p, buckets: p.Table.Buckets(p.Now), handed: map[string]int64{}}
}

// GrantLostRisk is the code of an alarm: Zoom gave new tokens, and they could not be saved.
const GrantLostRisk = "grant_lost_risk"

// app gives the app of a kind of connection. One that is not registered is fault.Conflict "zoom_not_set_up".
func (s *Store) app(provider string) (zoom.App, error) {
	app := s.p.Own
	if provider == Admin {
		app = s.p.Admin
	}
	if app.ClientID == "" {
		return app, fault.New(fault.Conflict, "zoom_not_set_up", "Almanac's operator has not set up Zoom.")
	}
	return app, nil
}

// organisation stands in the place of a subject for what is the whole organisation's. No subject holds a #.
const organisation = "#organisation"

// owner is under whom a connection is found.
func owner(provider, subject string) string {
	if provider == Admin {
		return organisation
	}
	return subject
}

// Of gives the connection of a person; with Admin, the organisation's. Where there is none it is fault.NotFound.
func (s *Store) Of(ctx context.Context, by access.Caller, subject, provider string) (Connection, error) {
	c := s.p.Table.For(by)
	var row connected
	if err := c.Get(ctx, c.Connected(owner(provider, subject), provider), &row); err != nil {
		return Connection{}, err
	}
	return s.Read(ctx, by, row.Connection)
}

// Read gives a connection by its id; fault.NotFound where it is gone.
func (s *Store) Read(ctx context.Context, by access.Caller, con string) (Connection, error) {
	var out Connection
	c := s.p.Table.For(by)
	return out, get(ctx, c, c.Connection(con), &out)
}

// get keeps the result of a read in one expression.
func get(ctx context.Context, c table.Clinic, k table.Key, out any) error { return c.Get(ctx, k, out) }

// ConnectedAs gives the address by which Zoom knows the user of a connection, for its owner to see.
func (s *Store) ConnectedAs(ctx context.Context, by access.Caller, con Connection) (string, error) {
	t, err := s.open(ctx, by.Org(), con)
	return t.Email, err
}

func about(con string) string { return "zoom tokens " + con }

// open reads the tokens of a connection.
func (s *Store) open(ctx context.Context, org string, con Connection) (tokens, error) {
	var t tokens
	ring, err := s.p.Keeper.Ring(ctx, org)
	if err != nil {
		return t, err
	}
	return t, ring.OpenSecret(about(con.ID), con.Sealed, &t)
}

// fill puts a grant into a connection: its tokens, sealed, and when they end.
func (s *Store) fill(ctx context.Context, org string, con *Connection, g zoom.Grant, email string) error {
	ring, err := s.p.Keeper.Ring(ctx, org)
	if err != nil {
		return err
	}
	con.Sealed, err = ring.SealSecret(about(con.ID), tokens{
		Access: g.Access, Refresh: g.Refresh, APIURL: g.APIURL, Email: email,
	})
	con.Grant, con.Expires, con.Renewed = con.Grant+1, g.Expires, s.p.Now()
	con.LeaseBy, con.LeaseUntil = "", time.Time{}
	return err
}

// write writes a connection as it shall be, on condition that it is still at its version, with more items beside it.
func (s *Store) write(
	ctx context.Context, c table.Clinic, action access.Permission, con Connection, e event.Event, more ...table.Item,
) error {
	it := table.Item{Key: c.Connection(con.ID), Value: con, Version: con.Version, New: con.Version == 0}
	if !con.Due.IsZero() {
		it.Index = c.DueAt(con.Due, con.ID)
	}
	e.Before, e.Version = con.Version, con.Version+1
	return c.Write(ctx, table.Change{
		Action: action, Target: con.ID, Put: append([]table.Item{it}, more...), Event: e,
	})
}

// moved tells that a record was written by somebody else since it was read, so that everything must be looked at again.
func moved(err error) bool {
	return fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists"
}

// rounds is how often something is looked at again that others change at the same moment.
const rounds = 8

// busy is for something that others changed each time it was looked at.
func busy() error {
	return fault.New(fault.Unavailable, "busy", "Others are changing the same records. Please ask again.")
}
