// Package meter counts what the code under test asks of DynamoDB, on the wire below the SDK: round trips by operation,
// and read and write units by the rules that AWS bills by. DynamoDB Local's own figures are wrong for transactions, so
// the meter reads the items before and after each write by itself and works the units out from their sizes.
//
// Its rule: what it has no rule for is named in Usage.Unmetered and never counted as nothing.
//
// The rules are those of the DynamoDB Developer Guide, "DynamoDB item sizes and formats" (CapacityUnitCalculations),
// "DynamoDB read and write operations" (read-write-operations), "Amazon DynamoDB Transactions: How it works"
// (transaction-apis) and "Using Global Secondary Indexes" (GSI, "Write considerations"); each is quoted where it is
// applied. Two things the guide leaves open are taken as follows: an index entry written by a transaction is billed
// once, not twice, because it follows the transaction asynchronously; and a cancelled transaction is billed as if it
// had been carried out, which is the most it can cost.
package meter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Usage is what was asked of DynamoDB.
type Usage struct {
	// Calls are the requests on the wire by operation; what the SDK sends again counts again.
	Calls                 map[string]int
	ReadUnits, WriteUnits float64
	// Unmetered says which requests the units do not cover, and why.
	Unmetered []string
}

// Trips is the number of round trips.
func (u Usage) Trips() int {
	n := 0
	for _, calls := range u.Calls {
		n += calls
	}
	return n
}

// WriteTrips is the number of round trips that write.
func (u Usage) WriteTrips() int {
	n := 0
	for op, calls := range u.Calls {
		if writes(op) {
			n += calls
		}
	}
	return n
}

// Err is an error that says what the units do not cover, or nil.
func (u Usage) Err() error {
	if len(u.Unmetered) == 0 {
		return nil
	}
	return errors.New("not metered: " + strings.Join(u.Unmetered, "; "))
}

// Since is the difference from an earlier reading of the same Meter.
func (u Usage) Since(before Usage) Usage {
	d := Usage{
		Calls: map[string]int{}, Unmetered: slices.Clone(u.Unmetered[len(before.Unmetered):]),
	}
	d.ReadUnits, d.WriteUnits = u.ReadUnits-before.ReadUnits, u.WriteUnits-before.WriteUnits
	for op, n := range u.Calls {
		if n -= before.Calls[op]; n > 0 {
			d.Calls[op] = n
		}
	}
	return d
}

// Meter is an http.RoundTripper to an engine: give it to the SDK as the transport of its HTTP client, or put Handler
// between a program and the engine. It takes requests one at a time, because the items around a write are only the
// write's own when nobody else writes.
type Meter struct {
	next http.RoundTripper

	mu     sync.Mutex
	usage  Usage
	tables map[string]table
}

// New makes a Meter over a transport.
func New(next http.RoundTripper) *Meter {
	return &Meter{next: next, usage: Usage{Calls: map[string]int{}}, tables: map[string]table{}}
}

// Usage is what was asked so far.
func (m *Meter) Usage() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.usage
	u.Calls, u.Unmetered = maps.Clone(u.Calls), slices.Clone(u.Unmetered)
	return u
}

// Handler is a reverse proxy to the engine at target that meters what passes through.
func (m *Meter) Handler(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: m,
	}
}

const (
	targetHeader = "X-Amz-Target"
	apiVersion   = "DynamoDB_20120810."
	maxReply     = 20 << 20 // above the 16 MB that any reply can have
)

// RoundTrip sends a request on and meters it. Requests to other services are neither counted nor looked at. A request
// that gets no reply counts as a round trip, but what it cost is not known.
func (m *Meter) RoundTrip(req *http.Request) (*http.Response, error) {
	op, ours := strings.CutPrefix(req.Header.Get(targetHeader), apiVersion)
	if !ours {
		return m.next.RoundTrip(req)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	m.usage.Calls[op]++
	w := &wire{meter: m, like: req}
	bill, err := w.prepare(req.Context(), op, body)
	if err != nil {
		m.miss(op, err)
	}
	res, reply, err := w.send(req.Context(), op, body)
	if err != nil {
		m.miss(op, errors.New("no reply"))
		return nil, err
	}
	if bill != nil {
		reads, writes, err := bill(req.Context(), outcome{status: res.StatusCode, body: reply})
		if err != nil {
			m.miss(op, err)
		}
		m.usage.ReadUnits += reads
		m.usage.WriteUnits += writes
	}
	return res, nil
}

func (m *Meter) miss(op string, err error) {
	m.usage.Unmetered = append(m.usage.Unmetered, op+": "+err.Error())
}

// outcome is the reply to a request.
type outcome struct {
	status int
	body   []byte
}

// failure is the type of the error that the reply is, or empty.
func (o outcome) failure() string {
	if o.status == http.StatusOK {
		return ""
	}
	var e struct {
		Type string `json:"__type"`
	}
	if err := json.Unmarshal(o.body, &e); err != nil {
		return "unreadable"
	}
	return e.Type[strings.LastIndexByte(e.Type, '#')+1:]
}

// bill works out the units of a request from its outcome.
type bill func(context.Context, outcome) (reads, writes float64, err error)

// wire sends requests to the engine as the client that is metered would: it copies a request's address and headers,
// the signature included, which the engine does not check.
type wire struct {
	meter *Meter
	like  *http.Request
}

func (w *wire) send(ctx context.Context, op string, body []byte) (*http.Response, []byte, error) {
	req := w.like.Clone(ctx)
	req.Header.Set(targetHeader, apiVersion+op)
	req.Header.Set("Content-Length", fmt.Sprint(len(body)))
	req.ContentLength = int64(len(body))
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.GetBody = nil
	res, err := w.meter.next.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	_ = res.Body.Close()
	if err != nil {
		return nil, nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(reply))
	return res, reply, nil
}

// ask sends a request of the meter's own.
func (w *wire) ask(ctx context.Context, op string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	res, reply, err := w.send(ctx, op, body) //nolint:bodyclose // send has read it to its end and closed it
	if err != nil {
		return err
	}
	o := outcome{status: res.StatusCode, body: reply}
	if kind := o.failure(); kind != "" {
		return fmt.Errorf("the meter's own %s: %s", op, kind)
	}
	return json.Unmarshal(reply, out)
}
