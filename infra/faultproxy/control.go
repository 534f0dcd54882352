package faultproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

const maxRules = 1 << 20

// Duration is a time.Duration that JSON writes like "150ms".
type Duration time.Duration

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// settings is what PUT takes.
type settings struct {
	Seed  uint64 `json:"seed"`
	Rules []Rule `json:"rules"`
}

// report is what GET returns.
type report struct {
	Seed   uint64         `json:"seed"`
	Rules  []Status       `json:"rules"`
	Counts map[string]int `json:"counts"`
}

// Control returns the handler by which another process switches faults: GET reports the rules and counters, PUT
// replaces the rules, DELETE clears them. It is for the loopback address only. For example, one transaction in ten
// conflicts, and the third message that anyone receives comes a second time two polls later:
//
//	{"seed": 1, "rules": [
//	  {"fault": "transaction-conflict", "op": "TransactWriteItems", "probability": 0.1},
//	  {"fault": "duplicate", "op": "ReceiveMessage", "nth": 3, "polls": 2}]}
func (p *Proxy) Control() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		switch r.Method {
		case http.MethodGet:
		case http.MethodPut:
			err = p.put(w, r)
		case http.MethodDelete:
			p.Clear()
		default:
			w.Header().Set("Allow", "GET, PUT, DELETE")
			http.Error(w, "GET, PUT or DELETE", http.StatusMethodNotAllowed)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		seed := p.seed
		p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		// A client that has gone cannot be told.
		_ = json.NewEncoder(w).Encode(report{Seed: seed, Rules: p.Status(), Counts: p.Counts()})
	})
}

func (p *Proxy) put(w http.ResponseWriter, r *http.Request) error {
	var s settings
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRules))
	d.DisallowUnknownFields() // a mistyped field must not become a rule that does something else
	if err := d.Decode(&s); err != nil {
		return fmt.Errorf("faultproxy: %w", err)
	}
	return p.Set(s.Seed, s.Rules...)
}

// Server serves a Proxy on the loopback address.
type Server struct {
	url   string
	http  *http.Server
	proxy *Proxy
	ended chan error
}

// Listen serves the proxy on 127.0.0.1 and the given port, 0 for one that the system chooses. Its Control is found
// under /faults. What is given besides sees the requests before the proxy does, the last of them first.
func (p *Proxy) Listen(port int, before ...func(http.Handler) http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // it does not wait
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	var through http.Handler = p
	for _, wrap := range before {
		through = wrap(through)
	}
	mux := http.NewServeMux()
	mux.Handle("/faults", p.Control())
	mux.Handle("/", through)
	s := &Server{
		url:   "http://" + l.Addr().String(),
		proxy: p,
		// No IdleTimeout: a connection closed for idleness would look like a fault that nobody asked for.
		http:  &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
		ended: make(chan error, 1),
	}
	go func() { s.ended <- s.http.Serve(l) }()
	return s, nil
}

// URL returns the endpoint to give to a client.
func (s *Server) URL() string { return s.url }

// Close stops the server and cuts what is under way.
func (s *Server) Close() error {
	err := s.http.Close()
	s.proxy.transport.CloseIdleConnections()
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
