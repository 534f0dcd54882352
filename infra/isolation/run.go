package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"almanac/infra/stack"
)

// run tries everything and reports. ok tells whether every limit was kept.
func run(ctx context.Context, o options, out, progress io.Writer) (bool, error) {
	began := time.Now()
	say(progress, "seed %d", o.seed)
	h, logs, err := open(ctx, o, progress)
	if err != nil {
		return false, err
	}
	r := &report{out: out, ok: true}
	err = h.all(ctx, o, logs, r, progress)
	err = errors.Join(err, h.stack.Close(), logs.Close())
	r.figure("seconds", int(time.Since(began).Seconds()))
	say(out, "seed %d", o.seed)
	return r.ok && err == nil, err
}

// open starts the product.
func open(ctx context.Context, o options, progress io.Writer) (*house, *os.File, error) {
	p, err := newPolicy(policyText)
	if err != nil {
		return nil, nil, err
	}
	routes, err := readRoutes(o.root)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(filepath.Dir(o.logs), 0o755); err != nil { //nolint:gosec // a folder of build products
		return nil, nil, err
	}
	logs, err := os.Create(o.logs)
	if err != nil {
		return nil, nil, err
	}
	s, err := stack.Start(ctx, stack.Options{
		Root: o.root, Logs: logs, Unthrottled: true, Progress: func(step string) { say(progress, "%s", step) },
	})
	if err != nil {
		return nil, nil, errors.Join(err, logs.Close())
	}
	// Some canaries stand for patients of the matrix as well, which may need more than are asked for.
	numbers := nhsNumbers(max(o.canaries, leastCanaries) + spareCanaries + 1)
	all := len(numbers) - 1 // the last one is the shadow's
	h := &house{
		stack: s, routes: routes, oracle: newOracle(p), made: newMakers(), numbers: numbers[:all],
		needles: newNeedles(len(numbers), numbers),
		http:    client(o.workers), begun: map[string]begun{}, secrets: map[string]bool{},
	}
	return h, logs, nil
}

// leastCanaries is how many the matrix needs at most, and spareCanaries how many patients in states, claims and the
// random requests need besides.
const (
	leastCanaries = 1000
	spareCanaries = 500
)

// all does one thing after the other.
func (h *house) all(ctx context.Context, o options, logs *os.File, r *report, progress io.Writer) error {
	s := newSearched(h)
	if err := h.watch(s); err != nil {
		return err
	}
	began := time.Now()
	for _, step := range []func(context.Context) error{
		h.found, h.hosts, h.stockUp, func(ctx context.Context) error { return h.traces(ctx, o.reviews) },
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	say(progress, "the world stands after %s", time.Since(began).Round(time.Second))
	for _, step := range []func() error{
		func() error { return h.ask(ctx, o, r, progress) },
		func() error { return h.prove(ctx, o, r) },
		func() error { return h.populate(ctx, o, s, progress) },
		func() error { return h.blow(ctx, o, r, progress) }, // last of those who need the world as it was set up
		func() error { return h.look(ctx, o, s, logs, r, progress) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// ask tries the matrix and compares times.
func (h *house) ask(ctx context.Context, o options, r *report, progress io.Writer) error {
	draw := rand.New(rand.NewPCG(o.seed, 1<<32)) //nolint:gosec // a seed must repeat
	cells, err := h.matrix(ctx, o.share, draw, progress)
	if err != nil {
		return err
	}
	cells.print(r)
	if err := h.aboutStates(ctx, o.share, draw, r); err != nil {
		return err
	}
	apart, err := h.times(ctx, o.pairs, progress)
	if err != nil {
		return err
	}
	apart.print(r)
	if err := h.publicPages(ctx, r); err != nil {
		return err
	}
	about, err := h.hooks(ctx)
	if err != nil {
		return err
	}
	about.print(r)
	return nil
}

// prove shows that the checks can fail.
func (h *house) prove(ctx context.Context, o options, r *report) error {
	caught, missed, err := h.caught(ctx)
	if err != nil {
		return err
	}
	r.exactly("broken variants caught", caught, caught+len(missed))
	for _, name := range missed {
		say(r.out, "  not caught: %s", name)
	}
	found, planted, err := h.control(filepath.Dir(o.logs))
	if err != nil {
		return err
	}
	r.exactly("canaries of the control found", found, planted)
	return nil
}

// populate plants the rest of the canaries, some of them from a file, and has mails about some given up.
func (h *house) populate(ctx context.Context, o options, s *searched, progress io.Writer) error {
	fromFile := o.canaries / shareOfFile
	if err := h.plant(ctx, o.canaries-fromFile, progress); err != nil {
		return err
	}
	if err := h.upload(ctx, s, fromFile); err != nil {
		return err
	}
	if err := h.visits(ctx, o.visits); err != nil {
		return err
	}
	if err := h.giveUp(ctx, o.patience); err != nil {
		return err
	}
	return h.zoomFails(ctx, o.patience)
}

// shareOfFile is how many canaries there are for each that comes from a file.
const shareOfFile = 20

// blow makes the random requests.
func (h *house) blow(ctx context.Context, o options, r *report, progress io.Writer) error {
	random, err := h.storm(ctx, o, progress)
	if err != nil {
		return err
	}
	random.print(r)
	return nil
}

// look provokes errors, and searches everything.
func (h *house) look(
	ctx context.Context, o options, s *searched, logs *os.File, r *report, progress io.Writer,
) error {
	began := time.Now()
	provoked, err := h.provoke(ctx, s, o.provoked)
	if err != nil {
		return err
	}
	say(progress, "%d requests were to fail, %s", provoked, time.Since(began).Round(time.Second))
	dead, err := h.deadLetters(ctx, s)
	if err != nil {
		return err
	}
	h.unwatch()
	s.mails()
	came := s.zoom()
	told := s.outside()
	err = errors.Join(s.tables(ctx), s.stream(ctx), logs.Sync(),
		s.file("logs of the functions and the gateway", o.logs))
	if err != nil {
		return err
	}
	r.figure("requests full of canaries that were to fail", provoked)
	r.figure("dead letters read", dead)
	r.figure("requests that told the NHS of a canary, as its API asks", told)
	r.figure("webhooks in which Zoom told of a canary, as it does of guests", came)
	s.print(r, len(h.canaries))
	refused := h.stack.Calls.Refused(h.stack.Template)
	r.exactly("calls that no role allows", len(refused), 0)
	for _, line := range refused {
		say(r.out, "  %s", line)
	}
	return nil
}

// planters is how many patients are registered at once.
const planters = 4

// plant registers and books canaries until there are so many.
func (h *house) plant(ctx context.Context, n int, progress io.Writer) error {
	began := time.Now()
	var all sync.WaitGroup
	errs := make([]error, planters)
	left := int64(n - len(h.canaries))
	var taken atomic.Int64
	for i := range planters {
		all.Go(func() {
			for errs[i] == nil && taken.Add(1) <= left {
				errs[i] = h.plantOne(ctx, []*ground{h.own, h.foreign, h.sibling}[int(taken.Load())%3])
			}
		})
	}
	all.Wait()
	say(progress, "%d canaries are planted after %s", len(h.canaries), time.Since(began).Round(time.Second))
	return errors.Join(errs...)
}

// plantOne registers one with all that can be written about a patient.
func (h *house) plantOne(ctx context.Context, g *ground) error {
	c, err := h.admit(ctx, g)
	if err != nil {
		return err
	}
	note := c.word(noteWord)
	for path, body := range map[string]object{
		"representatives": c.friend(), "consents": consentBody(note), "disclosures": h.disclosureBody(note),
	} {
		if _, err := h.does(ctx, g.org.boss, http.MethodPost, "/v1/patients/"+c.id+"/"+path, body, ""); err != nil {
			return err
		}
	}
	return nil
}

// stockUp makes what every organisation has.
func (h *house) stockUp(ctx context.Context) error {
	for _, o := range h.orgs {
		_, err := h.does(ctx, o.boss, http.MethodPost, "/v1/consent-texts",
			object{"scope": scope, "text": "I agree to the newsletter."}, "")
		if err != nil {
			return err
		}
	}
	return nil
}
