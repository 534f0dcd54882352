package zoomtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox/zoom"
)

// Ear takes the webhooks of a Stand and remembers them.
type Ear struct {
	URL string

	mu     sync.Mutex
	heard  []Heard
	answer func(Heard) (int, string)
}

// Heard is one webhook that arrived.
type Heard struct {
	Path   string
	Header http.Header
	Body   []byte
	Event  string         // "" if the body is no JSON
	Map    map[string]any // the body
}

// Payload is the event's payload, and Object what it is about.
func (h Heard) Payload() map[string]any { m, _ := h.Map["payload"].(map[string]any); return m }

// Object is the event's payload.object.
func (h Heard) Object() map[string]any { m, _ := h.Payload()["object"].(map[string]any); return m }

// SignedWith tells whether the signature over the raw body is that of a secret.
func (h Heard) SignedWith(secret string, at time.Time) bool {
	stamp, signature := zoom.Sign(secret, at, h.Body)
	return h.Header.Get("X-Zm-Request-Timestamp") == stamp && h.Header.Get("X-Zm-Signature") == signature
}

// Listen hears the app's webhooks from now on. It answers 204 until Answer says otherwise.
func (s *Stand) Listen(tb testing.TB, change ...func(*zoom.Hook)) *Ear {
	tb.Helper()
	e := &Ear{answer: func(Heard) (int, string) { return http.StatusNoContent, "" }}
	srv := httptest.NewServer(e)
	tb.Cleanup(srv.Close)
	e.URL = srv.URL
	s.Hook(tb, e.URL+"/events", change...)
	return e
}

// Answer says what the ear answers.
func (e *Ear) Answer(answer func(Heard) (int, string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}

// Heard returns what arrived: of these events, or all.
func (e *Ear) Heard(events ...string) []Heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Heard
	for _, h := range e.heard {
		fits := len(events) == 0
		for _, event := range events {
			fits = fits || h.Event == event
		}
		if fits {
			list = append(list, h)
		}
	}
	return list
}

// ServeHTTP hears one.
func (e *Ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h := Heard{Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
	if json.Unmarshal(body, &h.Map) == nil {
		h.Event, _ = h.Map["event"].(string)
	}
	e.mu.Lock()
	e.heard = append(e.heard, h)
	answer := e.answer
	e.mu.Unlock()
	status, text := answer(h)
	w.WriteHeader(status)
	if text != "" {
		_, _ = io.WriteString(w, text)
	}
}
