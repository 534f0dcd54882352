package main

import (
	"net/http"
	"strings"
	"testing"

	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinictest"
)

// TestEvents carries out the sample events in order: a referral, a claim, an emergency, and what comes after it.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	pairs := []string{clinictest.Known("org"), d.Org, clinictest.Known("sit"), d.Site.ID, clinictest.Known("pat"), d.Patients[0]}
	day := []struct {
		file, answer string
		status       int
	}{
		{"relationship", `"until":"2027-06-30T23:00:00Z"`, http.StatusCreated},
		{"relationships", `"kind":"referral"`, http.StatusOK},
		{"relationship-end", "", http.StatusNoContent},
		{"claim", `"until":"2027-01-05T07:00:00Z"`, http.StatusCreated},
		{"break-glass", `"until":"2027-01-04T07:30:00Z"`, http.StatusCreated},
		{"alerts", `"kind":"break-glass"`, http.StatusOK},
		{"alert", `"reason":"life-at-risk"`, http.StatusOK},
		{"review", `"state":"reviewed"`, http.StatusOK},
		{"access-log", `"what":"glass.broken"`, http.StatusOK},
	}
	for _, c := range day {
		res := d.Must(t, c.status, clinictest.Sample(t, "care."+c.file, pairs...))
		if !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: %s", c.file, res.Body)
		}
		switch c.file {
		case "relationship":
			pairs = append(pairs, clinictest.Known("rel"), clinictest.Read[care.Term](t, res).ID)
		case "break-glass":
			pairs = append(pairs, clinictest.Known("alr"), clinictest.Read[alert.Granted](t, res).AlertID)
		}
	}
	clinictest.Sampled(t, "care", len(day))
}
