package booking_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Everything that can be done to a diary, in any order, on purpose in each other's way: it is done exactly when the
// model allows it, else refused for exactly the reasons that the model knows; what is stored are exactly the model's
// claims, tick by tick; and what is listed as free is exactly what the model would book.
func TestDiaryIsTheModel(t *testing.T) {
	clinictest.Checks(t, 12)
	rapid.Check(t, func(rt *rapid.T) {
		d := newDiary(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"book": d.book, "book2": d.book, "book what is offered": d.bookOffered, "hold": d.hold, "book held": d.bookHeld,
			"renew": d.renew, "release": d.release, "move": d.move, "cancel": d.cancel, "progress": d.progress,
			"visit": d.visit, "pass": d.pass, "leave": d.leave, "replay": d.replay, "": d.check,
		})
	})
}

// diary is the product and the model side by side.
type diary struct {
	t   *testing.T
	f   *fixture
	m   *model
	day time.Time // the first of the three days on which all happens
	// events and keys count what must be stored.
	events, keys int
	replays      []replay
}

// replay is a request that was carried out, to be sent again.
type replay struct {
	once   access.Once
	again  func() error
	answer string
}

func newDiary(t *testing.T, rt *rapid.T) *diary {
	t.Helper()
	f := newWith(t)
	day := rapid.SampledFrom([]time.Time{
		time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 27, 0, 0, 0, 0, time.UTC),  // the clocks go forward on the day after
		time.Date(2027, 10, 30, 0, 0, 0, 0, time.UTC), // and back
	}).Draw(rt, "first day")
	f.Clock.Set(day.Add(7 * time.Hour))
	d := &diary{t: t, f: f, day: day, m: &model{now: f.Clock.Now(), open: map[opened]bool{}}}
	d.setUp()
	f.by = f.By(t, clinictest.Receptionist)
	before := readStored(t, f.House, f.Org, f.Clock.Now())
	d.events, d.keys = before.kinds["EVT"], before.kinds["IDEM"]
	return d
}

// setUp makes a clinic in which nearly everything gets in the way of something: overlapping rooms, one of them for two
// at once, a device, buffers, lead times, late shifts across midnight, leave, a closure.
func (d *diary) setUp() {
	f, m := d.f, d.m
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		d.t.Fatal(err)
	}
	week := func(opens, closes string) []clinic.Opening {
		var out []clinic.Opening
		for n := range 7 {
			day := strings.ToLower(time.Weekday(n).String())
			out = append(out, clinic.Opening{Day: day, Opens: opens, Closes: closes})
		}
		return out
	}
	work := func(p clinic.Practitioner, hours ...[]clinic.Opening) clinic.Practitioner {
		p.Sessions = nil
		for _, o := range slices.Concat(hours...) {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: f.Site.ID, Opening: o})
		}
		return p
	}
	m.zone, m.site = zone, f.Site
	m.site.Hours = slices.Concat(week("06:00", "24:00"), week("00:00", "03:00"))
	m.people = []clinic.Practitioner{
		work(f.Practitioners[0], week("09:00", "17:00")),
		work(f.Practitioners[1], week("20:00", "24:00"), week("00:00", "03:00"), week("10:00", "13:00")),
	}
	one, both := []string{m.people[0].ID}, []string{m.people[0].ID, m.people[1].ID}
	r1, r2 := f.Rooms[0], f.Rooms[1]
	r2.Capacity = 2
	device := clinic.Room{ID: id.New("roo"), SiteID: f.Site.ID, Kind: clinic.KindDevice, Name: "Laser", Capacity: 1}
	m.places = []clinic.Room{r1, r2, device}
	need := func(of ...clinic.Room) clinic.Need {
		var n clinic.Need
		for _, r := range of {
			n.AnyOf = append(n.AnyOf, r.ID)
		}
		return n
	}
	m.services = []clinic.Service{
		{Minutes: 30, Step: 15, HorizonDays: 30, Needs: []clinic.Need{need(r1, r2)}, PractitionerIDs: both},
		{
			Minutes: 45, BufferBefore: 10, BufferAfter: 5, Step: 5, LeadMinutes: 125, HorizonDays: 2,
			Needs: []clinic.Need{need(r2)}, PractitionerIDs: both,
		},
		{Minutes: 15, BufferAfter: 20, Step: 20, HorizonDays: 30, PractitionerIDs: one},
		{
			Minutes: 25, BufferBefore: 5, BufferAfter: 5, Step: 30, HorizonDays: 30,
			Needs: []clinic.Need{need(r2, r1), need(device)}, PractitionerIDs: both,
		},
		{Minutes: 20, Step: 10, HorizonDays: 30, Needs: []clinic.Need{need(r2), need(r2, r1)}, PractitionerIDs: both},
		{
			Minutes: 240, BufferBefore: 30, BufferAfter: 30, Step: 60, LeadMinutes: 3, HorizonDays: 30,
			Needs: []clinic.Need{need(r1)}, PractitionerIDs: both,
		},
		{Minutes: 30, Step: 30, HorizonDays: 30, Closed: true, PractitionerIDs: both},
	}
	leave := func(of string, day, from, hours int) {
		start := d.day.AddDate(0, 0, day).Add(time.Duration(from) * time.Hour)
		m.away = append(m.away, clinic.Leave{
			ID: id.New("lev"), Of: of, Start: start, End: start.Add(time.Duration(hours) * time.Hour),
		})
	}
	leave(m.people[0].ID, 1, 12, 1)
	leave(r1.ID, 1, 10, 2)
	leave(f.Site.ID, 2, 15, 2)
	leave(m.people[1].ID, 1, 23, 2)
	for i := range m.services {
		m.services[i].ID, m.services[i].Mode, m.services[i].Name = id.New("svc"), "in-person", "Service"
	}
	f.Change(d.t, func(k table.Clinic) []table.Item {
		items := []table.Item{
			{Key: k.Site(m.site.ID), Value: m.site, Version: 1},
			{Key: k.Room(r2.ID), Value: r2, Version: 1},
			{Key: k.Room(device.ID), Value: device, New: true},
		}
		for _, p := range m.people {
			items = append(items, table.Item{Key: k.Practitioner(p.ID), Value: p, Version: 1})
		}
		for _, s := range m.services {
			items = append(items, table.Item{Key: k.Service(s.ID), Value: s, New: true})
		}
		for _, l := range m.away {
			items = append(items, table.Item{Key: k.Leave(l.ID, l.End), Value: l, New: true})
		}
		return items
	})
}

// want draws a time that is likely to be in somebody's way.
func (d *diary) want(rt *rapid.T) wanted {
	minute := rapid.OneOf(
		rapid.IntRange(108, 132), rapid.IntRange(108, 132), // nine to eleven
		rapid.IntRange(240, 287), rapid.IntRange(0, 36), // the late shift
		rapid.IntRange(0, 287),
	).Draw(rt, "minute / 5")
	w := wanted{
		service:      d.m.services[rapid.IntRange(0, len(d.m.services)-1).Draw(rt, "service")],
		practitioner: d.m.people[rapid.IntRange(0, 1).Draw(rt, "practitioner")],
		patient:      d.f.Patients[rapid.IntRange(0, 2).Draw(rt, "patient")],
		start:        d.day.AddDate(0, 0, rapid.IntRange(0, 2).Draw(rt, "day")).Add(time.Duration(minute) * 5 * time.Minute),
	}
	if rapid.IntRange(0, 3).Draw(rt, "ask for rooms") == 0 {
		for _, r := range d.m.places {
			if rapid.Bool().Draw(rt, "room") {
				w.rooms = append(w.rooms, r.ID)
			}
		}
	}
	return w
}

func (d *diary) wish(w wanted) booking.Wish {
	return booking.Wish{
		ServiceID: w.service.ID, SiteID: d.m.site.ID, PractitionerID: w.practitioner.ID, PatientID: w.patient,
		Start: w.start.Format(time.RFC3339), RoomIDs: w.rooms,
	}
}

// mustBe holds that an answer is yes, or a refusal for exactly these reasons.
func (d *diary) mustBe(rt *rapid.T, what string, w wanted, err error) bool {
	want := d.m.reasons(w)
	switch {
	case !d.m.needed(w):
		mustRefuse(rt, what+" with rooms that are not needed", err, fault.Invalid, "invalid")
		return false
	case err == nil && len(want) == 0:
		return true
	case err == nil:
		rt.Fatalf("%s %+v: done, against %v", what, d.wish(w), want)
	case !fault.Is(err, fault.Conflict) || fault.Of(err).Code != "time_taken":
		rt.Fatalf("%s %+v: %v, want the reasons %v", what, d.wish(w), err, want)
	}
	if got := codes(err); !slices.Equal(got, want) {
		rt.Fatalf("%s %+v: refused for %v, want %v", what, d.wish(w), got, want)
	}
	return false
}

// done enters what was carried out: one event more, one key more, and what a repeat is answered with.
func (d *diary) done(rt *rapid.T, once access.Once, answer any, again func() error) {
	text, err := json.Marshal(answer)
	if err != nil {
		rt.Fatal(err)
	}
	d.events++
	d.keys++
	d.replays = append(d.replays, replay{once, again, string(text)})
}

// learn reads which places the record was given, and holds that they could be given.
func (d *diary) learn(rt *rapid.T, w wanted, r *record, told []string) {
	lanes := readStored(d.t, d.f.House, d.f.Org, d.f.Clock.Now()).lanesOf(d.t, r.id)
	if !d.m.serves(w, lanes) {
		rt.Fatalf("%+v has the places %v, which are not free or do not serve", d.wish(w), lanes)
	}
	var rooms []string
	for _, l := range lanes {
		room, _, _ := strings.Cut(l, "~")
		rooms = append(rooms, room)
	}
	slices.Sort(rooms)
	if told := slices.Sorted(slices.Values(told)); !slices.Equal(rooms, told) {
		rt.Fatalf("the answer tells the rooms %v, stored are %v", told, rooms)
	}
	r.lanes = lanes
}

func (d *diary) book(rt *rapid.T) { d.bookIt(rt, d.want(rt)) }

func (d *diary) bookIt(rt *rapid.T, w wanted) {
	once := clinictest.Once()
	do := func() (booking.Appointment, error) { return d.f.Book(d.t.Context(), d.f.by, once, d.wish(w)) }
	apt, err := do()
	if !d.mustBe(rt, "book", w, err) {
		return
	}
	r := &record{
		id: apt.ID, practitioner: w.practitioner.ID, patient: w.patient, service: w.service, start: w.start,
		status: booking.Booked, version: 1,
	}
	d.learn(rt, w, r, apt.RoomIDs)
	d.m.records = append(d.m.records, r)
	d.mustTell(rt, apt, r)
	d.done(rt, once, apt, func() error { _, err := do(); return err })
}

// mustTell holds that the answer is the record.
func (d *diary) mustTell(rt *rapid.T, a booking.Appointment, r *record) {
	got := fmt.Sprint(a.ID, a.Status, a.ServiceID, a.SiteID, a.PractitionerID, a.PatientID, a.Start.Unix(), a.End.Unix(),
		a.TimeZone, a.LocalStart, a.Version)
	want := fmt.Sprint(r.id, r.status, r.service.ID, d.m.site.ID, r.practitioner, r.patient, r.start.Unix(),
		after(r.start, r.service.Minutes).Unix(), "Europe/London", r.start.In(d.m.zone).Format("2006-01-02T15:04"), r.version)
	if got != want {
		rt.Fatalf("the answer is\n%s, want\n%s", got, want)
	}
}

// bookOffered books something out of the list of what is free: that must never be refused.
func (d *diary) bookOffered(rt *rapid.T) {
	w := d.want(rt)
	days, err := d.f.Availability(d.t.Context(), d.f.by, booking.Search{
		ServiceID: w.service.ID, SiteID: d.m.site.ID, PatientID: w.patient, PractitionerIDs: []string{w.practitioner.ID},
		From: d.date(0), To: d.date(2),
	})
	if err != nil {
		rt.Fatal(err)
	}
	var offered []booking.Slot
	for _, day := range days {
		offered = append(offered, day.Slots...)
	}
	if len(offered) == 0 {
		rt.Skip("nothing is free")
	}
	slot := offered[rapid.IntRange(0, len(offered)-1).Draw(rt, "slot")]
	w.start, w.rooms = slot.Start.UTC(), slot.RoomIDs
	if why := d.m.reasons(w); len(why) > 0 {
		rt.Fatalf("%s is offered, against %v", slot.LocalStart, why)
	}
	d.bookIt(rt, w)
}

func (d *diary) date(n int) string { return d.day.AddDate(0, 0, n).Format(time.DateOnly) }

func (d *diary) hold(rt *rapid.T) {
	w := d.want(rt)
	if rapid.Bool().Draw(rt, "for nobody yet") {
		w.patient = ""
	}
	once := clinictest.Once()
	do := func() (booking.Hold, error) { return d.f.Hold(d.t.Context(), d.f.by, once, d.wish(w)) }
	h, err := do()
	if !d.mustBe(rt, "hold", w, err) {
		return
	}
	r := &record{
		id: h.ID, hold: true, practitioner: w.practitioner.ID, patient: w.patient, service: w.service, start: w.start,
		made: d.m.now, until: d.m.now.Add(5 * time.Minute), version: 1,
	}
	if !h.ExpiresAt.Equal(r.until) || h.Version != 1 || !h.Start.Equal(w.start) {
		rt.Fatalf("the answer is %+v", h)
	}
	d.learn(rt, w, r, h.RoomIDs)
	d.m.records = append(d.m.records, r)
	d.done(rt, once, h, func() error { _, err := do(); return err })
}

// pick draws one of the records, the latest most often.
func (d *diary) pick(rt *rapid.T, hold bool) *record {
	var of []*record
	for _, r := range slices.Backward(d.m.records) {
		if r.hold == hold {
			of = append(of, r)
		}
	}
	if len(of) == 0 {
		rt.Skip("there is none")
	}
	return of[rapid.IntRange(0, len(of)-1).Draw(rt, "record")]
}

// seen draws the version that the client saw: nearly always the record's.
func (r *record) seen(rt *rapid.T) int64 {
	return max(1, r.version-int64(rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 1, -1}).Draw(rt, "behind by")))
}

// mustRefuse holds that the error is this one.
func mustRefuse(rt *rapid.T, what string, err error, kind fault.Kind, code string) {
	if !fault.Is(err, kind) || fault.Of(err).Code != code {
		rt.Fatalf("%s: %v, want %s %s", what, err, kind, code)
	}
}
