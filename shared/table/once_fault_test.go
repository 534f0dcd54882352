package table_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

func TestStandingCountsInTheWriteItself(t *testing.T) {
	f := newFixture(t)
	old := f.k
	f.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(clinictest.Clinician), Delete: true, Version: 1}}
	})
	pat := id.New("pat")
	ch := change(pat, table.Item{Key: f.k.Patient(pat), Value: thing{}, New: true})
	f.mustKeep(t, "a write on an old standing", func() {
		for range 20 { // whichever of the guards is asked
			if err := old.Write(t.Context(), ch); !standing(err) {
				t.Fatalf("it was %v", err)
			}
		}
	})
	f.k = f.as(t, clinictest.Receptionist)
	for range 20 {
		pat := id.New("pat")
		f.mustWrite(t, change(pat, table.Item{Key: f.k.Patient(pat), Value: thing{}, New: true}))
	}
	// A job has no membership to lose.
	job := f.Table.For(access.System(f.Org, "email-dispatch"))
	ch = change(f.Patients[0], table.Item{Key: f.k.Delivery(id.New("apt"), "evt"), Value: thing{}, New: true})
	ch.Action, ch.Event.Name = access.MessageSend, event.MessagePlanned
	if err := job.Write(t.Context(), ch); err != nil {
		t.Errorf("a job's write: %v", err)
	}
}

// Two changes of the configuration at once: one is made, the other is told to look again.
func TestReconfigureRaisesEveryGuard(t *testing.T) {
	f := newFixture(t)
	a, b := f.as(t, clinictest.Manager), f.as(t, clinictest.Manager)
	ch := func() table.Change {
		r := id.New("roo")
		return table.Change{
			Action: access.RoomCreate, Target: r, Reconfigure: true, Event: event.Event{Name: event.RoomCreated},
			Put: []table.Item{{Key: f.k.Room(r), Value: thing{}, New: true}},
		}
	}
	if err := a.Write(t.Context(), ch()); err != nil {
		t.Fatal(err)
	}
	f.mustKeep(t, "the second", func() {
		if err := b.Write(t.Context(), ch()); !standing(err) {
			t.Errorf("the second is %v", err)
		}
	})
	guards := 0
	for key, text := range f.stored(t) {
		if strings.Contains(key, "!G#") && strings.Contains(key, f.Org) {
			guards++
			if !strings.Contains(text, `"v":2`) {
				t.Errorf("%s is %s", key, text)
			}
		}
	}
	if guards != 8 {
		t.Errorf("%d guards", guards)
	}
}

func TestOnce(t *testing.T) {
	f := newFixture(t)
	once := clinictest.Once()
	write := func(k table.Clinic, o access.Once, answer string) error {
		pat := id.New("pat")
		ch := change(pat, table.Item{Key: k.Patient(pat), Value: thing{}, New: true})
		ch.Once, ch.Answer = o, answer
		return k.Write(t.Context(), ch)
	}
	recall := func(k table.Clinic, o access.Once, want string) {
		t.Helper()
		got, found, err := k.Recall(t.Context(), o)
		if err != nil || found != (want != "") || string(got) != want {
			t.Errorf("recalled %q, %t, %v, want %q", got, found, err, want)
		}
	}
	recall(f.k, once, "")
	if err := write(f.k, once, "first answer"); err != nil {
		t.Fatal(err)
	}
	recall(f.k, once, `"first answer"`)
	f.mustKeep(t, "a repeat", func() {
		if err := write(f.k, once, "two"); !errors.Is(err, access.ErrDone) {
			t.Errorf("a repeat is %v", err)
		}
	})
	recall(f.k, once, `"first answer"`)

	// Another request under the key is refused and learns nothing of the first.
	reused := access.Once{Key: once.Key, Fingerprint: [32]byte{2}}
	f.mustKeep(t, "another request under the key", func() {
		if err := write(f.k, reused, "three"); !errors.Is(err, access.ErrDone) {
			t.Errorf("another request under the key is %v", err)
		}
	})
	got, found, err := f.k.Recall(t.Context(), reused)
	if !has(err, fault.Invalid, "key_reused") || found || len(got) > 0 {
		t.Errorf("another request's recall: %q, %t, %v", got, found, err)
	}
	if strings.Contains(err.Error()+fault.Of(err).Message, "first answer") {
		t.Error("the refusal tells the first answer")
	}

	// Another organisation has keys of its own.
	other := f.another(t)
	recall(other.k, once, "")
	if err := write(other.k, once, "theirs"); err != nil {
		t.Errorf("another organisation's key is %v", err)
	}
	recall(f.k, once, `"first answer"`)

	// A refusal is not stored: the same key asked again is judged again.
	later := clinictest.Once()
	bad := change(f.Patients[0], table.Item{Key: f.k.Patient(f.Patients[0]), Value: thing{}, New: true})
	bad.Once = later
	if err := f.k.Write(t.Context(), bad); !has(err, fault.Conflict, "exists") {
		t.Fatal(err)
	}
	recall(f.k, later, "")
	if err := write(f.k, later, "later"); err != nil {
		t.Errorf("after a refusal the key is %v", err)
	}
}

// The record counts for 72 hours by comparison, whether or not DynamoDB has deleted it: to the second.
func TestOnceExpiresByComparison(t *testing.T) {
	f := newFixture(t)
	once := clinictest.Once()
	write := func() error {
		pat := id.New("pat")
		ch := change(pat, table.Item{Key: f.k.Patient(pat), Value: thing{}, New: true})
		ch.Once, ch.Answer = once, pat
		return f.k.Write(t.Context(), ch)
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	f.Clock.Pass(72 * time.Hour)
	if _, found, err := f.k.Recall(t.Context(), once); !found || err != nil {
		t.Errorf("in the last second it is not recalled: %v", err)
	}
	if err := write(); !errors.Is(err, access.ErrDone) {
		t.Errorf("in the last second it is %v", err)
	}
	f.Clock.Pass(time.Second)
	if _, found, err := f.k.Recall(t.Context(), once); found || err != nil {
		t.Errorf("a second later it is recalled, %v", err)
	}
	if err := write(); err != nil {
		t.Errorf("a second later it is %v", err)
	}
	if err := write(); !errors.Is(err, access.ErrDone) {
		t.Errorf("the second record does not count: %v", err)
	}
}
