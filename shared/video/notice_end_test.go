package video_test

import (
	"testing"
	"time"

	"almanac/shared/clinictest"
)

// The worker dies at any call to the table while it takes in the end of a meeting, of which nothing else is told that
// would put it right: told again, nobody is taken to be there any more, and the log has it once.
func TestEndDiesAnywhere(t *testing.T) {
	t.Parallel()
	takes := some(t, 4)
	for n := int32(1); ; n++ {
		if !takes(int(n)) {
			continue
		}
		reached := false
		for _, after := range []bool{false, true} {
			var k killer
			h := newHeard(t, clinictest.Intercept(k.intercept))
			apt, m := h.ready(t, tuesday)
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
			h.hear(t)
			if !h.visit(t, apt).Live {
				t.Fatal("nobody is there")
			}
			h.Clock.Pass(time.Minute)
			if err := h.zoom.End(m.ID); err != nil {
				t.Fatal(err)
			}
			told := h.notices(t)
			k.arm(n, after)
			for _, notice := range told {
				_ = h.video.Observe(t.Context(), notice) // whoever dies says nothing
			}
			k.armed.Store(false)
			reached = reached || k.calls.Load() >= n
			for range 2 {
				h.tell(t, told...)
			}
			ended := 0
			for _, what := range h.log(t, apt) {
				if what == "ended" {
					ended++
				}
			}
			if h.visit(t, apt).Live || ended != 1 {
				t.Errorf("dead at %d (%t): live %t, the log has %v", n, after, h.visit(t, apt).Live, h.log(t, apt))
			}
		}
		if !reached {
			if n < 5 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
	}
}
