package main

import (
	"net/http"
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/nhs"
	"almanac/shared/patient"
)

// The review of a number of somebody who is erased at any moment of the decision is answered as one that there is not,
// and stays as it was.
func TestNothingIsDecidedOfSomebodyErased(t *testing.T) {
	for _, decision := range []string{"accept", "refuse", "search-again"} {
		t.Run(decision, func(t *testing.T) {
			for at, came := 1, true; came; at++ {
				var moment clinictest.Moment
				h := clinictest.New(t, moment.Option())
				s := patient.New(h.Table, h.Keeper, h.Clock.Now, id.New)
				n := nhs.New(h.Table, s, h.Keeper, h.Directory, h.Clock.Now, id.New)
				d := &desk{clinictest.NewDesk(h.Found(t), h.Edge().Serve(routes(s, n))), s}
				d.traces(t)
				pat := d.register(t).ID
				path := "/v1/nhs-number-reviews/" + d.doubted(t, pat) + "/decide"
				before := 0
				moment.At(at, func() {
					d.Erase(t, pat)
					before = d.Items(t)
				})
				got := clinictest.Send(t, d.Serve, d.Ask(t, clinictest.Receptionist, "POST", path, jsonObject{"decision": decision}))
				if came = moment.Came(); !came {
					if at == 1 || got.StatusCode != http.StatusOK {
						t.Errorf("it makes %d calls and answers %d: %s", at-1, got.StatusCode, got.Body)
					}
					continue
				}
				after := d.Items(t)
				if got.StatusCode == http.StatusOK && after == before+1 { // decided by then; a decision is two items, the note of it one
					continue
				}
				if got.StatusCode != http.StatusNotFound || after != before {
					t.Errorf("erased before call %d: %d, %d items became %d: %s", at, got.StatusCode, before, after, got.Body)
				}
			}
		})
	}
}
