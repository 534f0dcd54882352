package table

import (
	"context"
	"time"
)

// Sleeping gives the queue with another way to let time pass: for tests whose clock is their own.
func (p *Pace) Sleeping(sleep func(ctx context.Context, d time.Duration) error) *Pace {
	t := *p.t
	t.sleep = sleep
	return &Pace{t: &t, name: p.name, now: p.now}
}
