// Package pds is the client of the NHS Personal Demographics Service (FHIR R4, application-restricted mode: it searches
// for one unique match, reads by number, and writes nothing). Its rules: no request goes out without the ODS code of
// the organisation on whose behalf it is made and without a place in the queue that all functions share; a request that
// is repeated keeps its X-Request-ID; what an answer means is told by its status and its coding's code, never by its
// text; and no error tells a number, a name or an address of a request, because each of them would be somebody's.
package pds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"almanac/shared/fault"
)

// Settings are what a Client is made of; every field but Transport is required.
type Settings struct {
	URL      string // of the service, such as https://api.service.nhs.uk/personal-demographics/FHIR/R4
	TokenURL string // which is also the audience of the assertion
	APIKey   string // of the application, as registered with NHS England
	KID      string // names the public key that is registered for the application
	// Sign signs a SHA-512 digest with the application's private key (RSASSA-PKCS1-v1_5). KeyOf makes it for a key that
	// never leaves AWS KMS.
	Sign func(ctx context.Context, digest []byte) ([]byte, error)
	// Pace waits for the next place among the calls of all functions and organisations, five a second together; waiting
	// says that a person waits for the answer. table.Pace is one.
	Pace func(ctx context.Context, waiting bool) error
	// Hold keeps everybody back for a while, because the service said that there were too many calls.
	Hold func(ctx context.Context, d time.Duration) error
	Now  func() time.Time
	// Transport carries the requests; nil makes one with time-outs of its own.
	Transport http.RoundTripper
}

// Client speaks to the service. It is safe for concurrent use.
type Client struct {
	set   Settings
	base  *url.URL
	http  *http.Client
	token *tokens
}

const (
	// answerTimeout is how long one request may take. The platform's advice is 15 to 30 seconds
	// (developer.community.nhs.uk, timeouts on production).
	answerTimeout = 20 * time.Second
	dialTimeout   = 5 * time.Second
)

// New makes the Client. Errors name the setting that is missing or malformed.
func New(set Settings) (*Client, error) {
	base, err := address(set.URL)
	if err != nil {
		return nil, fmt.Errorf("the address of PDS: %w", err)
	}
	if _, err := address(set.TokenURL); err != nil {
		return nil, fmt.Errorf("the address of the PDS token: %w", err)
	}
	switch {
	case set.APIKey == "" || set.KID == "":
		return nil, errors.New("the PDS application's key and the name of its public key must be set")
	case set.Sign == nil || set.Pace == nil || set.Hold == nil || set.Now == nil:
		return nil, errors.New("the PDS client needs Sign, Pace, Hold and Now")
	}
	if set.Transport == nil {
		set.Transport = &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: answerTimeout,
			IdleConnTimeout:       time.Minute,
			ForceAttemptHTTP2:     true,
		}
	}
	c := &Client{set: set, base: base, http: &http.Client{
		Transport: set.Transport,
		// A redirect would take a number to an address that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.token = newTokens(c)
	return c, nil
}

// address reads an absolute address. Its error does not quote it.
func address(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" {
		return nil, errors.New("must be an absolute URL without a query")
	}
	return u, nil
}

// Call says for whom and as what a request is made.
type Call struct {
	// ODS is the code of the organisation on whose behalf it is made. Without one nothing is sent.
	ODS string
	// Event is the id of the event that the request is made for, and Step which of its requests this is: the two
	// give the X-Request-ID, so that a repeat, even by another process, has the same one.
	Event, Step string
	// Waiting says that a person waits for the answer.
	Waiting bool
}

// Request is the X-Request-ID of the call: a UUID that depends on event and step alone (RFC 9562, version 5).
func (c Call) Request() string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("almanac/pds/"+c.Event+"/"+c.Step)).String()
}

var errNoODS = fault.New(fault.Invalid, "pds_no_ods", "The organisation has no ODS code, so the NHS cannot be asked.")
