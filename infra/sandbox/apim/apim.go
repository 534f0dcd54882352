// Package apim is a stand-in for the NHS API platform, the gateway before every NHS API: it hands out tokens for signed
// assertions, checks token and headers of each request, holds an application to its rate, and records what was asked.
// Rule: it is at least as strict as the real gateway, so that a client that works here is not refused there. Where the
// published documents leave a rule open, the comment beside it says what was chosen.
package apim

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"almanac/infra/sandbox"
)

// What the gateway allows an application when its Config says nothing else.
const (
	defaultRate = 5                // requests a second to each API
	tokenQuota  = 300              // tokens a minute
	tokenLife   = 10 * time.Minute // of which 599 seconds are promised
	keepDefault = 10_000           // requests remembered
)

// ErrConfig is wrapped by the errors about a Config that cannot work.
var ErrConfig = errors.New("apim configuration")

// Key is one public key of an application, as its JWKS has it.
type Key struct {
	ID     string // kid
	Public *rsa.PublicKey
}

// App is an application registered with the platform.
type App struct {
	Key  string // the API key: iss and sub of its assertions
	Name string // named in the texts about limits; empty: the key
	// Keys reads the JWKS the application registered, at each request for a token. During a rotation it gives the old
	// and the new key. An error is what the platform has when it cannot reach the JWKS address.
	Keys       func() ([]Key, error)
	Unapproved bool // registered, but not for use yet
}

// Fixed makes App.Keys of one key that never changes.
func Fixed(id string, public *rsa.PublicKey) func() ([]Key, error) {
	return func() ([]Key, error) { return []Key{{ID: id, Public: public}}, nil }
}

// Config says which platform the stand-in plays.
type Config struct {
	Apps        []App
	TokenURL    string           // what aud must be; empty: the address a request was sent to
	Rate        int              // requests a second an application may send to each API; 0: 5, below 0: no limit
	Smooth      bool             // also keep them a Rate's share of a second apart, as the strictest gateway would
	ODSOptional bool             // a request need not name the organisation it is for
	Keep        int              // requests to remember; 0: 10,000
	Now         func() time.Time // for tokens; nil: the real clock
	Ticks       func() time.Time // for rate and quota, which a stopped clock must not stop; nil: the real clock
	Lookup      sandbox.LookupEnv
}

// Gateway is the stand-in. Its methods are safe for use from several goroutines.
type Gateway struct {
	Faults *sandbox.Faults // what shall go wrong; see the kinds of fault

	config Config

	mu       sync.Mutex
	apps     map[string]App
	tokens   map[string]grant       // by digest
	used     map[string]time.Time   // jti of assertions, until when they matter
	calls    map[string][]time.Time // per application and API: the last second's, or minute's
	requests []Request              // oldest first
	answers  map[string]answered    // by X-Request-ID
	order    []string               // the IDs in answers, oldest first
}

// New returns a gateway. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Gateway, error) {
	if err := sandbox.RefuseLambda(c.Lookup); err != nil {
		return nil, fmt.Errorf("apim: %w", err)
	}
	if c.Rate == 0 {
		c.Rate = defaultRate
	}
	if c.Keep <= 0 {
		c.Keep = keepDefault
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Ticks == nil {
		c.Ticks = time.Now
	}
	g := &Gateway{
		config: c, apps: map[string]App{}, tokens: map[string]grant{}, used: map[string]time.Time{},
		calls: map[string][]time.Time{}, answers: map[string]answered{}, Faults: sandbox.NewFaults(kinds()...),
	}
	for _, app := range c.Apps {
		if err := g.Register(app); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Register adds an application, or replaces the one with its key.
func (g *Gateway) Register(app App) error {
	if app.Key == "" || app.Keys == nil {
		return fmt.Errorf("%w: an application needs a key and public keys", ErrConfig)
	}
	if app.Name == "" {
		app.Name = app.Key
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.apps[app.Key] = app
	return nil
}

// RevokeTokens makes all tokens given out so far invalid, as when an application's access is taken away and given back.
func (g *Gateway) RevokeTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
}

// Request is one request as it was asked and answered, for tests and for the page.
type Request struct {
	At        time.Time
	API       string // "token", "pds", "scr" or "gp"
	Operation string // such as "get" or "search"
	Method    string
	Pattern   string              // the path without what identifies a person
	Number    string              // the NHS number in the path, if any
	Query     map[string][]string // as sent
	Header    http.Header         // as sent, the token left out
	App       string              // the key of the application, where the token told
	Status    int                 // of the answer; 0: the connection was cut instead
	Code      string              // the Spine code in the answer, if it was an error
	Fault     string              // what was made to go wrong
	Repeat    bool                // the X-Request-ID was answered before; this is the same answer
}

// ID is the X-Request-ID.
func (r Request) ID() string { return r.Header.Get("X-Request-ID") }

// Organisation is the ODS code of the organisation the request was made for.
func (r Request) Organisation() string { return r.Header.Get("NHSD-End-User-Organisation-ODS") }

// Requests returns what was asked, oldest first: all of it, or that of some operations or APIs only.
func (g *Gateway) Requests(only ...string) []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Request
	for _, r := range g.requests {
		if len(only) == 0 || slices.Contains(only, r.Operation) || slices.Contains(only, r.API) {
			list = append(list, r)
		}
	}
	return list
}

// Refused counts the requests refused by the rate limit or the quota, not by a planned fault.
func (g *Gateway) Refused() int {
	n := 0
	for _, r := range g.Requests() {
		if r.Status == http.StatusTooManyRequests && r.Fault == "" {
			n++
		}
	}
	return n
}

// Forget drops the record of requests. What was answered stays known by its X-Request-ID.
func (g *Gateway) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = nil
}

func (g *Gateway) record(r Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, r)
	if over := len(g.requests) - g.config.Keep; over > 0 {
		g.requests = slices.Delete(g.requests, 0, over)
	}
}

// allow tells whether one more call fits into the limit, and counts it if so. A refused one does not count, as with
// the gateway's.
func (g *Gateway) allow(who string, limit int, within time.Duration, smooth bool) bool {
	if limit < 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.config.Ticks()
	recent := slices.DeleteFunc(g.calls[who], func(at time.Time) bool { return now.Sub(at) >= within })
	g.calls[who] = recent
	apart := within / time.Duration(max(limit, 1))
	if len(recent) >= limit || (smooth && len(recent) > 0 && now.Sub(recent[len(recent)-1]) < apart) {
		return false
	}
	g.calls[who] = append(recent, now)
	return true
}
