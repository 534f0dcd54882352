package patient_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// crowd registers n patients, ten in a change, as what stores very many at once does.
func (r *register) crowd(n int, who func(i int) (string, patient.Patient)) {
	r.t.Helper()
	ring, err := r.Keeper.Ring(r.t.Context(), r.Org)
	if err != nil {
		r.t.Fatal(err)
	}
	const each = 10
	c := r.Table.For(r.by)
	var changes []table.Change
	for i := range n {
		if i%each == 0 {
			changes = append(changes, table.Change{
				Action: access.PatientCreate, Target: r.Org, Event: event.Event{Name: event.PatientCreated, Version: 1},
			})
		}
		called, p := who(i)
		p.ID = id.New("pat")
		r.who[p.ID] = called
		items, err := patient.Seeded(c, ring, p)
		if err != nil {
			r.t.Fatal(err)
		}
		last := &changes[len(changes)-1]
		last.Put = append(last.Put, items...)
	}
	var all sync.WaitGroup
	var next atomic.Int64
	for range 4 {
		all.Go(func() {
			for i := int(next.Add(1) - 1); i < len(changes); i = int(next.Add(1) - 1) {
				if err := c.Write(r.t.Context(), changes[i]); err != nil {
					r.t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// Who is looked for by the beginnings of both names is found in few reads, however many share either beginning.
func TestSearchByTwoBeginningsReadsLittle(t *testing.T) {
	var reads atomic.Int64
	c := clinictest.New(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		if op == "Query" || op == "BatchGetItem" || op == "GetItem" {
			reads.Add(1)
		}
		return send()
	})).Found(t)
	r := &register{
		Clinic: c, s: patient.New(c.Table, c.Keeper, c.Clock.Now, id.New), t: t,
		by: c.By(t, clinictest.Receptionist), who: map[string]string{},
	}
	const smiths, sought = 2_000, 5
	r.crowd(smiths, func(i int) (string, patient.Patient) {
		born := fmt.Sprintf("19%02d-01-%02d", i/20%100, i%20+1)
		if i%(smiths/sought) == 0 {
			return fmt.Sprintf("jo%d", i/(smiths/sought)), person("Joanna", "Smith", born)
		}
		return "", person(string([]byte{'a' + byte(i%26), 'u', 'a' + byte(i/26%26)}), "Smith", born)
	})
	const all = "jo0,jo1,jo2,jo3,jo4"
	for _, ask := range []struct {
		name  string
		limit int
		most  int64
	}{
		{"smi jo", sought, 3}, // the other order of the words is looked for as well
		{"jo smi", sought, 3},
		{"smi joa", sought, 5}, // and either word as a whole name
		{"Smith, Jo", sought, 2},
		{"smi jo", patient.MaxFound, 6}, // nobody is left, which takes all sources to tell
	} {
		q := patient.Query{Name: ask.name, Limit: ask.limit}
		reads.Store(0)
		found, _, err := r.s.Search(t.Context(), r.by, q)
		if err != nil || len(found) != sought || reads.Load() > ask.most {
			t.Errorf("%q, %d at most: %d found in %d reads, want %d in %d: %v",
				ask.name, ask.limit, len(found), reads.Load(), sought, ask.most, err)
		}
		if got := r.find(q); got != all {
			t.Errorf("%q, %d at most: found %q in all", ask.name, ask.limit, got)
		}
	}
}
