package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// place is whose a record is, as the caller sees it.
type place string

const (
	ofOwn     place = "own"
	ofSibling place = "sibling clinic"
	ofForeign place = "foreign organisation"
	ofAbsent  place = "absent"
	ofClaimed place = "sibling clinic, claimed" // a patient
)

func places() []place { return []place{ofOwn, ofSibling, ofForeign, ofAbsent, ofClaimed} }

// cell is one square of the matrix: a route, a role, and one id of the request that points somewhere. All other ids are
// the caller's own. Where a route names no id, the organisation is what points somewhere.
type cell struct {
	route route
	role  string
	slot  string
	place place
}

// tried is how a cell was answered.
type tried struct {
	cell
	asked    asked
	expected verdict
	answer   answer
	finding  []string // what the answer should not have told
}

// leak is something that must not be, told without anybody's data.
type leak struct {
	route, who, whose, expected, got string
}

// tally is how the matrix was found.
type tally struct {
	cells, untried int
	leaks          []leak
	troubles       []string // why cells were not tried
	unlike         []string // routes that are served, documented and judged differently
	compared       int
	took           time.Duration
}

func (t tally) print(r *report) {
	r.exactly("routes undocumented or untested", len(t.unlike), 0)
	for _, line := range t.unlike {
		say(r.out, "  %s", line)
	}
	r.figure("cells tried", t.cells)
	r.exactly("cells not tried", t.untried, 0)
	for _, line := range t.troubles {
		say(r.out, "  %s", line)
	}
	r.figure("foreign and absent answers compared", t.compared)
	r.exactly("cells that leak", len(t.leaks), 0)
	r.leaks(t.leaks)
	r.figure("seconds for the matrix", int(t.took.Seconds()))
}

// cells lists the squares of the matrix. Which ids a request has is found out by making one.
func (h *house) cells(ctx context.Context, rt route) ([]cell, error) {
	d := &draft{h: h, route: rt, who: h.own.org.boss, at: h.own}
	d.pick = func(name, kind, of string) (string, error) { return h.pick(ctx, d, ofOwn, name, kind, of, false) }
	if _, err := d.request(ctx); err != nil {
		return nil, err
	}
	inPath := len(rt.names) > 0
	var out []cell
	for _, role := range roles() {
		for _, p := range places() {
			if !inPath && p != ofClaimed {
				out = append(out, cell{rt, role, "", p})
			}
			for i, s := range d.slots {
				if s.varies(p, inPath && i == 0) && (p != ofClaimed || claimable(rt)) {
					out = append(out, cell{rt, role, s.name, p})
				}
			}
		}
	}
	return out, nil
}

// varies tells whether the slot makes a cell of its own with a record of the place. With all of the caller's own it is
// the cell of the first slot; and what a site is set up with goes together, so that it is a sibling's as a whole.
func (s slot) varies(p place, first bool) bool {
	switch p {
	case ofOwn:
		return first
	case ofSibling:
		return s.inPath || s.kind == kindPatient
	case ofClaimed:
		return s.kind == kindPatient
	case ofForeign, ofAbsent:
	}
	return true
}

// claimable tells whether the route is asked for patients whom the caller has claimed: not where only the one whose
// number is verified will do, whom a claim would change for the cells that follow.
func claimable(rt route) bool {
	return !strings.Contains(rt.pattern, "/record-views") && !strings.HasSuffix(rt.pattern, "/trace")
}

// changes tells whether the route leaves a patient other than the cells after it expect: ended, or related already.
func changes(rt route) bool {
	return strings.HasSuffix(rt.pattern, "merge") || strings.HasSuffix(rt.pattern, "/relationships")
}

// pick gives the id of a record of the place.
func (h *house) pick(ctx context.Context, d *draft, p place, name, kind, of string, fresh bool) (string, error) {
	g := d.at
	switch p {
	case ofAbsent:
		return absent(g.org.id, kind), nil
	case ofSibling, ofClaimed:
		g, of = h.sibling, ""
	case ofForeign:
		g, of = h.foreign, ""
	case ofOwn:
		if of == "" {
			break
		}
		f, ok := h.oracle.fact(of)
		if !ok {
			return newID(kind), nil // part of a patient who does not exist
		}
		g = h.ground(f)
	}
	if one := g.fixture(kind); one != "" && (!fresh || !d.route.begins(name)) {
		return one, nil
	}
	if one, ok, err := h.special(ctx, d, p, g, kind, fresh); ok {
		return one, err
	}
	if fresh {
		return h.fresh(ctx, g, kind, of, d.who)
	}
	return h.stock(ctx, g, kind, of)
}

// special gives what is not made anew whenever it is needed, and tells whether it is that.
func (h *house) special(
	ctx context.Context, d *draft, p place, g *ground, kind string, fresh bool,
) (string, bool, error) {
	var one string
	var err error
	switch {
	case unlisted(kind):
		one, err = h.open(ctx, d, p, g, kind)
	case p == ofClaimed && kind == kindPatient:
		one, err = h.claimed(ctx, d.who, changes(d.route))
	case kind == kindView: // who made it may open it once
		one, err = h.fresh(ctx, g, kind, g.traced.viewable, d.who)
	case kind == kindPatient && strings.Contains(d.route.pattern, "/record-views"):
		one = g.traced.viewable
	case kind == kindReview:
		one, err = g.review(fresh)
	case kind == kindUpload && strings.HasSuffix(d.route.pattern, "/report"):
		one, err = g.report(func() (string, error) { return h.checked(ctx, g) })
	default:
		return "", false, nil
	}
	return one, true, err
}

// open gives what is for whoever has it. Another organisation's is one of that organisation's with the name of the
// caller's put into it: as it is it would lead somewhere, for everybody.
func (h *house) open(ctx context.Context, d *draft, p place, g *ground, kind string) (string, error) {
	switch {
	case kind == kindState && p == ofForeign:
		state, err := h.returning(ctx, g)
		return swapped(state, d.at.org.id), err
	case kind == kindState:
		return h.returning(ctx, g)
	case p == ofForeign:
		return h.another(ctx, g, d.at.org.id)
	}
	return h.link(ctx, g)
}

// ground is the site that a record is of.
func (h *house) ground(f fact) *ground {
	for _, o := range h.orgs {
		for _, g := range o.sites {
			if g.id == f.site {
				return g
			}
		}
	}
	return h.own
}

// fixture is the site's own record of a kind, where it has one.
func (g *ground) fixture(kind string) string {
	switch kind {
	case kindSite:
		return g.id
	case kindRoom:
		return g.room
	case kindService:
		return g.service
	case kindPractitioner:
		return g.practitioner
	}
	return ""
}

// try asks what the cell asks, and judges the answer.
func (h *house) try(ctx context.Context, c cell) (tried, error) {
	out, q, err := h.prepare(ctx, c)
	if err != nil {
		return out, err
	}
	return h.carry(ctx, out, q)
}

// prepare makes the request of a cell, with all that it is about.
func (h *house) prepare(ctx context.Context, c cell) (tried, request, error) {
	out := tried{cell: c}
	d, org := h.draft(ctx, c)
	q, err := d.request(ctx)
	if err != nil {
		return out, q, err
	}
	if org != "" {
		q.header["Almanac-Organisation"] = org
	}
	out.asked = asked{row: c.route.row, who: d.who, org: org, slots: d.slots}
	out.expected = h.oracle.judge(out.asked)
	return out, q, nil
}

// carry sends the request of a cell.
func (h *house) carry(ctx context.Context, out tried, q request) (tried, error) {
	var err error
	if out.answer, err = h.send(ctx, q); err != nil {
		return out, err
	}
	out.finding = h.inspect(out.asked, out.answer)
	h.follow(out.asked, out.answer)
	return out, nil
}

// draft begins the request of a cell, and tells which organisation it names.
func (h *house) draft(ctx context.Context, c cell) (*draft, string) {
	rule := h.policy(c.route.row)
	d := &draft{h: h, route: c.route, who: h.own.staff[c.role], at: h.own}
	if rule.operator() && c.place == ofOwn && c.role == nobody {
		d.who = h.operator // the one who may
	}
	org := ""
	switch {
	case c.slot != "":
	case c.place == ofSibling:
		d.at = h.sibling
	case c.place == ofForeign:
		org = h.foreign.org.id
	case c.place == ofAbsent:
		org = newID(kindOrganisation)
	}
	changes := !c.route.reads() && rule.may(d.who.posts[h.own.org.id].roles)
	d.pick = func(name, kind, of string) (string, error) {
		p := ofOwn
		if name == c.slot {
			p = c.place
		}
		return h.pick(ctx, d, p, name, kind, of, changes && (p == ofOwn || p == ofSibling))
	}
	return d, org
}

// leaks judges how a cell was answered.
func (t tried) leaks() []leak {
	var out []leak
	add := func(got string) {
		whose := string(t.place)
		if t.slot != "" {
			whose = t.slot + " of " + whose
		}
		out = append(out, leak{t.route.row, t.role, whose, string(t.expected), got})
	}
	if !t.expected.holds(t.answer.status, t.route.success) {
		add(t.answer.told())
	}
	for _, f := range t.finding {
		add(f)
	}
	return out
}

// holds tells whether the status is what the verdict asks for.
func (v verdict) holds(status, success int) bool {
	refusal := status >= http.StatusBadRequest && status < http.StatusInternalServerError
	switch v {
	case allow:
		return status == success
	case denied:
		return status == http.StatusForbidden
	case missing:
		return status == http.StatusNotFound
	case unknown:
		return status == http.StatusUnauthorized
	case unsettled:
		return status == success || status == http.StatusForbidden
	case refused:
		return refusal && status != http.StatusUnauthorized
	}
	return false
}

// matrix tries every cell, or some of them. What the foreign and the absent record are answered with must be the same
// to the byte.
func (h *house) matrix(ctx context.Context, share float64, draw *rand.Rand, progress io.Writer) (tally, error) {
	t := tally{unlike: unlike(h.routes, served(h.stack.Template), h.oracle.policy, h.made)}
	began, said := time.Now(), time.Now()
	wanted := func() bool { return draw.Float64() < math.Sqrt(share) } // of the routes, and then of their cells
	for i, rt := range h.routes {
		if !wanted() {
			continue
		}
		err := h.tracingFor(ctx, rt, func() error { return h.row(ctx, rt, &t, wanted) })
		if ctx.Err() != nil {
			return t, ctx.Err()
		}
		if err != nil {
			t.untried++
			t.troubles = append(t.troubles, fmt.Sprintf("%s: %v", rt.row, err))
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			say(progress, "matrix: %d of %d routes, %d cells, %d leaks, %s", i+1, len(h.routes), t.cells, len(t.leaks),
				time.Since(began).Round(time.Second))
		}
	}
	t.took = time.Since(began)
	return t, nil
}

// row tries the cells of one route that are wanted.
func (h *house) row(ctx context.Context, rt route, t *tally, wanted func() bool) error {
	all, err := h.cells(ctx, rt)
	if err != nil {
		return err
	}
	twins := map[string]tried{}
	for _, c := range all {
		if !wanted() {
			continue
		}
		got, err := h.try(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			t.untried++
			t.trouble(c, err)
			continue
		}
		t.cells++
		t.leaks = append(t.leaks, got.leaks()...)
		t.compare(twins, got)
	}
	return nil
}

// tracingFor does something for a route with tracing on, if that is what the route is about.
func (h *house) tracingFor(ctx context.Context, rt route, do func() error) error {
	if !strings.HasSuffix(rt.pattern, "/trace") {
		return do()
	}
	if err := h.tracing(ctx, true); err != nil {
		return err
	}
	return errors.Join(do(), h.tracing(ctx, false))
}

const maxTroubles = 40

func (t *tally) trouble(c cell, err error) {
	line := fmt.Sprintf("%s, %s of %s: %v", c.route.row, c.slot, c.place, err)
	if len(t.troubles) < maxTroubles && !slices.Contains(t.troubles, line) {
		t.troubles = append(t.troubles, line)
	}
}

// same is the answer without the link that was asked for, which the page it leads to has in its address.
func (t tried) same() string {
	text := t.answer.stable()
	for _, s := range t.asked.slots {
		if s.kind == kindLink {
			text = strings.ReplaceAll(text, s.id, "…")
		}
	}
	return text
}

// compare holds the foreign answer and the absent one together.
func (t *tally) compare(twins map[string]tried, got tried) {
	if got.place != ofForeign && got.place != ofAbsent {
		return
	}
	key := got.role + " " + got.slot
	twin, ok := twins[key]
	if !ok {
		twins[key] = got
		return
	}
	t.compared++
	if twin.same() != got.same() {
		t.leaks = append(t.leaks, leak{
			got.route.row, got.role, got.slot + " of foreign organisation and absent", "the same answer",
			twin.answer.told() + " and " + got.answer.told(),
		})
	}
}
