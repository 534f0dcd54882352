package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"almanac/shared/fault"
	"almanac/shared/video"
)

// copiesEach is how often each event is delivered on the average, and at most.
const copiesEach = 10

// deliver tells so many events of Zoom's once in order, and in another world, in which all the same happened, ten times
// as many deliveries of them in disorder, eight at once. It prints what both came to.
func deliver(ctx context.Context, o options, out, progress io.Writer) (bool, error) {
	h, err := newHouse(ctx, o)
	if err != nil {
		return false, err
	}
	defer h.close(ctx)
	var states [2]string
	for i, disorder := range []bool{false, true} {
		w, err := h.newWorld(ctx, o.seed, i, false)
		if err != nil {
			return false, err
		}
		apart(func() {
			w.process = w.newProcess()
			if o.broken {
				w.observe = w.obey
			}
			told := w.happen(ctx, o.events)
			say(progress, "%d events", len(told))
			began := time.Now()
			sent := told
			if disorder {
				sent = w.disordered(told)
				w.many(ctx, sent)
				took := time.Since(began)
				say(out, "events %d", len(told))
				say(out, "deliveries %d", len(sent))
				say(out, "milliseconds %d", took.Milliseconds())
			} else {
				for _, n := range sent {
					w.must(w.observed(ctx, n))
				}
			}
			w.settle(ctx)
			w.verify(ctx)
			states[i] = w.state(ctx)
		}, nil)
		for _, note := range w.tally.notes {
			say(progress, "%s", note)
		}
		w.close()
		if w.err != nil || !w.tally.good() {
			return false, errors.Join(w.err, fmt.Errorf("%d findings", w.tally.lost+w.tally.duplicated+w.tally.wrong))
		}
	}
	say(out, "state once in order %s", states[0])
	say(out, "state in disorder %s", states[1])
	return states[0] == states[1], nil
}

// eventsEach is about how many events a visit of these has.
const eventsEach = 25

// happen lets about so many things happen in Zoom, and gives what it told of them, in order.
func (w *world) happen(ctx context.Context, events int) []video.Notice {
	w.connectAll(ctx)
	for i := range max(2, events/eventsEach) {
		w.ready(ctx, i%2)
		w.clock.pass(time.Minute)
	}
	w.drain(ctx)
	seen := len(w.post.seen)
	for n := 0; len(w.post.seen)-seen < events; n++ {
		v := w.visits[n%len(w.visits)]
		if w.draw.IntN(5) == 0 {
			w.attend(ctx, v)
		} else {
			w.edit(ctx, v, w.sometime(v), 5*(3+w.draw.IntN(10)))
		}
		w.clock.pass(time.Second)
		w.zoom.Flush(ctx)
	}
	for n, v := range w.visits {
		if n%9 == 8 {
			w.remove(ctx, v)
		}
	}
	w.zoom.Flush(ctx)
	w.post.waiting = nil
	var out []video.Notice
	for _, body := range w.post.seen[seen:] {
		if text, notice := strings.CutPrefix(body, "!"); notice {
			n, err := video.DecodeNotice(text)
			w.must(err)
			out = append(out, n)
		}
	}
	return out
}

// disordered gives ten times as many deliveries, of each event at least one and at most so many more, in any order.
func (w *world) disordered(told []video.Notice) []video.Notice {
	out := slices.Clone(told)
	for len(out) < copiesEach*len(told) {
		out = append(out, told[w.draw.IntN(len(told))])
	}
	w.draw.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// observed tells one notice until it is dealt with.
func (w *world) observed(ctx context.Context, n video.Notice) error {
	for {
		err := w.notices(ctx, n)
		switch {
		case err == nil, fault.Is(err, fault.NotFound):
			return nil
		case !fault.Is(err, fault.Unavailable) || ctx.Err() != nil:
			return err
		}
	}
}

// workers is how many work on notices at once.
const workers = 8

// many tells notices, several at once.
func (w *world) many(ctx context.Context, all []video.Notice) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := make(chan video.Notice)
	for range workers {
		wait.Go(func() {
			for n := range next {
				if err := w.observed(ctx, n); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for _, n := range all {
		next <- n
	}
	close(next)
	wait.Wait()
	w.must(failed)
}

// state is what everything came to, without the ids that are made at random.
func (w *world) state(ctx context.Context) string {
	h := sha256.New()
	for _, v := range w.visits {
		apt := w.appointment(ctx, v)
		stored, _ := w.stored(ctx, v)
		_, _ = fmt.Fprintln(h, v.n, apt.Status, apt.Start.Unix(), apt.End.Unix(), stored.State, stored.Why, stored.Ref,
			stored.Acked.Start.Unix(), stored.Acked.Minutes, stored.Live, stored.Linked) // a hash does not fail
		log, err := w.video.Log(ctx, w.job(), v.id)
		w.must(err)
		var lines []string
		for _, e := range log {
			if e.Source != video.Almanac {
				lines = append(lines, fmt.Sprintln(e.At.UnixMilli(), e.Kind, e.As))
			}
		}
		slices.Sort(lines)
		_, _ = fmt.Fprintln(h, lines)
	}
	const short = 8
	return hex.EncodeToString(h.Sum(nil)[:short])
}
