package zoom

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// attempt sends a delivery, whose sending is set, and plans what follows.
func (s *Server) attempt(ctx context.Context, d *Delivery) int {
	names := []string{d.Event, d.User, strconv.FormatInt(d.Meeting, 10)}
	s.mu.Lock()
	if u, ok := s.user(d.User); ok {
		names = append(names, u.Email)
	}
	s.mu.Unlock()
	kind, err := s.EventFaults.Take(ctx, fits(names...))
	if err != nil {
		kind = DropEvent
	}
	s.mu.Lock()
	m := s.message(d, kind)
	if kind == DoubleEvent {
		twin := Delivery{App: d.App, Event: d.Event, User: d.User, Meeting: d.Meeting, Body: d.Body, payload: d.payload}
		s.push(&twin, 0)
	}
	s.mu.Unlock()
	begun, status := time.Now(), 0
	if kind != DropEvent {
		status, _, err = s.post(ctx, m)
	}
	took := time.Since(begun)
	s.mu.Lock()
	defer s.mu.Unlock()
	d.sending = false
	t := Try{At: m.at, Status: status, Fault: kind, Took: took.Round(time.Millisecond).String()}
	if err != nil {
		t.Error = err.Error()
	}
	d.Tries = append(d.Tries, t)
	switch tries := len(d.Tries); {
	case kind == DropEvent:
		d.State = Dropped
	case status >= 200 && status < 300:
		d.State = Delivered
	case tries > len(s.config.Retry):
		d.State = Failed
	default:
		d.State, d.Due = Queued, s.config.Now().Add(s.config.Retry[tries-1])
	}
	return status
}

// message is one webhook as it goes out.
type message struct {
	at        time.Time
	address   string
	stamp     string
	signature string
	body      []byte
}

// message signs a delivery, or spoils it. The caller holds the lock.
func (s *Server) message(d *Delivery, kind string) message {
	h := s.hooks[d.App]
	m := message{at: s.config.Now(), address: h.URL, body: []byte(d.Body)}
	key := h.Secret
	if d.Event == "app_deauthorized" {
		if h.DeauthoriseURL != "" {
			m.address = h.DeauthoriseURL
		}
		if h.DeauthoriseSign != "" {
			key = h.DeauthoriseSign
		}
	}
	signed := m.at
	if h.StaleRetry && len(d.Tries) > 0 {
		signed = d.Tries[0].At
	}
	switch kind {
	case Foreign:
		key = "the secret of another app"
	case Old:
		signed = signed.Add(-3 * time.Hour)
	case Ahead:
		signed = signed.Add(6 * time.Minute)
	}
	m.stamp, m.signature = Sign(key, signed, m.body)
	switch kind {
	case Uppercase:
		m.signature = "v0=" + strings.ToUpper(m.signature[3:])
	case Unsigned:
		m.stamp, m.signature = "", ""
	case Tampered:
		m.body = slices.Clone(m.body)
		m.body[bytes.IndexByte(m.body, ':')-2] ^= 1
	}
	return m
}

// Sign returns the headers x-zm-request-timestamp and x-zm-signature of a body.
func Sign(key string, at time.Time, body []byte) (string, string) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return stamp, "v0=" + mac(key, "v0:"+stamp+":"+string(body))
}

func mac(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// post sends a webhook and returns the answer's status and body.
func (s *Server) post(ctx context.Context, m message) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.address, bytes.NewReader(m.body))
	if err != nil {
		return 0, nil, fmt.Errorf("webhook: %w", err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Zoom Marketplace/1.0a")
	r.Header.Set("X-Zm-Trackingid", "v=2.0;clid=eu01;rid=WEB_"+uuid.NewString())
	if m.signature != "" {
		r.Header.Set("X-Zm-Request-Timestamp", m.stamp)
		r.Header.Set("X-Zm-Signature", m.signature)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("webhook: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxForm))
	if err != nil {
		return 0, nil, fmt.Errorf("webhook: %w", err)
	}
	return res.StatusCode, body, nil
}

// Validate sends endpoint.url_validation, signed, and returns an error if the answer is not the right one. After three
// wrong answers in a row, 72 hours apart, Zoom sends no more events until one is right.
func (s *Server) Validate(ctx context.Context, app string) error {
	plain := secret()[:22]
	s.mu.Lock()
	h := s.hooks[app]
	key := h.Secret
	s.deliveries = slices.DeleteFunc(s.deliveries, func(d *Delivery) bool { // one failure is enough to look at
		return d.Event == validation && d.App == app && d.State == Failed
	})
	d := &Delivery{App: app, Event: validation, payload: object{
		"event": validation, "event_ts": s.nextStamp().UnixMilli(), "payload": object{"plainToken": plain},
	}, sending: true}
	s.push(d, 0)
	m := s.message(d, "")
	s.mu.Unlock()
	status, body, err := s.post(ctx, m)
	if err == nil {
		err = validated(status, body, plain, mac(key, plain))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.sending, d.State = false, Delivered
	t := Try{At: m.at, Status: status}
	h.next = s.config.Now().Add(validEvery)
	switch {
	case err == nil:
		h.valid, h.failed = true, 0
	case h.valid || h.failed > 0:
		h.valid, h.failed = false, h.failed+1
	default: // it was never right: whoever sets it up is trying
		h.next = s.config.Now().Add(validAgain)
	}
	if err != nil {
		t.Error, d.State = err.Error(), Failed
	}
	d.Tries = append(d.Tries, t)
	return err
}

// validated tells whether an answer to endpoint.url_validation is the right one.
func validated(status int, body []byte, plain, encrypted string) error {
	var got struct {
		Plain     string `json:"plainToken"`
		Encrypted string `json:"encryptedToken"`
	}
	switch {
	case status != http.StatusOK:
		return fmt.Errorf("validation: answered %d", status)
	case json.Unmarshal(body, &got) != nil || got.Plain != plain || got.Encrypted != encrypted:
		return errors.New("validation: the answer's tokens are not right")
	}
	return nil
}
