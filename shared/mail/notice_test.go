package mail_test

import (
	"fmt"
	"net/mail"
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	ours "almanac/shared/mail"
)

// TestNotify: a notice says that something waits, where and until when, and nothing that was typed does any harm in it.
func TestNotify(t *testing.T) {
	w, err := ours.NewWriter("bookings@mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	n := ours.Notice{
		ID: "evt_1", To: ours.Person{Name: "Ana\r\nBcc: b@example.org", Email: "ana@example.org"},
		Organisation: "Elm Road <b>Surgery</b>\r\nX-Evil: yes", Reference: "alr_1",
		Due: time.Date(2027, 1, 7, 12, 0, 0, 0, time.UTC), At: time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC),
	}
	p, err := w.Notify(n)
	if err != nil || p.To != "ana@example.org" {
		t.Fatalf("%q, %v", p.To, err)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(p.Raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"Bcc", "X-Evil", "Reply-To", "Cc"} {
		if m.Header.Get(header) != "" {
			t.Errorf("it has a %s", header)
		}
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 1 || m.Header.Get("Subject") != "An alert waits for review" {
		t.Errorf("to %v, %q, %v", to, m.Header.Get("Subject"), err)
	}
	raw := string(p.Raw)
	for _, want := range []string{"Reference: alr_1", "Review by: Thursday 7 January 2027, midday", "&lt;b&gt;Surgery"} {
		if !strings.Contains(raw, want) {
			t.Errorf("it does not say %q:\n%s", want, raw)
		}
	}
	if strings.Contains(raw, "text/calendar") {
		t.Errorf("it is\n%s", raw)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", n, n, n, n); strings.Contains(s, "Ana") || strings.Contains(s, "alr") {
		t.Errorf("it prints as %s", s)
	}
	n.To.Email = "a@example.org, b@example.org"
	if _, err := w.Notify(n); fault.Of(err).Code != "bad_address" {
		t.Errorf("to two: %v", err)
	}
}
