package main

import (
	"context"
	"net/url"
	"sync"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/video"
)

// grants are the cases about what people grant: tokens that many need at once, and attacks on the way they are got.
func grants() []plan {
	return []plan{
		{
			name: "F12", what: "50 at once need a token that ran out or is dead: one refresh, nothing dropped",
			broken: "saves tokens without looking whether somebody else did", run: tokens,
		},
		{
			name: "A12", what: "attacks on connecting: states and codes of others, used, old, changed, elsewhere",
			broken: "does not ask which browser it was", run: states,
		},
	}
}

// many is how many need a token at once, in several processes.
const (
	many      = 50
	processes = 3
)

// tokens has many ask for a token at once.
func tokens(ctx context.Context, w *world) {
	if w.broken {
		w.strip = unconditional("CON")
	}
	w.connectAll(ctx)
	for range 3 {
		w.ask(ctx, w.book(ctx, 0))
	}
	con := w.account(ctx, 0)
	w.zoom.Forget()
	dead := w.draw.IntN(3) == 0
	w.clock.pass(61 * time.Minute)
	if dead {
		w.must(w.zoom.Kill("", w.user(0)))
	} else if w.draw.IntN(2) == 0 {
		w.fails(zoomsim.Unavailable, 1, zoomsim.OpRefresh) // the first try reaches nobody
	}
	got := w.race(ctx, con)
	w.judge(ctx, con, got, dead)
	if now := w.account(ctx, 0); now.State != connection.Linked && !dead {
		w.tally.missing("the connection is %s %s", now.State, now.Why)
	}
	if dead {
		w.connect(ctx, 0, w.user(0))
	}
	w.settle(ctx)
	w.verify(ctx)
}

// outcome is what one who asked for a token got.
type outcome struct {
	token string
	err   error
}

// race asks for the token of a connection, by many at once.
func (w *world) race(ctx context.Context, con connection.Connection) []outcome {
	var all [processes]process
	for i := range all {
		all[i] = w.newProcess()
	}
	got := make([]outcome, many)
	var wait sync.WaitGroup
	ready := make(chan struct{})
	for i := range got {
		wait.Go(func() {
			<-ready
			h := video.Host{Org: w.org, Subject: con.Subject, Connection: con.ID}
			for range 5 { // who is told that Zoom is away comes again
				a, err := all[i%processes].conns.Token(ctx, h, "")
				got[i] = outcome{a.Token, err}
				if !fault.Is(err, fault.Unavailable) {
					return
				}
			}
		})
	}
	close(ready)
	wait.Wait()
	return got
}

// judge looks at what those got who asked at once.
func (w *world) judge(ctx context.Context, con connection.Connection, got []outcome, dead bool) {
	refreshes := 0
	for _, r := range w.zoom.Requests(zoomsim.OpRefresh) {
		if r.Fault == "" {
			refreshes++
		}
	}
	if refreshes != 1 {
		w.tally.twice("%d refreshes for one token", refreshes)
	}
	different, told := map[string]bool{}, 0
	if dead {
		told = 1
	}
	for _, o := range got {
		if dead {
			if o.err == nil || fault.Of(o.err).Code != video.NeedsReauth {
				w.tally.amiss("a dead grant gives %v", o.err)
			}
			continue
		}
		if o.err != nil {
			w.tally.missing("somebody got no token: %v", o.err)
		}
		different[o.token] = true
	}
	if len(different) > 1 {
		w.tally.twice("%d different tokens", len(different))
	}
	if n := w.happened(ctx, con.ID, event.ConnectionLapsed); n != told {
		w.tally.twice("told %d times that the grant is dead, not %d", n, told)
	}
}

// attack is one way to have an account connected to whom it should not be.
type attack struct {
	name string
	do   func(ctx context.Context, w *world) connection.Callback
}

// attacks: the victim is the first clinician, who has begun; the attacker is the second, with a Zoom user of their own.
func attacks() []attack {
	back := func(w *world, b connection.Begun, q url.Values, user string) connection.Callback {
		return connection.Callback{State: q.Get("state"), Code: w.allow(user, q), Cookie: b.Cookie}
	}
	return []attack{
		{"the attacker's link in the victim's browser", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[1])
			cb := back(w, b, q, w.user(1))
			victims, _ := w.begin(ctx, w.subjects[0])
			cb.Cookie = victims.Cookie
			return cb
		}},
		{"without the browser", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			cb := back(w, b, q, w.user(1))
			cb.Cookie = ""
			return cb
		}},
		{"another code in the victim's browser", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			_, attackers := w.begin(ctx, w.subjects[1])
			return connection.Callback{State: q.Get("state"), Code: w.allow(w.user(1), attackers), Cookie: b.Cookie}
		}},
		{"too late", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			w.clock.pass(connection.PendingFor)
			return back(w, b, q, w.user(0))
		}},
		{"a changed state", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			cb := back(w, b, q, w.user(0))
			i := w.draw.IntN(len(cb.State))
			cb.State = cb.State[:i] + other(cb.State[i]) + cb.State[i+1:]
			return cb
		}},
		{"a state of nobody", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			cb := back(w, b, q, w.user(0))
			cb.State = []string{id.New("org"), "../..", "%00", q.Get("state") + "A"}[w.draw.IntN(4)]
			return cb
		}},
		{"from the marketplace", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			cb := back(w, b, q, w.user(0))
			cb.State = ""
			return cb
		}},
		{"declined, with a code all the same", func(ctx context.Context, w *world) connection.Callback {
			b, q := w.begin(ctx, w.subjects[0])
			cb := back(w, b, q, w.user(0))
			cb.Error = "access_denied"
			return cb
		}},
	}
}

func other(letter byte) string {
	if letter == 'A' {
		return "B"
	}
	return "A"
}

// states attacks in a random order, and connects honestly at last; what was used then serves nobody again.
func states(ctx context.Context, w *world) {
	all := attacks()
	for _, i := range w.draw.Perm(len(all)) {
		cb := all[i].do(ctx, w)
		if w.broken {
			cb.Cookie = w.cookies[cb.State]
		}
		for range 2 {
			if w.connects(ctx, cb) {
				w.tally.amiss("connected by %s", all[i].name)
			}
		}
		w.unconnected(ctx, all[i].name)
		w.clock.pass(connection.PendingFor)
	}
	b, q := w.begin(ctx, w.subjects[0])
	cb := connection.Callback{State: q.Get("state"), Code: w.allow(w.user(0), q), Cookie: b.Cookie}
	if !w.connects(ctx, cb) {
		w.tally.missing("the honest one was not connected")
	}
	before := w.account(ctx, 0)
	if w.connects(ctx, cb) {
		w.tally.twice("a state served twice")
	}
	if after := w.account(ctx, 0); after.Version != before.Version || after.User != w.user(0) {
		w.tally.amiss("a state that was used changed something")
	}
}

// connects tells whether somebody is connected by what a browser brings back.
func (w *world) connects(ctx context.Context, cb connection.Callback) bool {
	out, err := w.conns.Complete(ctx, cb)
	return err == nil && out.Code == connection.Connected
}

// unconnected looks for an account that was connected by an attack.
func (w *world) unconnected(ctx context.Context, name string) {
	for _, subject := range w.subjects {
		_, err := w.conns.Of(ctx, renewer(w.org), subject, connection.Own)
		if !fault.Is(err, fault.NotFound) {
			w.tally.amiss("%s: %s has an account: %v", name, subject, err)
		}
	}
	for _, u := range w.users {
		if _, err := w.table.WhoseIs(ctx, "zoom", u.AccountID+"#"+u.ID); !fault.Is(err, fault.NotFound) {
			w.tally.amiss("%s: a Zoom user is somebody's: %v", name, err)
		}
	}
}
