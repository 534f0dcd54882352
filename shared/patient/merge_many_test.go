package patient_test

import (
	"testing"
	"time"

	"almanac/shared/clinictest"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// However many short appointments there are, the two records are merged, and that is taken back, or it is said that
// there are too many.
func TestMergeMany(t *testing.T) {
	d := newDesk(t)
	d.Change(t, func(k table.Clinic) []table.Item {
		d.Service.Minutes, d.Service.Step, d.Service.Needs = 5, 5, nil
		return []table.Item{{Key: k.Service(d.Service.ID), Value: d.Service, Version: 1}}
	})
	d.by = d.By(t, clinictest.Manager)
	two := person("Bartholomew", "Featherstone", "1990-01-01")
	for _, name := range []string{"Ashworth", "Blenkinsop", "Cholmondeley", "Dunstable", "Entwistle", "Fotheringay"} {
		two.Names = append(two.Names, patient.Name{Use: "old", Given: []string{"Bartholomew"}, Family: name})
	}
	one := person("Ann", "Able", "1980-01-01")
	one.Number, two.Number = &patient.Number{Value: "9990000018"}, &patient.Number{Value: "9990000026"}
	into, from := d.add("into", one), d.add("from", two)
	d.amend(from, func(p *patient.Patient) { p.Number.Status = patient.StatusVerified }) // it goes over, and back
	start := clinictest.Monday().AddDate(0, 0, 1).Add(2 * time.Hour)
	merged, refused := 0, 0
	for n := range 75 {
		d.book(from, start.Add(time.Duration(n)*5*time.Minute).Format("2006-01-02T15:04"), 0)
		if n < 40 {
			continue
		}
		err := d.merge(into, from)
		if code(err) == "too_many_to_merge" {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("merge of %d: %v", n+1, err)
		}
		if merged++; refused > 0 {
			t.Errorf("%d can go over, and fewer cannot", n+1)
		}
		if u, err := d.unmerge(into, from); err != nil || len(u.Kept) > 0 {
			t.Fatalf("unmerge of %d: %v, kept %v", n+1, err, u.Kept)
		}
	}
	if merged == 0 || refused == 0 {
		t.Errorf("%d merges were made and %d refused", merged, refused)
	}
}
