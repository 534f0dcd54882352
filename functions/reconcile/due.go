package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

const (
	// dueAtOnce is how many connections of a shard one run sends to be looked after.
	dueAtOnce = 200
	// sentAgain is after how long one is sent again that nobody has looked after since.
	sentAgain = time.Hour
)

// tended is what a run found to look after.
type tended struct {
	found, sent int
	more        bool
	failures    map[string]error // by connection
}

// tend finds the connections whose time has come, and has each looked after by the worker of its queue. One that is
// still due is not sent again for an hour: what the worker could not do yet piles up as little as that.
func tend(
	ctx context.Context, t *table.Table, job func(org string) access.Caller, now time.Time,
) (tended, error) {
	out := tended{failures: map[string]error{}}
	var failed error
	for shard := range table.DueShards {
		all, err := t.Due(ctx, shard, now, dueAtOnce)
		if err != nil {
			failed = err
			continue
		}
		out.found += len(all)
		out.more = out.more || len(all) == dueAtOnce
		for _, d := range all {
			err := send(ctx, t.For(job(d.Org)), d, now)
			switch {
			case err == nil:
				out.sent++
			case !errors.Is(err, access.ErrDone):
				out.failures[d.ID] = err
			}
		}
	}
	return out, failed
}

// send writes the event that the outbox takes to the queue, once for each hour that the connection is overdue.
func send(ctx context.Context, c table.Clinic, d table.Due, now time.Time) error {
	if !id.Valid(d.ID, "con") || !id.Valid(d.Org, "org") {
		return fault.New(fault.Invalid, "malformed_message", "This is no connection.")
	}
	hour := int64(now.Sub(d.At) / sentAgain)
	key := fmt.Sprintf("due %s %d %d", d.ID, d.At.Unix(), hour)
	return c.Write(ctx, table.Change{
		Action: access.ConnectionTend, Target: d.ID, Answer: struct{}{},
		Once:  access.Once{Key: key},
		Event: event.Event{Name: event.ConnectionDue},
	})
}
