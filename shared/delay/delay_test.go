package delay_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"almanac/shared/delay"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := delay.For(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("waited for %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if err := delay.For(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("whoever gave up after a second waited for %s: %v", time.Since(began), err)
		}
	})
}

func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if delay.Leaving(ctx, 8*time.Second, 3*time.Second) || time.Since(began) != 0 {
			t.Errorf("it waited for %s although too little would be left", time.Since(began))
		}
		if !delay.Leaving(ctx, 7*time.Second, 3*time.Second) || time.Since(began) != 7*time.Second {
			t.Errorf("it waited for %s", time.Since(began))
		}
		cancel()
		if delay.Leaving(ctx, time.Second, time.Second) {
			t.Error("it waited for somebody who was gone")
		}
		if !delay.Leaving(t.Context(), time.Hour, time.Hour) {
			t.Error("it did not wait although there was all the time in the world")
		}
		if delay.Leaving(delay.Once(t.Context()), time.Second, time.Second) {
			t.Error("it waited for a second try within Once")
		}
	})
}

func TestDrawn(t *testing.T) {
	const first, longest = 10 * time.Millisecond, 160 * time.Millisecond
	for again := 1; again < 9; again++ {
		limit := min(longest, first<<(again-1)) + time.Millisecond
		var low, high time.Duration = limit, 0
		for range 1000 {
			d := delay.Drawn(again, first, longest)
			low, high = min(low, d), max(high, d)
		}
		if low <= 0 || low > limit/5 || high > limit || high < limit*4/5 {
			t.Errorf("time %d: from %s to %s of %s", again, low, high, limit)
		}
	}
}
