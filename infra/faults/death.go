package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// deaths is the case in which processes die at each of their calls, to the table and to Zoom.
func deaths() []plan {
	return []plan{{
		name: "F8", what: "killed at every call to the table and to Zoom, before it and after it",
		broken: "never looks for what it may have made", run: dies, points: points,
	}}
}

// scenario is work that may die: ready does what comes before, and gives the work, which is done again until it is
// done.
type scenario struct {
	name  string
	ready func(ctx context.Context, w *world) func() error
}

func scenarios() []scenario {
	return []scenario{
		{"make", func(ctx context.Context, w *world) func() error {
			v := w.book(ctx, 0)
			w.ask(ctx, v)
			return w.syncing(ctx, v)
		}},
		{"move", func(ctx context.Context, w *world) func() error {
			v := w.ready(ctx, 0)
			w.move(ctx, v, w.sometime(v), 0)
			return w.syncing(ctx, v)
		}},
		{"another host", func(ctx context.Context, w *world) func() error {
			v := w.ready(ctx, 0)
			w.move(ctx, v, w.sometime(v), 1)
			return w.syncing(ctx, v)
		}},
		{"cancel", func(ctx context.Context, w *world) func() error {
			v := w.ready(ctx, 0)
			w.cancel(ctx, v)
			return w.syncing(ctx, v)
		}},
		{"moved in Zoom", func(ctx context.Context, w *world) func() error {
			v := w.ready(ctx, 0)
			w.drain(ctx)
			w.edit(ctx, v, w.sometime(v), 45)
			return w.telling(ctx)
		}},
		{"moved in Zoom to a time that is taken", func(ctx context.Context, w *world) func() error {
			v, other := w.ready(ctx, 0), w.ready(ctx, 0)
			w.drain(ctx)
			was := *v.expects
			w.edit(ctx, v, other.expects.start, visitMinutes)
			v.expects = &was
			return w.telling(ctx)
		}},
		{"deleted in Zoom", func(ctx context.Context, w *world) func() error {
			v := w.ready(ctx, 0)
			w.drain(ctx)
			w.remove(ctx, v)
			return w.telling(ctx)
		}},
		{"refresh", func(ctx context.Context, w *world) func() error {
			w.ready(ctx, 0)
			w.clock.pass(56 * time.Minute)
			con := w.account(ctx, 0)
			return func() error {
				_, err := w.conns.Token(ctx, video.Host{Org: w.org, Subject: w.subjects[0], Connection: con.ID}, "")
				return err
			}
		}},
		{"connect", connecting},
		{"look", looking},
	}
}

// account is the connection of a practitioner.
func (w *world) account(ctx context.Context, practitioner int) connection.Connection {
	con, err := w.conns.Of(ctx, renewer(w.org), w.subjects[practitioner], connection.Own)
	w.must(err)
	return con
}

func (w *world) syncing(ctx context.Context, v *visit) func() error {
	return func() error { return w.video.Sync(ctx, w.job(), v.id) }
}

// telling is the work on the notices that Zoom has sent by now.
func (w *world) telling(ctx context.Context) func() error {
	w.collect(ctx)
	var told []video.Notice
	for _, l := range w.post.waiting {
		if n, err := video.DecodeNotice(l.body); l.notice && err == nil {
			told = append(told, n)
		}
	}
	w.post.waiting = nil
	return func() error {
		for _, n := range told {
			if err := w.video.Observe(ctx, n); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return nil
	}
}

// looking is a look at an account in which things happened that nobody told.
func looking(ctx context.Context, w *world) func() error {
	v, gone := w.ready(ctx, 0), w.ready(ctx, 0)
	w.drain(ctx)
	w.must(w.zoom.SetHook("", zoomsim.Hook{}))
	w.edit(ctx, v, w.sometime(v), 20)
	w.remove(ctx, gone)
	w.clock.pass(settleStep)
	con := w.account(ctx, 0)
	return func() error { return w.video.Check(ctx, w.job(), con.ID) }
}

// connecting is a person who connects an account: whoever hears nothing begins again.
func connecting(ctx context.Context, w *world) func() error {
	v := w.ready(ctx, 0)
	w.must(w.zoom.Kill("", w.user(0))) // the grant died, and the visit waits
	w.move(ctx, v, w.sometime(v), 0)
	w.must(w.video.Sync(ctx, w.job(), v.id))
	begin := func() connection.Callback {
		b, q := w.begin(ctx, w.subjects[0])
		return connection.Callback{State: q.Get("state"), Code: w.allow(w.user(0), q), Cookie: b.Cookie}
	}
	cb := begin()
	anew := false
	return func() error {
		if anew { // only now: what Zoom gives a browser is good for minutes
			cb = begin()
		}
		out, err := w.conns.Complete(ctx, cb)
		if err != nil || out.Code == connection.Connected {
			return err
		}
		anew = true
		return fmt.Errorf("connecting came to %s", out.Code)
	}
}

// point is a call at which a process dies.
type point struct {
	scenario int
	at       int
	after    bool
}

// points counts the calls of each scenario: there is one run for each of them, before and after it.
func points(ctx context.Context, h *house, o options) (int, error) {
	h.points = nil
	for i := range scenarios() {
		w, err := h.newWorld(ctx, o.seed, 0, false)
		if err != nil {
			return 0, err
		}
		n := 0
		apart(func() {
			w.process = w.newProcess()
			w.connectAll(ctx)
			n = w.reaper.mortal(0, false, scenarios()[i].ready(ctx, w))
		}, nil)
		w.close()
		if w.err != nil {
			return 0, fmt.Errorf("%s: %w", scenarios()[i].name, w.err)
		}
		for at := 1; at <= n; at++ {
			h.points = append(h.points, point{i, at, false}, point{i, at, true})
		}
	}
	return (len(h.points) + o.deaths - 1) / o.deaths, nil
}

// dies has a process die at the point of this run's number, and others go on with its work.
func dies(ctx context.Context, w *world) {
	p := w.points[w.run*w.deaths%len(w.points)]
	s := scenarios()[p.scenario]
	if w.broken {
		w.provide = func(p video.Provider) video.Provider { return blind{p} }
		w.process = w.newProcess()
	}
	w.connectAll(ctx)
	work := s.ready(ctx, w)
	w.reaper.mortal(p.at, p.after, work)
	w.must(w.err)
	w.process = w.newProcess()
	var err error
	for range receives {
		w.clock.pass(visibility)
		if err = work(); err == nil || fault.Is(err, fault.Denied) {
			break
		}
	}
	if err != nil && !fault.Is(err, fault.Denied) && !fault.Is(err, fault.NotFound) {
		w.tally.amiss("%s, dead at call %d (after it: %t): nobody can go on: %v", s.name, p.at, p.after, err)
	}
	w.revive(ctx)
	w.settle(ctx)
	before := w.tally
	w.verify(ctx)
	w.verifyTasks(ctx, s.name)
	if !w.tally.good() && before.good() {
		w.tally.note("that was: %s, dead at call %d, after it: %t", []any{s.name, p.at, p.after})
	}
}

// revive connects accounts again whose grant was lost with a process that had it and had not saved it. That must have
// been told, once.
func (w *world) revive(ctx context.Context) {
	for i, subject := range w.subjects {
		con := w.account(ctx, i)
		if con.State != connection.NeedsReauth {
			continue
		}
		if n := w.happened(ctx, con.ID, event.ConnectionLapsed); n != 1 {
			w.tally.twice("%s was told %d times to connect again", subject, n)
		}
		w.tally.count("grants lost and made again", 1)
		w.connect(ctx, i, w.user(i))
	}
}

// happened counts the events of a name that a record has.
func (w *world) happened(ctx context.Context, target string, name event.Name) int {
	k, n := w.table.For(w.job()), 0
	rows, err := k.Under(ctx, k.Patient(target), table.Events) // any key of the target's partition will do
	w.must(err)
	for _, row := range rows {
		var e event.Event
		w.must(row.Decode(&e))
		if e.Name == name {
			n++
		}
	}
	return n
}

// verifyTasks looks whether the staff were told what they must see to, and nothing else, and each once.
func (w *world) verifyTasks(ctx context.Context, scenario string) {
	all, _, err := w.tasks.List(ctx, w.by(ctx, desk), "open", "", 100)
	w.must(err)
	var kinds []string
	for _, t := range all {
		if t.Kind != video.NeedsReauth { // those are counted with what was lapsed
			kinds = append(kinds, t.Kind)
		}
	}
	var want []string
	if scenario == "moved in Zoom to a time that is taken" {
		want = []string{video.TimeRefused}
	}
	if !slices.Equal(kinds, want) {
		w.tally.amiss("%s: the staff were told %v, not %v", scenario, kinds, want)
	}
}
