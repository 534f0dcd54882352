package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

const (
	// windowTicks is the part of a day that a history works on: five hours, so that most wishes get in each other's way.
	windowTicks = 60
	// partitions are the days of a history.
	partitions   = 3
	manyPatients = 6
	// exact are the services that leave no choice, and the practitioners that histories use.
	exact, two = 3, 2
	// checkTime is how long the check of one history may take before it counts as not made.
	checkTime = time.Minute
	// fault rates of histories
	busyHistories = 0.05
)

// checked is how the histories were found.
type checked struct {
	histories, linearizable, unchecked, operations, unknown, broken, caught int
	outcomes                                                                map[string]int
	took                                                                    time.Duration
}

func (c checked) print(r *report, o options) {
	r.exactly("histories checked", c.histories-c.unchecked, o.histories)
	r.exactly("histories linearizable", c.linearizable, o.histories)
	r.figure("operations in histories", c.operations)
	r.figure("operations with unknown outcome", c.unknown)
	r.exactly("histories of the broken variant caught", c.caught, c.broken)
	r.figure("seconds for the histories", int(c.took.Seconds()))
}

// histories records and checks histories of the diary, and of the one that looks before it writes.
func (h *house) histories(ctx context.Context, o options, progress io.Writer) (checked, error) {
	c := checked{outcomes: map[string]int{}}
	start := time.Now()
	if err := h.faults(o.seed, busyHistories); err != nil {
		return c, err
	}
	for i := range o.histories + o.broken {
		broken := i >= o.histories
		ops, err := h.record(ctx, o, i, broken)
		if err != nil {
			return c, err
		}
		result := porcupine.CheckOperationsTimeout(ops.rules.model(), ops.all, checkTime)
		if broken {
			c.broken++
			if result == porcupine.Illegal {
				c.caught++
			}
			continue
		}
		c.add(ops, result)
		fmt.Fprintf(progress, "history %d of %d: %s, %d operations, %d unknown, %s\n",
			i+1, o.histories, result, len(ops.all), ops.unknown(), time.Since(start).Round(time.Second))
	}
	fmt.Fprintf(progress, "%d of %d histories of the broken variant caught; answers: %v\n", c.caught, c.broken, c.outcomes)
	c.took = time.Since(start)
	return c, nil
}

func (c *checked) add(r *recording, result porcupine.CheckResult) {
	c.histories++
	c.operations += len(r.all)
	c.unknown += r.unknown()
	for _, op := range r.all {
		out := op.Output.(output).outcome
		if out == "" {
			out = "yes"
		}
		c.outcomes[string(op.Input.(input).kind)+" "+out]++
	}
	switch result {
	case porcupine.Ok:
		c.linearizable++
	case porcupine.Unknown:
		c.unchecked++
	case porcupine.Illegal:
	}
}

// recording is a history while it is made.
type recording struct {
	h      *house
	rules  rules
	first  time.Time // where the window of the first day begins
	day    int
	broken bool

	mu    sync.Mutex
	all   []porcupine.Operation
	known []known
}

// known is a record that a client has heard of, at the version it was when it heard of it.
type known struct {
	day     int
	held    bool
	id      string
	version int64
}

func (r *recording) unknown() int {
	n := 0
	for _, op := range r.all {
		if op.Output.(output).outcome == unknown {
			n++
		}
	}
	return n
}

// record lets the workers loose on days that nobody used before, and then looks at what is stored.
func (h *house) record(ctx context.Context, o options, n int, broken bool) (*recording, error) {
	day := (o.times+11)/12 + 2 + n*partitions
	r := &recording{
		h: h, day: day, broken: broken, first: monday().Add(time.Duration(day)*24*time.Hour + 3*time.Hour),
		rules: rules{start: h.clock.seconds.Load()},
	}
	for _, s := range h.services[:exact] {
		shape := shape{length: s.Minutes / 5, before: s.BufferBefore / 5, after: s.BufferAfter / 5}
		for _, need := range s.Needs {
			shape.rooms = append(shape.rooms, slices.Index(h.rooms, need.AnyOf[0]))
		}
		r.rules.shapes = append(r.rules.shapes, shape)
	}
	var all sync.WaitGroup
	errs := make([]error, o.workers)
	for i := range o.workers {
		w := r.worker(i, rand.New(rand.NewPCG(o.seed, uint64(n*o.workers+i)))) //nolint:gosec // a seed must repeat
		all.Go(func() {
			for range o.operations / o.workers {
				if errs[i] = w.act(ctx); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	// A write that was given up may still be on its way to the engine.
	time.Sleep(50 * time.Millisecond)
	last := r.worker(o.workers, nil)
	for d := range partitions {
		for p := range two {
			if err := last.do(ctx, input{kind: look, day: d, practitioner: p}); err != nil {
				return nil, err
			}
		}
	}
	return r, ctx.Err()
}

// worker is one client of a history.
type worker struct {
	*recording
	number  int
	draw    *rand.Rand
	service *booking.Service
	madeID  string // the last id of an appointment or hold that the service made for this worker
}

func (r *recording) worker(n int, draw *rand.Rand) *worker {
	w := &worker{recording: r, number: n, draw: draw}
	newID := func(prefix string) string {
		made := id.New(prefix)
		if prefix == "apt" || prefix == "hld" {
			w.madeID = made
		}
		return made
	}
	w.service = r.h.service(newID)
	if r.broken {
		w.service = r.h.brokenService(newID)
	}
	return w
}

// act draws something to do and does it.
func (w *worker) act(ctx context.Context) error {
	in := input{
		day: w.draw.IntN(partitions), service: w.draw.IntN(exact), practitioner: w.draw.IntN(two),
		patient: w.draw.IntN(manyPatients), start: w.draw.IntN(windowTicks),
	}
	target, held := w.pick(in.day)
	in.id, in.version = target.id, target.version
	switch n := w.draw.IntN(100); {
	case n < 3:
		in.kind = pass
	case n < 10:
		in.kind = look
	case n < 38 || target.id == "":
		in.kind = book
	case n < 55:
		in.kind = hold
		if w.draw.IntN(2) == 0 {
			in.patient = -1
		}
	case held:
		in.kind = []kind{bookHeld, bookHeld, renew, release}[w.draw.IntN(4)]
	case n < 80:
		in.kind = move
	default:
		in.kind = cancel
	}
	return w.do(ctx, in)
}

// pick draws one of the records of the day that somebody has heard of, preferring the latest.
func (w *worker) pick(day int) (known, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range 8 {
		if len(w.known) == 0 {
			break
		}
		n := min(len(w.known), 40)
		if k := w.known[len(w.known)-1-w.draw.IntN(n)]; k.day == day {
			return k, k.held
		}
	}
	return known{}, false
}

// do carries out one operation and records it.
func (w *worker) do(ctx context.Context, in input) error {
	if in.kind == pass {
		w.passTime()
		return nil
	}
	w.madeID = ""
	call := time.Now().UnixNano()
	out, err := w.ask(ctx, in)
	back := time.Now().UnixNano()
	if err != nil {
		return fmt.Errorf("%s: %w", in.kind, err)
	}
	if out.outcome == unknown {
		if in.kind == book && w.madeID == "" {
			return nil // it was given up before it had an id, and so before anything was sent
		}
		back, out.id = math.MaxInt64, w.madeID
	}
	w.note(porcupine.Operation{ClientId: w.number, Input: in, Call: call, Output: out, Return: back})
	if out.outcome == "" && in.kind != look && in.kind != release {
		w.mu.Lock()
		w.known = append(w.known, known{in.day, in.kind == hold || in.kind == renew, out.id, out.version})
		w.mu.Unlock()
	}
	return nil
}

func (w *worker) note(op porcupine.Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, op)
}

// passTime lets one to four minutes go by: holds last for five.
func (w *worker) passTime() {
	call := time.Now().UnixNano()
	to := w.h.clock.seconds.Add(60 + w.draw.Int64N(180))
	w.note(porcupine.Operation{
		ClientId: w.number, Input: input{kind: pass, to: to}, Call: call, Output: output{}, Return: time.Now().UnixNano(),
	})
}

// ask asks as a client does: after "unavailable" again, under the same key. Now and then it gives up in the middle of
// something that it need not know the end of.
func (w *worker) ask(ctx context.Context, in input) (output, error) {
	if in.kind == look {
		return w.look(ctx, in)
	}
	if w.broken {
		if out, busy, err := w.lookFirst(ctx, in); busy || err != nil {
			return out, err
		}
	}
	once := access.Once{Key: id.New("key"), Fingerprint: [32]byte{1}}
	careless := w.draw.IntN(40) == 0 && (in.kind == book || in.kind == move || in.kind == cancel)
	for range patience {
		try, stop := ctx, context.CancelFunc(func() {})
		if careless {
			try, stop = context.WithTimeout(ctx, time.Duration(w.draw.IntN(6000))*time.Microsecond)
		}
		out, err := w.carryOut(try, once, in)
		stop()
		switch {
		case ctx.Err() != nil:
			return output{}, ctx.Err()
		case err == nil:
			return out, nil
		case fault.Is(err, fault.Unavailable) && careless:
			return output{outcome: unknown}, nil
		case fault.Is(err, fault.Unavailable):
			continue
		case errors.Is(err, access.ErrDone) || fault.Of(err).Kind != fault.Internal:
			return w.refused(ctx, once, in, err)
		}
		return output{}, err
	}
	return output{}, errors.New("unavailable for too long")
}

// refused gives the refusal, unless the request was carried out by an earlier try, whose answer it gives then.
func (w *worker) refused(ctx context.Context, once access.Once, in input, cause error) (output, error) {
	out, found, err := answered(ctx, w.h, once, in.kind)
	if found || err != nil {
		return out, err
	}
	f := fault.Of(cause)
	out.outcome = f.Code
	for _, d := range f.Details {
		out.reasons = append(out.reasons, d.Code)
	}
	return out, nil
}

// answered gives the answer on record under the key.
func answered(ctx context.Context, h *house, once access.Once, k kind) (output, bool, error) {
	var body []byte
	var found bool
	err := errors.New("not asked")
	for range patience {
		if body, found, err = h.table.For(h.by).Recall(ctx, once); !fault.Is(err, fault.Unavailable) {
			break
		}
	}
	if !found || err != nil || k == release {
		return output{}, found, err
	}
	if k == hold || k == renew {
		var got booking.Hold
		err := json.Unmarshal(body, &got)
		return ofHold(got), true, err
	}
	var got booking.Appointment
	err = json.Unmarshal(body, &got)
	return output{id: got.ID, version: got.Version}, true, err
}

// recall gives the appointment on record under the key.
func recall(ctx context.Context, h *house, once access.Once) (booking.Appointment, error) {
	out, found, err := answered(ctx, h, once, book)
	if err == nil && !found {
		err = errors.New("done, but there is no answer on record")
	}
	return booking.Appointment{ID: out.id, Version: out.version}, err
}

func ofHold(h booking.Hold) output {
	return output{id: h.ID, version: h.Version, until: h.ExpiresAt.Unix()}
}

func (w *worker) wish(in input) booking.Wish {
	wish := booking.Wish{
		ServiceID: w.h.services[in.service].ID, SiteID: w.h.site, PractitionerID: w.h.practitioners[in.practitioner],
		Start: w.at(in.day, in.start).Time().Format(time.RFC3339),
	}
	if in.patient >= 0 {
		wish.PatientID = w.h.patients[in.patient]
	}
	return wish
}

// at gives the tick of a day's window.
func (r *recording) at(day, start int) table.Tick {
	return table.TickOf(r.first.Add(time.Duration(day)*24*time.Hour)) + table.Tick(start)
}

func (w *worker) carryOut(ctx context.Context, once access.Once, in input) (output, error) {
	var apt booking.Appointment
	var held booking.Hold
	var err error
	by, s := w.h.by, w.service
	switch in.kind {
	case hold:
		held, err = s.Hold(ctx, by, once, w.wish(in))
		return ofHold(held), err
	case renew:
		held, err = s.Renew(ctx, by, once, in.id, in.version)
		return ofHold(held), err
	case release:
		return output{}, s.Release(ctx, by, once, in.id, in.version)
	case book:
		apt, err = s.Book(ctx, by, once, w.wish(in))
	case bookHeld:
		apt, err = s.BookHeld(ctx, by, once, in.id, w.h.patients[in.patient])
	case move:
		wish := w.wish(in)
		apt, err = s.Move(ctx, by, once, in.id, in.version, booking.Wish{PractitionerID: wish.PractitionerID, Start: wish.Start})
	case cancel:
		apt, err = s.Cancel(ctx, by, once, in.id, in.version, booking.ByPatient)
	case look, pass:
	}
	return output{id: apt.ID, version: apt.Version}, err
}

// look reads what appointments have of a practitioner's day.
func (w *worker) look(ctx context.Context, in input) (output, error) {
	from := w.at(in.day, 0)
	got, err := w.days(ctx, w.h.practitioners[in.practitioner], table.Span{From: from, To: from + 1})
	if err != nil {
		return output{}, err
	}
	at := map[int]string{}
	for _, t := range got.Taken {
		if t.Firm {
			at[int(t.Tick-from)] += tail(id.Format("apt", t.ID))
		}
	}
	return output{seen: shown(at)}, nil
}

func (w *worker) days(ctx context.Context, resource string, over table.Span) (table.Occupancy, error) {
	for {
		got, err := w.h.table.For(w.h.by).Days(ctx, resource, over)
		if !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return got, err
		}
	}
}
