package pump

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timing tells when a schedule is due.
type timing interface {
	// after is the first due time later than t; the zero time if there is none.
	after(t time.Time) time.Time
}

// parseTiming reads rate(…) and cron(…) of EventBridge Scheduler.
func parseTiming(expression, zone string) (timing, error) {
	location, err := time.LoadLocation(zone) // the empty zone is UTC
	if err != nil {
		return nil, fmt.Errorf("pump: schedule %s: %w", expression, err)
	}
	if inside, ok := cutFunction(expression, "rate"); ok {
		return parseRate(inside)
	}
	if inside, ok := cutFunction(expression, "cron"); ok {
		return parseCron(inside, location)
	}
	return nil, fmt.Errorf("pump: schedule %q is neither rate(…) nor cron(…)", expression)
}

func cutFunction(s, name string) (string, bool) {
	s, ok := strings.CutPrefix(s, name+"(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, ")")
}

// rate is due again and again after the same time.
type rate time.Duration

func parseRate(s string) (timing, error) {
	m := regexp.MustCompile(`^([1-9]\d{0,4}) (minute|hour|day)s?$`).FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("pump: rate(%s) is not known", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return nil, fmt.Errorf("pump: rate(%s): %w", s, err)
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
	return rate(time.Duration(n) * unit), nil
}

func (r rate) after(t time.Time) time.Time { return t.Add(time.Duration(r)) }

// cron is due at wall-clock times of a zone. A time that does not exist on the day that clocks go forward is left
// out; one that exists twice is due once, the first time.
type cron struct {
	minute, hour, day, month, weekday, year set
	zone                                    *time.Location
}

// set holds the numbers that a field allows; nil allows all.
type set map[int]bool

func (s set) has(n int) bool { return s == nil || s[n] }

func parseCron(s string, zone *time.Location) (timing, error) {
	f := strings.Fields(s)
	if len(f) != 6 {
		return nil, fmt.Errorf("pump: cron(%s) must have six fields", s)
	}
	if f[2] != "?" && f[4] != "?" && f[2] != "*" && f[4] != "*" {
		return nil, fmt.Errorf("pump: cron(%s): day of month or day of week must be ?", s)
	}
	c := cron{zone: zone}
	fields := []struct {
		to        *set
		low, high int
		names     string
	}{
		{&c.minute, 0, 59, ""},
		{&c.hour, 0, 23, ""},
		{&c.day, 1, 31, ""},
		{&c.month, 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
		{&c.weekday, 1, 7, "SUNMONTUEWEDTHUFRISAT"},
		{&c.year, 1970, 2199, ""},
	}
	for i, field := range fields {
		var err error
		if *field.to, err = parseField(f[i], field.low, field.high, field.names); err != nil {
			return nil, fmt.Errorf("pump: cron(%s): %w", s, err)
		}
	}
	return c, nil
}

// parseField reads a list of numbers, ranges and steps.
func parseField(s string, low, high int, names string) (set, error) {
	if s == "*" || s == "?" {
		return nil, nil //nolint:nilnil // the nil set allows all
	}
	out := set{}
	for part := range strings.SplitSeq(s, ",") {
		from, to, by, err := parsePart(part, low, high, names)
		if err != nil {
			return nil, err
		}
		for n := from; n <= to; n += by {
			out[n] = true
		}
	}
	return out, nil
}

// parsePart reads 5, 5-10, 5/10 or 5-50/10: where it begins, where it ends, and its step.
func parsePart(part string, low, high int, names string) (int, int, int, error) {
	span, step, stepped := strings.Cut(part, "/")
	first, last, ranged := strings.Cut(span, "-")
	from, err := parseNumber(first, low, high, names)
	if err != nil {
		return 0, 0, 0, err
	}
	to, by := from, 1
	if stepped {
		to = high
		if by, err = strconv.Atoi(step); err != nil || by < 1 {
			return 0, 0, 0, fmt.Errorf("step %s is not known", part)
		}
	}
	if ranged {
		if to, err = parseNumber(last, low, high, names); err != nil || to < from {
			return 0, 0, 0, fmt.Errorf("range %s is not known", part)
		}
	}
	return from, to, by, nil
}

func parseNumber(s string, low, high int, names string) (int, error) {
	if s == "*" {
		return low, nil
	}
	if i := strings.Index(names, strings.ToUpper(s)); len(s) == 3 && i >= 0 && i%3 == 0 {
		return i/3 + low, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not known, or not %d to %d", s, low, high)
	}
	return n, nil
}

// after walks forward: by hours while the day or the hour is wrong, by minutes otherwise.
func (c cron) after(t time.Time) time.Time {
	t = t.Truncate(time.Minute).Add(time.Minute)
	for end := t.AddDate(5, 0, 0); t.Before(end); {
		local := t.In(c.zone)
		dayOK := c.year.has(local.Year()) && c.month.has(int(local.Month())) && c.day.has(local.Day()) &&
			c.weekday.has(int(local.Weekday())+1)
		if !dayOK || !c.hour.has(local.Hour()) {
			t = t.Add(time.Duration(60-local.Minute()) * time.Minute)
			continue
		}
		if c.minute.has(local.Minute()) && !c.second(t) {
			return t
		}
		t = t.Add(time.Minute)
	}
	return time.Time{}
}

// second says whether the wall clock shows this time for the second time, after it was put back.
func (c cron) second(t time.Time) bool {
	_, now := t.In(c.zone).Zone()
	_, before := t.Add(-3 * time.Hour).In(c.zone).Zone()
	if before <= now {
		return false
	}
	earlier := t.Add(-time.Duration(before-now) * time.Second)
	return earlier.In(c.zone).Format("0201 1504") == t.In(c.zone).Format("0201 1504")
}

// NextDue reads a schedule's expression and returns the function that tells the first due time after another; the zero
// time if there is none.
func NextDue(expression, zone string) (func(after time.Time) time.Time, error) {
	t, err := parseTiming(expression, zone)
	if err != nil {
		return nil, err
	}
	return t.after, nil
}
