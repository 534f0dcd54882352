package wall

import (
	"errors"
	"time"

	"almanac/shared/fault"
)

// Field reads a time that somebody sent in a field of a request, which a JSON pointer names: an instant with its
// offset or a local time of the zone, on the grid. What is wrong with it comes back as a detail for the refusal; a
// time that exists twice comes with both instants, each ready to be sent.
func Field(text, pointer string, zone *time.Location, grid time.Duration) (time.Time, *fault.Detail) {
	refuse := func(code, message string, choices ...string) (time.Time, *fault.Detail) {
		return time.Time{}, &fault.Detail{Code: code, Message: message, Pointer: pointer, Choices: choices}
	}
	at, err := Parse(text, zone)
	if twice, ok := errors.AsType[*TwiceError](err); ok {
		return refuse("time_twice", "The clocks go back then, and this local time exists twice, first in "+
			twice.Earlier.Format("MST")+", then in "+twice.Later.Format("MST")+". Say which: send it with its offset.",
			twice.Earlier.Format(time.RFC3339), twice.Later.Format(time.RFC3339))
	}
	if _, ok := errors.AsType[*SkippedError](err); ok {
		return refuse("time_skipped", "This local time does not exist: the clocks go forward past it.")
	}
	switch {
	case err != nil, at.Year() < 2000, at.Year() > 2099:
		return refuse("malformed_time",
			"Write a time as 2026-11-23T09:30 (at the site) or with an offset, 2026-11-23T09:30:00Z.")
	case !at.Truncate(grid).Equal(at):
		return refuse("off_grid", "A time must fall on a full five minutes.")
	}
	return at, nil
}
