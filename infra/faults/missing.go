package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/shared/video"
)

// losses are the cases in which messages never come, or so late that nobody waits for them any more.
func losses() []plan {
	return []plan{{
		name: "F5b", what: "notices of meetings lost, any of them, and told after all days later",
		broken: "does not read afterwards what took place", run: unheard,
	}}
}

// unheard has visits take place while some of what Zoom tells of that is lost. The logs must come to what was told and
// what was not, and stay so when that is told after all.
func unheard(ctx context.Context, w *world) {
	if w.broken {
		w.provide = func(p video.Provider) video.Provider { return oblivious{p} }
		w.process = w.newProcess()
	}
	w.connectAll(ctx)
	for i := range 4 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	var lost []*letter
	rooms := map[*visit]string{} // as they are called as long as anybody is told of them
	for _, v := range w.visits {
		rooms[v] = strconv.FormatInt(w.room(ctx, v), 10)
		w.clock.pass(w.appointment(ctx, v).Start.Sub(w.clock.now()))
		w.attend(ctx, v)
		w.collect(ctx)
		lost = append(lost, w.lose()...)
		w.deliver(ctx, w.draw.IntN(20))
	}
	w.tally.count("notices lost", len(lost))
	w.settle(ctx)
	w.verifyPresence(ctx, rooms, "were lost")
	w.clock.pass(time.Duration(w.draw.IntN(60)) * time.Hour)
	w.post.waiting = append(w.post.waiting, lost...)
	w.settle(ctx)
	w.verifyPresence(ctx, rooms, "came late")
	for _, v := range w.visits {
		w.verifyLog(ctx, v)
	}
}

// oblivious is a provider that can tell nothing of what took place.
type oblivious struct{ video.Provider }

// Capabilities says so.
func (o oblivious) Capabilities() video.Capabilities {
	c := o.Provider.Capabilities()
	c.History = false
	return c
}

// lose takes some of the notices of meetings out of the queues.
func (w *world) lose() []*letter {
	part := w.draw.IntN(5) // of four
	var lost []*letter
	w.post.waiting = slices.DeleteFunc(w.post.waiting, func(l *letter) bool {
		n, err := video.DecodeNotice(l.body)
		gone := l.notice && err == nil && n.Session != "" && w.draw.IntN(4) < part
		if gone {
			lost = append(lost, l)
		}
		return gone
	})
	return lost
}

// verifyPresence compares the comings and goings that are in the logs with all that Zoom ever told, or tried to.
func (w *world) verifyPresence(ctx context.Context, rooms map[*visit]string, what string) {
	for _, v := range w.visits {
		want, got := w.toldOf(rooms[v]), w.loggedOf(ctx, v)
		for key, n := range want {
			if got[key] < n {
				w.tally.missing("visit %d: of notices that %s, the log has %d of %d %s", v.n, what, got[key], n, key)
			}
		}
		for key, n := range got {
			if n > want[key] {
				w.tally.twice("visit %d: of notices that %s, the log has %d, not %d %s", v.n, what, n, want[key], key)
			}
		}
		if stored, _ := w.stored(ctx, v); stored.Live {
			w.tally.amiss("visit %d: of notices that %s, a meeting is under way for ever", v.n, what)
		}
	}
}

// toldOf counts the comings and goings in a room of which there ever was a notice.
func (w *world) toldOf(room string) map[string]int {
	out := map[string]int{}
	for _, body := range slices.Compact(slices.Sorted(slices.Values(w.post.seen))) {
		text, ours := strings.CutPrefix(body, "!")
		if n, err := video.DecodeNotice(text); ours && err == nil && n.Room == room {
			out[presence(n.Kind, n.Host, n.At)]++
		}
	}
	delete(out, "")
	return out
}

// loggedOf counts those in the log of a visit.
func (w *world) loggedOf(ctx context.Context, v *visit) map[string]int {
	log, err := w.video.Log(ctx, w.job(), v.id)
	w.must(err)
	out := map[string]int{}
	for _, e := range log {
		if e.Source != video.Almanac {
			out[presence(e.Kind, e.As == "host", e.At)]++
		}
	}
	delete(out, "")
	return out
}

// presence names a coming or going with its second; nothing for what cannot be read afterwards.
func presence(kind video.Kind, host bool, at time.Time) string {
	side := ""
	switch kind { //nolint:exhaustive // the others are of no meeting, or of its waiting room
	case video.MeetingBegan, video.MeetingEnded:
	case video.Joined, video.Left:
		if side = " guest"; host {
			side = " host"
		}
	default:
		return ""
	}
	return string(kind) + side + at.UTC().Format(" 15:04:05")
}
