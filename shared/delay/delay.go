// Package delay waits before something is tried again. Its rule: nobody waits longer than whoever asked for it does.
package delay

import (
	"context"
	"math/rand/v2"
	"time"
)

// For waits for d. The error is that of a context that ended sooner.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type once struct{}

// Once has Leaving wait for nothing: what fails is not tried again at once by whoever was called, because whoever calls
// comes again by themselves, and later.
func Once(ctx context.Context) context.Context { return context.WithValue(ctx, once{}, true) }

// Leaving waits for d where after that at least so much of the time is left that there is. It is false, at once, where
// there is not, where the context ends, and within Once.
func Leaving(ctx context.Context, d, least time.Duration) bool {
	if ctx.Value(once{}) != nil {
		return false
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d+least {
		return false
	}
	return For(ctx, d) == nil
}

// Drawn is how long to wait before a try again, of which the first is 1: a random time below what doubles from first
// up to longest, so that those who failed together do not come back together.
func Drawn(again int, first, longest time.Duration) time.Duration {
	return rand.N(min(longest, first<<(again-1))) + time.Millisecond //nolint:gosec // spreads load only
}
