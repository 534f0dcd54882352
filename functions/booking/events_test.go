package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/booking"
	"almanac/shared/id"
)

// known makes the ids that the sample events name: one of each kind.
func known(prefix string) string {
	raw := [16]byte{0x01, 0x9a, 0xa5, 0xc0, 0xb1, 0x40, 0x70, 0x00, 0x80}
	copy(raw[13:], prefix)
	return id.Format(prefix, raw)
}

// TestEvents carries out the sample events in order, as a receptionist's morning.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	names := strings.NewReplacer(
		known("org"), d.Org, known("svc"), d.Service.ID, known("sit"), d.Site.ID,
		known("prc"), d.Practitioners[0].ID, known("pat"), d.Patients[0],
	)
	day := []struct {
		file, answer string
		status       int
	}{
		{"availability", `"localStart":"2027-01-04T10:00"`, http.StatusOK},
		{"hold", `"expiresAt":"2027-01-04T07:05:00Z"`, http.StatusCreated},
		{"book", `"status":"booked"`, http.StatusCreated},
		{"move", `"localStart":"2027-01-05T09:30"`, http.StatusOK},
		{"cancel", `"status":"cancelled"`, http.StatusOK},
	}
	apt := known("apt")
	for _, c := range day {
		raw, err := os.ReadFile(filepath.Join("..", "..", "events", "booking."+c.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal([]byte(strings.ReplaceAll(names.Replace(string(raw)), known("apt"), apt)), &ev); err != nil {
			t.Fatal(err)
		}
		res, err := d.serve(t.Context(), ev)
		if err != nil || res.StatusCode != c.status || !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: status %d, %v: %s", c.file, res.StatusCode, err, res.Body)
		}
		if c.file == "book" {
			var a booking.Appointment
			if err := json.Unmarshal([]byte(res.Body), &a); err != nil {
				t.Fatal(err)
			}
			apt = a.ID
		}
	}
	files, err := filepath.Glob("../../events/booking.*.json")
	if err != nil || len(files) != len(day) {
		t.Errorf("%d sample events, %d are tested (%v)", len(files), len(day), err)
	}
}
