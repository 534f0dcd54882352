package cursor_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/shared/clinictest"
	"almanac/shared/cursor"
	"almanac/shared/fault"
	"almanac/shared/id"
)

func question() []string {
	return []string{"person-1", "GET /v1/things", "/v1/things", "state=waiting"}
}

func TestCursor(t *testing.T) {
	h := clinictest.New(t)
	org, s := id.New("org"), cursor.New(h.Table, h.Clock.Now)
	if _, err := s.Open(t.Context(), org, question(), "AGyQ3eX2bM0"); fault.Of(err).Code != "malformed_cursor" {
		t.Errorf("before there was any: %v", err)
	}
	const position = "2027-01-04T12:00:00Z#alr_1"
	sealed := seal(t, s, org, position)
	other := cursor.New(h.Table, h.Clock.Now) // another process
	if got, err := other.Open(t.Context(), org, question(), sealed); err != nil || got != position {
		t.Fatalf("%q, %v", got, err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || strings.Contains(string(raw), "alr_1") || seal(t, s, org, position) == sealed {
		t.Errorf("it shows its position, or another one: %v", err)
	}
	for n := range raw {
		changed := append([]byte(nil), raw...)
		changed[n] ^= 1
		refused(t, "changed", s, org, question(), base64.RawURLEncoding.EncodeToString(changed))
	}
	for _, text := range []string{
		"x", position, sealed[:20], sealed[1:], sealed + "A", sealed + "=", sealed + "\n", base64.StdEncoding.EncodeToString(raw) + "=",
		strings.Repeat("A", 1<<20),
	} {
		refused(t, text[:min(len(text), 20)], s, org, question(), text)
	}
	for n := range question() {
		of := question()
		of[n] += "x"
		refused(t, of[n], s, org, of, sealed)
	}
	refused(t, "parts that run together", s, org, []string{"person-1G", "ET /v1/things", "/v1/things", "state=waiting"}, sealed)
	foreign := id.New("org")
	_ = seal(t, s, foreign, position) // it has a key now
	refused(t, "another organisation's", s, foreign, question(), sealed)
}

func TestLife(t *testing.T) {
	h := clinictest.New(t)
	org, s := id.New("org"), cursor.New(h.Table, h.Clock.Now)
	sealed := seal(t, s, org, "here")
	h.Clock.Pass(cursor.Life)
	if got, err := s.Open(t.Context(), org, question(), sealed); err != nil || got != "here" {
		t.Errorf("after an hour: %q, %v", got, err)
	}
	h.Clock.Pass(time.Second)
	refused(t, "after more", s, org, question(), sealed)
}

// An organisation's first cursors, made in several processes at once, are sealed with one key.
func TestFirst(t *testing.T) {
	h := clinictest.New(t)
	org := id.New("org")
	sealed := make([]string, 8)
	var wait sync.WaitGroup
	for n := range sealed {
		wait.Go(func() { sealed[n], _ = cursor.New(h.Table, h.Clock.Now).Seal(t.Context(), org, question(), "here") })
	}
	wait.Wait()
	s := cursor.New(h.Table, h.Clock.Now)
	for _, text := range sealed {
		if got, err := s.Open(t.Context(), org, question(), text); err != nil || got != "here" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// While the table does not answer nothing is sealed or opened, and it is not the cursor that is called bad.
func TestTableDown(t *testing.T) {
	down := errors.New("down")
	fail := false
	h := clinictest.New(t, clinictest.Intercept(func(_ context.Context, _ string, send func() error) error {
		if fail {
			return down
		}
		return send()
	}))
	org := id.New("org")
	sealed := seal(t, cursor.New(h.Table, h.Clock.Now), org, "here")
	fail = true
	s := cursor.New(h.Table, h.Clock.Now)
	if _, err := s.Open(t.Context(), org, question(), sealed); err == nil || fault.Is(err, fault.Invalid) {
		t.Errorf("open: %v", err)
	}
	if text, err := s.Seal(t.Context(), org, question(), "here"); err == nil || text != "" {
		t.Errorf("seal: %q, %v", text, err)
	}
}

func seal(t *testing.T, s *cursor.Sealer, org, position string) string {
	t.Helper()
	sealed, err := s.Seal(t.Context(), org, question(), position)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func refused(t *testing.T, name string, s *cursor.Sealer, org string, of []string, sealed string) {
	t.Helper()
	got, err := s.Open(t.Context(), org, of, sealed)
	if !fault.Is(err, fault.Invalid) || fault.Of(err).Code != "malformed_cursor" || got != "" {
		t.Errorf("%s: %q, %v", name, got, err)
	}
}
