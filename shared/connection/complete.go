package connection

import (
	"context"
	"crypto/subtle"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/private"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// Callback is what a browser brings back from Zoom.
type Callback struct {
	private.Hidden

	State, Code, Error string
	Cookie             string // what Begin gave this browser
}

// Outcome is what came of it.
type Outcome struct {
	Code     string
	Org      string
	Provider string
	Missing  []string // scopes, where the code is Partly
	Licensed bool     // where it is Connected
	// Replaces says that the person had another account connected, whose place it takes.
	Replaces bool
	// Keeps says that the other account goes on, because this one, whose code is Partly, would be of no use.
	Keeps bool
	// Served says that what Begin gave this browser has served: it is good for nothing any more.
	Served bool
}

// The outcomes.
const (
	Connected    = "connected"
	Partly       = "scopes_missing" // connected, but not of use without the scopes that are missing
	Declined     = "declined"       // the person did not allow it
	Unknown      = "unknown"        // of no connection that can be finished: too old, used already, or never begun
	OtherBrowser = "other_browser"  // it was begun in another one
	Marketplace  = "marketplace"    // begun at Zoom: nobody knows whose it is
	Elsewhere    = "elsewhere"      // this Zoom user is somebody else's connection, or another organisation's
	Inactive     = "inactive"       // Zoom does not let this user hold meetings
	StillEnding  = "still_ending"   // it was disconnected a moment ago, and that is not over
	NotAllowed   = "not_allowed"    // the person may not connect any more
	TryAgain     = "try_again"      // Zoom does not answer just now
)

// Complete finishes a connection that was begun. A state serves once, whatever comes of it. Errors are faults of ours,
// or of the setup: what a person can do something about is an Outcome.
func (s *Store) Complete(ctx context.Context, cb Callback) (Outcome, error) {
	if cb.State == "" && cb.Code != "" {
		return Outcome{Code: Marketplace}, nil
	}
	org, ok := orgOf(cb.State)
	if !ok {
		return Outcome{Code: Unknown}, nil
	}
	by := s.p.Job(org)
	c := s.p.Table.For(by)
	var p pending
	err := c.Get(ctx, c.Grant(name(cb.State)), &p)
	if fault.Is(err, fault.NotFound) {
		return Outcome{Code: Unknown}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	why := p.judge(cb, s.p.Now())
	served := p.knows(cb.Cookie)
	if err := s.spend(ctx, c, p, cb.State, why); err != nil {
		if moved(err) {
			why, err = Unknown, nil // somebody else came back with it a moment ago
		}
		return Outcome{Code: why, Org: org, Provider: p.Provider, Served: served}, err
	}
	out := Outcome{Code: why}
	if why == Connected {
		out, err = s.finish(ctx, by, p, cb)
	}
	out.Org, out.Provider, out.Served = org, p.Provider, served
	return out, err
}

// maxCode is longer than any code of Zoom's.
const maxCode = 2048

// judge tells whether somebody may go on who came back, as far as that shows before Zoom is asked.
func (p pending) judge(cb Callback, now time.Time) string {
	switch {
	case !p.knows(cb.Cookie):
		return OtherBrowser
	case !now.Before(p.Expires):
		return Unknown
	case cb.Error == "access_denied":
		return Declined
	case cb.Error != "" || cb.Code == "" || len(cb.Code) > maxCode:
		return Unknown
	}
	return Connected
}

// knows tells whether a cookie is the one that the connection was begun with.
func (p pending) knows(cookie string) bool {
	return subtle.ConstantTimeCompare(p.Cookie, digest(cookie)) == 1
}

// spend takes a state away, on condition that nobody did before.
func (s *Store) spend(ctx context.Context, c table.Clinic, p pending, state, why string) error {
	return c.Write(ctx, table.Change{
		Action: access.ConnectionMake, Target: p.Subject,
		Put:   []table.Item{{Key: c.Grant(name(state)), Version: p.Version, Delete: true}},
		Event: event.Event{Name: event.ConnectionReturned, Why: why, Refs: map[string]string{"subject": p.Subject}},
	})
}

// finishing is less than the gateway waits for.
const finishing = 25 * time.Second

// finish asks Zoom for what was granted, and by whom, and files it.
func (s *Store) finish(ctx context.Context, by access.Caller, p pending, cb Callback) (Outcome, error) {
	app, err := s.app(p.Provider)
	if err != nil {
		return Outcome{}, err
	}
	if _, err := s.member(ctx, by, p); err != nil {
		return refused(err)
	}
	ring, err := s.p.Keeper.Ring(ctx, by.Org())
	if err != nil {
		return Outcome{}, err
	}
	var verifier string
	if err := ring.OpenSecret(ofState(cb.State), p.Verifier, &verifier); err != nil {
		return Outcome{}, err
	}
	// A browser that goes away ends nothing from here on: what was connected before is replaced at Zoom by now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	g, err := app.Exchange(ctx, cb.Code, verifier)
	if err != nil {
		return refused(err)
	}
	u, err := s.p.API.Me(ctx, zoom.Access{Token: g.Access, APIURL: g.APIURL})
	missing := app.Missing(g.Scopes)
	switch {
	case err != nil && len(missing) > 0 && fault.Of(err).Code == video.NeedsReauth:
		return Outcome{Code: Partly, Missing: missing}, nil // not even whose it is may be read
	case err != nil && fault.Of(err).Code == video.NeedsReauth:
		return Outcome{Code: TryAgain}, nil // the user granted once more in the meantime, and that is filed by others
	case err != nil:
		s.p.Alarm(ctx, GrantLostRisk, "", err)
		return refused(err)
	}
	return s.file(ctx, by, p, granted{app: app, grant: g, user: u, missing: missing})
}

// refused tells what an error means to the person: some are no fault of ours.
func refused(err error) (Outcome, error) {
	f := fault.Of(err)
	switch {
	case f.Kind == fault.Unavailable, f.Kind == fault.Limited:
		return Outcome{Code: TryAgain}, nil
	case f.Code == zoom.CodeRefused:
		return Outcome{Code: Unknown}, nil
	case f.Kind == fault.Denied:
		return Outcome{Code: NotAllowed}, nil
	}
	return Outcome{}, err
}

// member checks that whoever began may still connect, and gives the item by which the change rests on that.
func (s *Store) member(ctx context.Context, by access.Caller, p pending) (table.Item, error) {
	who, err := s.p.Directory.Caller(ctx, by.Org(), p.Subject, true)
	if err != nil {
		return table.Item{}, err
	}
	if !may(who, p.Provider) {
		return table.Item{}, denied()
	}
	snap, err := s.p.Directory.Snapshot(ctx, who)
	if err != nil {
		return table.Item{}, err
	}
	staff := snap.Staff[p.Subject]
	return table.Item{Key: s.p.Table.For(by).Staff(p.Subject), Version: staff.Version, Check: true}, nil
}
