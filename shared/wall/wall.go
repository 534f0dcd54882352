// Package wall is the one place where local clock times become instants. Its rule: a time that a clock change skips
// is refused, one that it repeats is asked about, and nothing is shifted silently, as time.Date would.
package wall

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // the zones must be there wherever the binary runs
)

// Layout is how local times are written: RFC 3339 without an offset, to the minute.
const Layout = "2006-01-02T15:04"

// ErrMalformed says that a text is neither an RFC 3339 instant nor a local time in Layout.
var ErrMalformed = errors.New("malformed time")

// SkippedError says that a local time does not exist: the clocks go forward past it.
type SkippedError struct {
	Change time.Time // the instant at which the clocks change
}

// Error says so without the time that was given.
func (e *SkippedError) Error() string { return "this local time does not exist: the clocks go forward" }

// TwiceError says that a local time exists twice: the clocks go back over it.
type TwiceError struct {
	Earlier, Later time.Time // in the zone, so that their offsets tell them apart
}

// Error says so without the time that was given.
func (e *TwiceError) Error() string { return "this local time exists twice: the clocks go back" }

// Zone loads an IANA zone by name. "Local" and the empty name, which mean the machine's, are refused.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("zone: %w", ErrMalformed)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone: %w", ErrMalformed) // the text of err would echo the name
	}
	return z, nil
}

// Parse reads an RFC 3339 instant with an offset, or a local time of the zone. Errors: ErrMalformed, *SkippedError,
// *TwiceError.
func Parse(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(zone), nil
	}
	for _, layout := range []string{Layout, Layout + ":05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return resolve(t, zone)
		}
	}
	return time.Time{}, ErrMalformed
}

// resolve finds the instants whose wall clock in the zone reads what asUTC reads in UTC.
func resolve(asUTC time.Time, zone *time.Location) (time.Time, error) {
	var found []time.Time
	// Offsets in use just before and just after are the only ones it can be read with: no zone changes its clocks
	// twice within a day.
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := asUTC.Add(near).In(zone).Zone()
		at := asUTC.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, really := at.Zone(); really == offset && (len(found) == 0 || !found[0].Equal(at)) {
			found = append(found, at)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 2:
		if found[1].Before(found[0]) {
			found[0], found[1] = found[1], found[0]
		}
		return time.Time{}, &TwiceError{Earlier: found[0], Later: found[1]}
	}
	_, change := asUTC.Add(-24 * time.Hour).In(zone).ZoneBounds()
	return time.Time{}, &SkippedError{Change: change}
}

// Day is the instants at which a local date begins and the next one does. A midnight that does not exist or exists
// twice is taken as the first instant of the date.
func Day(date time.Time, zone *time.Location) (time.Time, time.Time) {
	return midnight(date, zone), midnight(date.AddDate(0, 0, 1), zone)
}

func midnight(date time.Time, zone *time.Location) time.Time {
	at, err := resolve(time.Date(date.Year(), date.Month(), date.Day(), 0, 0, 0, 0, time.UTC), zone)
	var skipped *SkippedError
	var twice *TwiceError
	switch {
	case errors.As(err, &skipped):
		return skipped.Change.In(zone)
	case errors.As(err, &twice):
		return twice.Earlier
	}
	return at
}

// Minutes is a time of day as minutes after midnight, 0 to 1440.
type Minutes int

// ParseClock reads "09:30"; "24:00" is the end of the day. Anything else is ErrMalformed.
func ParseClock(text string) (Minutes, error) {
	if text == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, ErrMalformed
	}
	return Minutes(t.Hour()*60 + t.Minute()), nil
}
