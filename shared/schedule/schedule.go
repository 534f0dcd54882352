// Package schedule is the edge between the scheduler and its jobs. Its rule: a run is one log line, whatever happens,
// and may be late, doubled or missed: a job asks what is due and not yet done, never what time the tick is for.
package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"almanac/shared/fault"
	"almanac/shared/queue"
)

// Job is one run of a job. It gives what its log line shall tell: counts, never names.
type Job func(ctx context.Context) ([]slog.Attr, error)

// Handler is what Lambda calls when a run is due. What the scheduler sends with it does not matter.
type Handler func(ctx context.Context, _ json.RawMessage) error

// margin is left of Lambda's deadline to write the log line in.
const margin = 2 * time.Second

// Run makes the handler of a job. An error or a panic fails the run, so that it is tried again and at last reported.
func Run(log *slog.Logger, job Job) Handler {
	return func(ctx context.Context, _ json.RawMessage) error {
		began := time.Now()
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		told, err := attempt(ctx, job)
		line := append([]slog.Attr{slog.Int64("took_ms", time.Since(began).Milliseconds())}, told...)
		if err == nil {
			log.LogAttrs(ctx, slog.LevelInfo, "run", line...)
			return nil
		}
		log.LogAttrs(ctx, slog.LevelError, "run", append(line, queue.Why(err)...)...)
		return errors.New(fault.Of(err).Error()) // kind and code alone: Lambda keeps this text
	}
}

func attempt(ctx context.Context, job Job) (told []slog.Attr, err error) { //nolint:nonamedreturns // for recover
	defer func() {
		if p := recover(); p != nil {
			told, err = nil, queue.Panicked(p)
		}
	}()
	return job(ctx)
}
