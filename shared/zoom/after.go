package zoom

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"almanac/shared/exchange"
)

const (
	// busyWait is how long is asked for where Zoom says that there were too many calls and not for how long.
	busyWait = time.Second
	// maxBusy is the longest that a passing limit holds for; what Zoom wants longer than that is a limit of the day.
	maxBusy = 5 * time.Minute
	// spread is over how long those come back who all wait for midnight.
	spread = 15 * time.Minute
)

// asked reads Retry-After: seconds, an ISO 8601 date as Zoom writes for limits of the day, or the date of RFC 9110.
// Garbage, the past and more than a day are not asked for.
func asked(header http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(header.Get("Retry-After"))
	const most = 25 * time.Hour
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds > int64(most/time.Second) {
			return 0, false
		}
		wait = time.Duration(seconds) * time.Second
	} else if at, ok := date(text); ok {
		wait = at.Sub(now)
	}
	return wait, wait > 0 && wait <= most
}

// date reads the ways of writing an instant that were seen. One without an offset is UTC, as all of Zoom's limits are.
func date(text string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05", time.DateOnly,
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	t, err := http.ParseTime(text)
	return t, err == nil
}

// tooMany tells how long to wait after an answer that there were too many calls, and whether it is the day's quota that
// is spent. The quota of creating and changing meetings is told by the text alone: its headers speak of another limit.
func tooMany(res exchange.Reply, text string, now time.Time) (time.Duration, bool) {
	wait, said := asked(res.Header, now)
	ofTheDay := spentToday(text) || res.Status == http.StatusMultipleChoices ||
		strings.EqualFold(res.Header.Get("X-RateLimit-Type"), "Daily-limit") || said && wait > maxBusy
	switch {
	case ofTheDay && said && wait > maxBusy:
		return wait + jitter(spread), true
	case ofTheDay:
		midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return midnight.Sub(now) + jitter(spread), true
	case said:
		return wait, false
	}
	return busyWait + jitter(busyWait), false
}

// spentToday tells whether the text of an answer is of the quota of a day, in the two forms that were seen.
func spentToday(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "daily rate limit") ||
		strings.Contains(text, "maximum") && strings.Contains(text, "in one day")
}

// jitter is a random time below most.
func jitter(most time.Duration) time.Duration { return rand.N(most) } //nolint:gosec // spreads load only
