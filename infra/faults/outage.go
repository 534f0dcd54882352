package main

import (
	"context"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
)

const (
	tick = 5 * time.Minute // between two sweeps
	// outageTime is how long it lasts, and recovery within what time all must agree again.
	outageTime = 15 * time.Hour
	recovery   = time.Hour
	// notMore is how many times the calls of a steady hour an hour may have, in the outage and after it.
	notMore = 2
)

// outage goes through a steady day, an outage of 15 hours and the hour after it. Either Zoom is away, while the diary
// goes on; or we are, while hosts go on in Zoom, whose webhooks give up after 85 minutes.
func outage(ctx context.Context, w *world) {
	w.connectAll(ctx)
	for i := range 6 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	w.unswept = w.broken
	steady := w.busiest(ctx, 4, func(v *visit) { w.either(ctx, v) })
	w.drain(ctx)
	if w.draw.IntN(2) == 0 || w.broken {
		w.weAreAway(ctx)
	} else {
		w.zoomIsAway(ctx, steady)
	}
	after := w.busiest(ctx, 1, nil)
	w.tally.count("calls in a steady hour", steady)
	w.tally.count("calls in the hour after", after)
	w.verify(ctx)
	if allowed := notMore * max(steady, w.needed()); after > allowed {
		w.tally.amiss("%d calls in the hour after the outage, %d are allowed", after, allowed)
	}
}

// needed is what it takes to look at every room once, and at both accounts.
func (w *world) needed() int { return 3*len(w.visits) + 2*len(w.users) }

// either moves a visit in the diary or in Zoom.
func (w *world) either(ctx context.Context, v *visit) {
	if w.draw.IntN(2) == 0 {
		w.move(ctx, v, w.sometime(v), v.practitioner)
		return
	}
	stored, _ := w.stored(ctx, v)
	if stored.Acked.Sequence == w.appointment(ctx, v).Sequence { // else the diary's own is on its way, and wins
		w.edit(ctx, v, w.sometime(v), visitMinutes)
	}
}

// hour lets an hour pass, and tells how many calls Zoom got. act, where it is given, happens to a visit each twenty
// minutes.
func (w *world) hour(ctx context.Context, act func(*visit)) int {
	w.zoom.Forget()
	const step = 4 * tick
	for range time.Hour / step {
		if act != nil {
			act(w.visits[w.draw.IntN(len(w.visits))])
		}
		w.lapse(ctx, step)
	}
	return len(w.zoom.Requests())
}

// busiest is the number of calls of the busiest of so many hours.
func (w *world) busiest(ctx context.Context, hours int, act func(*visit)) int {
	most := 0
	for range hours {
		most = max(most, w.hour(ctx, act))
	}
	return most
}

// zoomIsAway has Zoom answer nothing while the diary goes on.
func (w *world) zoomIsAway(ctx context.Context, steady int) {
	w.fails(zoomsim.Unavailable, sandbox.Forever, "")
	moved, most := map[*visit]bool{}, 0
	for at := time.Duration(0); at < outageTime; at += time.Hour {
		calls := w.hour(ctx, func(v *visit) {
			if !moved[v] && w.draw.IntN(4) == 0 {
				moved[v] = true
				w.move(ctx, v, w.sometime(v), v.practitioner)
			}
		})
		most = max(most, calls)
		if allowed := notMore * max(steady, w.needed()); calls > allowed {
			w.tally.amiss("%d calls in an hour of the outage, %d are allowed", calls, allowed)
		}
	}
	w.tally.count("calls in the busiest hour of the outages", most)
	w.tally.count("outages of Zoom", 1)
	if n := len(w.post.dead); n > 0 {
		w.tally.missing("%d messages were given up for the outage", n)
	}
	w.zoom.Faults.Clear()
}

// weAreAway has nothing of ours run, not even the door, while hosts move and delete what they like.
func (w *world) weAreAway(ctx context.Context) {
	hook := w.zoom.Hook("")
	w.must(w.zoom.SetHook("", zoomsim.Hook{URL: deadEnd, Secret: hookSecret, NoCheck: true}))
	touched := map[*visit]bool{}
	for at := time.Duration(0); at < outageTime; at += tick {
		v := w.visits[w.draw.IntN(len(w.visits))]
		if at%time.Hour == 0 && !touched[v] {
			touched[v] = true
			if w.draw.IntN(4) == 0 {
				w.remove(ctx, v)
			} else {
				w.edit(ctx, v, w.sometime(v), visitMinutes)
			}
		}
		w.zoom.Flush(ctx)
		w.clock.pass(tick)
	}
	w.must(w.zoom.SetHook("", hook))
	w.tally.count("changes that nobody was told of", len(touched))
}

// deadEnd is an address where nobody listens.
const deadEnd = "http://127.0.0.1:9/nobody"
