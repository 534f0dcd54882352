package main

import (
	"context"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/connection"
	"almanac/shared/video"
)

// bothWays is the case in which everything happens on both sides at once.
func bothWays() []plan {
	return []plan{{
		name: "both", what: "changes of all sorts and faults in diary and Zoom at once, told in disorder",
		broken: "goes by what it read of a room before", run: both,
	}}
}

// both lets anything happen anywhere, without waiting for what happened before to come across. In the end all must
// agree, whoever won.
func both(ctx context.Context, w *world) {
	if w.broken {
		w.provide = func(p video.Provider) video.Provider { return believing{p, map[string]video.Room{}} }
		w.process = w.newProcess()
	}
	w.connectAll(ctx)
	for i := range 4 {
		w.ready(ctx, i%2)
	}
	w.visits[3].n = w.visits[2].n // two on one day, who may want the same time
	w.drain(ctx)
	w.post.copies, w.post.delay = 3, 30*time.Minute
	for range 16 {
		w.anything(ctx)
		if w.draw.IntN(3) > 0 {
			w.clock.pass(time.Duration(1+w.draw.IntN(40)) * time.Minute)
		}
		w.collect(ctx)
		w.deliver(ctx, w.draw.IntN(5))
	}
	for _, v := range w.visits {
		v.expects = nil // whoever won
	}
	w.zoom.Faults.Clear()
	w.mend(ctx)
	w.settle(ctx)
	w.mend(ctx) // what was found out only then
	w.settle(ctx)
	w.verify(ctx)
}

// mend connects those accounts again that must be.
func (w *world) mend(ctx context.Context) {
	for i := range w.subjects {
		if w.account(ctx, i).State == connection.NeedsReauth {
			w.connect(ctx, i, w.user(i))
		}
	}
}

// trouble lets a call to Zoom go wrong, or a grant die.
func (w *world) trouble(ctx context.Context) {
	if w.draw.IntN(6) > 0 {
		ops := []string{zoomsim.OpCreate, zoomsim.OpGet, zoomsim.OpUpdate, zoomsim.OpDelete, zoomsim.OpList}
		w.fails(lossy()[w.draw.IntN(len(lossy()))], 1, ops[w.draw.IntN(len(ops))])
		return
	}
	i := w.draw.IntN(len(w.subjects))
	w.must(w.zoom.Kill("", w.user(i)))
	if w.draw.IntN(2) == 0 {
		w.connect(ctx, i, w.user(i))
	}
}

// anything lets one thing happen to one visit.
func (w *world) anything(ctx context.Context) {
	v := w.visits[w.draw.IntN(len(w.visits))]
	switch w.draw.IntN(20) {
	case 0:
		w.cancel(ctx, v)
	case 1:
		w.remove(ctx, v)
	case 2, 3:
		w.move(ctx, v, w.sometime(v), 1-v.practitioner)
	case 4:
		w.ask(ctx, v)
	case 5, 6, 7, 8:
		w.move(ctx, v, w.sometime(v), v.practitioner)
	case 9:
		w.edit(ctx, v, w.sometime(v).Add(time.Duration(w.draw.IntN(5))*time.Minute), 5+w.draw.IntN(60)) // off the grid
	case 10, 11, 12:
		w.trouble(ctx)
	default:
		w.edit(ctx, v, w.sometime(v), 5*(2+w.draw.IntN(12)))
	}
}
