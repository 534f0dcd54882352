package main

import (
	"context"
	"time"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/video"
)

// silences are the cases in which Zoom does not answer, or not with what was asked for.
func silences() []plan {
	return []plan{
		{
			name: "F9", what: "answers lost while rooms are made, and lists that lag: one room each after the sweep",
			broken: "never looks for what it may have made", run: lostReplies,
		},
		{
			name: "F11", what: "429 and 5xx for one account: few calls, and the other account waits for nothing",
			broken: "takes all accounts for one", run: limits,
		},
		{
			name: "F26", what: "15 hours without Zoom or without us: all agrees in an hour, by at most twice the calls",
			broken: "relies on being told", run: outage,
		},
	}
}

// lossy are the ways in which the answer to a creation is lost; after the last three nothing was made.
func lossy() []string {
	return []string{
		zoomsim.LoseReply, zoomsim.CutOff, zoomsim.FailLate, zoomsim.HTML, zoomsim.Empty, zoomsim.NoJoinURL,
		zoomsim.LoseRequest, zoomsim.Fail, zoomsim.BadGateway,
	}
}

// lostReplies has rooms made while answers are lost.
func lostReplies(ctx context.Context, w *world) {
	if w.broken {
		w.provide = func(p video.Provider) video.Provider { return blind{p} }
		w.process = w.newProcess()
	}
	w.connectAll(ctx)
	for i := range 6 {
		v := w.book(ctx, i%2)
		w.ask(ctx, v)
	}
	w.collect(ctx)
	for range 8 {
		if w.draw.IntN(10) < 7 {
			w.fails(lossy()[w.draw.IntN(len(lossy()))], 1, zoomsim.OpCreate)
			w.tally.count("answers lost", 1)
		}
		if w.draw.IntN(10) < 3 {
			w.fails(zoomsim.StaleList, 2, zoomsim.OpList)
		}
		w.deliver(ctx, 1+w.draw.IntN(3))
		w.clock.pass(time.Duration(w.draw.IntN(100)) * time.Second)
		if w.draw.IntN(12) == 0 { // while it is not known whether there is a room
			w.cancel(ctx, w.visits[w.draw.IntN(len(w.visits))])
		}
	}
	w.zoom.Faults.Clear()
	w.settle(ctx)
	w.verify(ctx)
	w.tally.count("rooms made", len(w.zoom.Requests(zoomsim.OpCreate)))
}

// troubled are the ways in which Zoom says not now.
func troubled() []string {
	return []string{
		zoomsim.TooFast, zoomsim.AfterSecs, zoomsim.AfterNoise, zoomsim.AfterPast, zoomsim.Concurrent, zoomsim.Fail,
		zoomsim.BadGateway, zoomsim.Unavailable,
	}
}

// mostCalls is what reaches Zoom of an account in ten minutes in which it answers nothing: five until the circuit
// opens, one each half a minute to see, and what was on its way.
const mostCalls = 5 + 2*10 + 3

// limits has one account in trouble for ten minutes, while work goes on in both.
func limits(ctx context.Context, w *world) {
	if w.broken {
		w.tokens = together
		w.process = w.newProcess()
	}
	w.connectAll(ctx)
	for i := range 12 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	w.clock.pass(2 * time.Hour)
	w.refresh(ctx)
	w.fails(troubled()[w.draw.IntN(len(troubled()))], sandbox.Forever, w.user(0))
	w.zoom.Forget()
	for n := range 10 {
		for _, v := range w.visits { // of both accounts in turn
			if v.n/2%2 == n%2 {
				w.move(ctx, v, w.sometime(v), v.practitioner)
			}
		}
		w.collect(ctx)
		w.deliver(ctx, len(w.post.waiting))
		w.verifyUnhindered(ctx)
		w.clock.pass(time.Minute)
	}
	w.verifyCalls()
	w.zoom.Faults.Clear()
	w.settle(ctx)
	w.verify(ctx)
}

// refresh sees to it that both accounts have a token for an hour.
func (w *world) refresh(ctx context.Context) {
	for i := range w.subjects {
		con := w.account(ctx, i)
		_, err := w.conns.Token(ctx, video.Host{Org: w.org, Subject: con.Subject, Connection: con.ID}, "")
		w.must(err)
	}
}

// verifyUnhindered looks whether the account that is well has all that it was asked for.
func (w *world) verifyUnhindered(ctx context.Context) {
	for _, v := range w.visits {
		stored, _ := w.stored(ctx, v)
		if v.practitioner == 0 || stored.Why == video.TooManyMoves {
			continue
		}
		if stored.State != video.Ready || stored.Acked.Sequence < w.appointment(ctx, v).Sequence {
			w.tally.missing("visit %d (%s %s) waits for another account's trouble", v.n, stored.State, stored.Why)
		}
	}
}

// verifyCalls counts the calls for the account that is in trouble.
func (w *world) verifyCalls() {
	calls := 0
	for _, r := range w.zoom.Requests() {
		if r.User == w.user(0) {
			calls++
		}
	}
	w.tally.count("calls in trouble", calls)
	if calls > mostCalls {
		w.tally.amiss("%d calls went to an account in trouble, at most %d should", calls, mostCalls)
	}
}
