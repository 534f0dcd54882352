package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
)

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	lev := clinictest.Read[clinic.Leave](t, d.Must(t, 201, d.Ask(t, clinictest.Manager, "POST", "/v1/leave", d.leaveBody())))
	sub := d.NewStaff(t, access.Clinician)
	cases := []struct {
		row        string
		id         string
		body       object
		permission access.Permission
	}{
		{"POST /v1/organisations", "", organisationObject(), access.OrganisationCreate},
		{"GET /v1/organisation", "", nil, access.ConfigurationRead},
		{"PUT /v1/organisation", "", object{"name": "Renamed", "timeZone": "Europe/London"}, access.OrganisationChange},
		{"GET /v1/me", "", nil, access.ConfigurationRead},
		{"GET /v1/sites", "", nil, access.ConfigurationRead},
		{"POST /v1/sites", "", d.siteBody(), access.SiteCreate},
		{"GET /v1/sites/{id}", d.Site.ID, nil, access.ConfigurationRead},
		{"PUT /v1/sites/{id}", d.Site.ID, d.siteBody(), access.SiteChange},
		{"GET /v1/rooms", "", nil, access.ConfigurationRead},
		{"POST /v1/rooms", "", d.roomBody(), access.RoomCreate},
		{"GET /v1/rooms/{id}", d.Rooms[0].ID, nil, access.ConfigurationRead},
		{"PUT /v1/rooms/{id}", d.Rooms[0].ID, d.roomBody(), access.RoomChange},
		{"GET /v1/services", "", nil, access.ConfigurationRead},
		{"POST /v1/services", "", d.serviceBody(), access.ServiceCreate},
		{"GET /v1/services/{id}", d.Service.ID, nil, access.ConfigurationRead},
		{"PUT /v1/services/{id}", d.Service.ID, d.serviceBody(), access.ServiceChange},
		{"GET /v1/practitioners", "", nil, access.ConfigurationRead},
		{"POST /v1/practitioners", "", d.practitionerBody(), access.PractitionerCreate},
		{"GET /v1/practitioners/{id}", d.Practitioners[0].ID, nil, access.ConfigurationRead},
		{"PUT /v1/practitioners/{id}", d.Practitioners[0].ID, d.practitionerBody(), access.PractitionerChange},
		{"GET /v1/staff", "", nil, access.StaffRead},
		{"POST /v1/staff", "", staffObject().With("subject", "new-subject"), access.StaffCreate},
		{"GET /v1/staff/{id}", sub, nil, access.StaffRead},
		{"PUT /v1/staff/{id}", sub, staffObject(), access.StaffChange},
		{"GET /v1/leave", "?of=" + d.Practitioners[0].ID, nil, access.ConfigurationRead},
		{"POST /v1/leave", "", d.leaveBody(), access.LeaveEnter},
		{"DELETE /v1/leave/{id}", lev.ID, nil, access.LeaveWithdraw},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, d.example(t, c.row, c.id, c.body), markers()...))
		})
	}
	for row := range routes(nil) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// example makes the request of a row, by somebody who may.
func (d *desk) example(t *testing.T, row, key string, body object) clinictest.Request {
	t.Helper()
	var method, path string
	if _, err := fmt.Sscan(row, &method, &path); err != nil {
		t.Fatal(err)
	}
	switch {
	case len(path) > 4 && path[len(path)-4:] == "{id}":
		path = path[:len(path)-4] + key
	default:
		path += key
	}
	ev := d.Ask(t, clinictest.Manager, method, path, body)
	if row == "POST /v1/organisations" {
		return ev.As(clinictest.Claims{"sub": "operator", "scope": "almanac/operate"})
	}
	if method == "PUT" {
		return ev.Match(`"1"`)
	}
	return ev
}

// TestPermissions holds the list that GET /v1/me chooses from against the declarations.
func TestPermissions(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../shared/access/roles.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil || len(v.Values) != 1 {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); !ok || kind.Name != "Permission" {
			return true
		}
		text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared++
		if !slices.Contains(permissions(), access.Permission(text)) {
			t.Errorf("%s is missing", text)
		}
		return true
	})
	if declared == 0 || declared != len(permissions()) {
		t.Errorf("%d are declared, %d listed", declared, len(permissions()))
	}
}
