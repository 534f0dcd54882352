package main

import (
	"context"
	"sync"
)

// gossips is the case of things being told that are nobody's business. Its line is of all runs of all cases.
func gossips() []plan {
	return []plan{{
		name: "A14", what: "names, addresses, tokens and ways into calls searched for, in all runs",
		broken: "logs what Zoom answers", run: gossip, all: true,
	}}
}

// gossip lets everything happen to a visit of which something could be told.
func gossip(ctx context.Context, w *world) {
	w.chatty = w.broken
	w.connectAll(ctx)
	for i := range 3 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	for i, v := range w.visits {
		_, err := w.video.Join(ctx, w.visitor(), w.link(ctx, v))
		w.must(err)
		_, err = w.video.Start(ctx, w.by(ctx, w.subjects[i%2]), v.id)
		w.must(err)
		w.attend(ctx, v)
	}
	w.drain(ctx)
	w.verifyLater(ctx) // which makes dead letters
	w.fails(lossy()[w.draw.IntN(len(lossy()))], 1, "")
	for _, v := range w.visits {
		w.move(ctx, v, w.sometime(v), v.practitioner)
	}
	w.drain(ctx)
	w.must(w.zoom.Kill("", w.user(0))) // so that tasks are made, too
	w.settle(ctx)
	w.mend(ctx)
	w.settle(ctx)
	w.must(w.zoom.Uninstall("", w.user(1)))
	w.settle(ctx)
}

// searched sums up what was looked through in all runs.
type searched struct {
	mu                             sync.Mutex
	runs, canaries, size, findings int
}

// secrets looks for what was told in a run and should not have been.
func (w *world) secrets() {
	w.evidence.saw(inLogs, w.log.String())
	w.evidence.saw(inMessages, w.post.seen...)
	for _, l := range w.post.dead {
		w.evidence.saw(inMessages, l.body)
	}
	all, size := w.evidence.leaks()
	kinds := map[found]int{}
	for _, one := range all {
		kinds[one]++
	}
	for one, n := range kinds {
		w.tally.amiss("%s stands in %s: %d", one.what, one.where, n)
	}
	s := &w.searched
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs, s.canaries = s.runs+1, s.canaries+len(w.evidence.canaries)
	s.size, s.findings = s.size+size, s.findings+len(kinds)
}

// of makes a case's tally that of all runs.
func (s *searched) of(t *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.runs, t.wrong = s.runs, s.findings
	t.count("canaries", s.canaries)
	t.count("megabytes", s.size>>20)
}
