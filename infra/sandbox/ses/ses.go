// Package ses is a stand-in for Amazon SES: it speaks the part of the version 2 API that sends mail, refuses what SES
// refuses, and shows what it took in a mailbox page. Rule: no mail ever leaves this computer, and a message SES would
// not take is not taken here either, so that it fails on a desk and not at a clinic.
package ses

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"almanac/infra/sandbox"
)

// The kinds of fault this stand-in knows besides sandbox.Slow. A Fault's On is compared with the recipients.
const (
	Throttle    = "throttle"     // TooManyRequestsException, nothing kept
	Quota       = "quota"        // LimitExceededException, nothing kept
	Reject      = "reject"       // MessageRejected, nothing kept
	MailFrom    = "mail_from"    // MailFromDomainNotVerifiedException, nothing kept
	Paused      = "paused"       // SendingPausedException, nothing kept
	Suspended   = "suspended"    // AccountSuspendedException, nothing kept
	Fail        = "fail"         // 500, nothing kept
	LoseReply   = "lose_reply"   // the mail is kept, then the connection cut: the sender cannot know
	LoseRequest = "lose_request" // the connection is cut, nothing kept: the sender cannot know
)

// ErrConfig is wrapped by the errors about a Config that cannot work.
var ErrConfig = errors.New("ses configuration")

// Config says which account the stand-in plays.
type Config struct {
	Identities        []string         // required: verified addresses and domains
	ConfigurationSets []string         // nil: any name will do
	Region            string           // named in errors and message IDs; empty: eu-west-2
	MaxSendRate       int              // recipients a second; 0: no limit
	MaxMessage        int              // bytes; 0: 40 MB, as SES
	Keep              int              // mails to keep, the newest; 0: 1000
	Now               func() time.Time // nil: the real clock
	Log               *slog.Logger     // nil: silent. Gets message IDs, never addresses or text.
	Lookup            sandbox.LookupEnv
}

// Server is the stand-in. Its methods are safe for use from several goroutines.
type Server struct {
	Faults *sandbox.Faults // what shall go wrong; also served at /dev/faults

	config  Config
	handler http.Handler

	mu     sync.Mutex
	mails  []Mail // oldest first
	lost   int    // how many were dropped to keep within Config.Keep
	news   chan struct{}
	recent []time.Time // when the last second's recipients were sent to
}

// New returns a stand-in ready to serve. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Server, error) {
	if err := sandbox.RefuseLambda(c.Lookup); err != nil {
		return nil, fmt.Errorf("ses: %w", err)
	}
	identities, err := checkIdentities(c.Identities)
	if err != nil {
		return nil, err
	}
	c.Identities = identities
	if c.Region == "" {
		c.Region = "eu-west-2"
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = 40 << 20
	}
	if c.Keep <= 0 {
		c.Keep = 1000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, news: make(chan struct{}), Faults: sandbox.NewFaults(
		Throttle, Quota, Reject, MailFrom, Paused, Suspended, Fail, LoseReply, LoseRequest)}
	s.handler = sandbox.Guard(s.routes())
	return s, nil
}

// checkIdentities returns the identities in lower case.
func checkIdentities(list []string) ([]string, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no verified identity", ErrConfig)
	}
	var lower []string
	for _, id := range list {
		check := checkDomain
		if strings.Contains(id, "@") {
			check = checkAddress
		}
		if check(id) != nil {
			return nil, fmt.Errorf("%w: %q is neither an address nor a domain", ErrConfig, id)
		}
		lower = append(lower, strings.ToLower(id))
	}
	return lower, nil
}

// ServeHTTP serves the API, the mailbox and the controls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/email/outbound-emails", s.send)
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, refusal{"UnknownOperationException", http.StatusNotFound, r.Method + " " + r.URL.Path +
			" is not part of this stand-in."})
	})
	mux.Handle("/dev/faults", s.Faults)
	mux.Handle("GET /{$}", http.RedirectHandler("/mailbox", http.StatusSeeOther))
	mux.HandleFunc("GET /style.css", sandbox.Style)
	mux.HandleFunc("GET /mailbox", s.list)
	mux.HandleFunc("GET /mailbox.json", s.listJSON)
	mux.HandleFunc("DELETE /mailbox", s.empty)
	mux.HandleFunc("DELETE /mailbox.json", s.empty)
	mux.HandleFunc("POST /mailbox/empty", s.emptyForm)
	mux.HandleFunc("GET /mailbox/{id}", s.show)
	mux.HandleFunc("GET /mailbox/{id}/html", s.html)
	mux.HandleFunc("GET /mailbox/{id}/raw", s.raw)
	mux.HandleFunc("GET /mailbox/{id}/part/{n}", s.part)
	return mux
}
