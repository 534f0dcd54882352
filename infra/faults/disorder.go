package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// disorders are the cases in which messages come otherwise than they were sent.
func disorders() []plan {
	return []plan{
		{
			name: "F5", what: "messages and notices twice, late and in any order, and all again after 14 days",
			broken: "does what a notice says, without looking", run: disorder,
		},
		{
			name: "F7", what: "webhooks replayed, signed anew, too old, and signed by another endpoint",
			broken: "takes the time of arrival for the time of the event", run: replays,
		},
		{
			name: "F17", what: "dead letters sent again twice, of a later version, and after an erasure",
			broken: "forgets whom it has erased", run: redrives,
		},
	}
}

// disorder has visits moved from one side each, so that it is known how each must end, while what is told of that comes
// in disorder; then everything is told again, and again when the visits are long over.
func disorder(ctx context.Context, w *world) {
	if w.broken {
		w.observe = w.obey
	}
	w.connectAll(ctx)
	for i := range 5 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	w.post.copies, w.post.delay = 10, 40*time.Minute
	for range 10 {
		w.oneSided(ctx)
		w.clock.pass(time.Duration(1+w.draw.IntN(25)) * time.Minute)
		w.collect(ctx)
		w.deliver(ctx, w.draw.IntN(6))
	}
	w.settle(ctx)
	w.verify(ctx)
	w.verifyTold(ctx)
	w.repeat(ctx, "at once")
	w.clock.pass(14 * 24 * time.Hour)
	made := len(w.zoom.Requests(zoomsim.OpCreate, zoomsim.OpUpdate, zoomsim.OpDelete))
	before := w.diaryNow(ctx)
	w.again()
	w.drain(ctx)
	if w.diaryNow(ctx) != before {
		w.tally.amiss("what was told again after 14 days changed the diary")
	}
	if n := len(w.zoom.Requests(zoomsim.OpCreate, zoomsim.OpUpdate, zoomsim.OpDelete)) - made; n > 0 {
		w.tally.twice("what was told again after 14 days changed Zoom %d times", n)
	}
}

// oneSided lets one thing happen. The first two visits are the diary's, the next two their hosts', and in the fifth
// people come and go.
func (w *world) oneSided(ctx context.Context) {
	v := w.visits[w.draw.IntN(len(w.visits))]
	cancelled := v.expects.cancelled
	switch {
	case cancelled:
	case v.n < 2 && w.draw.IntN(12) == 0:
		w.cancel(ctx, v)
	case v.n < 2:
		w.move(ctx, v, w.sometime(v), v.practitioner)
	case v.n < 4 && w.draw.IntN(12) == 0:
		w.remove(ctx, v)
	case v.n < 4:
		w.edit(ctx, v, w.sometime(v), 5*(3+w.draw.IntN(10)))
	default:
		w.attend(ctx, v)
	}
}

// attend lets a meeting take place: people come, wait, are let in and go.
func (w *world) attend(ctx context.Context, v *visit) {
	room := w.room(ctx, v)
	w.must(w.zoom.Start(room))
	for range 1 + w.draw.IntN(3) {
		p, err := w.zoom.Join(room, zoomsim.Guest{Name: family, Email: "canary@example.org"})
		w.must(err)
		w.clock.pass(time.Second)
		_ = w.zoom.Admit(room, p.UUID) // who is in already is not let in again
		w.clock.pass(time.Second)
		if w.draw.IntN(2) == 0 {
			w.must(w.zoom.Leave(room, p.UUID))
		}
	}
	w.must(w.zoom.End(room))
}

// again puts everything that ever was in the queues there twice more.
func (w *world) again() {
	seen := w.post.seen
	for _, body := range seen {
		text, notice := strings.CutPrefix(body, "!")
		for range 2 {
			w.post.waiting = append(w.post.waiting, &letter{body: text, notice: notice, due: w.clock.now()})
		}
	}
}

// repeat tells everything again, after which all must be as it was.
func (w *world) repeat(ctx context.Context, when string) {
	before := w.picture(ctx)
	w.again()
	w.drain(ctx)
	if after := w.picture(ctx); after != before {
		w.tally.amiss("what was told again %s changed something", when)
	}
}

// diaryNow is how the appointments stand.
func (w *world) diaryNow(ctx context.Context) string {
	var out strings.Builder
	for _, v := range w.visits {
		a := w.appointment(ctx, v)
		out.WriteString(strings.Join([]string{
			a.ID, string(a.Status), a.Start.String(), a.End.String(), strconv.FormatInt(a.Version, 10),
		}, " ") + "\n")
	}
	return out.String()
}

// verifyTold looks whether everything that Zoom told of the visits' rooms stands in their logs.
func (w *world) verifyTold(ctx context.Context) {
	for _, v := range w.visits {
		stored, _ := w.stored(ctx, v)
		log, err := w.video.Log(ctx, w.job(), v.id)
		w.must(err)
		there := map[string]bool{}
		for _, e := range log {
			if e.Source != video.Almanac {
				there[string(e.Kind)+e.At.String()+e.Participant] = true
			}
		}
		told := map[string]bool{}
		for _, body := range w.post.seen {
			text, ours := strings.CutPrefix(body, "!")
			n, err := video.DecodeNotice(text)
			if !ours || err != nil || n.Room != stored.Ref {
				continue
			}
			key := string(n.Kind) + n.At.UTC().Truncate(time.Millisecond).String() + n.Participant
			if !there[key] && !told[key] {
				w.tally.missing("visit %d: the log has no %s %s", v.n, n.Kind, text)
			}
			told[key] = true
		}
	}
}

// obey is a worker as they are often built: it does what a notice says.
func (w *world) obey(ctx context.Context, n video.Notice) error {
	for _, v := range w.visits {
		stored, _ := w.stored(ctx, v)
		if n.Kind != video.RoomUpdated || n.Start == nil || stored.Ref != n.Room {
			continue
		}
		apt, minutes := w.appointment(ctx, v), visitMinutes
		if n.Minutes != nil {
			minutes = *n.Minutes
		}
		_, err := w.diary.Follow(ctx, w.job(), v.id, apt.Version, *n.Start, minutes, nil)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Stale) {
			return nil
		}
		return err
	}
	return w.video.Observe(ctx, n)
}

// replays has webhooks come again in every way, after which all must be as it was.
func replays(ctx context.Context, w *world) {
	if w.broken {
		w.stamp = func(n *video.Notice) { n.At = time.Time{} }
	}
	w.connectAll(ctx)
	for i := range 3 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	w.edit(ctx, w.visits[0], w.sometime(w.visits[0]), 45)
	w.attend(ctx, w.visits[1])
	w.remove(ctx, w.visits[2])
	w.settle(ctx)
	w.verify(ctx)
	// Everything was told: the clock goes on, and it is told again.
	before, sent := w.picture(ctx), w.zoom.Deliveries(zoomsim.Delivered)
	for range 20 {
		d := sent[w.draw.IntN(len(sent))]
		status, err := w.zoom.Deliver(ctx, d.ID)
		w.must(err)
		w.answered("signed anew", status, http.StatusOK)
		w.clock.pass(time.Duration(w.draw.IntN(90)) * time.Second)
	}
	fresh := w.heard[len(w.heard)-20:]
	for range 10 {
		one := fresh[w.draw.IntN(len(fresh))]
		w.answered("replayed soon", w.replay(ctx, one, ""), http.StatusOK)
		w.answered("of another endpoint", w.replay(ctx, one, "of another endpoint"), http.StatusUnauthorized)
	}
	w.drain(ctx)
	w.clock.pass(2*time.Hour + time.Minute)
	for range 10 {
		w.answered("replayed late", w.replay(ctx, fresh[w.draw.IntN(len(fresh))], ""), http.StatusUnauthorized)
	}
	w.drain(ctx)
	if w.picture(ctx) != before {
		w.tally.amiss("a replay changed something")
	}
}

func (w *world) answered(what string, status, want int) {
	if status != want {
		w.tally.amiss("a webhook %s was answered %d, not %d", what, status, want)
	}
}

// replay sends a webhook again as it was, or signed with another secret, and tells the answer.
func (w *world) replay(ctx context.Context, h heard, secret string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.door.URL, bytes.NewReader(h.body))
	w.must(err)
	r.Header = h.header.Clone()
	if secret != "" {
		stamp, signature := zoomsim.Sign(secret, w.clock.now(), h.body)
		r.Header.Set("X-Zm-Request-Timestamp", stamp)
		r.Header.Set("X-Zm-Signature", signature)
	}
	res, err := w.door.Client().Do(r)
	w.must(err)
	_, err = io.Copy(io.Discard, res.Body)
	w.must(err)
	w.must(res.Body.Close())
	return res.StatusCode
}
