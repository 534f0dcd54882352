package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
)

// TestEvents carries out the sample events in the order of a clinic's first day: each is answered as it should be and
// leaves exactly one event item; nothing of a person is logged.
func TestEvents(t *testing.T) {
	h := clinictest.New(t)
	h.Clock.Set(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC))
	serve := h.Edge().Serve(routes(clinic.New(h.Table, h.Directory, h.Clock.Now, clinictest.Known)))
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
			ev := clinictest.Sample(t, "clinic."+c.file)
			res := clinictest.Send(t, serve, ev)
			if res.StatusCode != c.status {
				t.Fatalf("status %d: %s", res.StatusCode, res.Body)
			}
			var answer struct{ ID, Subject string }
			if res.Body != "" {
				answer = clinictest.Read[struct{ ID, Subject string }](t, res)
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
	clinictest.Sampled(t, "clinic", len(day))
}

// mustHave checks that the target has so many event items, and one of that name.
func mustHave(t *testing.T, h *clinictest.House, org, target string, name event.Name, count int) {
	t.Helper()
	of := h.History(t, org, target)
	if len(of) != count || !slices.ContainsFunc(of, func(e event.Event) bool { return e.Name == name && e.By != "" && e.Action != "" }) {
		t.Errorf("%s has the events %+v, want %d and one %s", target, of, count, name)
	}
}
