package zoom

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"almanac/infra/sandbox"
)

// Hook is where an app gets its webhooks, and how badly they come. In JSON it is what PUT /control/hook replaces.
type Hook struct {
	URL             string `json:"url"`             // empty: no webhooks. An address of this computer.
	DeauthoriseURL  string `json:"deauthoriseUrl"`  // for app_deauthorized; empty: URL
	Secret          string `json:"secret"`          // signs; empty in PUT: as it was
	DeauthoriseSign string `json:"deauthoriseSign"` // signs app_deauthorized; empty: Secret

	Delay      sandbox.Delay `json:"delay,omitempty"`      // of each event, on the stand-in's clock
	Copies     int           `json:"copies,omitempty"`     // how often each event is sent; 0: once
	Shuffle    bool          `json:"shuffle,omitempty"`    // what is due goes in any order
	Parallel   bool          `json:"parallel,omitempty"`   // what is due goes all at once
	StaleRetry bool          `json:"staleRetry,omitempty"` // retries keep the first try's timestamp
	OddIDs     bool          `json:"oddIds,omitempty"`     // meeting numbers as the other type than documented
	Unchanged  bool          `json:"unchanged,omitempty"`  // an update that changes nothing sends meeting.updated
	UserEvents bool          `json:"userEvents,omitempty"` // user.* reach the user-managed app too
	Variant    string        `json:"variant,omitempty"`    // of app_deauthorized: NoStamp and the like
	NoCheck    bool          `json:"noCheck,omitempty"`    // endpoint.url_validation is not sent by itself
}

// hook is a Hook with the state of its validation.
type hook struct {
	Hook

	next   time.Time // of the next url_validation; zero: at once
	valid  bool      // the last one was answered rightly
	failed int       // how many in a row were not
}

// How validation goes.
const (
	validEvery  = 72 * time.Hour
	validAgain  = 5 * time.Second // after a failure, until the first success
	validFailed = 3               // failures in a row after which events stop
)

// SetHook changes where and how an app gets its webhooks. A new address is validated at once.
func (s *Server) SetHook(app string, h Hook) error {
	if !loopback(h.URL) || !loopback(h.DeauthoriseURL) {
		return fmt.Errorf("%w: webhooks go to this computer only", ErrConfig)
	}
	variants := []string{"", NoStamp, InnerText, InnerNumber, RetentionText, RetentionAbsent}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.hooks[app]
	if old == nil {
		return fmt.Errorf("%w: there is no such app", ErrConfig)
	}
	if h.Secret == "" {
		h.Secret = old.Secret
	}
	switch {
	case h.URL != "" && h.Secret == "":
		return fmt.Errorf("%w: webhooks need a secret", ErrConfig)
	case !slices.Contains(variants, h.Variant):
		return fmt.Errorf("%w: the variant is none of %q", ErrConfig, variants)
	}
	changed := h.URL != old.URL || h.Secret != old.Secret
	old.Hook = h
	if changed {
		old.next, old.valid, old.failed = time.Time{}, false, 0
	}
	s.nudge()
	return nil
}

// loopback tells whether an address is none, or leads to this computer.
func loopback(address string) bool {
	u, err := url.Parse(address)
	return address == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && sandbox.Loopback(u.Host)
}

// Hook returns what SetHook set.
func (s *Server) Hook(app string) Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hooks[app]; h != nil {
		return h.Hook
	}
	return Hook{}
}

// Valid tells whether an app's address answered the last endpoint.url_validation rightly.
func (s *Server) Valid(app string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hooks[app]
	return h != nil && h.valid
}

// hookClient sends webhooks: three seconds, no redirect followed, no proxy between.
func hookClient() *http.Client {
	return &http.Client{
		Timeout:       3 * time.Second,
		Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
