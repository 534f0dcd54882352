package main

import (
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/upload"
)

func TestCursors(t *testing.T) {
	o := newOffice(t, id.New)
	other := o.NewStaff(t, access.Manager)
	o.ExerciseLists(t, clinictest.Lists{
		Routes: routes(upload.New(o.Table, o.bucket.Store, o.Clock.Now, id.New)),
		Ask:    func(path string) (string, string, string) { return clinictest.Manager, other, path },
	})
}
