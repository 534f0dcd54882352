package main

import (
	"strings"
	"testing"

	"almanac/shared/id"
	"almanac/shared/patient"
)

// TestCrowd: the names are as unevenly spread as the figures say, and the same in every run.
func TestCrowd(t *testing.T) {
	c := newCrowd(&house{}, 50_000)
	families, given, unnumbered := map[string]int{}, map[string]int{}, 0
	for n := range c.size / chunk {
		for _, p := range c.people(n) {
			families[p.Names[0].Family]++
			given[p.Names[0].Given[0]]++
			if p.Number == nil {
				unnumbered++
			}
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(c.size) }
	if s := share(families["Smith"]); s < 0.9 || s > 1.3 {
		t.Errorf("%.2f %% have the commonest family name, want about 1.1 %%", s)
	}
	if s := share(given["Margaret"]); s < 2.2 || s > 3.2 {
		t.Errorf("%.2f %% have the commonest given name, want about 2.7 %%", s)
	}
	if s := share(unnumbered); s < 7 || s > 11 || len(families) < 10_000 {
		t.Errorf("%.1f %% have no number, there are %d family names", s, len(families))
	}
	for name := range strings.FieldsSeq(rareNames) {
		if families[name] != rareEach {
			t.Errorf("%d are called %s, want %d", families[name], name, rareEach)
		}
	}
	a, b := c.people(1)[0], c.people(1)[0]
	if a.Names[0].Full() != b.Names[0].Full() || a.BirthDate != b.BirthDate || a.Number.Value != b.Number.Value {
		t.Error("another run has other people")
	}
}

// TestSearches: the stored patients are found as if they had been registered, each known one by number.
func TestSearches(t *testing.T) {
	b, h := newHouse(t)
	s := &hunted{crowd: newCrowd(h, 300), times: map[string]*timing{}, costs: map[string]*searchCost{}}
	if err := b.gather(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, k := range searchKinds() {
		if err := s.cost(t.Context(), k); err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		c := s.costs[k.name]
		want := map[string]float64{"number": 1, "rare": rareEach}[k.name]
		if c.trips < 2 || c.units == 0 || want > 0 && c.found != want {
			t.Errorf("%s: %+v, want %v found", k.name, *c, want)
		}
	}
	p := s.known[firstRare]
	found, _, err := s.service.Search(t.Context(), s.by(), patient.Query{Name: p.Names[0].Family, BirthDate: p.BirthDate})
	if err != nil || len(found) != 1 || !id.Valid(found[0].ID, "pat") {
		t.Errorf("found %d, %v", len(found), err)
	}
}
