package connection

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/private"
	"almanac/shared/table"
)

// Begun is a connection that somebody is sent to Zoom for.
type Begun struct {
	private.Hidden

	URL     string // of Zoom, to which the browser goes
	Cookie  string // a secret of this browser, which must come along when it is back
	Expires time.Time
}

// pending is a connection that was begun.
type pending struct {
	Subject  string    `dynamodbav:"sub"`
	Provider string    `dynamodbav:"prv"`
	Verifier []byte    `dynamodbav:"ver"` // of PKCE, sealed
	Cookie   []byte    `dynamodbav:"ck"`  // its digest
	Expires  time.Time `dynamodbav:"exp,unixtime"`
	Version  int64     `dynamodbav:"v"`
}

const (
	// PendingFor is how long a connection can be finished that was begun.
	PendingFor = 10 * time.Minute
	// perPerson is how many of a kind somebody can begin in that time.
	perPerson = 5
	// strength is the length of what nobody must guess.
	strength = 16
)

// Begin begins a connection of the caller's own account, or with Admin of the clinic's. Errors: fault.Denied, Limited
// "too_often" for one who begins too many, Conflict "zoom_not_set_up", Unavailable.
func (s *Store) Begin(ctx context.Context, by access.Caller, provider string) (Begun, error) {
	app, err := s.app(provider)
	if err != nil {
		return Begun{}, err
	}
	if !may(by, provider) {
		return Begun{}, denied()
	}
	often := table.Bucket{Name: "connect", Most: perPerson, Window: PendingFor}
	if err := s.buckets.Take(ctx, often, by.Org()+" "+by.Person()+" "+provider); err != nil {
		return Begun{}, tooOften(err)
	}
	ring, err := s.p.Keeper.Ring(ctx, by.Org())
	if err != nil {
		return Begun{}, err
	}
	state, err := newState(by.Org())
	if err != nil {
		return Begun{}, err
	}
	// 32 bytes make the 43 characters that a verifier has at the least (RFC 7636, 4.1).
	verifier, cookie := random(sha256.Size), random(strength)
	ends := s.p.Now().Add(PendingFor).Truncate(time.Second)
	p := pending{Subject: by.Person(), Provider: provider, Cookie: digest(cookie), Expires: ends}
	if p.Verifier, err = ring.SealSecret(ofState(state), verifier); err != nil {
		return Begun{}, err
	}
	c := s.p.Table.For(by)
	err = c.Write(ctx, table.Change{
		Action: permission(provider), Target: by.Person(),
		Put:   []table.Item{{Key: c.Grant(name(state)), Value: p, New: true, Expires: ends}},
		Event: event.Event{Name: event.ConnectionBegun, Why: provider},
	})
	challenge := sha256.Sum256([]byte(verifier))
	return Begun{
		URL:    app.AuthoriseURL(state, base64.RawURLEncoding.EncodeToString(challenge[:])),
		Cookie: cookie, Expires: ends,
	}, err
}

// tooOften says when somebody can begin again who began too often.
func tooOften(err error) error {
	if !fault.Is(err, fault.Limited) {
		return err
	}
	left := fault.Of(err).RetryAfter
	minutes := strconv.Itoa(int(math.Ceil(left.Minutes()))) + " minutes"
	if left <= time.Minute {
		minutes = "a minute"
	}
	e := fault.New(fault.Limited, "too_often",
		"Zoom was to be connected "+strconv.Itoa(perPerson)+" times within a few minutes. Try again in "+minutes+".")
	e.RetryAfter = left
	return e
}

// permission is what it takes to connect an account of a kind, and to end its connection.
func permission(provider string) access.Permission {
	if provider == Admin {
		return access.LoginProvision
	}
	return access.ConnectionMake
}

// may tells whether somebody may connect an account of a kind.
func may(by access.Caller, provider string) bool { return !by.Job() && by.Can(permission(provider)) }

func denied() error { return fault.New(fault.Denied, "denied", "Your roles do not allow this.") }

// newState makes a state: it says for which organisation it is, because whoever comes back has no log-in, and nobody
// can guess it.
func newState(org string) (string, error) {
	of, err := id.Raw(org)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal", "This organisation has no id.")
	}
	rest := make([]byte, strength)
	_, _ = rand.Read(rest) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(append(of[:], rest...)), nil
}

// orgOf reads the organisation out of a state.
func orgOf(state string) (string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(raw) != 2*strength {
		return "", false
	}
	return id.Format("org", [16]byte(raw[:strength])), true
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// name is what a state is filed under, so that whoever has the table cannot present it.
func name(state string) string { return hex.EncodeToString(digest(state)) }

func ofState(state string) string { return "zoom verifier " + name(state) }
