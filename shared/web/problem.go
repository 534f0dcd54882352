package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
)

const (
	contentJSON    = "application/json"
	contentProblem = "application/problem+json"
)

// Problem is the body of every refusal (RFC 9457).
type Problem struct {
	Type     string         `json:"type" example:"/docs#problem-time-taken" doc:"Where this kind of problem is described."`
	Title    string         `json:"title" example:"The time is taken" doc:"The kind of problem, for a person."`
	Status   int            `json:"status" example:"409" doc:"The HTTP status."`
	Code     string         `json:"code" example:"time_taken" doc:"The kind of problem, for a program."`
	Detail   string         `json:"detail" doc:"What happened this time, for a person. It never repeats what was sent."`
	Instance string         `json:"instance" doc:"The request's id; quote it when you ask us about it."`
	Errors   []fault.Detail `json:"errors,omitempty" doc:"Each thing that is wrong, where there are several."`
}

// refusal is a fault with a status of its own: what only HTTP knows, such as 405.
type refusal struct {
	status int
	header [2]string // name and value, where the status asks for one
	cause  *fault.Error
}

// Error gives kind and code for logs.
func (r *refusal) Error() string { return r.cause.Error() }

// Unwrap gives the fault.
func (r *refusal) Unwrap() error { return r.cause }

func refuse(status int, kind fault.Kind, code, message string, details ...fault.Detail) error {
	return &refusal{status: status, cause: fault.New(kind, code, message, details...)}
}

// statusOf is the one place where a kind becomes a status.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Denied:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Stale:
		return http.StatusPreconditionFailed
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// classify turns an error into the fault that the caller hears of, and its status. Errors that only the edge can
// judge become faults here: a write that lost too many races, and a deadline that passed.
func classify(err error) (*fault.Error, int) {
	if own, ok := errors.AsType[*refusal](err); ok {
		return own.cause, own.status
	}
	f := fault.Of(err)
	switch {
	case errors.Is(err, access.ErrStanding), errors.Is(err, access.ErrDone):
		f = fault.Wrap(err, fault.Unavailable, "busy",
			"Others are changing the same records. Nothing was done: please ask again.")
	case f.Kind == fault.Internal && errors.Is(err, context.DeadlineExceeded):
		f = fault.Wrap(err, fault.Unavailable, "timeout",
			"It took too long. Ask again; a write must carry the same Idempotency-Key, so that it is done once.")
	}
	if f.Code == "malformed_cursor" { // ill-formed as a whole, not a field that means something else
		return f, http.StatusBadRequest
	}
	return f, statusOf(f.Kind)
}

// problem renders a refusal. What is internal stays so: fault.Of has replaced its text.
func problem(f *fault.Error, status int, instance string) []byte {
	p := Problem{
		Type: "/docs#" + Anchor(f.Code), Title: Title(f.Code), Status: status, Code: f.Code, Detail: f.Message,
		Instance: instance, Errors: f.Details,
	}
	if f.Kind == fault.Internal {
		p.Code, p.Type, p.Title = "internal", "/docs#"+Anchor("internal"), Title("internal")
		p.Detail = "Something went wrong on our side."
		p.Errors = nil
	}
	body, err := json.Marshal(p)
	if err != nil {
		return []byte(`{}`) // unreachable: strings and numbers always marshal
	}
	return body
}

// Anchor gives the documentation page's anchor of a problem code.
func Anchor(code string) string { return "problem-" + strings.ReplaceAll(code, "_", "-") }

// retryAfter is how long a caller should wait where the fault does not say.
const retryAfter = 2 * time.Second
