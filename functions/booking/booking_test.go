package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/web"
)

// desk is a staffed clinic and this function in front of it.
type desk struct{ *clinictest.Desk }

func newDesk(t *testing.T) *desk {
	t.Helper()
	h := clinictest.New(t)
	return &desk{clinictest.NewDesk(h.Found(t), process(h, h.Directory))}
}

// process is one instance of the function: each has a directory of its own, so what one has cached another has not.
func process(h *clinictest.House, d *clinic.Directory) web.Handler {
	edge := h.Edge()
	edge.Gate.Caller = d.Caller
	return edge.Serve(routes(booking.New(h.Table, d, h.Clock.Now, id.New), h.Table))
}

type object = clinictest.Body

func (d *desk) wish(start string) object {
	return object{
		"serviceId": d.Service.ID, "siteId": d.Site.ID, "practitionerId": d.Practitioners[0].ID,
		"patientId": d.Patients[0], "start": start,
	}
}

func (d *desk) ask(t *testing.T, method, path string, body any) clinictest.Request {
	t.Helper()
	return d.Ask(t, clinictest.Receptionist, method, path, body)
}

func (d *desk) book(t *testing.T, start string) booking.Appointment {
	t.Helper()
	return clinictest.Read[booking.Appointment](t, d.Must(t, http.StatusCreated,
		d.ask(t, "POST", "/v1/appointments", d.wish(start))))
}

func (d *desk) hold(t *testing.T, start string) booking.Hold {
	t.Helper()
	return clinictest.Read[booking.Hold](t, d.Must(t, http.StatusCreated,
		d.ask(t, "POST", "/v1/holds", d.wish(start))))
}

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	search := fmt.Sprintf("/v1/availability?serviceId=%s&siteId=%s&from=2027-01-04&to=2027-01-08", d.Service.ID, d.Site.ID)
	renewed, released := d.hold(t, "2027-01-06T10:00"), d.hold(t, "2027-01-07T10:00")
	d.Clock.Pass(time.Minute) // a hold that was made just now has nothing to gain from being renewed
	moved, cancelled, met := d.book(t, "2027-01-04T09:00"), d.book(t, "2027-01-04T10:00"), d.book(t, "2027-01-04T11:00")
	at := func(of, verb string) string { return "/v1/appointments/" + of + verb }
	cases := []struct {
		row, path  string
		body       object
		permission access.Permission
	}{
		{"GET /v1/availability", search, nil, access.AvailabilityRead},
		{"POST /v1/holds", "/v1/holds", d.wish("2027-01-05T15:00"), access.HoldCreate},
		{"POST /v1/holds/{id}/renew", "/v1/holds/" + renewed.ID + "/renew", nil, access.HoldRenew},
		{"DELETE /v1/holds/{id}", "/v1/holds/" + released.ID, nil, access.HoldRelease},
		{"POST /v1/appointments", "/v1/appointments", d.wish("2027-01-05T11:00"), access.AppointmentBook},
		{"GET /v1/appointments/{id}", at(met.ID, ""), nil, access.AppointmentRead},
		{"POST /v1/appointments/{id}/move", at(moved.ID, "/move"), object{"start": "2027-01-05T09:00"}, access.AppointmentMove},
		{"POST /v1/appointments/{id}/cancel", at(cancelled.ID, "/cancel"), object{"reason": booking.ByPatient}, access.AppointmentCancel},
		{"POST /v1/appointments/{id}/status", at(met.ID, "/status"), object{"status": booking.Arrived}, access.AppointmentProgress},
		{"GET /v1/appointments/{id}/history", at(met.ID, "/history"), nil, access.AppointmentHistory},
		{"GET /v1/appointments/{id}/messages", at(met.ID, "/messages"), nil, access.MessageRead},
		{
			"GET /v1/practitioners/{id}/appointments", "/v1/practitioners/" + d.Practitioners[0].ID + "/appointments?date=2027-01-04",
			nil, access.AppointmentList,
		},
		{"GET /v1/patients/{id}/appointments", "/v1/patients/" + d.Patients[0] + "/appointments", nil, access.PatientAppointments},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, d.example(t, c.row, c.path, c.body)))
		})
	}
	for row := range routes(nil, nil) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// example makes the request of a row; what is changed is at its first version.
func (d *desk) example(t *testing.T, row, path string, body object) clinictest.Request {
	t.Helper()
	method, _, _ := strings.Cut(row, " ")
	ev := d.ask(t, method, path, body)
	if strings.Contains(row, "{id}") && method != http.MethodGet {
		ev = ev.Match(`"1"`)
	}
	return ev
}

// TestAnotherProcessSeesWhatChanged: leave entered, and a role taken away, through one process count at the very next
// request of another that has the configuration cached.
func TestAnotherProcessSeesWhatChanged(t *testing.T) {
	d := newDesk(t)
	d.book(t, "2027-01-04T09:00") // this process has it all cached
	leave := clinic.Leave{ID: id.New("lev"), Of: d.Practitioners[0].ID, Start: clinictest.Monday(), End: clinictest.Monday().AddDate(0, 0, 1)}
	change := func(it func(table.Clinic) table.Item) {
		d.Elsewhere().Change(t, func(k table.Clinic) []table.Item { return []table.Item{it(k)} })
	}
	change(func(k table.Clinic) table.Item {
		return table.Item{Key: k.Leave(leave.ID, leave.End), Value: leave, New: true}
	})
	res := d.Must(t, http.StatusConflict, d.ask(t, "POST", "/v1/appointments", d.wish("2027-01-04T15:00")))
	if !strings.Contains(res.Body, booking.PractitionerOnLeave) {
		t.Errorf("refused for another reason: %s", res.Body)
	}
	left := clinic.Staff{Subject: clinictest.Receptionist, Name: "Staff", Email: "staff@example.org", Left: true}
	change(func(k table.Clinic) table.Item {
		return table.Item{Key: k.Staff(left.Subject), Value: left, Version: 1}
	})
	d.Must(t, http.StatusForbidden, d.ask(t, "POST", "/v1/appointments", d.wish("2027-01-06T15:00")))
	d.Must(t, http.StatusForbidden, d.ask(t, "GET", "/v1/patients/"+d.Patients[0]+"/appointments", nil))
}

func TestReplayAfterTheRecordMovedOn(t *testing.T) {
	d := newDesk(t)
	ev := d.ask(t, "POST", "/v1/appointments", d.wish("2027-01-04T09:00"))
	first := d.Must(t, http.StatusCreated, ev)
	apt := clinictest.Read[booking.Appointment](t, first)
	cancel := d.ask(t, "POST", "/v1/appointments/"+apt.ID+"/cancel", object{"reason": booking.ByClinic}).Match(`"1"`)
	d.Must(t, http.StatusOK, cancel)
	d.Clock.Pass(48 * time.Hour) // by now the time lies in the past, too
	again := d.Must(t, http.StatusCreated, ev)
	if again.Body != first.Body || again.Headers["Idempotent-Replayed"] != "true" && again.Headers["idempotent-replayed"] != "true" {
		t.Errorf("the repeat is %s %v", again.Body, again.Headers)
	}
}

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Almanac: diary and booking", routes(nil, nil))
}
