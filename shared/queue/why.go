package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"

	"almanac/shared/fault"
)

// Why describes an error for the log: its kind and code, and what it wraps, link by link, by type and, for errors of
// AWS, operation, status and code. The text of an error that is not this repository's is left out: a parser quotes
// what it could not read, a mail service the address that it refused. Of a nil error there is nothing to say.
func Why(err error) []slog.Attr {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	return []slog.Attr{
		slog.String("kind", f.Kind.String()), slog.String("code", f.Code), slog.Any("causes", causes(err)),
	}
}

// Panicked makes the error of a recovered panic: where it was, and the type of its value, which may be anybody's data.
func Panicked(value any) error {
	const skip, most = 3, 24 // this function, the deferred one and the runtime's
	pcs := make([]uintptr, most)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(skip, pcs)])
	out := panicError{fmt.Sprintf("%T", value)}
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			out = append(out, fmt.Sprintf("%s:%d", f.Function, f.Line))
		}
		if !more {
			return out
		}
	}
}

type panicError []string

// Error gives the type of the value and the place.
func (p panicError) Error() string { return errPanic.Error() + " " + strings.Join(p, " < ") }

// Is tells that it is a panic.
func (p panicError) Is(target error) bool { return target == errPanic }

const mostCauses = 12

func causes(err error) []string {
	var out []string
	for err != nil && len(out) < mostCauses {
		out = append(out, shape(err))
		switch e := err.(type) { //nolint:errorlint // walks the chain link by link
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, each := range e.Unwrap() {
				out = append(out, causes(each)...)
			}
			return out
		default:
			return out
		}
	}
	return out
}

func shape(err error) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
	switch kind {
	case "fmt.wrapError":
		own, _ := strings.CutSuffix(err.Error(), errors.Unwrap(err).Error())
		return strings.TrimSuffix(own, ": ")
	case "errors.errorString", "fault.Error", "queue.panicError":
		return err.Error()
	}
	switch e := err.(type) { //nolint:errorlint // describes this link only
	case interface {
		Service() string
		Operation() string
	}:
		return kind + " " + e.Service() + "." + e.Operation()
	case interface{ HTTPStatusCode() int }:
		return fmt.Sprintf("%s %d", kind, e.HTTPStatusCode())
	case interface{ ErrorCode() string }:
		return kind + " " + e.ErrorCode()
	}
	return kind
}
