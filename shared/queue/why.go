package queue

import (
	"log/slog"
	"strings"

	"almanac/shared/cause"
	"almanac/shared/fault"
)

// Why describes an error for the log: its kind and code, and its causes as package cause shows them. Of a nil error
// there is nothing to say.
func Why(err error) []slog.Attr {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	return []slog.Attr{
		slog.String("kind", f.Kind.String()), slog.String("code", f.Code), slog.Any("causes", cause.Chain(err)),
	}
}

// Panicked makes the error of a recovered panic: where it was, and the type of its value, which may be anybody's data.
func Panicked(value any) error { return panicError(cause.Stack(value, 1)) }

type panicError []string

// Error gives the type of the value and the place.
func (p panicError) Error() string { return errPanic.Error() + " " + strings.Join(p, " < ") }

// LogText is the error's text, which is fit for logs.
func (p panicError) LogText() string { return p.Error() }

// Is tells that it is a panic.
func (p panicError) Is(target error) bool { return target == errPanic }
