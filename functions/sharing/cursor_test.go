package main

import (
	"strings"
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/consent"
	"almanac/shared/disclosure"
	"almanac/shared/id"
)

func TestCursors(t *testing.T) {
	d := newDesk(t)
	d.ExerciseLists(t, clinictest.Lists{
		Routes: routes(services{
			consents:    consent.New(d.Table, d.Keeper, d.Clock.Now, id.New),
			disclosures: disclosure.New(d.Table, d.Keeper, d.Clock.Now, id.New),
			views:       d.views(),
		}),
		Ask: func(path string) (string, string, string) {
			return clinictest.Receptionist, clinictest.Clinician, strings.Replace(path, "{id}", d.patient, 1)
		},
	})
}
