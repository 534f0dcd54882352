package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/task"
	"almanac/shared/video"
)

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	d.connect(t, d.host, zoomsim.Ada)
	other := d.Found(t)
	cases := []struct {
		row        string
		request    clinictest.Request
		permission access.Permission
	}{
		{"GET /v1/appointments/{id}/video", d.Ask(t, clinictest.Receptionist, "GET", of(d.book(t), ""), nil), access.VideoRead},
		{"POST /v1/appointments/{id}/video/email", d.Ask(t, clinictest.Receptionist, "POST", of(d.book(t), "/email"), nil), access.VideoEmail},
		{"POST /v1/appointments/{id}/video/start", d.Ask(t, d.host, "POST", of(d.book(t), "/start"), nil).Keyless(), access.VideoStart},
		{"GET /v1/tasks", d.Ask(t, clinictest.Receptionist, "GET", "/v1/tasks?state=open", nil), access.TaskList},
		{"POST /v1/tasks/{id}/done", d.Ask(t, clinictest.Receptionist, "POST", "/v1/tasks/"+d.raise(t)+"/done", nil).Match(`"1"`), access.TaskDone},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, c.request, "zak=", "pwd=", "Ada", "Okonjo"))
		})
	}
	for row := range routes(nil, nil) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// A visit from the first look to the call: what each is told, and what stands in the access log.
func TestVisit(t *testing.T) {
	d := newDesk(t)
	apt := d.book(t)
	d.Refused(t, http.StatusConflict, video.NotConnected, d.Ask(t, clinictest.Receptionist, "POST", of(apt, "/email"), nil))
	d.connect(t, d.host, zoomsim.Ada)
	show := func(who string) video.View {
		t.Helper()
		return clinictest.Read[video.View](t, d.Must(t, http.StatusOK, d.Ask(t, who, "GET", of(apt, ""), nil)))
	}
	if v := show(clinictest.Receptionist); v.State != "none" || v.MayStart {
		t.Errorf("%+v", v)
	}
	mail := d.Ask(t, clinictest.Receptionist, "POST", of(apt, "/email"), nil)
	first := d.Must(t, http.StatusOK, mail)
	if want := fmt.Sprintf(`{"appointmentId":%q,"version":1}`, apt.ID); strings.TrimSpace(first.Body) != want {
		t.Errorf("the answer is %s, want %s", first.Body, want)
	}
	d.Must(t, http.StatusOK, mail)
	token := d.token(t, apt)
	again := clinictest.Read[video.AskedLink](t, d.Must(t, http.StatusOK, d.Ask(t, clinictest.Receptionist, "POST", of(apt, "/email?newLink=true"), nil)))
	if again.Version != 2 || d.token(t, apt) == token {
		t.Errorf("the second asking makes it %d, and the link is the same: %t", again.Version, d.token(t, apt) == token)
	}
	d.Refused(t, http.StatusForbidden, video.NotHost, d.Ask(t, clinictest.Receptionist, "POST", of(apt, "/start"), nil).Keyless())
	started := clinictest.Read[video.Started](t, d.Must(t, http.StatusOK, d.Ask(t, d.host, "POST", of(apt, "/start"), nil).Keyless()))
	if all := d.zoom.Meetings(""); len(all) != 1 || !strings.HasPrefix(started.StartURL, d.zoom.URL+"/s/") {
		t.Errorf("%d meetings", len(all))
	}
	if v := show(d.host); v.State != "ready" || !v.MayStart || v.Mailed != 2 || !v.Start.Equal(apt.Start) {
		t.Errorf("%+v", v)
	}
	if strings.Contains(d.Log.String(), "zak=") || strings.Contains(d.Log.String(), d.zoom.URL) {
		t.Errorf("the log tells a way in:\n%s", d.Log)
	}
	var reads, denials int
	for _, e := range d.History(t, d.Org, d.Patients[0]) {
		switch {
		case e.Name == "record.read" && e.Action == "video.read" && e.Refs["appointment"] == apt.ID && e.Basis != "":
			reads++
		case e.Name == "read.denied" && e.Action == "video.start" && e.By == clinictest.Receptionist:
			denials++
		}
	}
	if reads != 2 || denials != 1 {
		t.Errorf("%d reads and %d denials stand in the access log", reads, denials)
	}
}

// Who has no part in the patient's care learns nothing, and the attempt stands in the patient's access log.
func TestRelationship(t *testing.T) {
	d := newDesk(t)
	d.connect(t, d.host, zoomsim.Ada)
	apt := d.book(t)
	elsewhere := d.Employ(t, clinic.Staff{Roles: []access.Role{access.Manager}, SiteIDs: []string{d.NewSite(t)}})
	for _, r := range []clinictest.Request{
		d.Ask(t, elsewhere, "GET", of(apt, ""), nil),
		d.Ask(t, elsewhere, "POST", of(apt, "/email"), nil),
		d.Ask(t, elsewhere, "POST", of(apt, "/start"), nil).Keyless(),
	} {
		d.Refused(t, http.StatusForbidden, "no_relationship", r)
	}
	denials := 0
	for _, e := range d.History(t, d.Org, d.Patients[0]) {
		if e.Name == "read.denied" && e.By == elsewhere && e.Refs["appointment"] == apt.ID {
			denials++
		}
	}
	if denials != 3 || len(d.zoom.Meetings("")) > 0 {
		t.Errorf("%d denials, %d meetings", denials, len(d.zoom.Meetings("")))
	}
}

// What cannot be is refused with a code that says so.
func TestRefusals(t *testing.T) {
	d := newDesk(t)
	d.connect(t, d.host, zoomsim.Ada)
	apt := d.book(t)
	_, err := d.diary.Cancel(t.Context(), d.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, apt.Version, "patient_request")
	if err != nil {
		t.Fatal(err)
	}
	d.Refused(t, http.StatusConflict, "appointment_cancelled", d.Ask(t, d.host, "POST", of(apt, "/start"), nil).Keyless())
	past := d.book(t)
	d.Clock.Set(past.End)
	d.Refused(t, http.StatusConflict, "appointment_over", d.Ask(t, clinictest.Receptionist, "POST", of(past, "/email"), nil))
	lapsed := d.book(t)
	d.Clock.Set(lapsed.Start.Add(-10 * time.Minute))
	if err := d.zoom.Kill("", zoomsim.Ada); err != nil {
		t.Fatal(err)
	}
	d.Refused(t, http.StatusConflict, "reconnect", d.Ask(t, d.host, "POST", of(lapsed, "/start"), nil).Keyless())
	d.Must(t, http.StatusOK, d.Ask(t, clinictest.Receptionist, "POST", of(lapsed, "/email"), nil)) // it waits until then
}

// The sample events in order.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	d.connect(t, d.host, zoomsim.Ada)
	apt := d.book(t)
	names := []string{clinictest.Known("org"), d.Org, clinictest.Known("apt"), apt.ID, "staff-host", d.host}
	day := []struct{ file, answer string }{
		{"email", `"version":1`},
		{"start", `"startUrl":"http`},
		{"show", `"state":"ready"`},
		{"tasks", `"kind":"room_time_refused"`},
		{"task-done", `"state":"done"`},
	}
	names = append(names, clinictest.Known(task.Prefix), d.raise(t))
	for _, c := range day {
		res := d.Must(t, http.StatusOK, clinictest.Sample(t, "video."+c.file, names...))
		if !strings.Contains(res.Body, c.answer) {
			t.Errorf("%s: %s", c.file, res.Body)
		}
	}
	clinictest.Sampled(t, "video", len(day))
}

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Almanac: video visits", routes(nil, nil))
}
