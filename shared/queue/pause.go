package queue

import (
	"time"

	"almanac/shared/fault"
)

const (
	// firstPause doubles with each time that a message was received, up to longestPause: what was taken for a moment is
	// there again soon, and what is away for long is not asked for more often than people would try.
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	// refusedPause is for what can never succeed: it is a dead letter soon, for somebody to look at.
	refusedPause = 2 * time.Second
	// foreignPause is for what other code wrote: while functions are deployed one after the other, the code that can
	// read it may be a moment away.
	foreignPause = 30 * time.Second
)

// Pause is how long a message that failed is hidden at the most after it was received so often. It comes back at a time
// between none and that, which makes half of it to be expected.
func Pause(receives int) time.Duration {
	p := firstPause
	for range receives {
		if p *= 2; p >= longestPause {
			return longestPause
		}
	}
	return p
}

// pause gives the shortest and the longest time after which a message that failed comes again. Who refused it may have
// said when to ask again; the spread comes on top of that.
func pause(why *fault.Error, outcome string, receives int) (time.Duration, time.Duration) {
	switch {
	case why.Code == unknownVersion, why.Code == unknownName:
		return 0, foreignPause
	case outcome == refused:
		return 0, refusedPause
	}
	return why.RetryAfter, why.RetryAfter + Pause(receives)
}
