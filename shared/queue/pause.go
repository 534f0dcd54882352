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
	// malformedPause is for what cannot be read: nothing is done about it, so it is a dead letter soon, for somebody to
	// look at.
	malformedPause = 2 * time.Second
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
// said when to ask again; the spread comes on top of that. What was refused for good waits as long as anything else:
// somebody may have been asked for it, and must not be asked thirty times in a minute. And for what other code wrote,
// that code may be there before long: functions are deployed one after the other, or are set back.
func pause(why *fault.Error, receives int) (time.Duration, time.Duration) {
	if why.Code == unreadable {
		return 0, malformedPause
	}
	return why.RetryAfter, why.RetryAfter + Pause(receives)
}
