package scr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"almanac/shared/exchange"
	"almanac/shared/fault"
)

// wire carries requests and judges answers.
type wire struct {
	base  *url.URL
	token func(ctx context.Context, refused string) (string, error)
	pace  func(ctx context.Context, waiting bool) error
	http  *http.Client
}

const (
	// maxAnswer bounds a record; the service's own example is 52 kB.
	maxAnswer = 4 << 20
	maxRetry  = time.Hour
	fhirJSON  = "application/fhir+json"
	// accessControl is what Spine answers where its access control forbids. The gateway hands it on as a status of its
	// own, or as the text of a 403.
	accessControl = 420
)

var errNoODS = fault.New(fault.Invalid, "record_no_ods",
	"The organisation has no ODS code, so the NHS cannot be asked.")

func (w wire) get(ctx context.Context, call Call, step, path string, query url.Values, out any) error {
	to := w.base.JoinPath(path)
	to.RawQuery = query.Encode()
	return w.exchange(ctx, call, step, http.MethodGet, to, nil, out)
}

func (w wire) post(ctx context.Context, call Call, step, path string, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	return w.exchange(ctx, call, step, http.MethodPost, w.base.JoinPath(path), raw, nil)
}

// exchange sends a request, a second time with a fresh token where the first one was refused.
func (w wire) exchange(
	ctx context.Context, call Call, step, method string, to *url.URL, body []byte, out any,
) error {
	if call.ODS == "" {
		return errNoODS
	}
	refused := ""
	for {
		token, err := w.token(ctx, refused)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "record_unavailable", "The NHS does not let us in just now.")
		}
		res, err := w.send(ctx, call, step, method, to, body, token)
		if err != nil {
			return err
		}
		if res.Status == http.StatusUnauthorized && refused == "" {
			refused = token
			continue
		}
		if err := judge(res); err != nil || out == nil {
			return err
		}
		if !isJSON(res.Header) || json.Unmarshal(res.Body, out) != nil {
			return unreadable(res.Status)
		}
		return nil
	}
}

// send makes one request and reads the whole answer. Its errors never hold the request's address.
func (w wire) send(
	ctx context.Context, call Call, step, method string, to *url.URL, body []byte, token string,
) (exchange.Reply, error) {
	if err := w.pace(ctx, call.Waiting); err != nil {
		return exchange.Reply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return exchange.Reply{}, unanswered(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", fhirJSON)
	req.Header.Set("X-Request-ID", call.request(step))
	req.Header.Set("X-Correlation-ID", call.Of)
	req.Header.Set("NHSD-End-User-Organisation-ODS", call.ODS)
	if body != nil {
		req.Header.Set("Content-Type", fhirJSON)
	}
	res, err := exchange.Do(w.http, req, maxAnswer)
	switch {
	case errors.Is(err, exchange.ErrTooLong):
		return res, unreadable(res.Status)
	case err != nil:
		return res, unanswered(err)
	}
	return res, nil
}

// judge tells what the status of an answer means; nil for success.
func judge(res exchange.Reply) error {
	said := answered(res.Status)
	switch status := res.Status; {
	case status == http.StatusOK || status == http.StatusCreated:
		return nil
	case status == accessControl, status == http.StatusForbidden:
		return refused(said, res.Body)
	case status == http.StatusNotFound:
		return none()
	case status == http.StatusTooManyRequests:
		return after(fault.Wrap(said, fault.Limited, "record_too_many",
			"The NHS takes no more requests just now."), res)
	case status == http.StatusUnauthorized, status == http.StatusRequestTimeout,
		status >= http.StatusInternalServerError:
		return after(fault.Wrap(said, fault.Unavailable, "record_unavailable",
			"The record cannot be fetched just now."), res)
	case status >= http.StatusBadRequest:
		return fault.Wrap(said, fault.Invalid, "record_request_refused", "The NHS cannot read this request.")
	}
	return unreadable(res.Status) // a redirect, which nothing follows
}

// refused is for a record that the service does not hand out: the patient does not want it, or the service does not let
// this organisation see it.
func refused(said answered, body []byte) error {
	if opted := optedOut(body); opted {
		return fault.Wrap(said, fault.Conflict, "record_opted_out", "The patient does not want this record seen.")
	}
	return fault.Wrap(said, fault.Conflict, "record_refused", "The service does not let this record be seen.")
}

// optedOut reads whether an outcome says that the patient's own wish is the reason.
func optedOut(body []byte) bool {
	var o struct {
		Issue []struct {
			Details struct {
				Coding []coding `json:"coding"`
			} `json:"details"`
		} `json:"issue"`
	}
	if json.Unmarshal(body, &o) != nil {
		return false
	}
	for _, issue := range o.Issue {
		for _, coding := range issue.Details.Coding {
			if coding.Code == "NO_PATIENT_CONSENT" {
				return true
			}
		}
	}
	return false
}

// after takes over how long the service asks to wait, within reason.
func after(e *fault.Error, res exchange.Reply) *fault.Error {
	e.RetryAfter = exchange.RetryAfter(res.Header, maxRetry)
	return e
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == fhirJSON || kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// answered is the cause of an error that the service told us: its status, and nothing of its text.
type answered int

// Error gives the status.
func (a answered) Error() string { return "the record service answered " + strconv.Itoa(int(a)) }

// LogText is the error's text, which is fit for logs.
func (a answered) LogText() string { return a.Error() }

// unreadable is for what is no answer of the service: a page of HTML, JSON that was cut off, far too much.
func unreadable(status int) *fault.Error {
	return fault.Wrap(answered(status), fault.Unavailable, "record_unreadable", "The answer could not be read.")
}

// unanswered is for a request that got no whole answer.
func unanswered(err error) *fault.Error {
	return fault.Wrap(exchange.Silence("the record service", err), fault.Unavailable, "record_unavailable",
		"The record service did not answer.")
}
