// Package cause describes errors and panics for the logs. Its rule: a parser's error quotes what it could not read, a
// mail service's the address that it refused, a URL error the URL; so no text is shown but that of this repository's
// own errors, of which fault and queue hold nobody's data.
package cause

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

const most = 12

// Chain describes an error and what it wraps, link by link: what this repository says where it wraps, an error's type
// and, for errors of AWS, operation, status and code. An error with a method LogText is shown by it.
func Chain(err error) []string {
	var out []string
	for err != nil && len(out) < most {
		out = append(out, shape(err))
		switch e := err.(type) { //nolint:errorlint // walks the chain link by link
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, each := range e.Unwrap() {
				out = append(out, Chain(each)...)
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
	case "errors.errorString", "fault.Error":
		return err.Error()
	}
	switch e := err.(type) { //nolint:errorlint // describes this link only
	case interface{ LogText() string }:
		return e.LogText()
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

// Stack names the type of a recovered panic's value, which may be anybody's data itself, and the functions above the
// panic. above is how many functions stand between the deferred one and Stack.
func Stack(value any, above int) []string {
	const own, deepest = 3, 24 // runtime.Callers, this function and the deferred one
	pcs := make([]uintptr, deepest)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(own+above, pcs)])
	out := []string{fmt.Sprintf("%T", value)}
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
