package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/id"
)

// known makes the ids that the sample events name: one of each kind.
func known(prefix string) string {
	raw := [16]byte{0x01, 0x9a, 0xa5, 0xc0, 0xb1, 0x40, 0x70, 0x00, 0x80}
	copy(raw[13:], prefix)
	return id.Format(prefix, raw)
}

// TestEvents carries out the sample events in order.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	names := map[string]string{known("org"): d.Org, known("pat"): d.patient}
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
		raw, err := os.ReadFile(filepath.Join("..", "..", "events", "sharing."+c.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for from, to := range names {
			text = strings.ReplaceAll(text, from, to)
		}
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal([]byte(text), &ev); err != nil {
			t.Fatal(err)
		}
		res, err := d.serve(t.Context(), ev)
		if err != nil || res.StatusCode != c.status || !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: status %d, %v: %s", c.file, res.StatusCode, err, res.Body)
		}
		if c.makes != "" {
			var made struct{ ID string }
			if err := json.Unmarshal([]byte(res.Body), &made); err != nil {
				t.Fatal(err)
			}
			names[known(c.makes)] = made.ID
		}
	}
}
