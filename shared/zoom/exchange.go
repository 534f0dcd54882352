package zoom

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// answerTimeout is how long one call may take. Zoom states none.
	answerTimeout = 10 * time.Second
	// maxAnswer bounds an answer: a page of 300 meetings is some 300 kB.
	maxAnswer = 2 << 20
)

// reply is an answer, whatever it says.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// fetch sends a request and reads the whole answer within the time-out. Its error is a silence.
func fetch(ctx context.Context, client *http.Client, req *http.Request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var connected atomic.Bool // from here on something of the request may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	still := *client
	// A redirect would take a token to an address that nobody configured.
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := still.Do(req.WithContext(ctx))
	if err != nil {
		return reply{}, silent(err, connected.Load())
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return reply{}, silent(err, true)
	case len(body) > maxAnswer:
		return reply{}, silence{"far too much", true}
	}
	return reply{res.StatusCode, res.Header, body}, nil
}

// silence is the cause of an error of a call without a whole answer. What net/http says of it holds the address, or
// bytes of the answer: only what sort of failure it was is kept.
type silence struct {
	why  string
	sent bool // it may have arrived
}

func silent(err error, sent bool) silence {
	var netErr net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return silence{"cancelled", sent}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return silence{"timeout", sent}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return silence{"cut off", sent}
	}
	return silence{"no answer", sent}
}

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
