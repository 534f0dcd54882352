package zoom

import (
	"context"
	"sync"
	"time"

	"almanac/shared/fault"
	"almanac/shared/video"
)

const (
	// tripping failures within window open the circuit of an account, for cooling.
	tripping = 5
	window   = 30 * time.Second
	cooling  = 30 * time.Second
	// manyCircuits is from where on those that hold nothing of use are thrown away.
	manyCircuits = 1000
)

// circuits keep calls from an account for which calls fail: Zoom may disable an app whose calls keep failing, and other
// accounts shall not wait behind it. There is one for each account in each process.
type circuits struct {
	mu  sync.Mutex
	all map[string]*circuit
}

type circuit struct {
	failed  []time.Time // within window
	until   time.Time   // open until then
	probing bool        // after that, one call goes ahead to see
}

// verdict is what a call says of whether Zoom can be reached for the account.
type verdict int

const (
	noVerdict verdict = iota // it was not sent
	answered
	failed
)

// enter asks whether a call may be made. The function that it gives must be called with the verdict.
func (c *circuits) enter(account string, now time.Time) (func(v verdict, now time.Time), *fault.Error) {
	if account == unknownAccount { // these have nothing in common
		return func(verdict, time.Time) {}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[account]
	if one == nil {
		c.tidy(now)
		one = &circuit{}
		c.all[account] = one
	}
	probe := !one.until.IsZero()
	if now.Before(one.until) || one.probing {
		e := fault.New(fault.Unavailable, video.ProviderUnavailable, "Zoom cannot be reached just now.")
		e.RetryAfter = max(one.until.Sub(now), time.Second)
		return nil, e
	}
	one.probing = probe
	return func(v verdict, now time.Time) { c.leave(one, probe, v, now) }, nil
}

// Renew asks for the next grant of a connection in an account, unless the account's circuit is open: what cannot be
// reached is not asked for by everybody who waits for it. Errors are those of App.Refresh.
func (a *API) Renew(ctx context.Context, app App, account, refreshToken string) (Grant, error) {
	leave, shut := a.circuits.enter(account, a.set.Now())
	if shut != nil {
		return Grant{}, shut
	}
	said := noVerdict
	defer func() { leave(said, a.set.Now()) }()
	g, err := app.Refresh(ctx, refreshToken)
	said = verdictOf(nil)
	if err != nil {
		said = verdictOf(fault.Of(err))
	}
	return g, err
}

func (c *circuits) leave(one *circuit, probe bool, v verdict, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if probe {
		one.probing = false
	}
	switch v {
	case noVerdict:
	case answered:
		if probe {
			one.until, one.failed = time.Time{}, nil
		}
	case failed:
		one.failed = append(recent(one.failed, now), now)
		if probe || len(one.failed) >= tripping {
			one.until, one.failed = now.Add(cooling), nil
		}
	}
}

// recent are those of the failures that still count.
func recent(all []time.Time, now time.Time) []time.Time {
	for len(all) > 0 && now.Sub(all[0]) > window {
		all = all[1:]
	}
	return all
}

// tidy throws closed circuits without recent failures away when there are many.
func (c *circuits) tidy(now time.Time) {
	if len(c.all) < manyCircuits {
		return
	}
	for account, one := range c.all {
		if one.until.IsZero() && len(recent(one.failed, now)) == 0 {
			delete(c.all, account)
		}
	}
}
