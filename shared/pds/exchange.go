package pds

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"almanac/shared/delay"
	"almanac/shared/exchange"
	"almanac/shared/fault"
)

const (
	maxAnswer = 1 << 20
	// retries is how often a request is repeated here before it goes back to the queue, which waits longer.
	retries   = 2
	firstWait = 500 * time.Millisecond
	// longestWait is how long is waited here when the service says how long; for more the queue is the place.
	longestWait = 5 * time.Second
	maxRetry    = 5 * time.Minute
	// leastTime is what must be left for a repeat to be worth beginning.
	leastTime = 3 * time.Second
	// afterFlood is how long everybody is held back when the service says that there were too many calls. It does not
	// say how long itself.
	afterFlood = time.Second
)

// get makes the request of a call, and makes it again under the same X-Request-ID where that can help. What it gives is
// an answer of status 200 or 404; everything else is an error.
func (c *Client) get(ctx context.Context, call Call, path string, query url.Values) (exchange.Reply, error) {
	if call.ODS == "" {
		return exchange.Reply{}, errNoODS
	}
	refused := "" // a token
	for attempt := 0; ; attempt++ {
		res, token, err := c.attempt(ctx, call, path, query, refused)
		switch {
		case err == nil:
			return res, nil
		case res.Status == http.StatusUnauthorized && refused == "":
			refused = token
			attempt-- // once, with a fresh token, and not counted among the repeats
			continue
		case res.Status == http.StatusTooManyRequests:
			if held := c.set.Hold(ctx, afterFlood); held != nil {
				return exchange.Reply{}, err
			}
		}
		if !worthRepeating(res.Status, err) || attempt >= retries || !pause(ctx, attempt, fault.Of(err).RetryAfter) {
			return exchange.Reply{}, err
		}
	}
}

// attempt makes one request. The reply's status is zero where none came; the token is the one it was made with.
func (c *Client) attempt(
	ctx context.Context, call Call, path string, query url.Values, refused string,
) (exchange.Reply, string, error) {
	token, err := c.token.get(ctx, refused)
	if err != nil {
		return exchange.Reply{}, "", err
	}
	if err := c.set.Pace(ctx, call.Waiting); err != nil {
		return exchange.Reply{}, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	to := c.base.JoinPath(path)
	to.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return exchange.Reply{}, "", unanswered(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/fhir+json")
	req.Header.Set("X-Request-ID", call.Request())
	req.Header.Set("X-Correlation-ID", call.Event)
	req.Header.Set("NHSD-End-User-Organisation-ODS", call.ODS)
	res, err := c.fetch(req, maxAnswer)
	if err != nil {
		return exchange.Reply{}, token, err
	}
	return res, token, judge(res)
}

// fetch sends a request and reads the whole answer. Its errors never hold the request's address.
func (c *Client) fetch(req *http.Request, most int64) (exchange.Reply, error) {
	res, err := exchange.Do(c.http, req, most)
	switch {
	case errors.Is(err, exchange.ErrTooLong):
		return res, unreadable(res.Status)
	case err != nil:
		return res, unanswered(err)
	}
	return res, nil
}

// judge tells what an answer means by its status and its coding's code. nil leaves 200 and 404 to the caller.
func judge(res exchange.Reply) error {
	code := ""
	readable := isJSON(res.Header)
	if readable {
		code = codingOf(res.Body)
	}
	said := answer{res.Status, code}
	switch res.Status {
	case http.StatusOK:
		if !readable || !json.Valid(res.Body) { // an error page, or an answer cut off
			return unreadable(res.Status)
		}
		return nil
	case http.StatusNotFound:
		if code == codeNoRecord || code == codeInvalidated {
			return nil
		}
		return unreadable(res.Status) // not the service's own: it says nothing about a number
	}
	err := refusal(said)
	err.RetryAfter = exchange.RetryAfter(res.Header, maxRetry) // as the service asks, within reason
	return err
}

// refusal is what an answer means that is no result.
func refusal(said answer) *fault.Error {
	switch said.status {
	case http.StatusBadRequest:
		if said.code == "INVALID_RESOURCE_ID" {
			return fault.Wrap(said, fault.Invalid, "pds_invalid_number", "The NHS takes this for no NHS number.")
		}
		return fault.Wrap(said, fault.Invalid, "pds_request_refused",
			"The NHS cannot read this request, or this application is not set up for it.")
	case http.StatusUnauthorized:
		return fault.Wrap(said, fault.Unavailable, "pds_access_denied", "The NHS refuses this application's token.")
	case http.StatusForbidden:
		return fault.Wrap(said, fault.Denied, "pds_forbidden", "This application may not ask the NHS that.")
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.Wrap(said, fault.Unavailable, "pds_unavailable", "The NHS cannot answer just now.")
	case http.StatusTooManyRequests:
		return fault.Wrap(said, fault.Limited, "pds_too_many", "The NHS takes no more requests just now.")
	}
	return fault.Wrap(said, fault.Internal, "pds_unexpected", "The NHS gave an answer that nobody expected.")
}

// worthRepeating tells whether the same request can succeed a moment later. What the pace or the token service refused
// was not asked at all, and the queue brings it back.
func worthRepeating(status int, err error) bool {
	switch fault.Of(err).Code {
	case "pds_no_answer", "pds_unavailable", "pds_too_many":
		return true
	case "pds_unreadable": // as of a gateway in between; an answer of 200 that was cut off too
		return status == http.StatusOK
	}
	return false
}

// pause waits before a repeat, at random so that those who failed together do not come back together. It is false where
// there is no time for that.
func pause(ctx context.Context, attempt int, asked time.Duration) bool {
	wait := firstWait<<attempt/2 + rand.N(firstWait<<attempt/2) //nolint:gosec // spreads load only
	if wait = max(wait, asked); wait > longestWait {
		return false
	}
	return delay.Leaving(ctx, wait, leastTime)
}

// isJSON tells whether the answer says that it is JSON: the service's own type, or the gateway's.
func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/fhir+json" || kind == "application/json")
}

const (
	codeNoRecord    = "RESOURCE_NOT_FOUND"
	codeInvalidated = "INVALIDATED_RESOURCE"
	codeTooMany     = "TOO_MANY_MATCHES"
)

// codingOf is the code of the first coding of an OperationOutcome, or empty.
func codingOf(body []byte) string {
	var o struct {
		ResourceType string `json:"resourceType"`
		Issue        []struct {
			Details struct {
				Coding []coding `json:"coding"`
			} `json:"details"`
		} `json:"issue"`
	}
	if json.Unmarshal(body, &o) != nil || o.ResourceType != "OperationOutcome" || len(o.Issue) == 0 ||
		len(o.Issue[0].Details.Coding) == 0 {
		return ""
	}
	return plainCode(o.Issue[0].Details.Coding[0].Code)
}

// plainCode lets a code through that is one: what it is not could be anything, and errors are logged.
func plainCode(s string) string {
	const most = 40
	if len(s) > most {
		return ""
	}
	for _, b := range []byte(s) {
		if b != '_' && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return ""
		}
	}
	return s
}

// answer is the cause of an error that the service told us. It holds a status and a code only.
type answer struct {
	status int
	code   string
}

// Error gives status and code.
func (a answer) Error() string { return "PDS answered " + strconv.Itoa(a.status) + " " + a.code }

// LogText is the error's text, which is fit for logs.
func (a answer) LogText() string { return a.Error() }

// unreadable is for what is no answer of the service: a page of HTML, JSON that was cut off, far too much.
func unreadable(status int) *fault.Error {
	return fault.Wrap(answer{status, "unreadable"}, fault.Unavailable, "pds_unreadable",
		"The NHS's answer could not be read.")
}

// unanswered is for a request that got no whole answer.
func unanswered(err error) *fault.Error {
	return fault.Wrap(exchange.Silence("PDS", err), fault.Unavailable, "pds_no_answer", "The NHS did not answer.")
}
