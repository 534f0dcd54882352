package upload

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"almanac/shared/cause"
	"almanac/shared/patient"
)

// writers is how many lines are dealt with at a time.
const writers = 16

// process deals with the lines of a batch, several at a time, and gives their entries in order. After the first error
// no further line is begun: those that were done are found done when the batch is done again.
func (w *worker) process(ctx context.Context, tasks []task) ([]entry, error) {
	if err := w.holders(ctx, tasks); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	entries := make([]entry, len(tasks))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(writers, len(tasks)) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(tasks)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				e, err := w.guarded(ctx, tasks[i])
				if err != nil {
					stop(err)
					return
				}
				entries[i] = e
			}
		})
	}
	wait.Wait()
	return entries, context.Cause(ctx)
}

// guarded turns a panic over one line into an error: the worker's own edge would not see it.
//
//nolint:nonamedreturns // err is set after a panic
func (w *worker) guarded(ctx context.Context, t task) (e entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic over line %d: %s", t.number, strings.Join(cause.Stack(p, 1), " < "))
		}
	}()
	return w.judge(ctx, t)
}

// holders looks up all NHS numbers of a batch at once.
func (w *worker) holders(ctx context.Context, tasks []task) error {
	var people []patient.Patient
	var of []int
	for i, t := range tasks {
		if t.finding.outcome == "" && len(t.reasons) == 0 && t.likeness.number != 0 {
			people, of = append(people, t.patient), append(of, i)
		}
	}
	if len(people) == 0 {
		return nil
	}
	found, err := w.intake.Holders(ctx, people)
	if err != nil {
		return err
	}
	for i, holder := range found {
		tasks[of[i]].holder = holder
	}
	return nil
}
