package main

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// A queue that does not answer is not waited for until Zoom gives up, three seconds after it began: it must hear that
// this was not taken.
func TestReceivePatience(t *testing.T) {
	b := newBench()
	b.put = func(ctx context.Context, _ ...string) error {
		end, bounded := ctx.Deadline()
		if left := time.Until(end); !bounded || left > 2600*time.Millisecond || left < time.Second {
			t.Errorf("the queue may take %v (%t)", left, bounded)
		}
		return context.DeadlineExceeded
	}
	if res := b.send(t, signed(joined, now)); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%+v", res)
	}
}
