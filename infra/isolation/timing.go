package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// pace compares how long it takes to say that another organisation's record is not there, and that no record is.
type pace struct {
	routes, requests int
	worst            time.Duration
	route            string
	middle           time.Duration // the median of the routes' differences
}

// limitApart is how far apart the two may be.
const limitApart = 10 * time.Millisecond

func (p pace) print(r *report) {
	r.figure("routes whose times were compared", p.routes)
	say(r.out, "median difference of foreign and absent, of all routes %.2f ms", milliseconds(p.middle))
	r.atMost("largest difference of a route's medians", milliseconds(p.worst), milliseconds(limitApart), "ms")
	if p.worst > limitApart {
		say(r.out, "  %s", p.route)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rounds is how often a route is measured that seems to differ: other work on the computer can only make it so.
const rounds = 4

// times measures every route that names a record, in turns of the foreign one and the absent one.
func (h *house) times(ctx context.Context, pairs int, progress io.Writer) (pace, error) {
	var p pace
	var all []time.Duration
	began := time.Now()
	for _, rt := range h.routes {
		if len(rt.names) == 0 || pairs == 0 {
			continue
		}
		best := time.Duration(-1)
		for range rounds {
			apart, err := h.apart(ctx, rt, pairs)
			if err != nil {
				return p, fmt.Errorf("%s: %w", rt.row, err)
			}
			p.requests += 2 * pairs
			if best < 0 || apart < best {
				best = apart
			}
			if best < limitApart/2 {
				break
			}
		}
		p.routes++
		all = append(all, best)
		if best > p.worst {
			p.worst, p.route = best, rt.row
		}
	}
	slices.Sort(all)
	if len(all) > 0 {
		p.middle = all[len(all)/2]
	}
	say(progress, "times: %d routes, %d requests, %s", p.routes, p.requests, time.Since(began).Round(time.Second))
	return p, nil
}

// apart is the difference of the medians for one route.
func (h *house) apart(ctx context.Context, rt route, pairs int) (time.Duration, error) {
	who := h.own.staff[clinician]
	for _, role := range []string{clinician, manager, privacyOfficer} {
		if h.policy(rt.row).may([]string{role}) {
			who = h.own.staff[role]
			break
		}
	}
	took := map[place][]time.Duration{}
	for i := range pairs {
		both := []place{ofForeign, ofAbsent}
		if i%2 == 1 {
			slices.Reverse(both)
		}
		for _, p := range both {
			d := &draft{h: h, route: rt, who: who, at: h.own}
			d.pick = func(name, kind, of string) (string, error) {
				if name == rt.names[0] {
					return h.pick(ctx, d, p, name, kind, of, false)
				}
				return h.pick(ctx, d, ofOwn, name, kind, of, false)
			}
			q, err := d.request(ctx)
			if err != nil {
				return 0, err
			}
			got, err := h.send(ctx, q)
			if err != nil {
				return 0, err
			}
			took[p] = append(took[p], got.took)
		}
	}
	apart := middle(took[ofForeign]) - middle(took[ofAbsent])
	return max(apart, -apart), nil
}

func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
