// Package s3 stands before the object engine and is as strict as S3 where that is not: it checks signatures, lengths,
// digests and conditions, so that a request that S3 would refuse is refused here. Rule: it keeps nothing but digests;
// the objects are the engine's.
package s3

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"almanac/infra/sandbox"
)

// The kinds of fault this stand-in knows besides sandbox.Slow. A Fault's On is compared with the method, with the
// object's name, and with both, as in "GET uploads/…".
const (
	SlowDown  = "slow_down"  // 503, as S3 answers when there are too many requests
	Fail      = "fail"       // 500
	CutShort  = "cut_short"  // half the body, then the connection cut
	LoseReply = "lose_reply" // done, then the connection cut
	Gone      = "gone"       // 404, as if the object were not there
)

// maxObject bounds what is taken in, in memory.
const maxObject = 128 << 20

// Config says what stands behind and who may ask.
type Config struct {
	Engine string                        // the engine's endpoint
	Secret func(accessKey string) string // the secret of an access key; nil: the same word as the key
	Now    func() time.Time              // nil: the real clock
	Lookup sandbox.LookupEnv
}

// Server is the stand-in. Its methods are safe for use from several goroutines.
type Server struct {
	Faults *sandbox.Faults // what shall go wrong; also served at /dev/faults

	config Config
	engine *url.URL
	proxy  *httputil.ReverseProxy
	mux    http.Handler

	mu      sync.Mutex // held while an object is put: a condition and the write after it are one step
	digests sync.Map   // of the objects' names, that S3 was given with them
}

// New returns a stand-in ready to serve. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Server, error) {
	if err := sandbox.RefuseLambda(c.Lookup); err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	engine, err := url.Parse(c.Engine)
	if err != nil || engine.Host == "" {
		return nil, fmt.Errorf("s3: %q is no endpoint", c.Engine)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Secret == nil {
		c.Secret = func(key string) string { return key }
	}
	s := &Server{
		Faults: sandbox.NewFaults(SlowDown, Fail, CutShort, LoseReply, Gone),
		config: c, engine: engine,
	}
	s.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = engine.Scheme, engine.Host, engine.Host
		r.Out.URL.RawQuery = ""
	}, ModifyResponse: s.tell}
	mux := http.NewServeMux()
	mux.Handle("/dev/faults", sandbox.Guard(s.Faults))
	mux.HandleFunc("/", s.serve)
	s.mux = mux
	return s, nil
}

// ServeHTTP serves the API and the controls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// refusal is an error as S3 words it.
type refusal struct {
	status     int
	code, text string
}

// Error gives the code.
func (r *refusal) Error() string { return r.code }

func refuse(status int, code, text string) error { return &refusal{status, code, text} }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !sandbox.Loopback(r.Host) {
		http.Error(w, "this service answers to localhost only", http.StatusMisdirectedRequest)
		return
	}
	kind, err := s.Faults.Take(r.Context(), func(on string) bool { return about(r, on) })
	if err == nil {
		err = s.check(r)
	}
	if err == nil {
		err = fails(kind)
	}
	if err != nil {
		answer(w, r, err)
		return
	}
	switch {
	case kind == CutShort && r.Method == http.MethodGet:
		s.proxy.ServeHTTP(&cut{ResponseWriter: w}, r)
	case kind == LoseReply:
		s.forward(discarded{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	default:
		s.forward(w, r)
	}
}

func fails(kind string) error {
	switch kind {
	case SlowDown:
		return refuse(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case Fail:
		return refuse(http.StatusInternalServerError, "InternalError", "We encountered an internal error.")
	case Gone:
		return refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	return nil
}

// about tells whether a request is about what a fault names.
func about(r *http.Request, on string) bool {
	_, object, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	both := r.Method + " " + object
	return on == r.Method || on == object || on == both || strings.HasSuffix(on, "*") &&
		strings.HasPrefix(both, strings.TrimSuffix(on, "*"))
}

// forward passes a request on that was checked; an object is put under a lock, after its conditions.
func (s *Server) forward(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut {
		s.proxy.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(r); err != nil {
		answer(w, r, err)
		return
	}
	s.digests.Store(r.URL.Path, r.Header.Get(checksum))
	s.proxy.ServeHTTP(w, r)
}

// free refuses to put where If-None-Match forbids it, as S3 does since 2024; the engine does not know it for PUT.
func (s *Server) free(r *http.Request) error {
	condition := r.Header.Get("If-None-Match")
	r.Header.Del("If-None-Match")
	if condition == "" {
		return nil
	}
	if condition != "*" {
		return refuse(http.StatusNotImplemented, "NotImplemented", "If-None-Match takes * only.")
	}
	//nolint:gosec // to the engine, wherever the path leads there
	req, err := http.NewRequestWithContext(r.Context(), http.MethodHead, s.engine.String()+r.URL.EscapedPath(), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusNotFound {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold")
	}
	return nil
}

const (
	checksum = "X-Amz-Checksum-Sha256"
	payload  = "X-Amz-Content-Sha256"
	unsigned = "UNSIGNED-PAYLOAD"
)

// tell adds what the engine does not keep, and what a presigned address asks the answer to say.
func (s *Server) tell(res *http.Response) error {
	q := res.Request.Context().Value(queryKey{})
	if query, ok := q.(url.Values); ok && res.StatusCode < http.StatusMultipleChoices {
		for _, name := range []string{"content-disposition", "content-type", "cache-control"} {
			if v := query.Get("response-" + name); v != "" {
				res.Header.Set(name, v)
			}
		}
	}
	if res.Request.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		if sum, ok := s.digests.Load(res.Request.URL.Path); ok && sum != "" {
			res.Header.Set(checksum, sum.(string))
		}
	}
	return nil
}

type queryKey struct{}

// body reads what is put and compares it with the digests that came along.
func body(r *http.Request, digest string) error {
	if r.Method != http.MethodPut {
		return nil
	}
	if r.ContentLength < 0 {
		return refuse(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length header.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxObject+1))
	switch {
	case err != nil || int64(len(raw)) != r.ContentLength:
		return refuse(http.StatusBadRequest, "IncompleteBody", "You did not send the number of bytes specified.")
	case len(raw) > maxObject:
		return refuse(http.StatusBadRequest, "EntityTooLarge", "Your upload is too large.")
	}
	sum := sha256.Sum256(raw)
	if digest != unsigned && digest != hex.EncodeToString(sum[:]) {
		return refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The digest of the body is another.")
	}
	if want := r.Header.Get(checksum); want != "" && want != base64.StdEncoding.EncodeToString(sum[:]) {
		return refuse(http.StatusBadRequest, "BadDigest", "The SHA256 you specified is not the calculated one.")
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return nil
}

func answer(w http.ResponseWriter, r *http.Request, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{http.StatusBadGateway, "BadGateway", "the engine does not answer"}
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(why.status)
	if r.Method == http.MethodHead {
		return
	}
	_ = xml.NewEncoder(w).Encode(struct { // the client may have gone
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
		Message string   `xml:"Message"`
	}{Code: why.code, Message: why.text})
}

// cut sends half of an answer's first piece and breaks the connection off.
type cut struct{ http.ResponseWriter }

// Write implements http.ResponseWriter.
func (c *cut) Write(p []byte) (int, error) {
	_, _ = c.ResponseWriter.Write(p[:len(p)/2])
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// discarded is an answer that nobody gets.
type discarded struct{ header http.Header }

// Header implements http.ResponseWriter.
func (d discarded) Header() http.Header { return d.header }

// Write implements http.ResponseWriter.
func (discarded) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (discarded) WriteHeader(int) {}
