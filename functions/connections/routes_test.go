package main

import (
	"slices"
	"strings"
	"testing"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
)

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	d.employ(t, "new-physio", "Jo Marker-Name", "jo.marker@example.org")
	d.linkAdmin(t)
	d.link(t, clinictest.Manager, connection.Own, zoomsim.Login{User: zoomsim.Ada})
	cases := []struct {
		row, path  string
		body       any
		permission access.Permission
	}{
		{"GET /v1/connections", "/v1/connections", nil, access.ConnectionRead},
		{"POST /v1/connections/zoom", "/v1/connections/zoom", nil, access.ConnectionMake},
		{"POST /v1/connections/zoom-admin", "/v1/connections/zoom-admin", nil, access.LoginProvision},
		{
			"POST /v1/staff/{subject}/zoom-user", "/v1/staff/new-physio/zoom-user",
			clinictest.Body{"licensed": false},
			access.LoginProvision,
		},
		{"DELETE /v1/connections/zoom", "/v1/connections/zoom", nil, access.ConnectionEnd},
		{"DELETE /v1/connections/zoom-admin", "/v1/connections/zoom-admin", nil, access.LoginProvision},
	}
	rows := []string{}
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			method, _, _ := strings.Cut(c.row, " ")
			r := d.Ask(t, clinictest.Manager, method, c.path, c.body)
			if c.body == nil {
				r = r.Keyless()
			}
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, r, "Marker-Name", "jo.marker@"))
		})
	}
	for row := range routes(connection.Zoom{}) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// An installation that is not registered with Zoom says so, and works for the rest.
func TestWithoutZoom(t *testing.T) {
	d := newDesk(t, "zoom")
	d.Refused(t, 409, "zoom_not_set_up", d.Ask(t, clinictest.Manager, "POST", "/v1/connections/zoom", nil).Keyless())
	d.Refused(t, 409, "zoom_not_set_up", d.Ask(t, clinictest.Manager, "POST", "/v1/connections/zoom-admin", nil).Keyless())
	if mine := d.mine(t, clinictest.Manager); len(mine) != 2 || mine[0].State != "not-connected" {
		t.Errorf("the list is %+v", mine)
	}
}
