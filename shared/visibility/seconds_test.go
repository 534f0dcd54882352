package visibility

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A time that is drawn is between the bounds, in whole seconds, and never longer than SQS can hide a message.
func TestSeconds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		least := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(r, "least"))
		spread := time.Duration(rapid.Int64Range(0, int64(5*time.Minute)).Draw(r, "spread"))
		got := time.Duration(seconds(least, least+spread)) * time.Second
		if got < 0 || got > longest || got >= least+spread+time.Second || got < min(least, longest-spread) {
			r.Fatalf("between %s and %s drew %s", least, least+spread, got)
		}
	})
}

// Those that failed together come back spread over all the time that there is, also where they were asked to stay away
// for longer than a queue can.
func TestSpread(t *testing.T) {
	for _, least := range []time.Duration{0, time.Minute, 24 * time.Hour} {
		const n, most = 3000, 300
		seen, early := map[int32]bool{}, 0
		from := int32(min(least, longest-most*time.Second) / time.Second)
		for range n {
			at := seconds(least, least+most*time.Second) - from
			seen[at] = true
			if at <= most/2 {
				early++
			}
		}
		if len(seen) < most*9/10 || early < n*4/10 || early > n*6/10 {
			t.Errorf("after %s: %d different times, %d of %d in the first half", least, len(seen), early, n)
		}
	}
}
