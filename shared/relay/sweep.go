package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Swept is what a sweep found and did, in numbers of events.
type Swept struct {
	Found, Sent, Failed, Unmarked int
	// More says that the sweep ended with events still to be looked at: the next one goes on with them.
	More bool
	// Failures are the first few of those that failed, by the event's id.
	Failures map[string]error
}

const (
	page     = 100  // events read and sent at a time
	perShard = 1000 // events that one sweep sends of each shard, so that a run's length is known
	told     = 10   // failures kept for the log
)

// Sweep sends the events that were written before the instant and still wait, oldest first in each shard: those whose
// stream record was lost, or given up. It keeps no cursor: what it sent waits no longer, so the next sweep, or one
// after a crash, begins where this one ended. The error is of a shard that could not be read; the others are swept
// all the same.
func (r *Relay) Sweep(ctx context.Context, before time.Time) (Swept, error) {
	s := Swept{Failures: map[string]error{}}
	var errs []error
	for shard := range table.OutboxShards {
		if err := r.sweepShard(ctx, shard, before, &s); err != nil {
			s.More = true
			errs = append(errs, fmt.Errorf("shard %d: %w", shard, err))
		}
	}
	return s, errors.Join(errs...)
}

func (r *Relay) sweepShard(ctx context.Context, shard int, before time.Time, s *Swept) error {
	seen := map[string]bool{}
	limit := page
	for len(seen) < perShard {
		if err := ctx.Err(); err != nil {
			return err
		}
		waiting, err := r.outbox.Waiting(ctx, shard, before, limit)
		if err != nil {
			return err
		}
		full := len(waiting) == limit
		// The index lags behind a moment, and what failed still stands in it: look at each event once in a sweep.
		fresh := unseen(waiting, seen)
		if len(fresh) == 0 {
			s.More = s.More || full
			return nil
		}
		rep := r.Send(ctx, fresh)
		s.add(len(fresh), rep)
		if err := rep.stalled(); err != nil {
			return err
		}
		if !full {
			return nil
		}
		limit += len(rep.Failed) + len(rep.Unmarked) // what stays must not hide those behind it
	}
	s.More = true
	return nil
}

// stalled gives the reason why nothing at all could be sent, unless it lies in the events themselves.
func (rep Report) stalled() error {
	for _, err := range rep.Failed {
		if rep.Sent == 0 && !fault.Is(err, fault.Invalid) {
			return err
		}
	}
	return nil
}

func unseen(waiting []event.Event, seen map[string]bool) []event.Message {
	var fresh []event.Message
	for _, e := range waiting {
		if !seen[e.ID] {
			seen[e.ID] = true
			fresh = append(fresh, e.Message())
		}
	}
	return fresh
}

func (s *Swept) add(found int, rep Report) {
	s.Found += found
	s.Sent += rep.Sent
	s.Failed += len(rep.Failed)
	s.Unmarked += len(rep.Unmarked)
	for _, failures := range []map[string]error{rep.Failed, rep.Unmarked} {
		for id, err := range failures {
			if len(s.Failures) < told {
				s.Failures[id] = err
			}
		}
	}
}
