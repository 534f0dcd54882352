package main

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
)

// desk is a clinic whose service is by video, with this function in front of it and Zoom beside.
type desk struct {
	*clinictest.Desk
	zoom  *zoomtest.Stand
	z     connection.Zoom
	diary *booking.Service
	video *video.Service
	tasks *task.Service
	host  string // who the first practitioner is
	apts  int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	c := clinictest.New(t).Found(t)
	c.Change(t, func(k table.Clinic) []table.Item {
		c.Service.Mode, c.Service.Needs = clinic.Video, nil
		return []table.Item{{Key: k.Service(c.Service.ID), Value: c.Service, Version: 1}}
	})
	d := &desk{diary: booking.New(c.Table, c.Directory, c.Clock.Now, id.New)}
	d.zoom = zoomtest.New(t, func(z *zoomsim.Config) { z.Now, z.Manual = c.Clock.Now, true })
	as := func(job access.Role) func(string) access.Caller {
		return func(org string) access.Caller { return access.System(org, string(job)) }
	}
	var err error
	d.z, err = connection.NewZoom(connection.Settings{
		API: d.zoom.URL, OAuth: d.zoom.URL, ClientID: d.zoom.ClientID, Secret: d.zoom.ClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     c.Table, Keeper: c.Keeper, Directory: c.Directory, Log: slog.New(slog.NewJSONHandler(c.Log, nil)),
		Now: c.Clock.Now, Clock: time.Now, ID: id.New, Job: as(access.Renewer),
	})
	if err != nil {
		t.Fatal(err)
	}
	d.video = video.New(video.Parts{
		Table: c.Table, Keeper: c.Keeper, Directory: c.Directory, Diary: d.diary, Provider: d.z.Rooms, Accounts: d.z.Accounts(),
		Job: as(access.VideoRooms), Now: c.Clock.Now, ID: id.New, Raise: task.New(c.Table, c.Clock.Now).OfVisit,
	})
	d.tasks = task.New(c.Table, c.Clock.Now)
	d.Desk = clinictest.NewDesk(c, c.Edge().Serve(routes(d.video, d.tasks)))
	d.host = c.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, PractitionerID: c.Practitioners[0].ID})
	return d
}

// connect has somebody connect a Zoom user.
func (d *desk) connect(t *testing.T, subject, user string) {
	t.Helper()
	begun, err := d.z.Begin(t.Context(), d.By(t, subject), connection.Own)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.z.Complete(t.Context(), connection.Callback{
		State: u.Query().Get("state"), Cookie: begun.Cookie,
		Code: d.zoom.Code(t, user, zoomtest.Callback, u.Query().Get("code_challenge")),
	})
	if err != nil || out.Code != connection.Connected {
		t.Fatal(out.Code, err)
	}
}

// book books the first patient with the first practitioner, at another time each time.
func (d *desk) book(t *testing.T) booking.Appointment {
	t.Helper()
	d.apts++
	at := time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC).Add(time.Duration(d.apts) * 30 * time.Minute)
	apt, err := d.diary.Book(t.Context(), d.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: d.Service.ID, SiteID: d.Site.ID, PractitionerID: d.Practitioners[0].ID, PatientID: d.Patients[0],
		Start: at.Format(time.RFC3339),
	})
	if err != nil {
		t.Fatal(err)
	}
	return apt
}

func of(apt booking.Appointment, rest string) string {
	return "/v1/appointments/" + apt.ID + "/video" + rest
}

// token is what the patient's link ends with.
func (d *desk) token(t *testing.T, apt booking.Appointment) string {
	t.Helper()
	token, err := video.Links{Table: d.Table, Keeper: d.Keeper}.Of(t.Context(), d.By(t, clinictest.Receptionist), apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
