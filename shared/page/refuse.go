package page

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"almanac/shared/cause"
	"almanac/shared/fault"
)

// Func answers a request. Its errors become pages: one of the kind NotFound is answered as an address at which there
// is nothing, in the very same words.
type Func func(ctx context.Context, r Request) (Answer, error)

// words are those of the pages on which nothing can be shown.
type words struct {
	Heading string
	Says    []string
}

// plain is the sheet of these pages.
const plain = `<h1>{{.Heading}}</h1>
{{range .Says}}{{if .}}<p>{{.}}</p>
{{end}}{{end}}`

func (x *exchange) refusal(status int, state, heading string, says ...string) Answer {
	return Answer{
		Status: status, Sheet: x.plain, Title: heading, Content: words{heading, says}, State: state,
	}
}

func (x *exchange) nowhere() Answer {
	return x.refusal(http.StatusNotFound, "wrong", "This link does not work", x.edge.Lost...)
}

func (x *exchange) wrongMethod(allowed []string) Answer {
	a := x.refusal(http.StatusMethodNotAllowed, "method", "This page cannot be used like that",
		"Open the link again, and use the buttons on the page.")
	a.headers = map[string]string{"allow": strings.Join(allowed, ", ")}
	return a
}

func (x *exchange) tooLong() Answer {
	return x.refusal(http.StatusRequestEntityTooLarge, "long", "This page cannot be used like that",
		"More was sent than this page takes. Open the link again, and use the buttons on the page.")
}

// refuse makes the page of an error.
func (x *exchange) refuse(err error) Answer {
	f := fault.Of(err)
	if f.Kind == fault.Internal && errors.Is(err, context.DeadlineExceeded) {
		f = fault.Wrap(err, fault.Unavailable, "timeout", "It took too long.")
	}
	x.fault = f
	if x.causes == nil {
		x.causes = cause.Chain(err)
	}
	switch f.Kind {
	case fault.NotFound:
		return x.nowhere()
	case fault.Limited:
		return later(f, x.refusal(http.StatusTooManyRequests, "limited", "Please wait a moment",
			"This page was asked for too often. Wait "+wait(f.RetryAfter)+", then try again.", x.edge.Help))
	case fault.Unavailable:
		return later(f, x.refusal(http.StatusServiceUnavailable, "unavailable", "This page is not available just now",
			"Nothing was changed. Wait "+wait(f.RetryAfter)+", then try again.", x.edge.Help))
	case fault.Internal, fault.Invalid, fault.Denied, fault.Conflict, fault.Stale:
	}
	return x.refusal(http.StatusInternalServerError, "failed", "Something went wrong",
		"This is our fault, not yours. Try again in a few minutes.", x.edge.Help)
}

// shortest is the least time after which somebody is asked to come again.
const shortest = 5 * time.Second

// later tells programs when to come again.
func later(f *fault.Error, a Answer) Answer {
	a.headers = map[string]string{"retry-after": strconv.Itoa(seconds(f.RetryAfter))}
	return a
}

func seconds(d time.Duration) int { return int(math.Ceil(max(d, shortest).Seconds())) }

// wait says how long to wait.
func wait(d time.Duration) string {
	n := seconds(d)
	if n < 60 {
		return strconv.Itoa(n) + " seconds"
	}
	if n = (n + 59) / 60; n == 1 {
		return "a minute"
	}
	return strconv.Itoa(n) + " minutes"
}
