package mail_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	ours "almanac/shared/mail"
)

// TestRemind: the mail asks its reader to connect Zoom again, nothing that was typed does any harm in it, and it prints
// as nothing.
func TestRemind(t *testing.T) {
	w, err := ours.NewWriter("bookings@mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	r := ours.Reconnect{
		ID: "evt_1", To: ours.Person{Name: "Ana\r\nBcc: b@example.org", Email: "ana@example.org"},
		Organisation: "Elm Road Surgery", At: time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC),
	}
	p, err := w.Remind(r)
	if err != nil || p.To != "ana@example.org" || strings.Contains(string(p.Raw), "\nBcc:") {
		t.Fatalf("%q, %v\n%s", p.To, err, p.Raw)
	}
	if !strings.Contains(string(p.Raw), "Subject: Please connect your Zoom account again") {
		t.Errorf("it is\n%s", p.Raw)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "x", slog.Any("r", r))
	if s := fmt.Sprintf("%v %+v %#v %s %s", r, r, r, r, log.String()); strings.Contains(s, "Ana") || strings.Contains(s, "ana@") {
		t.Errorf("it prints as %s", s)
	}
	r.To.Email = "a@example.org, b@example.org"
	if _, err := w.Remind(r); fault.Of(err).Code != "bad_address" {
		t.Errorf("to two: %v", err)
	}
}
