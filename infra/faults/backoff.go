package main

import (
	"context"
	"slices"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/queue"
)

const (
	// troubleTime is how long an account answers nothing. No message is given up for that.
	troubleTime = 30 * time.Minute
	// catchUp is when all that waited must be done: after the next look at the account, which the next sweep begins.
	catchUp = 5*time.Minute + tick + time.Minute
	// asks is more than the longest that is asked for here: 30 seconds, of an account whose circuit is open.
	asks = time.Minute
	// zoomAsks is how long the stand-in says to wait where it says so.
	zoomAsks = 7 * time.Second
	// crowd is the time in which not all that failed together may come back. That they do by chance is a matter of one
	// in a hundred thousand runs.
	crowd = 50 * time.Millisecond
	// settled is from which try on pauses are long enough for that.
	settled = 3
)

// failure is one time that a message failed.
type failure struct {
	letter   *letter
	receives int
	at, due  time.Time
	reached  bool // Zoom was asked, and refused
}

// asked is the shortest pause that was asked for: by Zoom, or by the circuit of the account, which was open then.
func (f failure) asked(kind string) time.Duration {
	switch {
	case !f.reached:
		return time.Second
	case kind == zoomsim.AfterSecs:
		return zoomAsks
	}
	return 0
}

// patience has one account in trouble for half an hour, and looks when what failed comes again.
func patience(ctx context.Context, w *world) {
	w.connectAll(ctx)
	for i := range 8 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	w.refresh(ctx)
	w.post.fixed = w.broken
	// Of what Zoom can say, these are what the process itself waits for least, which would be in real time.
	kind := []string{zoomsim.AfterSecs, zoomsim.Unavailable}[w.draw.IntN(2)]
	w.fails(kind, sandbox.Forever, w.user(0))
	for _, v := range w.visits {
		w.move(ctx, v, w.sometime(v), v.practitioner)
	}
	w.post.failures = nil
	w.lapse(ctx, troubleTime)
	w.verifyUnhindered(ctx)
	w.verifyPauses(kind)
	w.zoom.Faults.Clear()
	w.lapse(ctx, catchUp)
	for _, v := range w.visits {
		if stored, _ := w.stored(ctx, v); stored.Acked.Sequence < w.appointment(ctx, v).Sequence {
			w.tally.missing("visit %d (%s) waits %s after the trouble is over", v.n, stored.Why, catchUp)
		}
	}
	if n := len(w.post.dead); n > 0 {
		w.tally.missing("%d messages were given up for %s of trouble", n, troubleTime)
	}
	w.settle(ctx)
	w.verify(ctx)
}

// lapse lets time pass, in which each message is delivered at its own time, and a sweep runs at each tick.
func (w *world) lapse(ctx context.Context, d time.Duration) {
	until, sweep := w.clock.now().Add(d), w.clock.now().Truncate(tick).Add(tick)
	for {
		w.must(ctx.Err())
		w.collect(ctx)
		if w.deliver(ctx, len(w.post.waiting)) > 0 {
			continue
		}
		at := until
		if next := w.next(); len(w.post.waiting) > 0 && next.Before(at) {
			at = next
		}
		if sweep.Before(at) {
			at = sweep
		}
		w.clock.pass(at.Sub(w.clock.now()))
		switch {
		case at.Equal(sweep):
			sweep = sweep.Add(tick)
			if !w.unswept {
				w.sweep(ctx)
			}
		case at.Equal(until):
			return
		}
	}
}

// verifyPauses looks whether what failed came again as it should: never before it was to, never later than after the
// longest pause, and not all at once.
func (w *world) verifyPauses(kind string) {
	letters := map[*letter]bool{}
	for _, f := range w.post.failures {
		letters[f.letter] = true
	}
	var back []time.Time
	early, late := 0, 0
	for _, f := range w.post.failures {
		wait := f.due.Sub(f.at)
		if wait < f.asked(kind) {
			early++
		}
		if wait > queue.Pause(f.receives)+asks {
			late++
		}
		if f.receives >= settled {
			back = append(back, f.due)
		}
	}
	if len(letters) < 2 { // then there is nothing to look at
		w.tally.amiss("only %d messages failed", len(letters))
		return
	}
	if early+late > 0 {
		w.tally.amiss("%d times a message came again sooner than was asked, %d times later than it may", early, late)
	}
	if crowded(back, len(letters)) {
		w.tally.amiss("all %d messages come again within %s", len(letters), crowd)
	}
	w.tally.count("tries in trouble", len(w.post.failures))
}

// crowded tells whether so many times are within a crowd's.
func crowded(times []time.Time, n int) bool {
	slices.SortFunc(times, time.Time.Compare)
	for i := n - 1; i < len(times); i++ {
		if times[i].Sub(times[i-n+1]) < crowd {
			return true
		}
	}
	return false
}

// failed notes that a message failed, and when it comes again.
func (w *world) failed(l *letter, asked int) {
	w.post.failures = append(w.post.failures, failure{
		letter: l, receives: l.receives, at: w.clock.now(), due: l.due, reached: len(w.zoom.Requests()) > asked,
	})
}

// backoffs are the cases of what the queues do meanwhile.
func backoffs() []plan {
	return []plan{{
		name: "F11b", what: "half an hour of 429 or 5xx: messages wait as they were asked, ever longer, and apart",
		broken: "leaves it to the visibility of the queue", run: patience,
	}}
}
