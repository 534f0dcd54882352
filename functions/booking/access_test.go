package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/web"
)

// working adds a member of staff who works at the sites, as the practitioner.
func (d *desk) working(t *testing.T, role access.Role, practitioner string, sites ...string) string {
	t.Helper()
	return d.Employ(t, clinic.Staff{Roles: []access.Role{role}, SiteIDs: sites, PractitionerID: practitioner})
}

// TestSiblingSite: staff of a sibling site who have no part in a patient's care reach no appointment of the patient's
// in any way, each attempt is noted with the patient, and booking the patient there makes the relationship.
func TestSiblingSite(t *testing.T) {
	d := newDesk(t)
	pat, there := d.Patients[0], d.NewSite(t)
	apt := d.book(t, "2027-01-04T09:00")
	clerk := d.working(t, access.Receptionist, "", there)
	at := "/v1/appointments/" + apt.ID
	tries := []struct {
		method, path string
		body         any
		permission   access.Permission
	}{
		{"GET", at, nil, access.AppointmentRead},
		{"GET", at + "/history", nil, access.AppointmentHistory},
		{"GET", at + "/messages", nil, access.MessageRead},
		{"POST", at + "/move", object{"start": "2027-01-05T09:00"}, access.AppointmentMove},
		{"POST", at + "/cancel", object{"reason": booking.ByClinic}, access.AppointmentCancel},
		{"POST", at + "/status", object{"status": booking.Confirmed}, access.AppointmentProgress},
		{"GET", "/v1/patients/" + pat + "/appointments", nil, access.PatientAppointments},
	}
	for _, c := range tries {
		t.Run(c.method+" "+string(c.permission), func(t *testing.T) {
			ev := d.Ask(t, clerk, c.method, c.path, c.body).Match(`"1"`)
			res := d.Must(t, http.StatusForbidden, ev)
			if !strings.Contains(res.Body, "no_relationship") || strings.Contains(res.Body, pat) {
				t.Errorf("refused with %s", res.Body)
			}
			all := d.History(t, d.Org, pat)
			e := all[len(all)-1]
			if e.Name != event.ReadDenied || e.By != clerk || e.Action != string(c.permission) || e.Basis != "" {
				t.Errorf("it left %+v", e)
			}
			if want := strings.HasPrefix(c.path, at); (e.Refs["appointment"] == apt.ID) != want {
				t.Errorf("it refers to %v", e.Refs)
			}
		})
	}
	if n := len(d.History(t, d.Org, apt.ID)); n != 1 {
		t.Errorf("%d events under the appointment, want 1", n)
	}
	for _, c := range tries[:3] { // whoever works at the site may, and it is noted with the patient and why
		d.Must(t, http.StatusOK, d.Ask(t, clinictest.Manager, c.method, c.path, nil))
		all := d.History(t, d.Org, pat)
		if e := all[len(all)-1]; e.Name != event.RecordRead || e.Basis != "booking:"+apt.ID || e.Refs["appointment"] != apt.ID {
			t.Errorf("%s left %+v", c.permission, e)
		}
	}
	p := d.Practitioners[0]
	p.Sessions = append(p.Sessions, clinic.Session{SiteID: there, Opening: clinic.Opening{Day: "saturday", Opens: "09:00", Closes: "12:00"}})
	site := d.Site
	site.ID, site.Hours = there, []clinic.Opening{{Day: "saturday", Opens: "08:00", Closes: "13:00"}}
	s := d.Service
	s.Needs = nil
	d.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{
			{Key: k.Practitioner(p.ID), Value: p, Version: 1},
			{Key: k.Site(there), Value: site, Version: 1},
			{Key: k.Service(s.ID), Value: s, Version: 1},
		}
	})
	d.Must(t, http.StatusCreated, d.Ask(t, clerk, "POST", "/v1/appointments", d.wish("2027-01-09T09:00").With("siteId", there)))
	res := d.Must(t, http.StatusOK, d.Ask(t, clerk, "GET", "/v1/patients/"+pat+"/appointments", nil))
	if n := len(clinictest.Read[web.Page[booking.Appointment]](t, res).Items); n != 2 {
		t.Errorf("%d appointments", n)
	}
	day := func(subject, date string) []booking.Appointment {
		t.Helper()
		return clinictest.Read[web.Page[booking.Appointment]](t, d.Must(t, http.StatusOK,
			d.Ask(t, subject, "GET", "/v1/practitioners/"+p.ID+"/appointments?date="+date, nil))).Items
	}
	if all := day(clerk, "2027-01-04"); len(all) != 1 || all[0].PatientID != "" || all[0].ID != apt.ID {
		t.Errorf("the other site's day shows %+v", all)
	}
	if all := day(clerk, "2027-01-09"); len(all) != 1 || all[0].PatientID != pat {
		t.Errorf("the own site's day shows %+v", all)
	}
}

// TestSnooping: an appointment relates to the person for three months and no longer; the practitioner is related to
// whom he meets, wherever he works; and a clinic's own staff as patients are patients like others.
func TestSnooping(t *testing.T) {
	d := newDesk(t)
	there := d.NewSite(t)
	apt := d.book(t, "2027-01-04T09:00")
	doctor := d.working(t, access.Clinician, d.Practitioners[0].ID, there)
	colleague := d.working(t, access.Clinician, d.Practitioners[1].ID, there)
	at := "/v1/appointments/" + apt.ID
	d.Must(t, http.StatusOK, d.Ask(t, doctor, "GET", at, nil))
	d.Must(t, http.StatusForbidden, d.Ask(t, colleague, "GET", at, nil))
	d.Clock.Set(time.Date(2027, 4, 30, 12, 0, 0, 0, time.UTC))
	d.Must(t, http.StatusOK, d.Ask(t, doctor, "GET", at, nil))
	d.Must(t, http.StatusOK, d.Ask(t, clinictest.Manager, "GET", at, nil))
	d.Clock.Set(time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC))
	for _, who := range []string{doctor, clinictest.Manager, clinictest.Receptionist} {
		d.Must(t, http.StatusForbidden, d.Ask(t, who, "GET", at, nil))
	}
}

// TestMovedToAnotherSite: staff whose site is changed in one process lose and gain records at their next request in
// another that has the configuration cached, whether they read or write.
func TestMovedToAnotherSite(t *testing.T) {
	d := newDesk(t)
	there := d.NewSite(t)
	apt := d.book(t, "2027-01-04T09:00")
	clerk := d.working(t, access.Receptionist, "", d.Site.ID)
	ask := func(status int, method, verb string, body any) {
		t.Helper()
		ev := d.Ask(t, clerk, method, "/v1/appointments/"+apt.ID+verb, body)
		d.Must(t, status, ev.Match(`"1"`))
	}
	ask(http.StatusOK, "GET", "", nil) // now this process has it all cached
	version := int64(1)
	move := func(site string) {
		t.Helper()
		s := clinic.Staff{
			Subject: clerk, Name: "Staff", Email: "staff@example.org", JobRole: "Staff",
			Roles: []access.Role{access.Receptionist}, SiteIDs: []string{site},
		}
		d.Elsewhere().Change(t, func(k table.Clinic) []table.Item {
			return []table.Item{{Key: k.Staff(clerk), Value: s, Version: version}}
		})
		version++
	}
	move(there)
	ask(http.StatusForbidden, "POST", "/cancel", object{"reason": booking.ByClinic})
	ask(http.StatusForbidden, "GET", "", nil)
	if got := clinictest.Read[booking.Appointment](t, d.Must(t, 200, d.ask(t, "GET", "/v1/appointments/"+apt.ID, nil))); got.Status != booking.Booked {
		t.Errorf("it is %s", got.Status)
	}
	move(d.Site.ID)
	ask(http.StatusOK, "POST", "/cancel", object{"reason": booking.ByClinic})
}
