package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/meter"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// searchKind is one way to look for patients, with the searches that take turns.
type searchKind struct {
	name, note string
	queries    func(known []patient.Patient) []patient.Query
	grows      string // what does, with the number of patients, besides who is found
}

// searchKinds lists the ways.
func searchKinds() []searchKind {
	named := func(names ...string) func([]patient.Patient) []patient.Query {
		return func([]patient.Patient) []patient.Query {
			var out []patient.Query
			for _, n := range names {
				out = append(out, patient.Query{Name: n, Limit: patient.MaxFound})
			}
			return out
		}
	}
	return []searchKind{
		{"prefix", "two or three letters of a family name", named("smi", "jo", "wil"), ""},
		{"full", "a family name, a given one begun: smith jo", named("smith jo", "jones ma", "brown da"), ""},
		{
			"beginnings", "the beginnings of both, smi jo", named("smi jo", "wil ma", "jon da"),
			"; the rows of both first pairs of letters are gone through, and nobody else's",
		},
		{"given", "a given name alone", named("margaret", "susan", "olivia"), ""},
		{"rare", "a family name that two people have", named(strings.Fields(rareNames)...), ""},
		{"birth", "a birth date", func(known []patient.Patient) []patient.Query {
			var out []patient.Query
			for _, p := range known[:min(someKnown, len(known))] {
				out = append(out, patient.Query{BirthDate: p.BirthDate, Limit: patient.MaxFound})
			}
			return out
		}, ""},
		{"number", "an NHS number", func(known []patient.Patient) []patient.Query {
			var out []patient.Query
			for _, p := range known {
				if p.Number != nil && len(out) < someKnown {
					out = append(out, patient.Query{NHSNumber: p.Number.Value, Limit: patient.MaxFound})
				}
			}
			return out
		}, ""},
	}
}

// someKnown is how many known patients are looked for by birth date and by number.
const someKnown = 10

// findable tells whether a measured search may open the patient's record.
func findable(known []patient.Patient) func(patient.Patient) bool {
	born := map[string]bool{}
	for _, p := range known[:min(someKnown, len(known))] {
		born[p.BirthDate] = true
	}
	families, given := []string{"smi", "jo", "wil", "brown"}, []string{"margaret", "susan", "olivia"}
	return func(p patient.Patient) bool {
		begins := func(name string) func(string) bool {
			return func(prefix string) bool { return strings.HasPrefix(strings.ToLower(name), prefix) }
		}
		return born[p.BirthDate] || slices.ContainsFunc(families, begins(p.Names[0].Family)) ||
			slices.ContainsFunc(given, begins(strings.Join(p.Names[0].Given, "")))
	}
}

// hunted is a crowd that is searched, and what came of each kind of search.
type hunted struct {
	*crowd
	service *patient.Service
	metered *patient.Service
	meter   *meter.Meter
	times   map[string]*timing
	costs   map[string]*searchCost
}

// searchCost is what the searches of a kind cost on average, and how many patients they find on the first page.
type searchCost struct {
	trips, units, found float64
	pages               float64 // that are asked for until somebody is found, or nobody is left
}

// searches measures the search for patients, by the number of patients: Service.Search in this process, because what
// the function adds is the same for all.
func (b *bench) searches(ctx context.Context) error {
	var all []*hunted
	defer func() {
		for _, s := range all {
			s.drop(ctx)
		}
	}()
	for _, n := range b.patients {
		h, err := b.build(ctx)
		if err != nil {
			return err
		}
		s := &hunted{crowd: newCrowd(h, n), times: map[string]*timing{}, costs: map[string]*searchCost{}}
		all = append(all, s)
		if err := b.gather(ctx, s); err != nil {
			return err
		}
	}
	kinds := searchKinds()
	for round := range rounds + 1 {
		for _, k := range kinds {
			for _, s := range all {
				if err := s.round(ctx, k, round > 0); err != nil {
					return fmt.Errorf("search by %s among %d: %w", k.name, s.size, err)
				}
			}
		}
	}
	for _, k := range kinds {
		for _, s := range all {
			if err := s.cost(ctx, k); err != nil {
				return fmt.Errorf("search by %s among %d: %w", k.name, s.size, err)
			}
		}
		b.searched(k, all)
	}
	return nil
}

// gather stores a crowd.
func (b *bench) gather(ctx context.Context, s *hunted) error {
	began := time.Now()
	err := s.fill(ctx, func(done int) {
		b.progress("stored %d of %d patients, %.0f s", done, s.size, time.Since(began).Seconds())
	})
	if err != nil {
		return err
	}
	b.progress("stored %d patients, %d items, in %.1f s: %.0f items/s", s.size, s.items.Load(), s.seeding.Seconds(),
		float64(s.items.Load())/s.seeding.Seconds())
	s.meter = meter.New(&http.Transport{MaxIdleConnsPerHost: 8})
	over := func(db *dynamodb.Client) *patient.Service {
		return patient.New(table.New(db, s.name, time.Now, id.New).WithKeys(s.keys), s.seal(), time.Now, id.New)
	}
	s.service = over(s.db)
	s.metered = over(dynamo(b.endpoint, func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Timeout: time.Minute, Transport: s.meter}
	}))
	return nil
}

// round searches several times in one way.
func (s *hunted) round(ctx context.Context, k searchKind, counts bool) error {
	t := s.times[k.name]
	if t == nil {
		t = &timing{}
		s.times[k.name] = t
	}
	queries := k.queries(s.known)
	if len(queries) == 0 {
		return errors.New("there is nobody to look for")
	}
	before, err := processor()
	if err != nil {
		return err
	}
	for i := range perRound {
		began := time.Now()
		if _, _, err := s.service.Search(ctx, s.by(), queries[i%len(queries)]); err != nil {
			return err
		}
		if counts {
			t.wall = append(t.wall, time.Since(began))
		}
	}
	after, err := processor()
	if counts {
		t.cpu, t.calls = t.cpu+after-before, t.calls+perRound
	}
	return err
}

// cost asks each question once more through a meter, and goes on to the next page until somebody is found.
func (s *hunted) cost(ctx context.Context, k searchKind) error {
	cost := &searchCost{}
	s.costs[k.name] = cost
	queries := k.queries(s.known)
	for _, q := range queries {
		before := s.meter.Usage()
		found, next, err := s.metered.Search(ctx, s.by(), q)
		if err != nil {
			return err
		}
		used := s.meter.Usage().Since(before)
		if err := used.Err(); err != nil {
			return err
		}
		cost.trips += float64(used.Trips())
		cost.units += used.ReadUnits
		cost.found += float64(len(found))
		cost.pages++
		for len(found) == 0 && next != "" {
			cost.pages++
			q.After = next
			if found, next, err = s.service.Search(ctx, s.by(), q); err != nil {
				return err
			}
		}
	}
	n := float64(len(queries))
	cost.trips, cost.units, cost.found, cost.pages = cost.trips/n, cost.units/n, cost.found/n, cost.pages/n
	return nil
}

// searched prints a kind's figures by size, and how they grow.
func (b *bench) searched(k searchKind, all []*hunted) {
	name := "search." + k.name
	for _, s := range all {
		t, c, at := s.times[k.name], s.costs[k.name], "."+fmt.Sprint(s.size)
		found := number(c.found) + " found on a page"
		if c.pages > 1 {
			found += ", the first of them on page " + number(c.pages)
		}
		b.info(name+"-wall"+at, milliseconds(median(t.wall)), "ms", fmt.Sprintf("%s; %s; p99 %s ms; "+
			"in process, DynamoDB Local on this computer included", k.note, found,
			number(milliseconds(percentile(t.wall, .99)))))
		b.info(name+"-cpu"+at, milliseconds(t.perCall()), "ms", found+s.stored())
		b.info(name+".trips"+at, c.trips, "trips", "the function writes an event besides")
		b.info(name+".read-units"+at, c.units, "RCU", "two for each who is opened, record and key; and the rows")
	}
	if len(all) < 2 {
		return
	}
	last := all[len(all)-1]
	first := all[0]
	for _, s := range all[:len(all)-1] { // the smallest in which there is as much to show
		if s.costs[k.name].found >= sameFound*last.costs[k.name].found {
			first = s
			break
		}
	}
	span := fmt.Sprintf("%d → %d patients; %s → %s found", first.size, last.size,
		number(first.costs[k.name].found), number(last.costs[k.name].found)) + k.grows
	grown := float64(last.times[k.name].perCall()) / float64(first.times[k.name].perCall())
	if first.costs[k.name].found < sameFound*last.costs[k.name].found {
		b.info(name+"-cpu.growth", grown, "×", span+", each of whom is opened")
	} else {
		b.atMost(name+"-cpu.growth", grown, "×", growthLimit, span)
	}
	b.info(name+"-wall.growth",
		float64(median(last.times[k.name].wall))/float64(median(first.times[k.name].wall)), "×", span)
}

// sameFound is the share of what the largest crowd gives that makes a smaller one comparable with it.
const sameFound = 0.9

// stored says what of the crowd there is.
func (s *hunted) stored() string {
	if s.size <= wholeUpTo {
		return ""
	}
	return "; of all the look-up rows are stored, the records of those whom these searches can find"
}
