package main

import (
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	// windowTicks is the part of a day that a history works on: five hours, so that most wishes get in the way of
	// others.
	windowTicks = 60
	// partitions are the days of a history.
	partitions   = 3
	manyPatients = 6
	// exact are the services that leave no choice, and the practitioners that histories use.
	exact, two = 3, 2
	// checkTime is how long the check of one history may take before it counts as not made.
	checkTime = time.Minute
	// busyHistories is the share of their transactions that are cancelled for a conflict.
	busyHistories = 0.05
)

// checked is how the histories were found.
type checked struct {
	histories, linearizable, unchecked, operations, unknown, broken, caught int
	outcomes                                                                map[string]int
	took                                                                    time.Duration
}

func (c checked) print(r *report, o options) {
	r.exactly("histories checked", c.histories-c.unchecked, o.histories)
	r.exactly("histories linearizable", c.linearizable, o.histories)
	r.figure("operations in histories", c.operations)
	r.figure("operations with unknown outcome", c.unknown)
	r.exactly("histories of the broken variant caught", c.caught, c.broken)
	r.figure("seconds for the histories", int(c.took.Seconds()))
}

// histories records and checks histories of the diary, and of the one that looks before it writes.
func (h *house) histories(ctx context.Context, o options, progress io.Writer) (checked, error) {
	c := checked{outcomes: map[string]int{}}
	start := time.Now()
	if err := h.faults(o.seed, busyHistories); err != nil {
		return c, err
	}
	for i := range o.histories + o.broken {
		broken := i >= o.histories
		ops, err := h.record(ctx, o, i, broken)
		if err != nil {
			return c, err
		}
		result := porcupine.CheckOperationsTimeout(ops.rules.model(), ops.all, checkTime)
		if broken {
			c.broken++
			if result == porcupine.Illegal {
				c.caught++
			}
			continue
		}
		c.add(ops, result)
		say(progress, "history %d of %d: %s, %d operations, %d unknown, %s",
			i+1, o.histories, result, len(ops.all), ops.unknown(), time.Since(start).Round(time.Second))
	}
	say(progress, "%d of %d histories of the broken variant caught; answers: %v", c.caught, c.broken, c.outcomes)
	c.took = time.Since(start)
	return c, nil
}

func (c *checked) add(r *recording, result porcupine.CheckResult) {
	c.histories++
	c.operations += len(r.all)
	c.unknown += r.unknown()
	for _, op := range r.all {
		out := op.Output.(output).outcome
		if out == "" {
			out = "yes"
		}
		c.outcomes[string(op.Input.(input).kind)+" "+out]++
	}
	switch result {
	case porcupine.Ok:
		c.linearizable++
	case porcupine.Unknown:
		c.unchecked++
	case porcupine.Illegal:
	}
}

// recording is a history while it is made.
type recording struct {
	h      *house
	rules  rules
	first  time.Time // where the window of the first day begins
	day    int
	broken bool

	mu    sync.Mutex
	all   []porcupine.Operation
	known []known
}

// known is a record that a client has heard of, at the version it was when it heard of it.
type known struct {
	day     int
	held    bool
	id      string
	version int64
}

func (r *recording) unknown() int {
	n := 0
	for _, op := range r.all {
		if op.Output.(output).outcome == unknown {
			n++
		}
	}
	return n
}

// record lets the workers loose on days that nobody used before, and then looks at what is stored.
func (h *house) record(ctx context.Context, o options, n int, broken bool) (*recording, error) {
	day := (o.times+11)/12 + 2 + n*partitions
	r := &recording{
		h: h, day: day, broken: broken, first: monday().Add(time.Duration(day)*24*time.Hour + 3*time.Hour),
		rules: rules{start: h.clock.seconds.Load()},
	}
	for _, s := range h.services[:exact] {
		shape := shape{length: s.Minutes / 5, before: s.BufferBefore / 5, after: s.BufferAfter / 5}
		for _, need := range s.Needs {
			shape.rooms = append(shape.rooms, slices.Index(h.rooms, need.AnyOf[0]))
		}
		r.rules.shapes = append(r.rules.shapes, shape)
	}
	var all sync.WaitGroup
	errs := make([]error, o.workers)
	for i := range o.workers {
		w := r.worker(i, rand.New(rand.NewPCG(o.seed, uint64(n*o.workers+i)))) //nolint:gosec // a seed must repeat
		all.Go(func() {
			for range (o.operations + o.workers - 1) / o.workers {
				if errs[i] = w.act(ctx); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i] // the others will have had the same trouble
	}
	// A write that was given up may still be on its way to the engine.
	time.Sleep(50 * time.Millisecond)
	last := r.worker(o.workers, nil)
	for d := range partitions {
		for p := range two {
			if err := last.do(ctx, input{kind: look, day: d, practitioner: p}); err != nil {
				return nil, err
			}
		}
	}
	return r, ctx.Err()
}
