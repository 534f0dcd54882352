package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// won is how the race for the times ended.
type won struct {
	winners, losers, doubles, unwon, others int
	unavailable                             int // answers after which a client asked again
	took                                    time.Duration
	firstOther                              error
}

func (w won) print(r *report, o options) {
	r.figure("times", o.times)
	r.figure("clients", o.clients)
	r.exactly("winners", w.winners, o.times)
	r.exactly("losers", w.losers, o.times*(o.clients-1))
	r.exactly("doubles", w.doubles, 0)
	r.exactly("unwon", w.unwon, 0)
	r.exactly("other errors", w.others, 0)
	r.figure("asked again after unavailable", w.unavailable)
	if w.firstOther != nil {
		say(r.out, "the first other error: %v", w.firstOther)
	}
	r.figure("seconds for the times", int(w.took.Seconds()))
}

// blockLength is the room that each time has for itself: whatever is asked for in it, overlaps.
const blockLength = 2 * time.Hour

// spread is how far apart two starts in a block can be, in five minutes: less than the shortest service.
const spread = 6

// race lets all clients ask for each time at once, one time after the other.
func (h *house) race(ctx context.Context, o options, progress io.Writer) (won, error) {
	var w won
	start := time.Now()
	draw := rand.New(rand.NewPCG(o.seed, 1)) //nolint:gosec // a seed must repeat
	said := start
	for i := range o.times {
		if err := h.raceFor(ctx, i, o.clients, draw, &w); err != nil {
			return w, err
		}
		if time.Since(said) > 5*time.Second || i == o.times-1 {
			said = time.Now()
			say(progress, "%d of %d times, %d doubles, %d unwon, %d other errors, %s",
				i+1, o.times, w.doubles, w.unwon, w.others, time.Since(start).Round(time.Second))
		}
	}
	w.took = time.Since(start)
	return w, nil
}

// attempt is how one client's asking ended.
type attempt struct {
	apt         booking.Appointment
	err         error
	unavailable int
}

// raceFor races for the i-th time. At every other one all ask for the very same; at the others they ask for different
// services and starts that all overlap.
func (h *house) raceFor(ctx context.Context, i, clients int, draw *rand.Rand, w *won) error {
	block := monday().Add(24*time.Hour + time.Duration(i)*blockLength)
	prc := h.practitioners[i%len(h.practitioners)]
	wishes := make([]booking.Wish, clients)
	same := h.services[draw.IntN(len(h.services))].ID
	for c := range wishes {
		wishes[c] = booking.Wish{
			ServiceID: same, SiteID: h.site, PractitionerID: prc, PatientID: h.patients[c],
			Start: block.Add(30 * time.Minute).Format(time.RFC3339),
		}
		if i%2 == 1 {
			wishes[c].ServiceID = h.services[draw.IntN(len(h.services))].ID
			wishes[c].Start = block.Add(time.Duration(15+5*draw.IntN(spread)) * time.Minute).Format(time.RFC3339)
		}
	}
	s := h.service(id.New)
	attempts := make([]attempt, clients)
	ready := make(chan struct{})
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			<-ready
			attempts[c] = h.ask(ctx, s, wishes[c])
		})
	}
	close(ready)
	all.Wait()
	winner := w.count(attempts)
	return h.verify(ctx, prc, block, winner, w)
}

// patience is how often a client asks again when the answer was "unavailable", which a few in a thousand get.
const patience = 20

// ask asks for a time as a client does: after "unavailable" again, with the same key.
func (h *house) ask(ctx context.Context, s *booking.Service, wish booking.Wish) attempt {
	once := access.Once{Key: id.New("key"), Fingerprint: [32]byte{1}}
	var a attempt
	for range patience {
		a.apt, a.err = s.Book(ctx, h.by, once, wish)
		if errors.Is(a.err, access.ErrDone) {
			// The try before went through though its answer was lost.
			a.apt, a.err = recall(ctx, h, once)
		}
		if !fault.Is(a.err, fault.Unavailable) {
			return a
		}
		a.unavailable++
	}
	return a
}

// count adds up the attempts at one time, and gives the ids of its winners.
func (w *won) count(attempts []attempt) []string {
	var winners []string
	for _, a := range attempts {
		w.unavailable += a.unavailable
		switch {
		case a.err == nil:
			winners = append(winners, a.apt.ID)
		case fault.Is(a.err, fault.Conflict) && fault.Of(a.err).Code == table.TimeTaken().Code:
			w.losers++
		default:
			w.others++
			if w.firstOther == nil {
				w.firstOther = a.err
			}
		}
	}
	w.winners += len(winners)
	switch {
	case len(winners) == 0:
		w.unwon++
	case len(winners) > 1:
		w.doubles++
	}
	return winners
}

// verify reads what is stored for the time: all of it must be the winner's, on the practitioner and in the winner's
// rooms alike.
func (h *house) verify(ctx context.Context, prc string, block time.Time, winners []string, w *won) error {
	if len(winners) != 1 {
		return nil // counted already
	}
	k := h.table.For(h.by)
	var apt booking.Appointment
	if err := k.Get(ctx, k.Appointment(winners[0]), &apt); err != nil {
		return fmt.Errorf("read the winner: %w", err)
	}
	full := table.SpanOf(apt.Start.Add(-minutes(apt.BufferBefore)), apt.End.Add(minutes(apt.BufferAfter)))
	over := table.SpanOf(block, block.Add(blockLength))
	for _, resource := range append([]string{prc}, h.rooms...) {
		got, err := k.Days(ctx, resource, over)
		if err != nil {
			return err
		}
		mine, others := shares(got, over, winners[0])
		if others > 0 {
			w.doubles++
		}
		if resource == prc && mine != full.Len() {
			w.unwon++
		}
	}
	return nil
}

// shares counts the ticks within the block that the winner has, and those that anybody else has.
func shares(of table.Occupancy, over table.Span, winner string) (int, int) {
	mine, others := 0, 0
	for _, t := range of.Taken {
		switch {
		case t.Tick < over.From || t.Tick >= over.To:
		case t.Firm && t.HeldBy(raw(winner)):
			mine++
		default:
			others++
		}
	}
	return mine, others
}

// raw gives the bytes of an id of ours, or none.
func raw(of string) [16]byte {
	b, err := id.Raw(of)
	if err != nil {
		return [16]byte{}
	}
	return b
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }
