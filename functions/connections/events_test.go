package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/table"
)

// What the sample events name.
const (
	sampleOrg     = "org_1kctt5szdqkg50rqg80yja9evq"
	sampleManager = "8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708"
	samplePhysio  = "c2f4a6b8-0d1e-4f32-8a54-96b7c8d9e0f1"
)

// TestEvents carries out the sample events: a manager connects the clinic's account and their own, has a log-in made, and
// disconnects both.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	d.Clock.Set(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC))
	d.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{
			{Key: k.Staff(sampleManager), New: true, Value: clinic.Staff{
				Subject: sampleManager, Name: "Priya Example", Email: "priya@zoom.example", JobRole: "Manager",
				Roles: []access.Role{access.Manager},
			}},
		}
	})
	d.employ(t, samplePhysio, "Sam Example", "sam@zoom.example")
	for _, c := range []struct {
		file, want string
		login      zoomsim.Login
	}{
		{"list", `"state":"not-connected"`, zoomsim.Login{}},
		{"admin-begin", "authoriseUrl", zoomsim.Login{App: zoomsim.Admin, User: zoomsim.Gus}},
		{"provision", `"state":"pending"`, zoomsim.Login{}},
		{"begin", "authoriseUrl", zoomsim.Login{User: zoomsim.Ada}},
		{"end", `"state":"ending"`, zoomsim.Login{}},
		{"admin-end", `"state":"not-connected"`, zoomsim.Login{}},
	} {
		res := clinictest.Send(t, d.Serve, clinictest.Sample(t, "connections."+c.file, sampleOrg, d.Org))
		if res.StatusCode != http.StatusOK || !strings.Contains(res.Body, c.want) {
			t.Fatalf("%s: %d %s", c.file, res.StatusCode, res.Body)
		}
		if c.login.User != "" {
			b := begunOf(t, res)
			d.complete(t, b, d.allow(t, b, c.login))
		}
	}
	for _, name := range []string{"Priya", "sam@", "ada.okonjo", "gus.ivory"} {
		if strings.Contains(d.Log.String(), name) {
			t.Errorf("the log shows %q", name)
		}
	}
	con, err := d.z.Of(t.Context(), access.System(d.Org, string(access.Renewer)), sampleManager, connection.Own)
	if err != nil || con.Subject != sampleManager {
		t.Errorf("the connection is %+v, %v", con, err)
	}
	clinictest.Sampled(t, "connections", 6)
}
