package main

import (
	"context"
	"net/http"
	"testing"

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
			d := newDesk(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
				if now := do; op == "TransactWriteItems" && now != nil {
					do = nil
					now()
				}
				return send()
			}))
			who := c.subject
			if who == "" {
				who = d.clinician(t)
			}
			before := 0
			do = func() {
				d.Erase(t, d.Patients[0])
				before = d.Items(t)
			}
			d.must(t, http.StatusNotFound, who, "POST", of(d.Patients[0], c.path), c.body)
			if after := d.Items(t); before == 0 || after != before {
				t.Errorf("%d items became %d", before, after)
			}
			if all := d.list(t, "open"); len(all) > 0 {
				t.Errorf("%d alerts were raised", len(all))
			}
		})
	}
}

// An alert about somebody who is erased at any moment of its review is answered as one that there is not, and stays as
// it was.
func TestNothingIsReviewedOfSomebodyErased(t *testing.T) {
	for name, verdict := range map[string]object{
		"justified": {"outcome": "justified"}, "with a note": {"outcome": "needs-enquiry", "note": marked},
		"ending the relation": {"outcome": "not-justified"},
	} {
		t.Run(name, func(t *testing.T) {
			for at, came := 1, true; came; at++ {
				var moment clinictest.Moment
				d := newDesk(t, moment.Option())
				pat := d.Patients[0]
				alert := d.glass(t, pat, d.clinician(t)).AlertID
				ask := d.Ask(t, d.officer, "POST", "/v1/alerts/"+alert+"/review", verdict).Match(`"1"`)
				before := 0
				moment.At(at, func() {
					d.Erase(t, pat)
					before = d.Items(t)
				})
				got := clinictest.Send(t, d.Serve, ask)
				if came = moment.Came(); !came {
					if at == 1 || got.StatusCode != http.StatusOK {
						t.Errorf("it makes %d calls and answers %d", at-1, got.StatusCode)
					}
					continue
				}
				if after := d.Items(t); got.StatusCode != http.StatusNotFound || after != before {
					t.Errorf("erased before call %d: %d, %d items became %d", at, got.StatusCode, before, after)
				}
			}
		})
	}
}
