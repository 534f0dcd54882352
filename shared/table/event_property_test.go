package table_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Each change writes exactly one event item, with everything that an audit asks for, and only what a queue wants
// waits in the outbox.
func TestExactlyOneEventItem(t *testing.T) {
	f := newFixture(t)
	queued := []event.Name{
		event.AppointmentBooked, event.AppointmentMoved, event.AppointmentCancelled, event.PatientCreated,
	}
	names := append(slices.Clone(queued), event.HoldCreated, event.StaffChanged, event.AppointmentProgressed, event.RecordRead)
	for _, name := range names {
		target := id.New("apt")
		ch := table.Change{
			Action: access.AppointmentBook, Target: target, Once: clinictest.Once(), Answer: "x",
			Put: []table.Item{{Key: f.k.Appointment(target), Value: thing{}, New: true}},
			Claims: []table.Claim{
				{Resource: id.New("prc"), Take: span(tickAt(10, 0), 6), As: table.Owner{ID: target}},
				{Patient: f.NewPatient(t), Take: span(tickAt(10, 0), 6), As: table.Owner{ID: target}},
			},
			Event: event.Event{
				Name: name, Version: 1, Before: 0, Why: "because", Refs: map[string]string{"hold": "hld_1"},
				// What the caller says about itself does not count.
				ID: "evt_forged", Org: "org_forged", By: "somebody else", Action: "forged", Target: "other", At: time.Unix(1, 0),
			},
		}
		before := f.stored(t)
		f.transactions()
		f.mustWrite(t, ch)
		sent := f.transactions()
		if len(sent) != 1 || events(sent[0]) != 1 {
			t.Fatalf("%s: %d transactions, with %d event items", name, len(sent), events(sent[0]))
		}
		after := f.stored(t)
		maps.DeleteFunc(after, func(key, _ string) bool { _, old := before[key]; return old || !strings.Contains(key, " EVT#") })
		if len(after) != 1 {
			t.Fatalf("%s wrote %d event items", name, len(after))
		}
		rows, err := f.k.Under(t.Context(), f.k.Appointment(target), table.Events)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %d rows, %v", name, len(rows), err)
		}
		var got event.Event
		if err := rows[0].Decode(&got); err != nil {
			t.Fatal(err)
		}
		want := event.Event{
			ID: strings.TrimPrefix(rows[0].SK, table.Events), Name: name, Org: f.Org, Action: string(access.AppointmentBook),
			By: clinictest.Receptionist, Target: target, At: f.Clock.Now(), Version: 1, Why: "because",
			Refs: map[string]string{"hold": "hld_1"}, Roles: []string{string(access.Receptionist)},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the event item:\n%s", name, diff)
		}
		if !id.Valid(got.ID, "evt") {
			t.Errorf("%s: the event's id is %q", name, got.ID)
		}
		for key, text := range after {
			if waits := strings.Contains(text, `"GPK":"OUT#`); waits != slices.Contains(queued, name) {
				t.Errorf("%s: waits in the outbox: %t (%s)", name, waits, key)
			}
		}
	}
	mustWait(t, f, len(queued)+len(f.Patients)+len(names)) // patients were made on the way
}

// mustWait holds that so many events wait in the outbox, takes them off, twice, and holds that none is left.
func mustWait(t *testing.T, f *fixture, want int) {
	t.Helper()
	out := f.Table.Outbox()
	waiting := func(before time.Time) []event.Event {
		var all []event.Event
		for shard := range table.OutboxShards {
			got, err := out.Waiting(t.Context(), shard, before, 100)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, got...)
		}
		return all
	}
	soon := time.Now().Add(time.Minute) // ids carry the machine's time
	if early := waiting(time.Now().Add(-time.Hour)); len(early) > 0 {
		t.Errorf("%d events waited before they were written", len(early))
	}
	all := waiting(soon)
	if len(all) != want {
		t.Fatalf("%d events wait, want %d", len(all), want)
	}
	for _, e := range all {
		for range 2 {
			if err := out.Relayed(t.Context(), e.Message()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left := waiting(soon); len(left) > 0 {
		t.Errorf("%d events wait after they were relayed", len(left))
	}
}

func events(tx *dynamodb.TransactWriteItemsInput) int {
	n := 0
	for _, it := range tx.TransactItems {
		if it.Put == nil {
			continue
		}
		if sk, ok := it.Put.Item["SK"].(*types.AttributeValueMemberS); ok && strings.HasPrefix(sk.Value, "EVT#") {
			n++
		}
	}
	return n
}

func TestReadsAndDenialsAreNoted(t *testing.T) {
	f := newFixture(t)
	f.mustKeep(t, "a note without a target", func() {
		if err := f.k.Note(t.Context(), access.PatientRead, "", event.Event{Name: event.RecordRead}); err == nil {
			t.Error("it was taken")
		}
	})
	// Somebody who may not is noted all the same: that is the point.
	denied := f.Table.For(access.NewCaller(f.Org, "snoop", nil, 1))
	if err := denied.Note(t.Context(), access.PatientRead, f.Patients[0], event.Event{Name: event.ReadDenied}); err != nil {
		t.Fatal(err)
	}
	rows, err := f.k.Under(t.Context(), f.k.Patient(f.Patients[0]), table.Events)
	if err != nil || len(rows) != 2 { // created, read denied
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var got event.Event
	if err := rows[1].Decode(&got); err != nil || got.By != "snoop" || got.Name != event.ReadDenied {
		t.Errorf("noted %+v, %v", got, err)
	}
}
