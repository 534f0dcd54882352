package main

import (
	"net/http"
	"testing"

	"almanac/shared/alert"
	"almanac/shared/clinictest"
	"almanac/shared/id"
)

// What a claim or an emergency opens joins no records and names nobody who acts for the patient: that would last longer
// than what it rests on. A claim to the second record of a merge is no more than one to the first.
func TestLasting(t *testing.T) {
	d := newDesk(t)
	pleas := alert.New(d.Table, d.Keeper, d.Clock.Now, id.New)
	mine, theirs := d.registered(t, clinictest.Manager, "Able"), d.registered(t, clinictest.Receptionist, "Baker")
	merge := func(into, from string) clinictest.Request {
		return d.Ask(t, clinictest.Manager, "POST", "/v1/patients/"+into+"/merge", jsonObject{"patientId": from}).Match(`"1"`)
	}
	claim := func(pat string) {
		t.Helper()
		if _, err := pleas.Claim(t.Context(), d.By(t, clinictest.Manager), clinictest.Once(), pat, alert.Plea{Reason: "administration"}); err != nil {
			t.Fatal(err)
		}
	}
	claim(theirs)
	d.Refused(t, http.StatusForbidden, "needs_relationship", merge(theirs, mine))
	d.Refused(t, http.StatusForbidden, "needs_relationship", merge(mine, theirs))
	d.Refused(t, http.StatusForbidden, "needs_relationship",
		d.Ask(t, clinictest.Manager, "POST", "/v1/patients/"+theirs+"/unmerge", jsonObject{"patientId": mine}).Match(`"1"`))
	if _, err := pleas.BreakGlass(t.Context(), d.By(t, clinictest.Clinician), clinictest.Once(), mine, alert.Plea{Reason: "life-at-risk"}); err != nil {
		t.Fatal(err)
	}
	d.Refused(t, http.StatusForbidden, "needs_relationship",
		d.Ask(t, clinictest.Clinician, "POST", "/v1/patients/"+mine+"/representatives", representativeObject()))
	d.Must(t, http.StatusOK, d.Ask(t, clinictest.Clinician, "GET", "/v1/patients/"+mine, nil))
	claim(mine) // a claim besides takes nothing away
	d.Must(t, http.StatusCreated, d.Ask(t, clinictest.Manager, "POST", "/v1/patients/"+mine+"/representatives", representativeObject()))
}
