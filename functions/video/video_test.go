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
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/web"
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
		{"GET /v1/appointments/{id}/video/log", d.Ask(t, clinictest.Receptionist, "GET", of(d.book(t), "/log"), nil), access.VideoRead},
		{"POST /v1/appointments/{id}/video/email", d.Ask(t, clinictest.Receptionist, "POST", of(d.book(t), "/email"), nil), access.VideoEmail},
		{"POST /v1/appointments/{id}/video/start", d.Ask(t, d.host, "POST", of(d.book(t), "/start"), nil).Keyless(), access.VideoStart},
		{"GET /v1/tasks", d.Ask(t, clinictest.Receptionist, "GET", "/v1/tasks?state=open", nil), access.TaskList},
		{"GET /v1/tasks/{id}", d.Ask(t, clinictest.Receptionist, "GET", "/v1/tasks/"+d.raise(t), nil), access.TaskList},
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
	d.Refused(t, http.StatusConflict, video.NotConnected, d.Ask(t, d.host, "POST", of(apt, "/start"), nil).Keyless())
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
		d.Ask(t, elsewhere, "GET", of(apt, "/log"), nil),
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
	if denials != 4 || len(d.zoom.Meetings("")) > 0 {
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
}

// A link is mailed whatever the practitioner's account is like: the answer says what the room waits for, also when it
// is asked for again under the same key.
func TestEmailWaits(t *testing.T) {
	d := newDesk(t)
	waits := func(apt booking.Appointment, want string) {
		t.Helper()
		r := d.Ask(t, clinictest.Receptionist, "POST", of(apt, "/email"), nil)
		first := d.Must(t, http.StatusOK, r)
		got := clinictest.Read[video.AskedLink](t, first)
		code := ""
		if got.WaitsFor != nil {
			code = got.WaitsFor.Code
		}
		if code != want || want != "" && !strings.Contains(got.WaitsFor.Text, "My profile") {
			t.Errorf("it waits for %+v, want %q", got.WaitsFor, want)
		}
		if again := d.Must(t, http.StatusOK, r); again.Body != first.Body || again.Headers["idempotent-replayed"] != "true" {
			t.Errorf("again it is %s", again.Body)
		}
		if d.token(t, apt) == "" {
			t.Error("there is no link")
		}
	}
	apt := d.book(t)
	waits(apt, video.NotConnected)
	d.connect(t, d.host, zoomsim.Ada)
	waits(apt, "")
	d.Clock.Set(d.book(t).Start.Add(-time.Hour))
	if err := d.zoom.Kill("", zoomsim.Ada); err != nil {
		t.Fatal(err)
	}
	d.Refused(t, http.StatusConflict, "reconnect", d.Ask(t, d.host, "POST", of(apt, "/start"), nil).Keyless())
	waits(d.book(t), video.NeedsReauth)
}

// The log goes on from page to page, the latest first, in whole seconds.
func TestLogPages(t *testing.T) {
	d := newDesk(t)
	d.connect(t, d.host, zoomsim.Ada)
	apt := d.book(t)
	d.Must(t, http.StatusOK, d.Ask(t, d.host, "POST", of(apt, "/start"), nil).Keyless())
	k := d.Table.For(access.System(d.Org, string(access.VideoRooms)))
	kinds := []video.Kind{video.MeetingBegan, video.Joined, video.Left, video.MeetingEnded}
	for n, kind := range kinds {
		at := d.Clock.Now().Add(time.Duration(n+1) * 1500 * time.Millisecond)
		err := k.Write(t.Context(), table.Change{
			Action: access.VideoNote, Target: apt.ID, Event: event.Event{Name: event.VideoNoted},
			Put: []table.Item{{
				Key: k.VisitLog(apt.ID, at, string(kind)), Value: video.Happening{At: at, Kind: kind, Source: "zoom"}, New: true,
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []video.Kind
	after := ""
	for range 3 {
		page := clinictest.Read[web.Page[video.Happening]](t, d.Must(t, http.StatusOK,
			d.Ask(t, clinictest.Receptionist, "GET", of(apt, "/log?limit=2"+after), nil)))
		for _, e := range page.Items {
			got = append(got, e.Kind)
			if e.At.Nanosecond() != 0 || e.At.Location() != time.UTC {
				t.Errorf("%s is at %s", e.Kind, e.At)
			}
		}
		if after = "&after=" + page.Next; page.Next == "" {
			break
		}
	}
	slices.Reverse(got)
	if want := append([]video.Kind{video.RoomCreated}, kinds...); !slices.Equal(got, want) {
		t.Errorf("the log is, from its end, %v", got)
	}
	reads := 0
	for _, e := range d.History(t, d.Org, d.Patients[0]) {
		if e.Name == "record.read" && e.Action == "video.read" && e.Refs["appointment"] == apt.ID && e.Basis != "" {
			reads++
		}
	}
	if reads != 3 {
		t.Errorf("%d reads stand in the patient's access log", reads)
	}
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
		{"log", `"kind":"created"`},
		{"tasks", `"kind":"room_time_refused"`},
		{"task", `"version":1`},
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
