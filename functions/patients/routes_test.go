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
	pat := d.register(t)
	rep := clinictest.Read[patient.Represented](t, d.Must(t, 201, d.Ask(t, clinictest.Receptionist, "POST", pat.Path()+"/representatives", representativeObject())))
	mine, theirs := d.registered(t, clinictest.Manager, "Able"), d.registered(t, clinictest.Manager, "Baker")
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
		{"POST /v1/patients", nil, patientObject().With("nhsNumber", "9990000050").With("notDuplicateOf", []string{pat.ID}), "", access.PatientCreate, "", false},
		{"GET /v1/patients/{id}", []string{pat.ID}, nil, "", access.PatientRead, "", false},
		{"PUT /v1/patients/{id}", []string{pat.ID}, patientObject().With("bookingNote", nil), `"2"`, access.PatientChange, "", false},
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
			ev := d.example(t, cmp.Or(c.as, clinictest.Receptionist), c.row, c.ids, c.body)
			if c.bare {
				ev = ev.Keyless()
			}
			if c.etag != "" {
				ev = ev.Match(c.etag)
			}
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, ev, markers()...))
		})
	}
	for row := range routes(nil, nil) {
		if _, elsewhere := numberRoutes(nil)[row]; !elsewhere && !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// example makes the request of a row.
func (d *desk) example(t *testing.T, subject, row string, ids []string, body jsonObject) clinictest.Request {
	t.Helper()
	method, path, _ := strings.Cut(row, " ")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i], ids = ids[0], ids[1:]
		}
	}
	return d.Ask(t, subject, method, strings.Join(segments, "/"), body)
}
