package booking_test

import (
	"flag"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// busy is what DynamoDB answers to a transaction of which an item is in another one's hands.
func busy() error {
	return &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{
		{Code: aws.String("None")}, {Code: aws.String("TransactionConflict")},
	}}
}

// changes are the instants at which a zone's clocks change in the years.
func changes(zone *time.Location, from, to int) []time.Time {
	var out []time.Time
	at := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
	_, offset := at.In(zone).Zone()
	for ; at.Year() <= to; at = at.Add(15 * time.Minute) {
		if _, now := at.In(zone).Zone(); now != offset {
			offset = now
			out = append(out, at)
		}
	}
	return out
}

// around lists the wall-clock times on and about the day of a change, every few minutes, as people write them,
// whether or not they exist.
func around(change time.Time, zone *time.Location, step int) []string {
	local := change.In(zone)
	base := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	var out []string
	for m := -60; m < 26*60; m += step {
		out = append(out, base.Add(time.Duration(m)*time.Minute).Format("2006-01-02T15:04"))
	}
	return out
}

// instants are those at which the clock on the wall reads so, found by looking at the clock at every one.
func instants(change time.Time, zone *time.Location) map[string][]time.Time {
	out := map[string][]time.Time{}
	for at := change.Add(-40 * time.Hour); at.Before(change.Add(40 * time.Hour)); at = at.Add(5 * time.Minute) {
		local := at.In(zone).Format("2006-01-02T15:04")
		out[local] = append(out[local], at)
	}
	return out
}

// nightClinic is open day and night, with a service that nothing but the practitioner is needed for.
func nightClinic(t *testing.T) *fixture {
	t.Helper()
	f := newWith(t)
	f.Site.Hours, f.Practitioners[0].Sessions = nil, nil
	for n := range 7 {
		day := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}[n]
		o := clinic.Opening{Day: day, Opens: "00:00", Closes: "24:00"}
		f.Site.Hours = append(f.Site.Hours, o)
		f.Practitioners[0].Sessions = append(f.Practitioners[0].Sessions, clinic.Session{SiteID: f.Site.ID, Opening: o})
	}
	f.Clinic.Service.Needs, f.Clinic.Service.Minutes, f.Clinic.Service.Step = nil, 5, 5
	f.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{
			{Key: k.Site(f.Site.ID), Value: f.Site, Version: 1},
			{Key: k.Service(f.Clinic.Service.ID), Value: f.Clinic.Service, Version: 1},
			{Key: k.Practitioner(f.Practitioners[0].ID), Value: f.Practitioners[0], Version: 1},
		}
	})
	f.by = f.By(t, clinictest.Receptionist)
	return f
}

var allClockTimes = flag.Bool("clock-times", false, "TestNoBookingIsShifted books every five minutes, not samples")

// Around every change of London's clocks from 2020 to 2040, no time is ever booked at another reading of the clock
// than was asked for: one that does not exist is refused, and one that exists twice is asked about.
func TestNoBookingIsShifted(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	f := nightClinic(t)
	booked, skipped, twice := 0, 0, 0
	all := changes(london, 2020, 2040)
	if len(all) != 42 {
		t.Fatalf("%d changes", len(all))
	}
	for i, change := range all {
		f.Clock.Set(change.AddDate(0, 0, -3))
		exist := instants(change, london)
		texts := around(change, london, 5)
		for j, local := range texts {
			near := local >= change.Add(-70*time.Minute).In(london).Format("2006-01-02T15:04") &&
				local <= change.Add(70*time.Minute).In(london).Format("2006-01-02T15:04")
			// What must be refused costs nothing and is always tried whole; of the rest, samples, unless all is asked for.
			tried := near && j%9 == i%9 || j%67 == i
			if len(exist[local]) == 1 && !tried && !*allClockTimes {
				continue
			}
			switch f.bookAt(t, local, exist[local], london, j%4 == i%4 || *allClockTimes) {
			case "booked":
				booked++
			case "time_skipped":
				skipped++
			case "time_twice":
				twice++
			}
		}
	}
	t.Logf("%d changes, %d booked, %d skipped, %d asked about", len(all), booked, skipped, twice)
	if booked < 150 || skipped != 21*12 || twice != 21*12 {
		t.Errorf("%d booked, %d skipped, %d asked about", booked, skipped, twice)
	}
}

// bookAt books a time as people write it and judges the answer by the instants that read so. Where there are two,
// both of them are booked if both is set.
func (f *fixture) bookAt(t *testing.T, local string, exist []time.Time, zone *time.Location, both bool) string {
	t.Helper()
	a, err := f.book(t, f.wish(local))
	switch {
	case len(exist) == 1 && err == nil:
		f.mustStand(t, a, local, exist[0], zone)
		return "booked"
	case len(exist) == 0 && err != nil, len(exist) == 2 && err != nil:
	default:
		t.Fatalf("%s is read by the clock at %v; booking it gave %v, %v", local, exist, a, err)
	}
	details := fault.Of(err).Details
	if !fault.Is(err, fault.Invalid) || len(details) != 1 || details[0].Pointer != "/start" {
		t.Fatalf("%s: %v %+v", local, err, details)
	}
	if len(exist) == 2 {
		for i, choice := range details[0].Choices {
			at, err := time.Parse(time.RFC3339, choice)
			if err != nil || !at.Equal(exist[i]) || choice != exist[i].In(zone).Format(time.RFC3339) {
				t.Fatalf("%s: the choices are %v, want %v", local, details[0].Choices, exist)
			}
			if !both {
				continue
			}
			// Told by its offset, it is booked at that very instant.
			a, err := f.book(t, f.wish(choice))
			if err != nil {
				t.Fatalf("%s: %v", choice, err)
			}
			f.mustStand(t, a, local, exist[i], zone)
		}
		if len(details[0].Choices) != 2 {
			t.Fatalf("%s: the choices are %v", local, details[0].Choices)
		}
	}
	return details[0].Code
}

// mustStand holds that the appointment was answered and stored at the instant, and gives its time back.
func (f *fixture) mustStand(t *testing.T, a booking.Appointment, local string, at time.Time, zone *time.Location) {
	t.Helper()
	var stored struct {
		Start int64 `dynamodbav:"start"`
	}
	k := f.Table.For(f.by)
	if err := k.Get(t.Context(), k.Appointment(a.ID), &stored); err != nil {
		t.Fatal(err)
	}
	read := time.Unix(stored.Start, 0).In(zone).Format("2006-01-02T15:04")
	if stored.Start != at.Unix() || read != local || a.LocalStart != local || !a.Start.Equal(at) {
		t.Fatalf("asked for %s, answered %s, stored %s (%d, want %d)", local, a.LocalStart, read, stored.Start, at.Unix())
	}
	if _, err := f.Cancel(t.Context(), f.by, clinictest.Once(), a.ID, a.Version, booking.ByMistake); err != nil {
		t.Fatal(err)
	}
}

// On every day of 23, 24 or 25 hours the free times are exactly those whose whole length the clock on the wall reads
// within the opening hours: in London, and where clocks change by half an hour, by two, or at midnight.
func TestOpeningHoursFollowTheClock(t *testing.T) {
	f := newWith(t)
	zones := []string{
		"Europe/London", "Australia/Lord_Howe", "Antarctica/Troll", "America/Santiago", "Asia/Beirut", "America/St_Johns",
		"Africa/Casablanca", "Pacific/Chatham", "America/Havana",
	}
	sites := f.sitesIn(t, zones)
	days := 0
	for i, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		from, to := 2026, 2028
		if i == 0 {
			from, to = 2020, 2040
		}
		for _, change := range changes(zone, from, to) {
			f.Clock.Set(change.AddDate(0, 0, -5))
			for offset := -1; offset <= 1; offset++ {
				days++
				f.mustFollow(t, sites[i], zone, change.In(zone).AddDate(0, 0, offset).Format(time.DateOnly))
			}
		}
	}
	t.Logf("%d days in %d zones", days, len(zones))
}

// sitesIn opens a site in each zone at odd hours, with one practitioner for all of them.
func (f *fixture) sitesIn(t *testing.T, zones []string) []clinic.Site {
	t.Helper()
	var sites []clinic.Site
	p := f.Practitioners[0]
	p.Sessions = nil
	for _, zone := range zones {
		s := clinic.Site{ID: id.New("sit"), Name: "Site", Zone: zone}
		for n := range 7 {
			day := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}[n]
			for _, hours := range [][2]string{{"00:00", "00:40"}, {"00:55", "01:35"}, {"02:10", "03:05"}, {"04:00", "09:30"}, {"23:15", "24:00"}} {
				o := clinic.Opening{Day: day, Opens: hours[0], Closes: hours[1]}
				s.Hours = append(s.Hours, o)
				p.Sessions = append(p.Sessions, clinic.Session{SiteID: s.ID, Opening: o})
			}
		}
		sites = append(sites, s)
	}
	f.Clinic.Service.Needs, f.Clinic.Service.Minutes, f.Clinic.Service.Step = nil, 20, 5
	f.Clinic.Service.BufferBefore, f.Clinic.Service.BufferAfter = 10, 15
	f.Change(t, func(k table.Clinic) []table.Item {
		items := []table.Item{
			{Key: k.Service(f.Clinic.Service.ID), Value: f.Clinic.Service, Version: 1},
			{Key: k.Practitioner(p.ID), Value: p, Version: 1},
		}
		for _, s := range sites {
			items = append(items, table.Item{Key: k.Site(s.ID), Value: s, New: true})
		}
		return items
	})
	f.by = f.By(t, clinictest.Receptionist)
	return sites
}

func (f *fixture) mustFollow(t *testing.T, site clinic.Site, zone *time.Location, date string) {
	t.Helper()
	got, err := f.Availability(t.Context(), f.by, booking.Search{
		ServiceID: f.Clinic.Service.ID, SiteID: site.ID, PractitionerIDs: []string{f.Practitioners[0].ID},
		From: date, To: date,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Date != date {
		t.Fatalf("%s in %s: %d days are listed", date, zone, len(got))
	}
	var offered, want []string
	for _, s := range got[0].Slots {
		offered = append(offered, s.Start.In(zone).Format("2006-01-02T15:04 MST"))
	}
	m := &model{zone: zone, open: map[opened]bool{}}
	for _, at := range m.starts(date, f.Clinic.Service) {
		if m.within(core(f.Clinic.Service, at), site.ID, site.Hours) {
			want = append(want, at.In(zone).Format("2006-01-02T15:04 MST"))
		}
	}
	if diff := cmp.Diff(want, offered); diff != "" || len(want) < 40 {
		t.Errorf("%s in %s:\n%s", date, zone, diff)
	}
}
