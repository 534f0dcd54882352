package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// plan is one case: what goes wrong, and a run of it. broken is what its wrongly built variant lacks.
type plan struct {
	name, what, broken string
	run                func(ctx context.Context, w *world)
	// points gives how many runs there are where it is not the command line that says it: one for each point at which
	// something can go wrong.
	points func(ctx context.Context, h *house, o options) (int, error)
	all    bool // its line is of the runs of all cases
}

// plans are all cases.
func plans() []plan {
	return slices.Concat(
		disorders(), losses(), deaths(), silences(), backoffs(), grants(), doors(), links(), bothWays(), gossips(),
	)
}

// tally is what a run, or all of a case's, came to.
type tally struct {
	runs                    int
	lost, duplicated, wrong int
	notes                   []string
	counts                  map[string]int // figures besides, which are no failures
}

func (t *tally) good() bool { return t.lost+t.duplicated+t.wrong == 0 }

// missing, twice and amiss put down one finding.
func (t *tally) missing(format string, values ...any) { t.lost++; t.note("lost: "+format, values) }

func (t *tally) twice(format string, values ...any) {
	t.duplicated++
	t.note("duplicated: "+format, values)
}

func (t *tally) amiss(format string, values ...any) { t.wrong++; t.note("wrong: "+format, values) }

func (t *tally) note(format string, values []any) {
	t.notes = append(t.notes, fmt.Sprintf(format, values...))
}

// count adds to a figure that is told besides.
func (t *tally) count(name string, n int) {
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[name] += n
}

func (t *tally) add(o *tally) {
	t.runs += o.runs
	t.lost, t.duplicated, t.wrong = t.lost+o.lost, t.duplicated+o.duplicated, t.wrong+o.wrong
	for name, n := range o.counts {
		t.count(name, n)
	}
}

// also tells the other figures.
func (t *tally) also() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(&out, "; %s %d", name, t.counts[name])
	}
	return out.String()
}

// runs runs a case as often as it is to be, several at once, each in a world of its own.
func (h *house) runs(ctx context.Context, o options, p plan, progress io.Writer) (*tally, error) {
	n, began := o.runs, time.Now()
	if p.points != nil {
		var err error
		if n, err = p.points(ctx, h, o); err != nil {
			return nil, err
		}
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	sum := &tally{}
	var failed []error
	slots := make(chan struct{}, o.atOnce)
	for i := range n {
		slots <- struct{}{}
		if ctx.Err() != nil || len(h.failures(&mu, &failed)) > 0 {
			break
		}
		wait.Go(func() {
			defer func() { <-slots }()
			one, err := h.once(ctx, p, o, i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("seed %d: %w", o.nth(i), err))
				return
			}
			sum.add(one)
			for _, note := range one.notes {
				say(progress, "%s seed %d: %s", p.name, o.nth(i), note)
			}
		})
	}
	wait.Wait()
	say(progress, "%s: %d runs, %d lost, %d duplicated, %d wrong, %.1f s",
		p.name, sum.runs, sum.lost, sum.duplicated, sum.wrong, time.Since(began).Seconds())
	return sum, errors.Join(append(failed, ctx.Err())...)
}

func (h *house) failures(mu *sync.Mutex, all *[]error) []error {
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(*all)
}

// once is one run.
func (h *house) once(ctx context.Context, p plan, o options, i int) (*tally, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	w, err := h.newWorld(ctx, o.nth(i), i, o.broken)
	if err != nil {
		return nil, err
	}
	defer w.close()
	apart(func() {
		w.process = w.newProcess()
		p.run(ctx, w)
		w.secrets()
	}, ctx.Done())
	w.tally.runs++
	return &w.tally, errors.Join(w.err, ctx.Err())
}

// nth is the seed of a case's run.
func (o options) nth(run int) uint64 { return o.seed + uint64(run) } //nolint:gosec // runs are few

// longestRun is far more than a run takes.
const longestRun = 5 * time.Minute
