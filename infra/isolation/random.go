package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// storm is the random requests and what came of them.
type storm struct {
	requests, allowed, refused, busy, twins atomic.Int64

	mu    sync.Mutex
	leaks []leak
	after []string // cursors that answers gave, to anybody
	keys  []string // idempotency keys that somebody used
	byID  map[string][]string
	all   []string
	took  time.Duration
}

func (s *storm) print(r *report) {
	r.figure("random requests", int(s.requests.Load()))
	r.figure("random requests carried out", int(s.allowed.Load()))
	r.figure("random requests refused", int(s.refused.Load()))
	r.figure("random requests asked again after unavailable", int(s.busy.Load()))
	r.figure("random foreign and absent answers compared", int(s.twins.Load()))
	r.exactly("random requests that leak", len(s.leaks), 0)
	r.leaks(s.leaks)
	r.figure("seconds for the random requests", int(s.took.Seconds()))
}

// crowd is everybody who asks.
func (h *house) crowd() []*person {
	out := slices.Clone(h.others)
	for _, o := range h.orgs {
		out = append(out, o.boss)
		for _, p := range o.wide {
			out = append(out, p)
		}
		for _, g := range o.sites {
			for _, p := range g.staff {
				out = append(out, p)
			}
		}
	}
	out = append(out, h.operator)
	slices.SortFunc(out, func(a, b *person) int { return strings.Compare(a.subject, b.subject) })
	return out
}

// storm makes n random requests.
func (h *house) storm(ctx context.Context, o options, progress io.Writer) (*storm, error) {
	s := h.calm()
	crowd, began := h.crowd(), time.Now()
	run, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, o.workers)
	var all sync.WaitGroup
	for i := range o.workers {
		draw := rand.New(rand.NewPCG(o.seed, uint64(i))) //nolint:gosec // a seed must repeat
		w := &gust{h: h, s: s, crowd: crowd, draw: draw}
		all.Go(func() {
			for run.Err() == nil && s.requests.Add(1) <= int64(o.requests) {
				if errs[i] = w.blow(run); errs[i] != nil {
					stop() // the others end with the context: their errors tell no more
				}
			}
		})
	}
	over := make(chan struct{})
	go func() {
		all.Wait()
		close(over)
	}()
	s.report(over, o.requests, progress)
	s.requests.Store(min(s.requests.Load(), int64(o.requests)))
	s.took = time.Since(began)
	return s, errors.Join(append(errs, ctx.Err())...)
}

// calm is the storm before it begins: with all records that there are.
func (h *house) calm() *storm {
	s := &storm{byID: map[string][]string{}}
	h.oracle.mu.RLock()
	defer h.oracle.mu.RUnlock()
	for _, one := range slices.Sorted(maps.Keys(h.oracle.facts)) { // in order, so that a seed repeats
		kind := h.oracle.facts[one].kind
		s.byID[kind], s.all = append(s.byID[kind], one), append(s.all, one)
	}
	return s
}

// report says how far it is, until it is over.
func (s *storm) report(over <-chan struct{}, of int, progress io.Writer) {
	began, ticker := time.Now(), time.NewTicker(5*time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
			s.mu.Lock()
			say(progress, "random: %d of %d requests, %d leaks, %s",
				min(s.requests.Load(), int64(of)), of, len(s.leaks), time.Since(began).Round(time.Second))
			s.mu.Unlock()
		}
	}
}

// gust is one of the workers.
type gust struct {
	h     *house
	s     *storm
	crowd []*person
	draw  *rand.Rand
}

func (w *gust) one(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[w.draw.IntN(len(list))]
}

// blow makes one request and judges it.
func (w *gust) blow(ctx context.Context) error {
	rt := w.h.routes[w.draw.IntN(len(w.h.routes))]
	who := w.crowd[w.draw.IntN(len(w.crowd))]
	d := &draft{h: w.h, route: rt, who: who, at: w.somewhere(), light: w.draw}
	d.pick = func(_, kind, of string) (string, error) { return w.pick(d, kind, of), nil }
	q, err := d.request(ctx)
	if err != nil {
		return err
	}
	a := asked{row: rt.row, who: who, slots: d.slots}
	w.mutate(&q, &a, rt)
	expected := w.h.oracle.judge(a)
	if (expected == allow || expected == unsettled) && loosens(a.row) {
		w.h.oracle.loosen(a.slots) // before it can have ended any
	}
	w.beforehand(a)
	got, err := w.send(ctx, q)
	if err != nil {
		return err
	}
	w.judge(rt, a, expected, got)
	w.keep(q, got)
	return w.twin(ctx, q, a, expected, got)
}

func (w *gust) somewhere() *ground {
	return []*ground{w.h.own, w.h.own, w.h.sibling, w.h.foreign}[w.draw.IntN(4)]
}

// pick draws an id: mostly of the right kind, of whichever organisation, sometimes of another kind, absent, or none.
func (w *gust) pick(d *draft, kind, of string) string {
	all := w.s.byID[kind]
	switch n := w.draw.IntN(100); {
	case n < 8:
		return newID(kind)
	case n < 14:
		return w.one(w.s.all)
	case n < 17:
		return w.one(garbage())
	case n < 60 || len(all) == 0:
		return w.near(d, kind, of, all)
	}
	return w.one(all)
}

// near draws an id that the caller is likelier to reach: of the caller's organisation, and of the patient in the path.
func (w *gust) near(d *draft, kind, of string, all []string) string {
	for range 20 {
		one := w.one(all)
		f, ok := w.h.oracle.fact(one)
		_, mine := d.who.posts[f.org]
		if ok && mine && (of == "" || f.patient == of || kind == kindPatient) {
			return one
		}
	}
	return w.one(all)
}

// garbage are things that are no id and stand well in a path.
func garbage() []string {
	return []string{
		"pat_", "PAT_01KC4Z7V8WFJ7RW4Q3HXE6M2TA", "..", "%2e%2e", "*", "T%23org", "pat_01kc4z7v8wfj7rw4q3hxe6m2ta%00",
		strings.Repeat("a", 128), "null", "-1", "1%20OR%201%3D1",
	}
}

// send asks again after "unavailable", as clients do.
func (w *gust) send(ctx context.Context, q request) (answer, error) {
	for try := 0; ; try++ {
		got, err := w.h.send(ctx, q)
		if err != nil || got.status != http.StatusServiceUnavailable || try == patience {
			return got, err
		}
		w.s.busy.Add(1)
		time.Sleep(time.Duration(20*(try+1)) * time.Millisecond)
	}
}

// beforehand notes the relationships that a request may make, before it can have made them.
func (w *gust) beforehand(a asked) {
	patient := patientOf(a.slots)
	method, path, _ := strings.Cut(a.row, " ")
	if method == http.MethodGet {
		return
	}
	switch {
	case path == "/v1/appointments", strings.HasSuffix(path, "/relationships"):
		for _, s := range a.slots {
			if s.kind == kindSite || s.kind == kindPractitioner {
				w.h.oracle.relate(patient, s.id, maybeTie)
			}
		}
	case strings.HasSuffix(path, "/claim"), strings.HasSuffix(path, "/break-glass"):
		w.h.oracle.claims(patient, a.who.subject, maybeTie)
	case patient == w.h.stateOf[objecting] && strings.HasSuffix(path, "/nhs-number/objection"):
		w.h.withdrawn.Store(true)
	case strings.HasSuffix(path, "/merge"):
		w.h.oracle.mingle(a.slots)
	}
}

// loosens tells whether requests of the row can end relationships. An appointment that is cancelled ends none.
func loosens(row string) bool {
	method, path, _ := strings.Cut(row, " ")
	ended := method == http.MethodDelete && strings.Contains(path, "/relationships/")
	return ended || strings.HasSuffix(path, "/unmerge")
}

// judge looks for leaks in the answer.
func (w *gust) judge(rt route, a asked, expected verdict, got answer) {
	var out []leak
	add := func(text string) {
		out = append(out, leak{rt.row, a.who.label, w.h.aims(a), string(expected), text})
	}
	status := got.told()
	switch {
	case got.status >= http.StatusInternalServerError:
		add(status)
	case got.ok() && expected != allow && expected != unsettled:
		add(status)
	case got.status == http.StatusForbidden && expected == missing:
		add(status + ", which tells that it exists")
	}
	for _, f := range w.h.inspect(a, got) {
		add(f)
	}
	if got.ok() {
		w.s.allowed.Add(1)
	} else {
		w.s.refused.Add(1)
	}
	if len(out) > 0 {
		w.s.mu.Lock()
		w.s.leaks = append(w.s.leaks, out...)
		w.s.mu.Unlock()
	}
}

// aims tells whose records a request is about, without naming them.
func (h *house) aims(a asked) string {
	var out []string
	for _, s := range a.slots {
		f, ok := h.oracle.fact(s.id)
		whose := "absent"
		switch _, mine := a.who.posts[f.org]; {
		case ok && f.kind != s.kind:
			whose = "of another kind"
		case ok && mine:
			whose = "own organisation"
		case ok:
			whose = string(ofForeign)
		}
		out = append(out, s.name+" "+whose)
	}
	if a.org != "" {
		out = append(out, "organisation named")
	}
	return strings.Join(out, ", ")
}

// kept bounds what is remembered of cursors and keys.
const kept = 300

// keep remembers cursors and keys, to be sent by others.
func (w *gust) keep(q request, got answer) {
	if !got.ok() {
		return
	}
	next := after(got)
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if next != "" && len(w.s.after) < kept {
		w.s.after = append(w.s.after, next)
	}
	if key := q.header["Idempotency-Key"]; key != "" && len(w.s.keys) < kept {
		w.s.keys = append(w.s.keys, key)
	}
}

// twin asks the same for an absent record as for another organisation's, and compares the answers.
func (w *gust) twin(ctx context.Context, q request, a asked, expected verdict, got answer) error {
	if expected != missing || len(a.slots) == 0 || !a.slots[0].inPath || w.draw.IntN(4) > 0 {
		return nil
	}
	s := a.slots[0]
	org, _ := w.h.oracle.organisation(a)
	if f, ok := w.h.oracle.fact(s.id); !ok || f.kind != s.kind || f.org == org {
		return nil
	}
	q.path = strings.ReplaceAll(q.path, s.id, newID(s.kind))
	other, err := w.send(ctx, q)
	if err != nil {
		return err
	}
	w.s.twins.Add(1)
	if other.status == http.StatusTooManyRequests || got.status == http.StatusTooManyRequests {
		return nil // one of them was asked for too often
	}
	if other.stable() != got.stable() {
		w.s.mu.Lock()
		defer w.s.mu.Unlock()
		w.s.leaks = append(w.s.leaks, leak{
			a.row, a.who.label, w.h.aims(a), "the same answer as for an absent record",
			got.told() + " and " + other.told(),
		})
	}
	return nil
}
