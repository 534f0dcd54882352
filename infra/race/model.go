package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"almanac/shared/booking"
	"almanac/shared/id"
	"almanac/shared/table"
)

// The model is the diary of one day as a person would keep it who serves one client after the other: who has what,
// from when to when. It is written from the rules alone and shares no code with the diary. A history is linearizable
// if each answer is one that this person could have given at some moment while the client waited for it.

// kind is what a client asks for.
type kind string

const (
	book     kind = "book"
	hold     kind = "hold"
	bookHeld kind = "book held"
	renew    kind = "renew"
	release  kind = "release"
	move     kind = "move"
	cancel   kind = "cancel"
	look     kind = "look" // read a practitioner's day
	pass     kind = "pass" // time goes by
)

// input is what was asked.
type input struct {
	kind    kind
	day     int
	id      string // of the appointment or hold that it is about
	version int64
	service, practitioner, patient,
	start int // in ticks of the day's window
	to int64 // for pass: the clock's new time
}

// output is what was answered.
type output struct {
	// outcome is "" for yes, unknown where no answer came, else the refusal's code.
	outcome string
	reasons []string
	id      string
	version int64
	until   int64
	seen    string // for look
}

const unknown = "unknown"

// entry is one appointment or hold.
type entry struct {
	id                                    string
	held, cancelled                       bool
	service, practitioner, patient, start int
	version, until                        int64
	// lost is set when a hold ran out and somebody took a part of its time: then it cannot be booked any more. As
	// long as nobody did, one who was about to book or renew it when it ran out may still be served.
	lost bool
}

type state struct {
	now     int64
	entries []entry // by id
}

// shape is what a service takes, in ticks.
type shape struct {
	length, before, after int
	rooms                 []int
}

type rules struct {
	shapes []shape
	start  int64 // the clock's time when the history begins
}

// taken tells which of practitioner, rooms and patient the two cannot share.
type taken struct{ practitioner, patient, room bool }

func (t taken) any() bool { return t.practitioner || t.patient || t.room }

func overlap(a, b, c, d int) bool { return a < d && c < b }

func (r rules) clash(a, b entry) taken {
	x, y := r.shapes[a.service], r.shapes[b.service]
	full := overlap(a.start-x.before, a.start+x.length+x.after, b.start-y.before, b.start+y.length+y.after)
	core := overlap(a.start, a.start+x.length, b.start, b.start+y.length)
	t := taken{
		practitioner: full && a.practitioner == b.practitioner,
		patient:      core && a.patient == b.patient && !a.held && !b.held, // a hold leaves the patient alone
	}
	for _, room := range x.rooms {
		t.room = t.room || full && slices.Contains(y.rooms, room)
	}
	return t
}

// counts tells whether the entry keeps others out.
func (s state) counts(e entry) bool { return !e.cancelled && (!e.held || e.until >= s.now) }

// against tells what stands in the way of e, but for the entry with e's own id.
func (r rules) against(s state, e entry) taken {
	var t taken
	for _, o := range s.entries {
		if o.id == e.id || !s.counts(o) {
			continue
		}
		c := r.clash(e, o)
		t = taken{t.practitioner || c.practitioner, t.patient || c.patient, t.room || c.room}
	}
	return t
}

// put enters e, and what it runs over of holds that ran out is lost to them.
func (r rules) put(s state, e entry) state {
	n := state{s.now, make([]entry, 0, len(s.entries)+1)}
	for _, o := range s.entries {
		if o.id == e.id {
			continue
		}
		if o.held && !s.counts(o) && r.clash(e, o).any() {
			o.lost = true
		}
		n.entries = append(n.entries, o)
	}
	i, _ := slices.BinarySearchFunc(n.entries, e.id, byID)
	n.entries = slices.Insert(n.entries, i, e)
	return n
}

func byID(e entry, id string) int { return cmp.Compare(e.id, id) }

func (s state) find(id string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(s.entries, id, byID)
	if !ok {
		return entry{}, false
	}
	return s.entries[i], true
}

func (s state) without(id string) state {
	return state{s.now, slices.DeleteFunc(slices.Clone(s.entries), func(e entry) bool { return e.id == id })}
}

// step tells whether the answer could be given in the state, and the state after it.
func (r rules) step(s state, in input, out output) (bool, state) {
	switch in.kind {
	case pass:
		return in.to > s.now, state{in.to, s.entries}
	case look:
		return out.seen == r.firm(s, in.practitioner), s
	case book, hold:
		e := entry{
			id: out.id, held: in.kind == hold, service: in.service, practitioner: in.practitioner,
			patient: in.patient, start: in.start, version: 1, until: out.until,
		}
		return r.claim(s, e, out)
	case bookHeld, renew, release:
		return r.onHold(s, in, out)
	case move, cancel:
		return r.onAppointment(s, in, out)
	}
	return false, s
}

// claim judges an answer to somebody who wants e.
func (r rules) claim(s state, e entry, out output) (bool, state) {
	t := r.against(s, e)
	switch out.outcome {
	case "":
		return !t.any(), r.put(s, e)
	case unknown:
		if t.any() {
			return true, s
		}
		return true, r.put(s, e)
	case table.TimeTaken().Code:
		e.held = false // one who holds a time is told, too, that the patient is elsewhere
		return r.against(s, e).explains(out.reasons), s
	}
	return false, s
}

// explains tells whether one of the reasons given is true. Each was read by itself, at a moment of its own.
func (t taken) explains(reasons []string) bool {
	holds := map[string]bool{
		booking.PractitionerBusy: t.practitioner, booking.RoomBusy: t.room, booking.PatientBusy: t.patient,
		resourceBusy: t.practitioner || t.room,
	}
	return slices.ContainsFunc(reasons, func(code string) bool { return holds[code] })
}

// resourceBusy is what the table says of a practitioner or a room, when there was no time to look for more.
const resourceBusy = "resource_busy"

func (r rules) onHold(s state, in input, out output) (bool, state) {
	h, there := s.find(in.id)
	there = there && h.held
	if out.outcome == "" {
		return r.useHold(s, h, there, in, out)
	}
	if out.outcome == "not_found" {
		return !there, s
	}
	if out.outcome == "stale" {
		return in.kind != bookHeld && (!there || h.version != in.version), s
	}
	return there && r.refusesHold(s, h, in, out.outcome), s
}

// refusesHold judges a refusal that presupposes that the hold is there.
func (r rules) refusesHold(s state, h entry, in input, outcome string) bool {
	switch outcome {
	case "hold_expired":
		return h.until < s.now
	case "hold_at_its_end":
		return true // it was renewed within the same second, or to its very end
	case "held_for_another":
		return h.patient >= 0 && h.patient != in.patient
	case table.TimeTaken().Code:
		h.patient, h.held = in.patient, false
		return h.lost || in.kind == bookHeld && r.against(s, h).patient
	}
	return false
}

func (r rules) useHold(s state, h entry, there bool, in input, out output) (bool, state) {
	ok := there && (in.kind == bookHeld || h.version == in.version)
	s = s.without(in.id)
	if in.kind == release {
		return ok, s
	}
	ok = ok && !h.lost
	if in.kind == renew {
		h.version, h.until = out.version, out.until
		return ok && out.version == in.version+1, r.put(s, h)
	}
	apt := h
	apt.id, apt.held, apt.patient, apt.version, apt.until = out.id, false, in.patient, 1, 0
	return ok && !r.against(s, apt).any(), r.put(s, apt)
}

func (r rules) onAppointment(s state, in input, out output) (bool, state) {
	was, there := s.find(in.id)
	there = there && !was.held
	to := was
	to.version++
	if in.kind == cancel {
		to.cancelled = true
	} else {
		to.practitioner, to.start = in.practitioner, in.start
	}
	free := in.kind == cancel || !r.against(s, to).any()
	can := there && !was.cancelled && was.version == in.version && free
	if out.outcome != "" && out.outcome != unknown {
		return r.refusesAppointment(s, was, there, to, in, out), s
	}
	if can {
		return true, r.put(s, to)
	}
	return out.outcome == unknown, s
}

func (r rules) refusesAppointment(s state, was entry, there bool, to entry, in input, out output) bool {
	switch out.outcome {
	case "stale":
		return !there || was.version != in.version
	case "not_found":
		return !there
	case "not_changeable":
		return there && was.cancelled
	case "no_change":
		return there && was.start == to.start && was.practitioner == to.practitioner
	case table.TimeTaken().Code:
		return there && r.against(s, to).explains(out.reasons)
	}
	return false
}

// firm lists what appointments have of a practitioner's day, tick by tick.
func (r rules) firm(s state, practitioner int) string {
	at := map[int]string{}
	for _, e := range s.entries {
		if e.held || e.cancelled || e.practitioner != practitioner {
			continue
		}
		x := r.shapes[e.service]
		for t := e.start - x.before; t < e.start+x.length+x.after; t++ {
			at[t] += tail(e.id)
		}
	}
	return shown(at)
}

// tail is how a tick names its owner.
func tail(of string) string {
	raw, err := id.Raw(of)
	if err != nil {
		return of
	}
	return hex.EncodeToString(raw[len(raw)-4:])
}

func shown(at map[int]string) string {
	var b strings.Builder
	for t := -windowTicks; t < 2*windowTicks; t++ {
		if who := at[t]; who != "" {
			fmt.Fprintf(&b, "%d:%s ", t, who)
		}
	}
	return b.String()
}

// model makes the porcupine model: each day by itself, and the passing of time in all of them.
func (r rules) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{now: r.start} },
		Step: func(s, in, out any) (bool, any) {
			ok, next := r.step(s.(state), in.(input), out.(output))
			return ok, next
		},
		Equal: func(a, b any) bool {
			x, y := a.(state), b.(state)
			return x.now == y.now && slices.Equal(x.entries, y.entries)
		},
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			days := map[int][]porcupine.Operation{}
			for _, op := range all {
				if in := op.Input.(input); in.kind != pass {
					days[in.day] = append(days[in.day], op)
				}
			}
			var out [][]porcupine.Operation
			for _, ops := range days {
				for _, op := range all {
					if op.Input.(input).kind == pass {
						ops = append(ops, op)
					}
				}
				out = append(out, ops)
			}
			return out
		},
	}
}
