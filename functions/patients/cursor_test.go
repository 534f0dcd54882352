package main

import (
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/nhs"
)

func TestCursors(t *testing.T) {
	d := newDesk(t)
	other := d.NewStaff(t, access.Receptionist)
	d.ExerciseLists(t, clinictest.Lists{
		Routes: routes(d.s, nhs.New(d.Table, d.s, d.Keeper, d.Directory, d.Clock.Now, id.New)),
		Ask:    func(path string) (string, string, string) { return clinictest.Receptionist, other, path },
	})
}
