// Package scr is the client of the NHS services that show records which other organisations hold: the Summary Care
// Record FHIR API, and the record of the patient's GP practice. Its rules: no request goes out without the ODS code of
// the organisation on whose behalf it is made; a request that is repeated keeps its X-Request-ID; answers are bounded
// and nothing of them is kept or stands in an error; and no error tells a number or an address of a request.
//
// The Summary Care Record API is open to GP software only, so far; others look at the record in the web view of the
// National Care Records Service. It wants a person who logged in with NHS Care Identity Service 2: whatever token
// Settings.Token gives stands for that log-in.
package scr

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"almanac/shared/fault"
	"almanac/shared/private"
)

// Settings are what a client is made of.
type Settings struct {
	// URL is the service's, such as https://api.service.nhs.uk/summary-care-record/FHIR/R4.
	URL string
	// Token gives an access token, other than the one that was just refused.
	Token func(ctx context.Context, refused string) (string, error)
	// Pace waits for the next place among the calls of all functions and organisations; waiting says that a person
	// waits for the answer. table.Pace is one.
	Pace func(ctx context.Context, waiting bool) error
	// Transport carries the requests; nil makes one with time-outs of its own.
	Transport http.RoundTripper
}

// Call says for whom and as what a request is made.
type Call struct {
	// ODS is the code of the organisation on whose behalf it is made. Without one nothing is sent.
	ODS string
	// Of is the id of what the request is made for, such as a record view, and Round counts how often it is asked anew.
	// The two give the X-Request-ID, so that a request that failed has the same one when it is sent again, by another
	// process too, and one that asks after the answer has changed has another.
	Of    string
	Round int
	// Waiting says that a person waits for the answer.
	Waiting bool
}

// request is the X-Request-ID of one step of the call (RFC 9562, version 5).
func (c Call) request(step string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("almanac/scr/"+c.Of+"/"+strconv.Itoa(c.Round)+"/"+step)).String()
}

// Client speaks to the Summary Care Record. It is safe for concurrent use.
type Client struct{ wire }

// New makes the Client. Errors name the setting that is missing or malformed.
func New(set Settings) (*Client, error) {
	w, err := newWire(set)
	return &Client{w}, err
}

const (
	answerTimeout = 10 * time.Second
	dialTimeout   = 5 * time.Second
)

func newWire(set Settings) (wire, error) {
	base, err := url.Parse(strings.TrimRight(set.URL, "/"))
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.RawQuery != "":
		return wire{}, errors.New("the address of the records must be an absolute URL without a query")
	case set.Token == nil || set.Pace == nil:
		return wire{}, errors.New("the client of the records needs Token and Pace")
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
	return wire{base: base, token: set.Token, pace: set.Pace, http: &http.Client{
		Transport: set.Transport,
		// A redirect would take a number to an address that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Systems of identifiers and codes.
const (
	systemNumber = "https://fhir.nhs.uk/Id/nhs-number"
	systemSNOMED = "http://snomed.info/sct"
	gpSummary    = "196981000000101" // SNOMED CT: General Practice Summary
)

// Sharing is whether the patient lets the record be seen.
type Sharing string

// The values of Sharing.
const (
	Ask Sharing = "ask" // the patient is to be asked each time
	No  Sharing = "no"  // the patient opted out
)

// Reference is where a patient's latest record is.
type Reference struct {
	private.Hidden

	ID      string
	Sharing Sharing
}

// Find gives the reference of the patient's latest Summary Care Record. Errors: fault Conflict "record_none" where the
// patient has none, and those of every request: Conflict "record_refused" (not to be repeated), Limited
// "record_too_many" and Unavailable "record_unavailable".
func (c *Client) Find(ctx context.Context, call Call, number string) (Reference, error) {
	var found struct {
		ResourceType string `json:"resourceType"`
		Entry        []struct {
			Resource struct {
				ResourceType     string     `json:"resourceType"`
				MasterIdentifier identifier `json:"masterIdentifier"`
				SecurityLabel    []struct {
					Coding []coding `json:"coding"`
				} `json:"securityLabel"`
			} `json:"resource"`
		} `json:"entry"`
	}
	query := url.Values{
		"patient": {systemNumber + "|" + number}, "type": {systemSNOMED + "|" + gpSummary},
		"_sort": {"date"}, "_count": {"1"},
	}
	if err := c.get(ctx, call, "find", "DocumentReference", query, &found); err != nil {
		return Reference{}, err
	}
	if found.ResourceType != "Bundle" {
		return Reference{}, unreadable(http.StatusOK)
	}
	for _, e := range found.Entry {
		r := e.Resource
		if r.ResourceType != "DocumentReference" || r.MasterIdentifier.Value == "" {
			continue
		}
		var labels []string
		for _, label := range r.SecurityLabel {
			for _, coding := range label.Coding {
				labels = append(labels, coding.Code)
			}
		}
		return Reference{ID: r.MasterIdentifier.Value, Sharing: sharing(labels)}, nil
	}
	return Reference{}, none()
}

// sharing reads the permission of the access control service. Yes is a leftover of a time in which it was given once
// and for all: nobody is asked less for it. Without a label, or with another one, the patient counts as opted out.
func sharing(labels []string) Sharing {
	for _, label := range labels {
		if label != "Ask" && label != "Yes" {
			return No
		}
	}
	if len(labels) == 0 {
		return No
	}
	return Ask
}

func none() *fault.Error {
	return fault.New(fault.Conflict, "record_none", "The patient has no such record.")
}

// Read gets the record behind a reference. Errors: fault Unavailable "record_stale" where another record has taken its
// place since the reference was found, and those of every request.
func (c *Client) Read(ctx context.Context, call Call, number string, ref Reference) (Record, error) {
	var b bundle
	query := url.Values{
		"composition.identifier":                 {ref.ID},
		"composition.subject:Patient.identifier": {systemNumber + "|" + number},
	}
	if err := c.get(ctx, call, "read/"+ref.ID, "Bundle", query, &b); err != nil {
		return Record{}, err
	}
	if b.strange(number) {
		return Record{}, unreadable(http.StatusOK)
	}
	if b.ResourceType == "Bundle" && len(b.Entry) == 0 {
		return Record{}, fault.New(fault.Unavailable, "record_stale",
			"The record was replaced by a newer one just now. Ask again.")
	}
	return b.record()
}
