package zoom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"almanac/shared/delay"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// Settings are what an API is made of; every field is required.
type Settings struct {
	URL  string // of the REST API without its version, such as https://api.zoom.us
	HTTP *http.Client
	// Pace waits for the next place among the calls to a Zoom account, whose limits all its users share.
	Pace func(ctx context.Context, account string) error
	// Now is the computer's own clock: one that people set would keep a circuit open for years.
	Now func() time.Time
}

// API speaks to Zoom's REST API. It is safe for concurrent use.
type API struct {
	set      Settings
	site     site
	circuits circuits
}

// New makes the API. Errors name the setting that is missing or malformed.
func New(set Settings) (*API, error) {
	s, err := newSite(set.URL)
	if err != nil {
		return nil, err
	}
	if set.HTTP == nil || set.Pace == nil || set.Now == nil {
		return nil, errors.New("the Zoom client needs HTTP, Pace and Now")
	}
	return &API{set: set, site: s, circuits: circuits{all: map[string]*circuit{}}}, nil
}

// call is one thing to be asked of Zoom.
type call struct {
	method string
	path   string // after the version
	query  url.Values
	body   any
	about  about
	// creates says that doing it twice makes two. It is sent once.
	creates bool
}

// about is what a call is about, on which the meaning of some codes depends.
type about int

const (
	aMeeting about = iota
	aUser
	aPastMeeting
)

const (
	// retries is how often a call is repeated here before it goes back to the queue, which waits longer.
	retries   = 2
	firstWait = 300 * time.Millisecond
	// longestWait is how long is waited here when Zoom says how long; for more the queue is the place.
	longestWait = 3 * time.Second
	// leastTime is what must be left for a repeat to be worth beginning.
	leastTime = 2 * time.Second
)

// do makes a call, with a fresh token if Zoom refuses the one it has, and again where that can help and cannot hurt.
// What it gives is an answer of success, whose body is an object unless the call is one of those that have none.
func (a *API) do(ctx context.Context, tokens Tokens, h video.Host, c call) (object, error) {
	access, err := tokens(ctx, h, "")
	if err != nil {
		return nil, err
	}
	renewed := false
	for attempt := 0; ; attempt++ {
		o, refused := a.attempt(ctx, h, access, c)
		if refused == nil {
			return o, nil
		}
		if stale(refused) && !renewed {
			before := access.Token
			if access, err = tokens(ctx, h, before); err != nil {
				return nil, err
			}
			if access.Token == before {
				return nil, refused
			}
			renewed = true
			attempt-- // it was refused before anything was done, and is not counted among the repeats
			continue
		}
		if c.creates || !worthRepeating(refused) || attempt >= retries || !pause(ctx, attempt, refused.RetryAfter) {
			return nil, refused
		}
	}
}

// unknownAccount stands for the account of somebody who is just connecting it.
const unknownAccount = "unknown"

// attempt makes a call once.
func (a *API) attempt(ctx context.Context, h video.Host, access Access, c call) (object, *fault.Error) {
	account := access.Account
	switch {
	case account != "":
	case h.Connection != "":
		account = h.Org + " " + h.Connection
	default:
		account = unknownAccount
	}
	leave, shut := a.circuits.enter(account, a.set.Now())
	if shut != nil {
		return nil, shut
	}
	said := noVerdict
	defer func() { leave(said, a.set.Now()) }()
	if err := a.set.Pace(ctx, account); err != nil {
		return nil, crowded(err)
	}
	req, err := a.request(ctx, access, c)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, video.ProviderRefused, "This cannot be asked of Zoom.")
	}
	res, err := fetch(ctx, a.set.HTTP, req)
	if err != nil {
		said = failed
		if ctx.Err() != nil { // the caller went away: nothing is known of Zoom
			said = noVerdict
		}
		return nil, c.lost(err)
	}
	o, refused := c.judge(res, a.set.Now())
	said = verdictOf(refused)
	return o, refused
}

// request makes the HTTP request of a call.
func (a *API) request(ctx context.Context, access Access, c call) (*http.Request, error) {
	if !tokenly(access.Token) {
		return nil, errors.New("no token")
	}
	var body bytes.Buffer
	if c.body != nil {
		if err := json.NewEncoder(&body).Encode(c.body); err != nil {
			return nil, errors.New("body")
		}
	}
	to := a.site.api(access.APIURL) + "/v2" + c.path
	if len(c.query) > 0 {
		to += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, to, &body)
	if err != nil {
		return nil, errors.New("address")
	}
	req.Header.Set("Authorization", "Bearer "+access.Token)
	req.Header.Set("Accept", "application/json")
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// crowded is for a place in the queue that was not to be had: nothing was sent.
func crowded(err error) *fault.Error {
	if f := fault.Of(err); f.Kind == fault.Limited {
		e := fault.Wrap(err, fault.Limited, video.ProviderBusy, "Zoom takes no more requests just now.")
		e.RetryAfter = f.RetryAfter
		return e
	}
	return unreached(err)
}

// lost is for a call without a whole answer.
func (c call) lost(err error) *fault.Error {
	if s, ok := errors.AsType[silence](err); ok && s.sent && c.creates {
		return unknown(err)
	}
	return unreached(err)
}

// worthRepeating tells whether the same call can succeed a moment later.
func worthRepeating(e *fault.Error) bool {
	return e.Code == video.ProviderUnavailable || e.Code == video.ProviderBusy
}

// verdictOf is what an answer says of whether Zoom can be reached: a refusal says that it can, and so does a quota of
// one user's.
func verdictOf(e *fault.Error) verdict {
	if e != nil && (e.Kind == fault.Unavailable || e.Code == video.ProviderBusy) {
		return failed
	}
	return answered
}

// pause waits before a repeat, at random so that those who failed together do not come back together. It is false where
// there is no time for that.
func pause(ctx context.Context, attempt int, asked time.Duration) bool {
	wait := asked + jitter(firstWait<<attempt)
	if wait > longestWait {
		return false
	}
	return delay.Leaving(ctx, wait, leastTime)
}
