package main

import (
	"time"

	"almanac/shared/video"
)

// state is what a link leads to at one moment.
type state string

// The states. The log names them.
const (
	early     state = "early"     // it is not open yet
	preparing state = "preparing" // it is open, but there is no room to go to yet
	waiting   state = "waiting"   // there is a room, and the clinician is not in it yet
	open      state = "open"      // the clinician is there
	cancelled state = "cancelled"
	over      state = "over"
	expired   state = "expired" // so long ago that the link says nothing of it any more
)

const (
	opensBefore = 10 * time.Minute // the start
	closesAfter = time.Hour        // the end: visits run late
	keptFor     = 7 * 24 * time.Hour
)

// judge says what the invitation's link leads to now.
func judge(inv video.Invitation, now time.Time) state {
	switch {
	case !now.Before(inv.End.Add(keptFor)):
		return expired
	case inv.Cancelled:
		return cancelled
	case inv.Over, !now.Before(inv.End.Add(closesAfter)):
		return over
	case now.Before(inv.Start.Add(-opensBefore)):
		return early
	case !inv.RoomReady:
		return preparing
	case !inv.HostThere:
		return waiting
	}
	return open
}

// joinable tells whether there is somewhere to go. A patient may go in before the clinician: what says that the
// clinician is there can come late or never, and nobody must stand outside for that.
func (s state) joinable() bool { return s == waiting || s == open }

// coming tells whether the visit is still to be.
func (s state) coming() bool { return s == early || s == preparing || s.joinable() }
