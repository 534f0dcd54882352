package main

import (
	"context"
	"log/slog"
	"time"

	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/schedule"
)

// patience is how long an event may wait for the stream before the sweep sends it: with a run every five minutes, a
// lost stream record costs seven.
const patience = 2 * time.Minute

// sweep relays the events that still wait. There is nothing to sweep for deliveries: one whose worker died is settled
// by its message, which comes back from the queue, or from its dead letters, and finds it (see shared/delivery).
func sweep(log *slog.Logger, r *relay.Relay, now func() time.Time) schedule.Job {
	return func(ctx context.Context) ([]slog.Attr, error) {
		s, err := r.Sweep(ctx, now().Add(-patience))
		for id, why := range s.Failures {
			log.LogAttrs(ctx, slog.LevelError, "left in the outbox", append([]slog.Attr{slog.String("event", id)},
				queue.Why(why)...)...)
		}
		return []slog.Attr{
			slog.Int("found", s.Found), slog.Int("sent", s.Sent), slog.Int("failed", s.Failed),
			slog.Int("unmarked", s.Unmarked), slog.Bool("more", s.More),
		}, err
	}
}
