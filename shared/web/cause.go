package web

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// causes describes an error and what it wraps, link by link: what this repository says where it wraps, an error's
// type and, for errors of AWS, operation, status and code. No other error's text is shown: a parser's quotes what it
// could not read, AWS's may quote a key or an item, a URL error the URL.
func causes(err error) []string {
	var out []string
	for err != nil && len(out) < 12 {
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
	s := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
	switch s {
	case "fmt.wrapError":
		s, _ = strings.CutSuffix(err.Error(), errors.Unwrap(err).Error())
		return strings.TrimSuffix(s, ": ")
	case "errors.errorString":
		return err.Error()
	}
	switch e := err.(type) { //nolint:errorlint // describes this link only
	case interface {
		Service() string
		Operation() string
	}:
		return s + " " + e.Service() + "." + e.Operation()
	case interface{ HTTPStatusCode() int }:
		return fmt.Sprintf("%s %d", s, e.HTTPStatusCode())
	case interface{ ErrorCode() string }:
		return s + " " + e.ErrorCode()
	}
	return s
}

// stack names the functions above a panic, and the type of its value: the value may be anybody's data.
func stack(value any) []string {
	const skip, most = 3, 24 // this function, the deferred one and the runtime's
	pcs := make([]uintptr, most)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(skip, pcs)])
	out := []string{fmt.Sprintf("panic %T", value)}
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
