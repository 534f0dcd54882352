package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// step is one sample event, and the event item that it leaves with its target, where it leaves one.
type step struct {
	file   string
	status int
	name   event.Name
}

// TestEvents carries out the sample events in order: each is answered as it should be and leaves exactly one event item
// of the patient; nothing of a person is logged.
func TestEvents(t *testing.T) {
	h := clinictest.New(t)
	h.Clock.Set(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC))
	org := mustFound(t, h)
	s := patient.New(h.Table, h.Keeper, h.Clock.Now, clinictest.Known)
	serve := h.Edge().Serve(routes(s, nhs.New(h.Table, s, h.Keeper, h.Directory, h.Clock.Now, clinictest.Known)))
	day := []step{
		{"register", 201, event.PatientCreated},
		{"read", 200, event.RecordRead},
		{"change", 200, event.PatientChanged},
		{"representative", 201, event.RepresentativeAdded},
		{"representative-end", 204, event.RepresentativeEnded},
		{"number-read", 200, event.RecordRead},
		{"number-trace", 200, event.TraceRequested},
		{"objection", 200, event.ObjectionMade},
		{"objection-withdraw", 200, event.ObjectionWithdrawn},
	}
	for i, c := range day {
		t.Run(c.file, func(t *testing.T) {
			res := clinictest.Send(t, serve, clinictest.Sample(t, "patients."+c.file))
			if res.StatusCode != c.status {
				t.Fatalf("status %d: %s", res.StatusCode, res.Body)
			}
			of := h.History(t, org, clinictest.Known("pat"))
			if len(of) != i+1 || !slices.ContainsFunc(of, func(e event.Event) bool { return e.Name == c.name && e.By != "" && e.Action != "" }) {
				t.Errorf("the patient has the events %+v, want %d and one %s", of, i+1, c.name)
			}
		})
	}
	for _, m := range []string{"Zo", "zoe@", "900123", "900456", "1975-11-21", "9990000018", "999 000", "Robin", "Harbour", "TE1 1ST", "7000-0000"} {
		if strings.Contains(h.Log.String(), m) {
			t.Errorf("the log shows %q", m)
		}
	}
	clinictest.Sampled(t, "patients", len(day)+len(finding()))
}

// mustFound makes the organisation of the sample events, with the person who sends them as its manager.
func mustFound(t *testing.T, h *clinictest.House) string {
	t.Helper()
	ev := clinictest.Sample(t, "patients.register").RequestContext.Authorizer.JWT.Claims
	org := strings.Trim(ev["cognito:groups"], "[]")
	k := h.Table.For(access.NewCaller(org, "operator", []access.Role{access.Operator}, 0))
	err := k.Write(t.Context(), table.Change{
		Action: access.OrganisationCreate, Target: org, Found: true, Event: event.Event{Name: event.OrganisationCreated},
		Put: []table.Item{
			{Key: k.Organisation(), Value: clinic.Organisation{
				ID: org, Name: "Test clinic", Zone: "Europe/London", NHS: clinic.NHS{ODSCode: "Y90001", Tracing: true},
			}, New: true},
			{Key: k.Staff(ev["sub"]), Value: clinic.Staff{Subject: ev["sub"], Name: "Staff", Roles: []access.Role{access.Manager}}, New: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return org
}
