package main

import (
	"net/http"
	"strings"
	"testing"

	"almanac/shared/booking"
	"almanac/shared/clinictest"
)

// TestEvents carries out the sample events in order, as a receptionist's morning.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	names := []string{
		clinictest.Known("org"), d.Org, clinictest.Known("svc"), d.Service.ID, clinictest.Known("sit"), d.Site.ID,
		clinictest.Known("prc"), d.Practitioners[0].ID, clinictest.Known("pat"), d.Patients[0],
	}
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
	for _, c := range day {
		res := d.Must(t, c.status, clinictest.Sample(t, "booking."+c.file, names...))
		if !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: %s", c.file, res.Body)
		}
		if c.file == "book" {
			names = append(names, clinictest.Known("apt"), clinictest.Read[booking.Appointment](t, res).ID)
		}
	}
	clinictest.Sampled(t, "booking", len(day))
}
