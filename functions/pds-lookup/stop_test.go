package main

import (
	"context"
	"slices"
	"testing"

	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/fault"
	"almanac/shared/nhs"
	"almanac/shared/patient"
)

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// After an objection at most the request that was on its way is made: none of the steps that would have followed.
func TestObjectionBetweenSteps(t *testing.T) {
	b := newBench(t)
	p := b.local(sandpds.Ordinary)
	p.Names[0].Family, p.Names[0].Given = "Nobody", []string{"Nemo"} // takes four steps
	pat := b.create(p)
	calls, before := 0, 0
	b.set.Pace = func(ctx context.Context, _ bool) error {
		if calls++; calls == 2 {
			if _, err := b.numbers.Object(ctx, b.by, clinictest.Once(), pat); err != nil {
				t.Error(err)
			}
			before = b.asked()
		}
		return nil
	}
	b.connect()
	messages := b.events()
	b.deliver(messages...)
	if n := b.asked() - before; calls < 2 || n > 1 {
		t.Errorf("%d requests after the objection", n)
	}
	asked := b.asked()
	if n := b.deliver(messages...); n > 0 || b.asked() != asked {
		t.Errorf("the message came again: %d failed, %d requests", n, b.asked()-asked)
	}
	// The trail has every request that was made.
	made := 0
	for _, e := range b.history(pat) {
		if e.Refs["request"] != "" {
			made++
		}
	}
	if made != asked {
		t.Errorf("the trail has %d of %d requests", made, asked)
	}
}

// An objection that comes over with a merged record hides whom a review is about, and closes it; and so does being
// merged.
func TestMergeEndsReviews(t *testing.T) {
	b := newBench(t)
	b.by = b.By(t, clinictest.Manager) // who registers somebody may merge the record
	p := b.local(sandpds.Ordinary)
	p.Addresses = nil
	pat, _ := b.traced(p)
	first := b.onlyReview(nhs.Doubtful)
	other := b.local(sandpds.TwoWords)
	other.Names[0].Family = "Silverthorn"
	o, _ := b.traced(other)
	all := b.reviews()
	i := slices.IndexFunc(all, func(r nhs.Review) bool { return r.Patient == o })
	if len(all) != 2 || i < 0 {
		t.Fatalf("%d reviews", len(all))
	}
	third := b.create(patient.Patient{
		BirthDate: "1950", Names: []patient.Name{{Use: "usual", Family: "Objector", Given: []string{"Otto"}}},
	})
	b.run()
	if _, err := b.numbers.Object(t.Context(), b.by, clinictest.Once(), third); err != nil {
		t.Fatal(err)
	}
	b.merge(pat, third)
	b.merge(pat, o)
	for _, id := range []string{first.ID, all[i].ID} { // at once, before anybody cleared up
		d, err := b.numbers.Review(t.Context(), b.by, id)
		if err == nil && (d.Candidate != nil || d.Comparison != nil) {
			t.Errorf("review %s shows whom it is about", d.Reason)
		}
	}
	if err := b.decide(first.ID, nhs.Accept); code(err) != "number_objected" {
		t.Errorf("accepted: %v", err)
	}
	b.run()
	if n := len(b.reviews()); n > 0 {
		t.Errorf("%d reviews stay", n)
	}
	if again, err := b.numbers.Review(t.Context(), b.by, first.ID); err != nil || again.State != nhs.Closed ||
		len(again.Review.Candidate) > 0 {
		t.Errorf("afterwards: %s, %v", again.State, err)
	}
	if s := b.standing(pat); s.Tracing != nhs.Objected || s.Review != "" {
		t.Errorf("it stands at %s", s.Tracing)
	}
}

// Whoever is found by a search is read by number: the register of disclosures names that too.
func TestDisclosureOfASearch(t *testing.T) {
	b := newBench(t)
	pat, _ := b.traced(b.local(sandpds.Ordinary))
	d := b.disclosures(pat)
	if len(d) != 1 || !slices.Contains(d[0].Categories, disclosure.NHSNumber) ||
		!slices.Contains(d[0].Categories, disclosure.Identity) {
		t.Errorf("%d disclosures", len(d))
	}
	told, _ := b.traced(b.numbered(sandpds.Plain))
	if d = b.disclosures(told); len(d) != 1 || !slices.Equal(d[0].Categories, []string{disclosure.NHSNumber}) {
		t.Errorf("of a number that was told: %d", len(d))
	}
}
