package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/id"
)

// known makes the ids that the sample events name: one of each kind.
func known(prefix string) string {
	raw := [16]byte{0x01, 0x9a, 0xa5, 0xc0, 0xb1, 0x40, 0x70, 0x00, 0x80}
	copy(raw[13:], prefix)
	return id.Format(prefix, raw)
}

// TestEvents carries out the sample events in order: a referral, a claim, an emergency, and what comes after it.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	pairs := []string{known("org"), d.Org, known("sit"), d.Site.ID, known("pat"), d.Patients[0]}
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
		raw, err := os.ReadFile(filepath.Join("..", "..", "events", "care."+c.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(string(raw))), &ev); err != nil {
			t.Fatal(err)
		}
		res, err := d.serve(t.Context(), ev)
		if err != nil || res.StatusCode != c.status || !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: status %d, %v: %s", c.file, res.StatusCode, err, res.Body)
		}
		switch c.file {
		case "relationship":
			pairs = append(pairs, known("rel"), clinictest.Read[care.Term](t, res).ID)
		case "break-glass":
			pairs = append(pairs, known("alr"), clinictest.Read[alert.Granted](t, res).AlertID)
		}
	}
	files, err := filepath.Glob("../../events/care.*.json")
	if err != nil || len(files) != len(day) {
		t.Errorf("%d sample events, %d are tested (%v)", len(files), len(day), err)
	}
}
