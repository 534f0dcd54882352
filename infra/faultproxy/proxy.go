// Package faultproxy stands between the code under test and an engine (package engine) and causes what AWS does and the
// engines never do: transaction conflicts, throttling, server errors, lost requests and replies, duplicate, late and
// reordered deliveries. The code under test runs unchanged, real SDK clients included, and cannot tell the faults from
// the real ones.
//
// Which request meets a fault is decided by rules and a seed: the same calls of each operation, in the same order, meet
// the same faults again. Nothing that passes through is logged or kept, but for deliveries that a rule holds back.
package faultproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxBody is more than any request or reply of the services holds.
	maxBody = 20 << 20
	// idleTimeout is shorter than the engines' own, so that a kept connection is never one that the engine is closing.
	idleTimeout = 5 * time.Minute

	contentType = "application/x-amz-json-1.0"
	crcHeader   = "X-Amz-Crc32"
)

// Proxy forwards the requests of the AWS JSON protocols to one engine and injects the faults of its rules. It is an
// http.Handler; Listen serves it on the loopback address. Use New to make one, one for each engine.
type Proxy struct {
	target    *url.URL
	transport *http.Transport

	mu     sync.Mutex
	seed   uint64
	rules  []*activeRule
	counts map[string]int

	queues  *queues
	readers *readers
}

// New returns a proxy without rules before the engine at the given endpoint.
func New(target string) (*Proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	if u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("faultproxy: the target must look like http://127.0.0.1:8000, got %q", target)
	}
	return &Proxy{
		target: u,
		transport: &http.Transport{
			MaxIdleConns:        512,
			MaxIdleConnsPerHost: 512,
			IdleConnTimeout:     idleTimeout,
			DisableCompression:  true,
		},
		counts:  make(map[string]int),
		queues:  newQueues(),
		readers: newReaders(),
	}, nil
}

// Counts returns how many requests of each operation have arrived since the rules were last set or cleared. Requests
// that belong to no operation are counted as "other".
func (p *Proxy) Counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// ServeHTTP implements http.Handler. A lost request or reply is a cut connection: it panics with http.ErrAbortHandler,
// as net/http asks for.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(http.MaxBytesReader(w, r.Body, maxBody), r.ContentLength)
	if err != nil {
		panic(http.ErrAbortHandler) // a client that went away or sends more than AWS would take
	}
	x := &exchange{proxy: p, in: r, Request: newRequest(r, body)}
	x.plan = p.plan(x.Request)
	ctx := r.Context()
	if x.plan.hit != nil || x.plan.before > 0 || x.plan.after > 0 {
		// What is on its way arrives, even if the client has given up waiting.
		ctx = context.WithoutCancel(ctx)
	}
	time.Sleep(x.plan.before)
	reply, err := x.run(ctx)
	if err != nil {
		// The engine is gone or the client is: either way there is no answer to give.
		panic(http.ErrAbortHandler)
	}
	time.Sleep(x.plan.after)
	reply.write(w)
}

// exchange is one request on its way through the proxy.
type exchange struct {
	proxy *Proxy
	in    *http.Request
	Request
	plan plan
}

// run takes the request to the engine, or not, and returns what the client shall get.
func (x *exchange) run(ctx context.Context) (*reply, error) {
	fault := x.plan.fault()
	if fault == LostRequest {
		panic(http.ErrAbortHandler)
	}
	if refusal := x.refuse(fault); refusal != nil {
		return refusal, nil
	}
	reply, err := x.handle(ctx)
	if err != nil {
		return nil, err
	}
	if fault == LostReply {
		panic(http.ErrAbortHandler)
	}
	if fault == InternalErrorAfter {
		return x.failure(x.internalError()), nil
	}
	reply.cut = fault == CutReply
	return reply, nil
}

// handle forwards the request. Operations whose messages or records a rule may change take their own way.
func (x *exchange) handle(ctx context.Context) (*reply, error) {
	switch x.Op {
	case "ReceiveMessage":
		return x.receive(ctx)
	case "DeleteMessage", "ChangeMessageVisibility", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		return x.acknowledge(ctx)
	case "GetShardIterator":
		return x.shardIterator(ctx)
	case "GetRecords":
		return x.records(ctx)
	}
	if edit := x.edits()[x.plan.fault()]; edit != nil {
		return edit(ctx)
	}
	return x.forward(ctx, x.Body)
}

// forward sends the request with the given body to the engine.
func (x *exchange) forward(ctx context.Context, body []byte) (*reply, error) {
	target := x.proxy.target
	u := &url.URL{
		Scheme: target.Scheme, Host: target.Host, Path: x.in.URL.Path, RawPath: x.in.URL.RawPath,
		RawQuery: x.in.URL.RawQuery,
	}
	out, err := http.NewRequestWithContext(ctx, x.in.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = forwarded(x.in.Header)
	out.Header.Set("Accept-Encoding", "identity") // a rule may have to read the answer
	resp, err := x.proxy.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	content, err := readBody(resp.Body, resp.ContentLength)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	return &reply{status: resp.StatusCode, header: forwarded(resp.Header), body: content}, nil
}

// reply is what goes back to the client.
type reply struct {
	status int
	header http.Header
	body   []byte
	cut    bool // announce the whole body, send half of it
}

// replace gives the reply another body and keeps its checksum true: the SDK verifies it.
func (r *reply) replace(body []byte) {
	r.body = body
	if r.header.Get(crcHeader) != "" {
		r.header.Set(crcHeader, checksum(body))
	}
}

func (r *reply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	if r.cut {
		_, _ = w.Write(r.body[:len(r.body)/2])
		_ = http.NewResponseController(w).Flush() // or the server would drop the half with the connection
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(r.body) // a client that has gone cannot be told
}

func checksum(body []byte) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
}

// forwarded copies the headers that go from end to end. The length is set anew from the body.
func forwarded(h http.Header) http.Header {
	h = h.Clone()
	for name := range strings.SplitSeq(h.Get("Connection"), ",") {
		h.Del(strings.TrimSpace(name))
	}
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Content-Length",
	} {
		h.Del(name)
	}
	return h
}

func readBody(r io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > maxBody {
		return io.ReadAll(r)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return body, err
}
