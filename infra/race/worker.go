package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

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
	in.kind = w.choose(target.id != "", held)
	if in.kind == hold && w.draw.IntN(2) == 0 {
		in.patient = -1
	}
	return w.do(ctx, in)
}

// choose draws what to do; there is a record to do it to, or there is none.
func (w *worker) choose(record, held bool) kind {
	n := w.draw.IntN(100)
	switch {
	case n < 3:
		return pass
	case n < 10:
		return look
	case n < 38:
		return book
	case n < 55 || !record:
		return hold
	case held:
		return []kind{bookHeld, bookHeld, renew, release}[w.draw.IntN(4)]
	case n < 80:
		return move
	}
	return cancel
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
	back := time.Now().UnixNano()
	w.note(porcupine.Operation{
		ClientId: w.number, Input: input{kind: pass, to: to}, Call: call, Output: output{}, Return: back,
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
	careless := w.careless(in.kind)
	for range patience {
		out, err := w.tryOnce(ctx, once, in, careless)
		switch {
		case ctx.Err() != nil:
			return output{}, ctx.Err()
		case err == nil:
			return out, nil
		case !fault.Is(err, fault.Unavailable):
			return w.refused(ctx, once, in, err)
		case careless:
			return output{outcome: unknown}, nil
		}
	}
	return output{}, errors.New("unavailable for too long")
}

// careless draws whether the client will give up in the middle. One who needs to know how long a hold lasts never does.
func (w *worker) careless(k kind) bool {
	return w.draw.IntN(40) == 0 && (k == book || k == move || k == cancel)
}

func (w *worker) tryOnce(ctx context.Context, once access.Once, in input, careless bool) (output, error) {
	if careless {
		short, stop := context.WithTimeout(ctx, time.Duration(w.draw.IntN(6000))*time.Microsecond)
		defer stop()
		ctx = short
	}
	return w.carryOut(ctx, once, in)
}

// refused gives the refusal, unless the request was carried out by an earlier try, whose answer it gives then.
func (w *worker) refused(ctx context.Context, once access.Once, in input, cause error) (output, error) {
	if !errors.Is(cause, access.ErrDone) && fault.Is(cause, fault.Internal) {
		return output{}, cause
	}
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
		apt, err = s.BookHeld(ctx, by, once, in.id, w.h.patients[in.patient], booking.Asked{})
	case move:
		to := w.wish(in)
		to = booking.Wish{PractitionerID: to.PractitionerID, Start: to.Start}
		apt, err = s.Move(ctx, by, once, in.id, in.version, to)
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
