package main

import (
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
)

func TestCursors(t *testing.T) {
	d := newDesk(t)
	d.book(t, "2027-01-04T09:00") // at the site, whose staff have a part in the patient's care from then on
	other := d.Employ(t, clinic.Staff{Roles: []access.Role{access.Receptionist}, SiteIDs: []string{d.Site.ID}})
	d.ExerciseLists(t, clinictest.Lists{
		Routes: routes(booking.New(d.Table, d.Directory, d.Clock.Now, id.New), d.Table),
		Ask: func(path string) (string, string, string) {
			return clinictest.Receptionist, other, strings.Replace(path, "{id}", d.Patients[0], 1)
		},
	})
}
