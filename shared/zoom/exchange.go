package zoom

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"almanac/shared/exchange"
)

const (
	// answerTimeout is how long one call may take. Zoom states none.
	answerTimeout = 10 * time.Second
	// maxAnswer bounds an answer: a page of 300 meetings is some 300 kB.
	maxAnswer = 2 << 20
)

// fetch sends a request and reads the whole answer within the time-out. Its error is a silence.
func fetch(ctx context.Context, client *http.Client, req *http.Request) (exchange.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var connected atomic.Bool // from here on something of the request may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	still := *client
	// A redirect would take a token to an address that nobody configured.
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := exchange.Do(&still, req.WithContext(ctx), maxAnswer)
	switch {
	case errors.Is(err, exchange.ErrTooLong):
		return exchange.Reply{}, silence{"far too much", true}
	case err != nil:
		return exchange.Reply{}, silent(err, connected.Load())
	}
	return res, nil
}

// silence is the cause of an error of a call without a whole answer.
type silence struct {
	why  string
	sent bool // it may have arrived
}

func silent(err error, sent bool) silence { return silence{exchange.Why(err), sent} }

// Error says what sort of failure it was.
func (s silence) Error() string { return "Zoom: " + s.why }

// LogText is the error's text, which is fit for logs.
func (s silence) LogText() string { return s.Error() }

// answer is the cause of an error that Zoom told us. It holds a status and a code only.
type answer struct {
	status int
	code   int64
	word   string // of OAuth; one of those that we know
}

// Error gives status and code.
func (a answer) Error() string {
	text := "Zoom answered " + strconv.Itoa(a.status)
	if a.code != 0 {
		text += " " + strconv.FormatInt(a.code, 10)
	}
	if a.word != "" {
		text += " " + a.word
	}
	return text
}

// LogText is the error's text, which is fit for logs.
func (a answer) LogText() string { return a.Error() }
