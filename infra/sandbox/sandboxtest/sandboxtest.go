// Package sandboxtest is what the tests of Almanac and of its stand-ins share: a clock that they move, and answers that
// were read to their end.
package sandboxtest

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Clock is a clock that stands still until it is told otherwise.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// At is a Clock that stands at an instant.
func At(at time.Time) *Clock { return &Clock{at: at} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Set puts the clock to an instant.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Pass lets time go by.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Reply is an answer, read to its end.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error // the connection broke before or within the answer
}

// Do sends a request.
func Do(client *http.Client, r *http.Request) Reply {
	res, err := client.Do(r) //nolint:gosec // to a stand-in of the test
	if err != nil {
		return Reply{Err: err}
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	body, err := io.ReadAll(res.Body)
	return Reply{res.StatusCode, res.Header, body, err}
}

// Into decodes the body and fails the test if it cannot.
func (r Reply) Into(tb testing.TB, v any) {
	tb.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		tb.Fatalf("%v in %d %s", err, r.Status, r.Body)
	}
}
