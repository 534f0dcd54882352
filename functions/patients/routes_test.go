package main

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/patient"
)

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	pat := d.register()
	rep := read[patient.Represented](t, d.must(201, d.ask(clinictest.Receptionist, "POST", pat.Path()+"/representatives", representativeObject())), nil)
	mine, theirs := d.registered(clinictest.Manager, "Able"), d.registered(clinictest.Manager, "Baker")
	toMerge := jsonObject{"patientId": theirs}
	cases := []struct {
		row        string
		ids        []string // in the path, in order
		body       jsonObject
		etag       string
		permission access.Permission
		as         string // who asks; the receptionist, who registered the patient and so is related, if empty
		bare       bool   // takes no Idempotency-Key
	}{
		{"POST /v1/patients", nil, with(with(patientObject(), "nhsNumber", "9990000050"), "notDuplicateOf", []string{pat.ID}), "", access.PatientCreate, "", false},
		{"GET /v1/patients/{id}", []string{pat.ID}, nil, "", access.PatientRead, "", false},
		{"PUT /v1/patients/{id}", []string{pat.ID}, with(patientObject(), "bookingNote", nil), `"2"`, access.PatientChange, "", false},
		{"POST /v1/patients/{id}/representatives", []string{pat.ID}, representativeObject(), "", access.RepresentativeAdd, "", false},
		{"DELETE /v1/patients/{id}/representatives/{representative}", []string{pat.ID, rep.ID}, nil, "", access.RepresentativeEnd, "", false},
		{"POST /v1/patients/search", nil, jsonObject{"name": familyName[:4]}, "", access.PatientSearch, "", true},
		{"GET /v1/patients/{id}/duplicates", []string{pat.ID}, nil, "", access.PatientCompare, "", false},
		{"POST /v1/patients/{id}/merge", []string{mine}, toMerge, "", access.PatientMerge, clinictest.Manager, false},
		{"POST /v1/patients/{id}/unmerge", []string{mine}, toMerge, "", access.PatientUnmerge, clinictest.Manager, false},
		{"POST /v1/patients/{id}/exports", []string{mine}, exportObject(), "", access.PatientExport, clinictest.Manager, true},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			ev := d.example(cmp.Or(c.as, clinictest.Receptionist), c.row, c.ids, c.body)
			if c.bare {
				delete(ev.Headers, "idempotency-key")
			}
			if c.etag != "" {
				ev = ev.match(c.etag)
			}
			clinictest.Exercise(t, clinictest.Exercised{
				Serve: d.serve, Event: ev.APIGatewayV2HTTPRequest, Permission: c.permission,
				As:       func(roles ...access.Role) clinictest.Claims { return claims(d.Org, d.member(roles...)) },
				Stranger: func() clinictest.Claims { return claims(other.Org, clinictest.Manager) },
				Log:      d.Log.String, Markers: markers(),
			})
		})
	}
	for row := range routes(nil, nil) {
		if _, elsewhere := numberRoutes(nil)[row]; !elsewhere && !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// example makes the request of a row.
func (d *desk) example(subject, row string, ids []string, body jsonObject) request {
	d.t.Helper()
	method, path, _ := strings.Cut(row, " ")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i], ids = ids[0], ids[1:]
		}
	}
	var sent any
	if body != nil {
		sent = body
	}
	return d.ask(subject, method, strings.Join(segments, "/"), sent)
}
