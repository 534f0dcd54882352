package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"almanac/infra/meter"
)

const (
	maxTrips      = 2
	maxWriteTrips = 1
	maxWriteUnits = 16
)

// costs measures what requests to the booking function cost, with a meter between the function and the engine.
type costs struct {
	*bench
	house    *house
	function *function
	meter    *meter.Meter
	metered  string // the engine's address behind the meter
	patients []string
}

// cost measures round trips and units of each thing that happens to an appointment.
func (b *bench) cost(ctx context.Context) error {
	h, err := b.build(ctx)
	if err != nil {
		return err
	}
	defer h.drop(ctx)
	c := &costs{bench: b, house: h, meter: meter.New(&http.Transport{MaxIdleConnsPerHost: 8})}
	if c.patients, err = h.addPatients(ctx, 100); err != nil {
		return err
	}
	target, err := url.Parse(b.endpoint)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding to loopback does not wait
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: c.meter.Handler(target), ReadHeaderTimeout: patience}
	defer srv.Close() //nolint:errcheck // nothing depends on it any more
	go srv.Serve(l)   //nolint:errcheck // ends with Close
	c.metered = "http://" + l.Addr().String()
	c.function, err = launch(ctx, b.hostDir("booking"), functionEnv(c.metered, h.name, nil))
	if err != nil {
		return err
	}
	defer c.function.stop()
	return c.measure(ctx)
}

func (c *costs) measure(ctx context.Context) error {
	cold, err := c.pay(ctx, c.search(), nil)
	if err != nil {
		return err
	}
	steps := []func(context.Context) error{c.life, c.fullDay, c.shortDay, c.roomTaken, c.held, c.afterwards}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	warm, err := c.pay(ctx, c.search(), nil)
	if err != nil {
		return err
	}
	resources := 3.0 // the practitioner and two rooms
	c.atMost("availability.queries", float64(warm.Calls["Query"]), "queries", resources,
		"one for each resource; 31 days, a practitioner and two rooms")
	c.info("availability.trips", float64(warm.Trips()), "trips", "the queries, and the standing of the roles")
	c.info("availability.read-units", warm.ReadUnits, "RCU", "31 days, the first of them full")
	c.info("availability.cold.trips", float64(cold.Trips()), "trips", "the first of a process reads the configuration")
	return nil
}

// life books an appointment, moves it, and cancels it.
func (c *costs) life(ctx context.Context) error {
	h := c.house
	var apt record
	booked, err := c.pay(ctx, c.book(h.services[0], 0, h.slot(1, 0)), &apt)
	if err != nil {
		return err
	}
	c.limited("booking", booked, "30 minutes, three resources, warm")
	near, err := c.pay(ctx, moving(apt, h.slot(1, 5)), &apt)
	if err != nil {
		return err
	}
	far, err := c.pay(ctx, moving(apt, h.slot(2, 5)), &apt)
	if err != nil {
		return err
	}
	cancelled, err := c.pay(ctx, cancelling(apt), nil)
	if err != nil {
		return err
	}
	c.plain("move", near, "within a day")
	c.plain("move.other-day", far, "to another day: two days of two resources")
	c.plain("cancel", cancelled, "three resources")
	return nil
}

// fullDay books the last free half hour of a day.
func (c *costs) fullDay(ctx context.Context) error {
	h := c.house
	for n := range daySlots {
		u, err := c.pay(ctx, c.book(h.services[0], 0, h.slot(3, n)), nil)
		if err != nil {
			return err
		}
		if n == daySlots-1 {
			c.limited("booking.full-day", u, "the last of 16 half hours")
		}
	}
	return nil
}

// shortDay books the last ten minutes of a day full of them: many claims make the day's items larger.
func (c *costs) shortDay(ctx context.Context) error {
	h := c.house
	const slots = daySlots * 3
	day := h.workday(4) // its midnight, as if it were in UTC: only the reading of its clock is used
	for n := range slots {
		start := day.Add(time.Duration(dayStart*60+n*10) * time.Minute).Format(localTime)
		u, err := c.pay(ctx, c.book(h.short, 0, start), nil)
		if err != nil {
			return err
		}
		if n == slots-1 {
			c.info("booking.short-day.write-units", u.WriteUnits, "WCU", "the last of 48 times of ten minutes in a day")
			c.info("booking.short-day.trips", float64(u.Trips()), "trips", "as above")
		}
	}
	return nil
}

// roomTaken books at a time at which the room is taken that the diary would choose, and the other one is free; and then
// at a time that is not free at all.
func (c *costs) roomTaken(ctx context.Context) error {
	h := c.house
	var usual record
	if _, err := c.pay(ctx, c.book(h.services[0], 1, h.slot(5, 5)), &usual); err != nil {
		return err
	}
	if _, err := c.pay(ctx, c.book(h.services[0], 0, h.slot(5, 0), usual.RoomIDs...), nil); err != nil {
		return err
	}
	var other record
	u, err := c.pay(ctx, c.book(h.services[0], 1, h.slot(5, 0)), &other)
	if err != nil {
		return err
	}
	if slices.Equal(other.RoomIDs, usual.RoomIDs) {
		return errors.New("two bookings got the same room at the same time")
	}
	c.atMost("booking.room-taken.trips", float64(u.Trips()), "trips", maxTrips,
		"no room named, and the one that the diary tries first is taken")
	c.info("booking.room-taken.write-units", u.WriteUnits, "WCU", "a try that is refused is paid for")
	c.info("booking.room-taken.read-units", u.ReadUnits, "RCU", "as above")
	refused := c.book(h.services[0], 0, h.slot(5, 0))
	refused.want = http.StatusConflict
	if u, err = c.pay(ctx, refused, nil); err != nil {
		return err
	}
	c.plain("booking.refused", u, "409 with every reason")
	return nil
}

// held holds a time and books it.
func (c *costs) held(ctx context.Context) error {
	h := c.house
	var hold record
	r := c.book(h.services[0], 0, h.slot(6, 0))
	r.path = "/v1/holds"
	patient := c.patients[len(c.patients)-1] // whom book has just taken
	made, err := c.pay(ctx, r, &hold)
	if err != nil {
		return err
	}
	booked, err := c.pay(ctx, bookingHeld(hold.ID, patient), nil)
	if err != nil {
		return err
	}
	c.plain("hold", made, "three resources")
	c.plain("hold-book", booked, "the hold becomes the appointment")
	return nil
}

func (c *costs) search() request {
	return c.house.search(c.house.services[0], c.house.practitioners[0])
}

// book books for a patient who has no appointment yet.
func (c *costs) book(service string, practitioner int, start string, rooms ...string) request {
	c.patients = append(c.patients[1:], c.patients[0])
	return c.house.booking(service, c.house.practitioners[practitioner], c.patients[len(c.patients)-1], start, rooms...)
}

// pay sends a request and gives what it cost.
func (c *costs) pay(ctx context.Context, r request, out *record) (meter.Usage, error) {
	before := c.meter.Usage()
	got, err := c.house.do(ctx, c.function, r)
	if err != nil {
		return meter.Usage{}, err
	}
	if out != nil {
		*out = got
	}
	u := c.meter.Usage().Since(before)
	return u, u.Err()
}

// limited prints what a booking must keep to.
func (c *costs) limited(name string, u meter.Usage, note string) {
	c.atMost(name+".trips", float64(u.Trips()), "trips", maxTrips, note)
	c.atMost(name+".write-trips", float64(u.WriteTrips()), "trips", maxWriteTrips, note)
	c.atMost(name+".write-units", u.WriteUnits, "WCU", maxWriteUnits, "an item for each of 18 claimed ticks: 44")
	c.atMost(name+".read-units", u.ReadUnits, "RCU", 0, note)
}

func (c *costs) plain(name string, u meter.Usage, note string) {
	c.info(name+".trips", float64(u.Trips()), "trips", note)
	c.info(name+".write-units", u.WriteUnits, "WCU", note)
	c.info(name+".read-units", u.ReadUnits, "RCU", note)
}
