// Package fault is the one error that people see: a kind that the edges turn into a status or a retry, a stable code
// for programs, and a message fit for a person. Nothing that somebody typed ever stands in any of them.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of refusal an error is; each edge maps it once, in one switch.
type Kind int

// The kinds. Internal is the zero value, so that an error nobody classified is never shown.
const (
	Internal    Kind = iota // a fault of ours; nothing of it is shown
	Invalid                 // the request can never succeed as it stands
	Denied                  // the caller may not do this
	NotFound                // it does not exist, or not for this caller
	Conflict                // it clashes with what is there now
	Stale                   // the caller's copy is older than the record
	Limited                 // too many requests
	Unavailable             // try again later, the same request under the same key
)

// String gives the kind's name as logs show it.
func (k Kind) String() string {
	switch k {
	case Internal:
		return "internal"
	case Invalid:
		return "invalid"
	case Denied:
		return "denied"
	case NotFound:
		return "not_found"
	case Conflict:
		return "conflict"
	case Stale:
		return "stale"
	case Limited:
		return "limited"
	case Unavailable:
		return "unavailable"
	}
	return "internal"
}

// Detail is one part of a refusal: which field it concerns (a JSON pointer, RFC 6901) or which resource, and why.
type Detail struct {
	// Code is a stable word for programs, such as "practitioner_busy".
	Code string `json:"code"`
	// Message is one sentence for a person.
	Message string `json:"message"`
	// Pointer names the field of the request, where there is one.
	Pointer string `json:"pointer,omitempty"`
	// Resource is the id of the practitioner, room or record concerned, where there is one.
	Resource string `json:"resource,omitempty"`
	// Choices are values that would be accepted instead, such as the two instants of an ambiguous local time.
	Choices []string `json:"choices,omitempty"`
}

// Error is a refusal. Make one with New; read one with Of.
type Error struct {
	Kind       Kind
	Code       string // stable, snake_case; part of the problem type's address
	Message    string // one sentence for a person; never echoes a value of the request
	Details    []Detail
	RetryAfter time.Duration // for Limited and Unavailable; zero lets the edge choose
	// Enough is after how many tries whoever asked may let it be, because it is planned to be done without them. Zero
	// is never.
	Enough int
	cause  error
}

// New makes a refusal.
func New(kind Kind, code, message string, details ...Detail) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Details: details}
}

// Wrap is New with the error that caused it, kept for errors.Is and never shown to a caller.
func Wrap(cause error, kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message, cause: cause}
}

// Error gives kind and code for logs. It leaves the cause out, because a cause may carry somebody's data.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Kind, e.Code) }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Of gives the refusal inside err; an error that is none becomes Internal with err as its cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Wrap(err, Internal, "internal", "Something went wrong on our side. Nothing was changed.")
}

// Is tells whether err is a refusal of that kind. A nil error is of no kind.
func Is(err error, kind Kind) bool { return err != nil && Of(err).Kind == kind }
