package main

import (
	"net/http"
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/web"
)

// raise has the staff told of a time that was refused, of another appointment each time, and gives the task's id.
func (d *desk) raise(t *testing.T) string {
	t.Helper()
	apt := d.book(t)
	err := d.tasks.OfVisit(t.Context(), access.System(d.Org, string(access.VideoRooms)), video.Trouble{
		Why: video.TimeRefused, AppointmentID: apt.ID, PatientID: apt.PatientID, Subject: d.host, Because: "practitioner_busy",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range d.open(t, clinictest.Receptionist) {
		if x.AppointmentID == apt.ID {
			return x.ID
		}
	}
	t.Fatal("there is no task")
	return ""
}

func (d *desk) open(t *testing.T, subject string) []task.Task {
	t.Helper()
	res := d.Must(t, http.StatusOK, d.Ask(t, subject, "GET", "/v1/tasks?limit=200", nil))
	return clinictest.Read[web.Page[task.Task]](t, res).Items
}

// Tasks are seen by who works at their site, say what to do, and are done once.
func TestTasks(t *testing.T) {
	d := newDesk(t)
	id := d.raise(t)
	elsewhere := d.Employ(t, clinic.Staff{Roles: []access.Role{access.Receptionist}, SiteIDs: []string{d.NewSite(t)}})
	all := d.open(t, clinictest.Clinician)
	if len(all) != 1 || all[0].ID != id || all[0].Text == "" || len(d.open(t, elsewhere)) != 0 {
		t.Errorf("%+v", all)
	}
	read := func(subject string) clinictest.Request { return d.Ask(t, subject, "GET", "/v1/tasks/"+id, nil) }
	res := d.Must(t, http.StatusOK, read(clinictest.Clinician))
	if got := clinictest.Read[task.Task](t, res); got.ID != id || got.Text != all[0].Text || res.Headers["etag"] != `"1"` {
		t.Errorf("read alone it is %s %s", res.Headers["etag"], res.Body)
	}
	d.Refused(t, http.StatusNotFound, "not_found", read(elsewhere))
	d.Refused(t, http.StatusNotFound, "not_found", d.Ask(t, clinictest.Clinician, "GET", "/v1/tasks/none", nil))
	do := func(subject string) clinictest.Request {
		return d.Ask(t, subject, "POST", "/v1/tasks/"+id+"/done", nil).Match(`"1"`)
	}
	d.Refused(t, http.StatusNotFound, "not_found", do(elsewhere))
	d.Must(t, http.StatusOK, do(clinictest.Clinician))
	d.Refused(t, http.StatusConflict, "task_done", do(clinictest.Receptionist))
	if len(d.open(t, clinictest.Receptionist)) != 0 {
		t.Error("it still waits")
	}
	if got := clinictest.Read[task.Task](t, d.Must(t, http.StatusOK, read(clinictest.Clinician))); got.State != task.Done || got.Version != 2 {
		t.Errorf("done it is %+v", got)
	}
}

// A list that is longer than a page goes on where the page ended.
func TestTaskPages(t *testing.T) {
	d := newDesk(t)
	want := map[string]bool{}
	for range 3 {
		want[d.raise(t)] = true
	}
	after := ""
	for n := range 2 {
		page := clinictest.Read[web.Page[task.Task]](t, d.Must(t, http.StatusOK,
			d.Ask(t, clinictest.Receptionist, "GET", "/v1/tasks?limit=2"+after, nil)))
		for _, x := range page.Items {
			delete(want, x.ID)
		}
		if (page.Next == "") != (n == 1) {
			t.Errorf("page %d goes on: %v", n, page.Next != "")
		}
		after = "&after=" + page.Next
	}
	if len(want) > 0 {
		t.Errorf("%d were not listed", len(want))
	}
}

func TestCursors(t *testing.T) {
	d := newDesk(t)
	d.ExerciseLists(t, clinictest.Lists{
		Routes: routes(d.video, d.tasks),
		Ask: func(path string) (string, string, string) {
			return clinictest.Receptionist, clinictest.Clinician, strings.Replace(path, "{id}", d.book(t).ID, 1)
		},
	})
}
