package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/web"
)

// of gives the desk with another patient in front of it.
func (d *desk) of(patient string) *desk {
	other := *d
	other.patient = patient
	return &other
}

func (d *desk) merge(t *testing.T, into, from string) {
	t.Helper()
	_, err := d.patients().Merge(t.Context(), d.By(t, clinictest.Manager), clinictest.Once(), into, from)
	if err != nil {
		t.Fatalf("merge: %v %+v", err, fault.Of(err).Details)
	}
}

// What was agreed to under a record that was merged is agreed to under the one that goes on, and can be withdrawn
// there; a merge that is taken back takes it along.
func TestMergedConsents(t *testing.T) {
	d := newDesk(t)
	d.text(t, "newsletter", "I agree.")
	d.text(t, "research", "I agree.")
	into, from, first := d.patient, d.NewPatient(t), d.NewPatient(t)
	d.relate(t, from, clinictest.Clinician)
	d.relate(t, from, clinictest.Manager)
	d.relate(t, first, clinictest.Clinician)
	d.relate(t, first, clinictest.Manager)
	agreed := func(scope, evidence string) object {
		return object{"scope": scope, "by": "patient", "channel": "paper", "evidence": evidence}
	}
	one := d.of(first).give(t, agreed("research", "Form 1"))
	d.Clock.Pass(time.Minute)
	two := d.of(from).give(t, agreed("newsletter", "Form 2"))
	d.Clock.Pass(time.Minute)
	three := d.give(t, agreed("research", "Form 3"))
	d.merge(t, from, first)
	d.merge(t, into, from)
	states, all := d.states(t, "")
	if states != "newsletter given v1, research given v1" || len(all) != 3 ||
		all[0].ID != one || all[0].Evidence != "Form 1" || all[1].ID != two || all[2].ID != three {
		t.Fatalf("%s of %+v", states, all)
	}
	d.Clock.Pass(time.Minute)
	withdraw := object{"by": "patient", "channel": "telephone"}
	d.must(t, http.StatusOK, "POST", d.at(into, "/consents/"+two+"/withdraw"), withdraw)
	d.refused(t, http.StatusConflict, "withdrawn_already", "POST", d.at(into, "/consents/"+two+"/withdraw"), withdraw)
	if states, _ := d.states(t, ""); states != "newsletter withdrawn v1, research given v1" {
		t.Errorf("after withdrawing: %s", states)
	}
	if _, err := d.patients().Unmerge(t.Context(), d.By(t, clinictest.Manager), clinictest.Once(), into, from); err != nil {
		t.Fatal(err)
	}
	if states, _ := d.states(t, ""); states != "research given v1" {
		t.Errorf("of the one, after the merge was taken back: %s", states)
	}
	if states, _ := d.of(from).states(t, ""); states != "newsletter withdrawn v1, research given v1" {
		t.Errorf("of the other: %s", states)
	}
	d.refused(t, http.StatusNotFound, "not_found", "POST", d.at(into, "/consents/"+two+"/withdraw"), withdraw)
}

// The register of the record that goes on holds what left the house under those that were merged into it, in order of
// time, page by page. One that was erased since holds nothing any more.
func TestMergedDisclosures(t *testing.T) {
	d := newDesk(t)
	into, from, first := d.patient, d.NewPatient(t), d.NewPatient(t)
	d.relate(t, from, clinictest.Clinician)
	d.relate(t, from, clinictest.Manager)
	d.relate(t, first, clinictest.Clinician)
	d.relate(t, first, clinictest.Manager)
	var want []string
	for i, of := range []string{into, from, first, from, into, first, from} {
		name := "Partners " + string(rune('A'+i))
		d.must(t, http.StatusCreated, "POST", d.at(of, "/disclosures"), object{
			"at": "2027-01-03T10:00:00Z", "recipient": object{"name": name}, "categories": []string{"identity"},
			"purpose": "legal-claim", "authority": "legal-claims", "channel": "post",
		})
		time.Sleep(2 * time.Millisecond) // ids are in order of the millisecond
		want = append([]string{name}, want...)
	}
	d.merge(t, from, first)
	d.merge(t, into, from)
	for _, limit := range []string{"1", "2", "3", "7", "50"} {
		var got []string
		for after, pages := "", 0; ; pages++ {
			path := d.at(into, "/disclosures?limit="+limit)
			if after != "" {
				path += "&after=" + after
			}
			page := clinictest.Read[web.Page[disclosureEntry]](t, d.must(t, http.StatusOK, "GET", path, nil))
			for _, e := range page.Items {
				got = append(got, e.Recipient.Name)
			}
			if after = page.Next; after == "" || pages > len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s at a time: %s", limit, strings.Join(got, ", "))
		}
	}
	d.Erase(t, first)
	page := clinictest.Read[web.Page[disclosureEntry]](t, d.must(t, http.StatusOK, "GET", d.at(into, "/disclosures"), nil))
	if len(page.Items) != 5 {
		t.Errorf("%d entries after one was erased", len(page.Items))
	}
}
