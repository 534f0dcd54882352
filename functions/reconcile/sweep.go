package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/schedule"
)

// patience is how long an event may wait for the stream before the sweep sends it: with a run every five minutes, a
// lost stream record costs seven.
const patience = 2 * time.Minute

// sweep relays the events that still wait, and has the connections looked after whose time has come. There is nothing
// to sweep for deliveries: one whose worker died is settled by its message, which comes back from the queue, or from
// its dead letters, and finds it (see shared/delivery).
func sweep(
	log *slog.Logger, r *relay.Relay, now func() time.Time, tend func(context.Context) (tended, error),
) schedule.Job {
	return func(ctx context.Context) ([]slog.Attr, error) {
		t, failed := tend(ctx)
		report(ctx, log, "not looked after", "connection", t.failures)
		s, err := r.Sweep(ctx, now().Add(-patience))
		report(ctx, log, "left in the outbox", "event", s.Failures)
		return []slog.Attr{
			slog.Int("found", s.Found), slog.Int("sent", s.Sent), slog.Int("failed", s.Failed),
			slog.Int("unmarked", s.Unmarked), slog.Bool("more", s.More),
			slog.Int("due", t.found), slog.Int("tended", t.sent), slog.Bool("more_due", t.more),
		}, errors.Join(err, failed)
	}
}

// report logs each failure by the id of what failed.
func report(ctx context.Context, log *slog.Logger, message, of string, failures map[string]error) {
	for id, why := range failures {
		log.LogAttrs(ctx, slog.LevelError, message, append([]slog.Attr{slog.String(of, id)}, queue.Why(why)...)...)
	}
}
