package main

import (
	"net/http"
	"strings"
	"testing"

	"almanac/shared/clinictest"
)

// TestEvents carries out the sample events in order.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	names := []string{clinictest.Known("org"), d.Org, clinictest.Known("pat"), d.patient}
	for _, c := range []struct {
		file, answer string
		status       int
		makes        string // the kind of the id that the answer gives
	}{
		{"consent-text", `"version":1`, http.StatusCreated, ""},
		{"consent", `"id":"cns_`, http.StatusCreated, "cns"},
		{"consents", `"status":"given"`, http.StatusOK, ""},
		{"withdraw", `"id":"cns_`, http.StatusOK, ""},
		{"disclosure", `"id":"dsc_`, http.StatusCreated, ""},
		{"disclosures", `"Example Solicitors"`, http.StatusOK, ""},
		{"record-view", `"id":"viw_`, http.StatusCreated, "viw"},
		{"record-view-open", `"Allergies and Adverse Reactions"`, http.StatusOK, ""},
		{"record-view-emergency", `"id":"viw_`, http.StatusCreated, ""},
	} {
		res := d.Must(t, c.status, clinictest.Sample(t, "sharing."+c.file, names...))
		if !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: %s", c.file, res.Body)
		}
		if c.makes != "" {
			names = append(names, clinictest.Known(c.makes), clinictest.Read[struct{ ID string }](t, res).ID)
		}
	}
}
