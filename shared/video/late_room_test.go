package video_test

import (
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/table"
	"almanac/shared/video"
)

// The reply is lost, the appointment cancelled, and Zoom's list does not show the meeting yet: it is looked for until it
// must have come to light, and deleted. Where nothing was made, there is nothing, and the visit ends all the same.
func TestCreateLostNotListedAndCancelled(t *testing.T) {
	for kind, made := range map[string]int{zoomsim.LoseReply: 1, zoomsim.LoseRequest: 0} {
		t.Run(kind, func(t *testing.T) {
			h := newHouse(t)
			con := h.connect(t, h.subjects[0], zoomsim.Ada)
			apt := h.book(t, 0, tuesday)
			h.email(t, apt)
			h.fails(t, kind, 1, zoomsim.OpCreate)
			h.fails(t, zoomsim.StaleList, 2, zoomsim.OpList)
			refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
			h.cancel(t, apt)
			refused(t, h.video.Sync(t.Context(), h.job, apt.ID), "unavailable: outcome_unknown")
			h.stands(t, apt, video.Making, video.OutcomeUnknown)
			if n := len(h.there("")); n != made {
				t.Fatalf("%d meetings", n)
			}
			h.Clock.Pass(11 * time.Minute)
			h.sync(t, apt)
			h.stands(t, apt, video.Removed, "")
			if n := len(h.there("")); n != 0 || h.rows(t, con, table.Makings) != 0 {
				t.Errorf("%d meetings, %d rows", n, h.rows(t, con, table.Makings))
			}
		})
	}
}
