package table_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// TestNothingIsWrittenForSomebodyErased writes every kind of item that is kept of a patient, new and in place of one
// that was left, after the patient's key was destroyed: by staff and by a job.
func TestNothingIsWrittenForSomebodyErased(t *testing.T) {
	f := newFixture(t)
	left, erased := f.Patients[0], f.Patients[1]
	f.Erase(t, erased)
	before := f.stored(t)
	staff := f.Table.For(f.By(t, clinictest.Receptionist))
	job := f.Table.For(access.System(f.Org, string(access.PDSLookup)))
	kinds := map[string]func(table.Clinic, string) table.Key{
		"record": table.Clinic.Patient, "diary": table.Clinic.Diary, "circle": table.Clinic.Circle,
		"trace": table.Clinic.Trace, "merge": table.Clinic.Merger,
		"consent":    func(c table.Clinic, p string) table.Key { return c.Consent(p, "cns_1") },
		"disclosure": func(c table.Clinic, p string) table.Key { return c.Disclosure(p, "dsc_1") },
		"view":       func(c table.Clinic, p string) table.Key { return c.RecordView(p, "viw_1") },
	}
	for name, key := range kinds {
		for how, it := range map[string]table.Item{
			"new": {Value: thing{}, New: true}, "in place": {Value: thing{}, Version: 1}, "deleting": {Delete: true, Version: 1},
			"checking": {Check: true, Version: 1},
		} {
			it.Key = key(staff, erased)
			if err := staff.Write(t.Context(), change(erased, it)); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, %s: %v", name, how, err)
			}
			ch := change(erased, it, table.Item{Key: job.Appointment(id.New("apt")), Value: thing{}, New: true})
			ch.Action = access.NumberSettle
			if err := job.Write(t.Context(), ch); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, %s, by a job: %v", name, how, err)
			}
			both := change(left, it, table.Item{Key: staff.Trace(left), Value: thing{}, New: true})
			if err := staff.Write(t.Context(), both); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, %s, with somebody else's: %v", name, how, err)
			}
		}
	}
	claimed := change(erased)
	claimed.Claims = []table.Claim{{Patient: erased, Take: span(tickAt(10, 0), 6), As: table.Owner{ID: id.New("apt")}}}
	if err := staff.Write(t.Context(), claimed); !fault.Is(err, fault.NotFound) {
		t.Errorf("a claim: %v", err)
	}
	if diff := cmp.Diff(before, f.stored(t)); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
}

// The key is checked once for each patient, not at all for those whose key the change makes, and not for claims.
func TestKeysChecked(t *testing.T) {
	f := newFixture(t)
	k := f.Table.For(f.By(t, clinictest.Receptionist))
	a, b, fresh := f.Patients[0], f.Patients[1], id.New("pat")
	claimed := change(a, table.Item{Key: k.Appointment(id.New("apt")), Value: thing{}, New: true})
	claimed.Claims = []table.Claim{{Patient: a, Take: span(tickAt(10, 0), 6), As: table.Owner{ID: id.New("apt")}}}
	for name, c := range map[string]struct {
		ch   table.Change
		want int
	}{
		"two items of one":    {change(a, item(k.Trace(a)), item(k.Consent(a, "cns_1"))), 1},
		"an item of each":     {change(a, item(k.Consent(a, "cns_2")), item(k.Consent(b, "cns_2"))), 2},
		"somebody new":        {change(fresh, item(k.PatientKey(fresh)), item(k.Patient(fresh)), item(k.Diary(fresh))), 0},
		"a claim on a diary":  {claimed, 0},
		"nobody in it at all": {change(a, item(k.Alert(id.New("alr")))), 0},
	} {
		f.transactions()
		if err := k.Write(t.Context(), c.ch); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		n := 0
		for _, part := range f.transactions()[0].TransactItems {
			if part.ConditionCheck != nil && *part.ConditionCheck.TableName == f.KeyName {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%s: %d keys were checked, want %d", name, n, c.want)
		}
	}
}

func item(k table.Key) table.Item { return table.Item{Key: k, Value: thing{}, New: true} }

// A check rests the change on a version and writes nothing.
func TestCheckOnly(t *testing.T) {
	f := newFixture(t)
	apt, other := f.k.Appointment(id.New("apt")), f.k.Appointment(id.New("apt"))
	f.mustWrite(t, change("x", item(apt)))
	f.mustWrite(t, change("x", table.Item{Key: apt, Check: true, Version: 1}, item(other)))
	var got thing
	if err := f.k.Get(t.Context(), apt, &got); err != nil || got.Version != 1 {
		t.Errorf("the checked item is at %d, %v", got.Version, err)
	}
	for name, it := range map[string]table.Item{
		"another version": {Key: apt, Check: true, Version: 2},
		"no such item":    {Key: f.k.Appointment(id.New("apt")), Check: true, Version: 1},
	} {
		if err := f.k.Write(t.Context(), change("x", it, table.Item{Key: other, Value: thing{}, Version: 1})); !fault.Is(err, fault.Stale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.k.Get(t.Context(), other, &got); err != nil || got.Version != 1 {
		t.Errorf("beside a refused check something was written: %d, %v", got.Version, err)
	}
}
