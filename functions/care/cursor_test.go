package main

import (
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/id"
)

func TestCursors(t *testing.T) {
	d := newDesk(t)
	pat, other := d.Patients[0], d.NewStaff(t, access.PrivacyOfficer)
	d.ExerciseLists(t, clinictest.Lists{
		Routes: routes(care.New(d.Table, d.Directory, d.Clock.Now, id.New), alert.New(d.Table, d.Keeper, d.Clock.Now, id.New)),
		Ask: func(path string) (string, string, string) {
			return d.officer, other, strings.Replace(path, "{id}", pat, 1)
		},
	})
}
