// Package exchange sends a request to an outside service and reads its answer. Its rules: an answer is read whole, up
// to a bound, or not at all; and of a failure only the sort is told, because what net/http says of it holds the
// request's address, with the number or the name in it, or bytes of the answer.
package exchange

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Reply is an answer, whatever it says.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// ErrTooLong says that the answer was longer than it may be.
var ErrTooLong = errors.New("the answer is too long")

// Do sends a request and reads the answer, of at most so many bytes. Errors: ErrTooLong, with the status; and those of
// net/http, of which Why gives what may be told.
func Do(client *http.Client, req *http.Request, most int64) (Reply, error) {
	res, err := client.Do(req) //nolint:gosec // to an address that is configured, as each client sees to
	if err != nil {
		return Reply{}, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	switch {
	case err != nil:
		return Reply{}, err
	case int64(len(body)) > most:
		return Reply{Status: res.StatusCode}, ErrTooLong
	}
	return Reply{res.StatusCode, res.Header, body}, nil
}

// Why is what sort of failure it was that Do could not read an answer.
func Why(err error) string {
	var netErr net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "cut off"
	}
	return "no answer"
}

// Silence is the cause of an error of a request to a service without a whole answer.
func Silence(of string, err error) error { return silence(of + ": " + Why(err)) }

type silence string

// Error says what sort of failure it was.
func (s silence) Error() string { return string(s) }

// LogText is the error's text, which is fit for logs.
func (s silence) LogText() string { return s.Error() }

// RetryAfter is for how many seconds the service asks to be left alone, up to most; 0 where it does not say.
func RetryAfter(h http.Header, most time.Duration) time.Duration {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, most)
	}
	return 0
}
