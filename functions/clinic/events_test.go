package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// known makes the ids that the sample events name: the same for every record of a kind.
func known(prefix string) string {
	raw := [16]byte{0x01, 0x9a, 0xa5, 0xc0, 0xb1, 0x40, 0x70, 0x00, 0x80}
	copy(raw[13:], prefix)
	return id.Format(prefix, raw)
}

// TestEvents carries out the sample events in the order of a clinic's first day: each is answered as it should be and
// leaves exactly one event item; nothing of a person is logged.
func TestEvents(t *testing.T) {
	h := clinictest.New(t)
	h.Clock.Set(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC))
	serve := h.Edge().Serve(routes(clinic.New(h.Table, h.Directory, h.Clock.Now, known)))
	day := []struct {
		file   string
		status int
		prefix string // of the new record's id in the answer, where the event is about that
		name   event.Name
	}{
		{"found", 201, "org", event.OrganisationCreated},
		{"me", 200, "", ""},
		{"site", 201, "sit", event.SiteCreated},
		{"site-change", 200, "sit", event.SiteChanged},
		{"room", 201, "roo", event.RoomCreated},
		{"practitioner", 201, "prc", event.PractitionerCreated},
		{"service", 201, "svc", event.ServiceCreated},
		{"staff", 201, "", event.StaffCreated},
		{"leave", 201, "lev", event.LeaveEntered},
		{"leave-withdraw", 204, "lev", event.LeaveWithdrawn},
	}
	org, seen := "", map[string]int{}
	for _, c := range day {
		t.Run(c.file, func(t *testing.T) {
			ev := mustLoad(t, "clinic."+c.file+".json")
			res := send(t, serve, request{ev})
			if res.StatusCode != c.status {
				t.Fatalf("status %d: %s", res.StatusCode, res.Body)
			}
			var answer struct{ ID, Subject string }
			if res.Body != "" {
				answer = read[struct{ ID, Subject string }](t, res, nil)
			}
			target := answer.ID + answer.Subject
			if target == "" {
				target = filepath.Base(ev.RawPath)
			}
			if c.file == "found" {
				org = target
			}
			if c.name == "" {
				return
			}
			if c.prefix != "" && !id.Valid(target, c.prefix) {
				t.Fatalf("the answer is about %q: %s", target, res.Body)
			}
			seen[target]++
			mustHave(t, h, org, target, c.name, seen[target])
		})
	}
	for _, m := range []string{"Priya", "priya@", "Sam Example", "sam@"} {
		if strings.Contains(h.Log.String(), m) {
			t.Errorf("the log shows %q", m)
		}
	}
	files, err := filepath.Glob("../../events/clinic.*.json")
	if err != nil || len(files) != len(day) {
		t.Errorf("%d sample events, %d are tested (%v)", len(files), len(day), err)
	}
}

func mustLoad(t *testing.T, file string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "events", file))
	if err != nil {
		t.Fatal(err)
	}
	var ev events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// mustHave checks that the target has so many event items, and one of that name.
func mustHave(t *testing.T, h *clinictest.House, org, target string, name event.Name, count int) {
	t.Helper()
	of := history(t, h, org, target)
	if len(of) != count || !slices.ContainsFunc(of, func(e event.Event) bool { return e.Name == name && e.By != "" && e.Action != "" }) {
		t.Errorf("%s has the events %+v, want %d and one %s", target, of, count, name)
	}
}

func history(t *testing.T, h *clinictest.House, org, target string) []event.Event {
	t.Helper()
	k := h.Table.For(access.System(org, "test"))
	rows, err := k.Under(t.Context(), k.Patient(target), table.Events) // any key of the target's partition will do
	if err != nil {
		t.Fatal(err)
	}
	out := make([]event.Event, len(rows))
	for i, r := range rows {
		if err := r.Decode(&out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
