package table_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
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
	// What is kept elsewhere says whom it concerns by the change.
	for name, key := range map[string]table.Key{
		"appointment": staff.Appointment(id.New("apt")), "hold": staff.Hold(id.New("hld")),
		"review": staff.Review(id.New("rev")), "alert": staff.Alert(id.New("alr")),
		"delivery": staff.Delivery(id.New("apt"), id.New("evt")),
	} {
		for how, ch := range map[string]table.Change{
			"named": concerning(erased, item(key)), "as the target": change(erased, item(key)),
			"beside somebody else": concerning(erased, item(key), item(staff.Trace(left))),
			"with nothing to put":  concerning(erased),
		} {
			if err := staff.Write(t.Context(), ch); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, %s: %v", name, how, err)
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

// Each patient is asked for once, by the key or the diary: not at all where the change makes the key, and not where it
// claims the diary.
func TestWhoIsAskedFor(t *testing.T) {
	f := newFixture(t)
	k := f.Table.For(f.By(t, clinictest.Receptionist))
	a, b, fresh := f.Patients[0], f.Patients[1], id.New("pat")
	claiming := func(ch table.Change, hour int) table.Change {
		ch.Claims = []table.Claim{{Patient: a, Take: span(tickAt(hour, 0), 6), As: table.Owner{ID: id.New("apt")}}}
		return ch
	}
	apt := func() table.Item { return item(k.Appointment(id.New("apt"))) }
	for name, c := range map[string]struct {
		ch            table.Change
		keys, diaries int
	}{
		"two items of one":     {change(a, item(k.Trace(a)), item(k.Consent(a, "cns_1"))), 1, 0},
		"an item of each":      {change(a, item(k.Consent(a, "cns_2")), item(k.Consent(b, "cns_2"))), 2, 0},
		"somebody new":         {change(fresh, item(k.PatientKey(fresh)), item(k.Patient(fresh)), item(k.Diary(fresh))), 0, 0},
		"the target alone":     {change(a, item(k.Alert(id.New("alr")))), 0, 1},
		"one by name":          {concerning(a, apt()), 0, 1},
		"one by name, of two":  {concerning(a, item(k.Trace(b))), 1, 1},
		"one by name and more": {concerning(b, apt(), item(k.Consent(b, "cns_3"))), 1, 0},
		"one both ways":        {table.Change{Target: a, Patient: a, Put: []table.Item{apt()}}, 0, 1},
		"a claim, the target":  {claiming(change(a, apt()), 10), 0, 0},
		"a claim, by name":     {claiming(concerning(a, apt()), 11), 0, 0},
		"another's claim":      {claiming(concerning(b, apt()), 12), 0, 1},
		"nobody in it at all":  {change(id.New("hld"), item(k.Hold(id.New("hld")))), 0, 0},
	} {
		c.ch.Action, c.ch.Event.Name = access.PatientChange, event.PatientChanged
		f.transactions()
		if err := k.Write(t.Context(), c.ch); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		keys, diaries := 0, 0
		for _, part := range f.transactions()[0].TransactItems {
			switch check := part.ConditionCheck; {
			case check == nil:
			case *check.TableName == f.KeyName:
				keys++
			case *check.ConditionExpression == "attribute_exists(PK)":
				diaries++
			}
		}
		if keys != c.keys || diaries != c.diaries {
			t.Errorf("%s: %d keys and %d diaries were asked for, want %d and %d", name, keys, diaries, c.keys, c.diaries)
		}
	}
}

// concerning is a change whose target is no patient, and which names one.
func concerning(patient string, put ...table.Item) table.Change {
	ch := change(id.New("apt"), put...)
	ch.Patient = patient
	return ch
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
