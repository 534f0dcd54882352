// Package kms is a stand-in for AWS KMS: symmetric keys that never leave it, bound to an encryption context, and RSA
// pairs that sign, with the states a real key can be in, so that a disabled or deleted key can be tried out. Rule: it
// protects invented data on one computer only; what it encrypts is as safe as this process and its file are, which is
// not safe.
package kms

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox"
)

// The kinds of fault this stand-in knows besides sandbox.Slow. A Fault's On is compared with the operation's name and
// with the IDs and ARNs of the keys it is about.
const (
	Throttle    = "throttle"    // ThrottlingException
	Fail        = "fail"        // KMSInternalException, 500
	Timeout     = "timeout"     // DependencyTimeoutException
	Unavailable = "unavailable" // KeyUnavailableException
	Denied      = "denied"      // AccessDeniedException
	LoseReply   = "lose_reply"  // done, then the connection cut
)

// maxBody bounds a request; KMS itself takes 4,096 bytes to encrypt and a blob of 6,144.
const maxBody = 64 << 10

// account is the one every key belongs to.
const account = "000000000000"

// ErrConfig is wrapped by the errors about a Config or a key file that cannot work.
var ErrConfig = errors.New("kms configuration")

// Config says what the stand-in starts with.
type Config struct {
	Aliases []string         // each is made with a symmetric key of its own, unless the file has it
	Signing []string         // aliases of pairs for signing, made in the same way
	Spec    string           // of the pairs in Signing; empty: RSA_4096, which takes seconds to make
	File    string           // where the keys are kept; empty: in memory only
	Region  string           // in the keys' names; empty: eu-west-2
	Now     func() time.Time // nil: the real clock
	Lookup  sandbox.LookupEnv
}

// Server is the stand-in. Its methods are safe for use from several goroutines.
type Server struct {
	Faults *sandbox.Faults // what shall go wrong; also served at /dev/faults

	config  Config
	handler http.Handler
	ops     map[string]operation

	mu      sync.Mutex
	keys    []*key
	aliases map[string]alias
}

// operation does what its name says with a request's body. It runs with the lock held.
type operation func(body []byte) (any, error)

// New returns a stand-in ready to serve. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Server, error) {
	if err := sandbox.RefuseLambda(c.Lookup); err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	if c.Region == "" {
		c.Region = "eu-west-2"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{
		config: c, aliases: map[string]alias{},
		Faults: sandbox.NewFaults(Throttle, Fail, Timeout, Unavailable, Denied, LoseReply),
	}
	s.ops = s.operations()
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.makeAliases(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.serve)
	mux.Handle("/dev/faults", s.Faults)
	// Below a path, clients leave the last slash out, and http.StripPrefix then leaves nothing.
	s.handler = sandbox.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" {
			r.URL.Path = "/"
		}
		mux.ServeHTTP(w, r)
	}))
	return s, nil
}

// makeAliases makes the keys that shall be there from the start.
func (s *Server) makeAliases() error {
	spec := cmp.Or(s.config.Spec, "RSA_4096")
	if bits(spec) == 0 {
		return fmt.Errorf("%w: spec %q", ErrConfig, spec)
	}
	for n, name := range slices.Concat(s.config.Aliases, s.config.Signing) {
		if _, ok := s.aliases[name]; ok {
			continue
		}
		if !goodAlias(name) {
			return fmt.Errorf("%w: alias %q", ErrConfig, name)
		}
		kind := ""
		if n >= len(s.config.Aliases) {
			kind = spec
		}
		k := s.newKey("made at start for "+name, kind)
		s.aliases[name] = alias{Target: k.ID, Created: k.Created, Updated: k.Created}
	}
	return s.save()
}

// ServeHTTP serves the API and the controls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// refusal is an error as the KMS API words it. KMS answers 400 to all but its own failures.
type refusal struct {
	kind, text string
	status     int
}

// Error makes a refusal an error.
func (r refusal) Error() string { return r.kind + ": " + r.text }

func refuse(kind, format string, args ...any) error {
	return refusal{kind, fmt.Sprintf(format, args...), http.StatusBadRequest}
}

func planned(kind string) error {
	switch kind {
	case Throttle:
		return refuse("ThrottlingException", "Rate exceeded")
	case Denied:
		return refuse("AccessDeniedException", "The caller may not perform this operation.")
	case Fail:
		return refusal{"KMSInternalException", "An internal error occurred.", http.StatusInternalServerError}
	case Timeout:
		return refusal{"DependencyTimeoutException", "The request timed out.", http.StatusServiceUnavailable}
	case Unavailable:
		return refusal{"KeyUnavailableException", "The key is not available now.", http.StatusInternalServerError}
	}
	return nil
}

// serve answers one API request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	name, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	do, known := s.ops[name]
	// The signature is not checked, as there are no accounts; that one is there keeps other web pages out.
	auth := r.Header.Get("Authorization")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") || !strings.Contains(auth, "/kms/aws4_request"):
		err = refuse("MissingAuthenticationTokenException", "Missing Authentication Token")
	case !ours || !known:
		err = refuse("UnknownOperationException", "%q is not part of this stand-in.", name)
	case err != nil:
		err = refuse("ValidationException", "The request is too long, or was cut off.")
	}
	var out any
	var fault string
	if err == nil {
		fault, err = s.Faults.Take(r.Context(), s.about(name, body))
		if err != nil {
			return // the caller left while a slow request waited
		}
		if err = planned(fault); err == nil {
			s.await(body)
			out, err = s.run(do, body)
		}
	}
	if fault == LoseReply {
		panic(http.ErrAbortHandler) // net/http's way to cut the connection without a reply
	}
	answer(w, out, err)
}

func (s *Server) run(do operation, body []byte) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.destroyDue(); err != nil {
		return nil, err
	}
	return do(body)
}

func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	var refused refusal
	switch {
	case errors.As(err, &refused):
		status, out = refused.status, map[string]string{"__type": refused.kind, "message": refused.text}
	case err != nil:
		status = http.StatusInternalServerError
		out = map[string]string{"__type": "KMSInternalException", "message": err.Error()}
	case out == nil:
		out = struct{}{}
	}
	body, err := json.Marshal(out)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"__type":"KMSInternalException"}`)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-RequestId", uuid.NewString())
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// about tells what a fault's On may name: the operation and the keys of the request.
func (s *Server) about(name string, body []byte) func(on string) bool {
	var in struct {
		KeyID            string `json:"KeyId"`
		SourceKeyID      string `json:"SourceKeyId"`
		DestinationKeyID string `json:"DestinationKeyId"`
		TargetKeyID      string `json:"TargetKeyId"`
		CiphertextBlob   []byte `json:"CiphertextBlob"`
	}
	_ = json.Unmarshal(body, &in) // what cannot be read is about nothing; the operation will refuse it
	ids := []string{in.KeyID, in.SourceKeyID, in.DestinationKeyID, in.TargetKeyID}
	if id, _, err := open(in.CiphertextBlob); err == nil {
		ids = append(ids, id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{name}
	for _, id := range ids {
		if k, err := s.find(id, true); err == nil {
			names = append(names, k.ID, s.arn(k))
		}
	}
	return func(on string) bool { return slices.Contains(names, on) }
}
