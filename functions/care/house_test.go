package main

import (
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/web"
)

// marked is written into every note; it may stand in no log, no event and no list.
const marked = "Zebedee Canary rang twice"

type object = map[string]any

// desk is a staffed clinic with this function in front of it.
type desk struct {
	*clinictest.Clinic
	t       *testing.T
	serve   web.Handler
	officer string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{Clinic: clinictest.New(t).Found(t), t: t}
	d.serve = process(d.House)
	d.officer = d.staff(clinic.Staff{Roles: []access.Role{access.PrivacyOfficer}})
	return d
}

func process(h *clinictest.House) web.Handler {
	return h.Edge().Serve(routes(
		care.New(h.Table, h.Directory, h.Clock.Now, id.New), alert.New(h.Table, h.Keeper, h.Clock.Now, id.New)))
}

// staff adds a member of staff and gives the subject.
func (d *desk) staff(s clinic.Staff) string {
	d.t.Helper()
	s.Subject, s.Name, s.Email, s.JobRole = id.New("sub"), "Staff", "staff@example.org", "Staff"
	d.Change(d.t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, New: true}}
	})
	return s.Subject
}

func (d *desk) clinician() string {
	return d.staff(clinic.Staff{Roles: []access.Role{access.Clinician}})
}

func (d *desk) ask(subject, method, path string, body any) events.APIGatewayV2HTTPRequest {
	d.t.Helper()
	return d.Ask(d.t, subject, method, path, body)
}

// must sends a request as somebody and gives the answer.
func (d *desk) must(status int, subject, method, path string, body any) events.APIGatewayV2HTTPResponse {
	d.t.Helper()
	return clinictest.Must(d.t, d.serve, status, d.ask(subject, method, path, body))
}

func of(patient, rest string) string { return "/v1/patients/" + patient + rest }

// glass breaks the glass for a clinician who has no part in the patient's care.
func (d *desk) glass(patient, subject string) alert.Granted {
	d.t.Helper()
	return clinictest.Read[alert.Granted](d.t, d.must(http.StatusCreated, subject, "POST", of(patient, "/break-glass"),
		object{"reason": "life-at-risk", "note": marked}))
}

// events lists what stands under a record, the oldest first.
func (d *desk) events(target string) []event.Event {
	d.t.Helper()
	k := d.Table.For(d.By(d.t, clinictest.Manager))
	rows, err := k.Under(d.t.Context(), k.Patient(target), table.Events)
	if err != nil {
		d.t.Fatal(err)
	}
	out := make([]event.Event, len(rows))
	for i, row := range rows {
		if err := row.Decode(&out[i]); err != nil {
			d.t.Fatal(err)
		}
	}
	return out
}

func (d *desk) last(target string) event.Event {
	d.t.Helper()
	all := d.events(target)
	if len(all) == 0 {
		d.t.Fatal("no event")
	}
	return all[len(all)-1]
}

// site adds a second site and gives its id.
func (d *desk) site() string {
	d.t.Helper()
	s := d.Site
	s.ID, s.Name = id.New("sit"), "Another site"
	d.Change(d.t, func(k table.Clinic) []table.Item { return []table.Item{{Key: k.Site(s.ID), Value: s, New: true}} })
	return s.ID
}
