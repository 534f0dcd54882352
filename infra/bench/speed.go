package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	rounds      = 12 // the sizes take turns, so that a busy moment meets all of them
	perRound    = 25
	warmUp      = 30
	growthLimit = 1.25
	peerGrowth  = "Easy!Appointments 7 ms → 107 ms at 100,000, ×15.3"
)

// sized is a house with so many appointments and a booking function over it.
type sized struct {
	*house
	stored   int
	function *function
	patients []string
	booked   int
	search   timing
	book     timing
}

// timing is what calls of one kind took.
type timing struct {
	cpu   time.Duration // in all
	calls int
	wall  []time.Duration // each
}

func (t timing) perCall() time.Duration { return t.cpu / time.Duration(max(1, t.calls)) }

// speed measures processor and wall time of a search and of a booking, by the number of stored appointments.
func (b *bench) speed(ctx context.Context) error {
	var all []*sized
	defer func() {
		for _, s := range all {
			if s.function != nil {
				s.function.stop()
			}
			s.drop(ctx)
		}
	}()
	for _, n := range b.stored {
		h, err := b.build(ctx)
		if err != nil {
			return err
		}
		s := &sized{house: h, stored: n}
		all = append(all, s)
		if err := b.fill(ctx, s); err != nil {
			return err
		}
	}
	for range rounds {
		for _, s := range all {
			if err := s.round(ctx); err != nil {
				return err
			}
		}
	}
	for _, kind := range []string{"availability", "booking"} {
		b.times(kind, all)
	}
	return nil
}

// fill stores the appointments, starts the function and warms it up.
func (b *bench) fill(ctx context.Context, s *sized) error {
	began := time.Now()
	err := s.seed(ctx, s.stored, func(done int) { b.progress("stored %d of %d appointments", done, s.stored) })
	if err != nil {
		return err
	}
	b.progress("stored %d appointments in %.1f s", s.stored, time.Since(began).Seconds())
	if s.patients, err = s.addPatients(ctx, warmUp+rounds*perRound); err != nil {
		return err
	}
	if s.function, err = launch(ctx, b.hostDir("booking"), functionEnv(b.endpoint, s.name, nil)); err != nil {
		return err
	}
	for range warmUp {
		if _, err := s.do(ctx, s.function, s.searching()); err != nil {
			return err
		}
		if _, err := s.do(ctx, s.function, s.bookingNext()); err != nil {
			return err
		}
	}
	return nil
}

// round does some searches, then some bookings.
func (s *sized) round(ctx context.Context) error {
	if err := s.time(ctx, &s.search, s.searching); err != nil {
		return err
	}
	return s.time(ctx, &s.book, s.bookingNext)
}

func (s *sized) time(ctx context.Context, t *timing, next func() request) error {
	before, err := s.function.cpu()
	if err != nil {
		return err
	}
	for range perRound {
		r := next()
		payload, err := s.event(r)
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := s.send(ctx, s.function, r, payload); err != nil {
			return err
		}
		t.wall = append(t.wall, time.Since(began))
	}
	after, err := s.function.cpu()
	if err != nil {
		return err
	}
	t.cpu, t.calls = t.cpu+after-before, t.calls+perRound
	return nil
}

func (s *sized) searching() request { return s.house.search(s.services[0], s.practitioners[0]) }

// bookingNext books a free half hour beyond the searched month, for a patient without appointments.
func (s *sized) bookingNext() request {
	const beyond = 30 // working days
	n := s.booked
	s.booked++
	return s.booking(s.services[0], s.practitioners[0], s.patients[n], s.slot(beyond+n/daySlots, n%daySlots))
}

// times prints a kind's figures by size, and how they grow from the smallest to the largest.
func (b *bench) times(kind string, all []*sized) {
	note := map[string]string{
		"availability": "31 days, one practitioner, two rooms; real binary",
		"booking":      "30 minutes, three resources; real binary",
	}[kind]
	var cpus, walls []time.Duration
	for _, s := range all {
		t := s.search
		if kind == "booking" {
			t = s.book
		}
		at := strconv.Itoa(s.stored)
		cpus, walls = append(cpus, t.perCall()), append(walls, median(t.wall))
		b.info(kind+"-cpu."+at, milliseconds(t.perCall()), "ms", note)
		b.info(kind+"-wall."+at, milliseconds(median(t.wall)), "ms", fmt.Sprintf(
			"p99 %s ms; DynamoDB Local on this computer included", number(milliseconds(percentile(t.wall, .99)))))
	}
	if last := len(all) - 1; last > 0 {
		span := fmt.Sprintf("%d → %d stored appointments; %s", all[0].stored, all[last].stored, peerGrowth)
		b.atMost(kind+"-cpu.growth", float64(cpus[last])/float64(cpus[0]), "×", growthLimit, span)
		// The local engine's own slowing down is in this one, which is why it has no limit.
		b.info(kind+"-wall.growth", float64(walls[last])/float64(walls[0]), "×", span)
	}
}
