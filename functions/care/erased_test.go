package main

import (
	"context"
	"net/http"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
)

// Somebody who is erased between the reading and the write stays erased: whoever claims a part in the care, breaks the
// glass or is given a part is answered as for nobody, no alert is raised, and nothing is written.
func TestNothingIsWrittenForSomebodyErased(t *testing.T) {
	for name, c := range map[string]struct {
		path, subject string
		body          object
	}{
		"claim":       {"/claim", "", object{"reason": "new-referral", "note": marked}},
		"break-glass": {"/break-glass", "", object{"reason": "life-at-risk", "note": marked}},
		// without a note nothing is sealed, so that no key is read
		"break-glass without a note": {"/break-glass", "", object{"reason": "life-at-risk"}},
		"relationship": {
			"/relationships", clinictest.Receptionist, object{"kind": "care-team", "subject": clinictest.Clinician},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var do func()
			d := &desk{t: t, Clinic: clinictest.New(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
				if now := do; op == "TransactWriteItems" && now != nil {
					do = nil
					now()
				}
				return send()
			})).Found(t)}
			d.serve = process(d.House)
			d.officer = d.staff(clinic.Staff{Roles: []access.Role{access.PrivacyOfficer}})
			who := c.subject
			if who == "" {
				who = d.clinician()
			}
			before := 0
			do = func() {
				d.Erase(t, d.Patients[0])
				before = d.Items(t)
			}
			d.must(http.StatusNotFound, who, "POST", of(d.Patients[0], c.path), c.body)
			if after := d.Items(t); before == 0 || after != before {
				t.Errorf("%d items became %d", before, after)
			}
			if all := d.list("open"); len(all) > 0 {
				t.Errorf("%d alerts were raised", len(all))
			}
		})
	}
}
