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
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/web"
)

// working adds a member of staff who works at the sites, as the practitioner.
func (d *desk) working(t *testing.T, role access.Role, practitioner string, sites ...string) string {
	t.Helper()
	s := clinic.Staff{
		Subject: id.New("sub"), Name: "Staff", Email: "staff@example.org", JobRole: "Staff", Roles: []access.Role{role},
		SiteIDs: sites, PractitionerID: practitioner,
	}
	d.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, New: true}}
	})
	return s.Subject
}

// elsewhere adds a second site of the organisation.
func (d *desk) elsewhere(t *testing.T) string {
	t.Helper()
	s := d.Site
	s.ID, s.Name = id.New("sit"), "Another site"
	d.Change(t, func(k table.Clinic) []table.Item { return []table.Item{{Key: k.Site(s.ID), Value: s, New: true}} })
	return s.ID
}

// TestSiblingSite: staff of a sibling site who have no part in a patient's care reach no appointment of the patient's
// in any way, each attempt is noted with the patient, and booking the patient there makes the relationship.
func TestSiblingSite(t *testing.T) {
	d := newDesk(t)
	pat, there := d.Patients[0], d.elsewhere(t)
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
			ev := clinictest.With(d.Ask(t, clerk, c.method, c.path, c.body), "if-match", `"1"`)
			res := clinictest.Must(t, d.serve, http.StatusForbidden, ev)
			if !strings.Contains(res.Body, "no_relationship") || strings.Contains(res.Body, pat) {
				t.Errorf("refused with %s", res.Body)
			}
			all := d.under(t, pat)
			e := all[len(all)-1]
			if e.Name != event.ReadDenied || e.By != clerk || e.Action != string(c.permission) || e.Basis != "" {
				t.Errorf("it left %+v", e)
			}
			if want := strings.HasPrefix(c.path, at); (e.Refs["appointment"] == apt.ID) != want {
				t.Errorf("it refers to %v", e.Refs)
			}
		})
	}
	if n := len(d.under(t, apt.ID)); n != 1 {
		t.Errorf("%d events under the appointment, want 1", n)
	}
	for _, c := range tries[:3] { // whoever works at the site may, and it is noted with the patient and why
		clinictest.Must(t, d.serve, http.StatusOK, d.Ask(t, clinictest.Manager, c.method, c.path, nil))
		all := d.under(t, pat)
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
	clinictest.Must(t, d.serve, http.StatusCreated, d.Ask(t, clerk, "POST", "/v1/appointments", with(d.wish("2027-01-09T09:00"), object{"siteId": there})))
	res := clinictest.Must(t, d.serve, http.StatusOK, d.Ask(t, clerk, "GET", "/v1/patients/"+pat+"/appointments", nil))
	if n := len(clinictest.Read[web.Page[booking.Appointment]](t, res).Items); n != 2 {
		t.Errorf("%d appointments", n)
	}
	day := func(subject, date string) []booking.Appointment {
		t.Helper()
		return clinictest.Read[web.Page[booking.Appointment]](t, clinictest.Must(t, d.serve, http.StatusOK,
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
	there := d.elsewhere(t)
	apt := d.book(t, "2027-01-04T09:00")
	doctor := d.working(t, access.Clinician, d.Practitioners[0].ID, there)
	colleague := d.working(t, access.Clinician, d.Practitioners[1].ID, there)
	at := "/v1/appointments/" + apt.ID
	clinictest.Must(t, d.serve, http.StatusOK, d.Ask(t, doctor, "GET", at, nil))
	clinictest.Must(t, d.serve, http.StatusForbidden, d.Ask(t, colleague, "GET", at, nil))
	d.Clock.Set(time.Date(2027, 4, 30, 12, 0, 0, 0, time.UTC))
	clinictest.Must(t, d.serve, http.StatusOK, d.Ask(t, doctor, "GET", at, nil))
	clinictest.Must(t, d.serve, http.StatusOK, d.Ask(t, clinictest.Manager, "GET", at, nil))
	d.Clock.Set(time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC))
	for _, who := range []string{doctor, clinictest.Manager, clinictest.Receptionist} {
		clinictest.Must(t, d.serve, http.StatusForbidden, d.Ask(t, who, "GET", at, nil))
	}
}

// TestMovedToAnotherSite: staff whose site is changed in one process lose and gain records at their next request in
// another that has the configuration cached, whether they read or write.
func TestMovedToAnotherSite(t *testing.T) {
	d := newDesk(t)
	there := d.elsewhere(t)
	apt := d.book(t, "2027-01-04T09:00")
	clerk := d.working(t, access.Receptionist, "", d.Site.ID)
	ask := func(status int, method, verb string, body any) {
		t.Helper()
		ev := d.Ask(t, clerk, method, "/v1/appointments/"+apt.ID+verb, body)
		clinictest.Must(t, d.serve, status, clinictest.With(ev, "if-match", `"1"`))
	}
	ask(http.StatusOK, "GET", "", nil) // now this process has it all cached
	version := int64(1)
	move := func(site string) {
		t.Helper()
		elsewhere, house := *d.Clinic, *d.House
		house.Directory = clinic.NewDirectory(d.Table, d.Clock.Now)
		elsewhere.House = &house
		s := clinic.Staff{
			Subject: clerk, Name: "Staff", Email: "staff@example.org", JobRole: "Staff",
			Roles: []access.Role{access.Receptionist}, SiteIDs: []string{site},
		}
		elsewhere.Change(t, func(k table.Clinic) []table.Item {
			return []table.Item{{Key: k.Staff(clerk), Value: s, Version: version}}
		})
		version++
	}
	move(there)
	ask(http.StatusForbidden, "POST", "/cancel", object{"reason": booking.ByClinic})
	ask(http.StatusForbidden, "GET", "", nil)
	if got := clinictest.Read[booking.Appointment](t, clinictest.Must(t, d.serve, 200, d.ask(t, "GET", "/v1/appointments/"+apt.ID, nil))); got.Status != booking.Booked {
		t.Errorf("it is %s", got.Status)
	}
	move(d.Site.ID)
	ask(http.StatusOK, "POST", "/cancel", object{"reason": booking.ByClinic})
}
