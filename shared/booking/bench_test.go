package booking

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"almanac/shared/clinic"
	"almanac/shared/id"
	"almanac/shared/table"
)

// BenchmarkMonth computes one practitioner's free half hours, in steps of 15 minutes, over 31 days, most taken, with two rooms to choose
// from. Nothing is read. cpu-ns/op counts the process's processor time, which a busy machine does not lengthen and in
// which the collector's work on other processors is not lost; `make bench` prints it.
func BenchmarkMonth(b *testing.B) {
	q := benchQuestion()
	slots := 0
	start := processorTime(b)
	for b.Loop() {
		// As a search does: what the site's hours open is worked out once, whoever is asked for.
		q.opened = newOpenings(q.site, time.UTC, q.over)
		q.opened.first, q.opened.last = "2027-01-04", "2027-02-03"
		slots = 0
		for _, d := range q.days(false) {
			slots += len(d.Slots)
		}
	}
	b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
	if want := 23 * 3; slots != want { // 23 weekdays with three starts that are free in each
		b.Fatalf("%d free times, want %d: the benchmark does not measure what it says", slots, want)
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchQuestion is a practitioner who works from 9 to 17 on weekdays and is booked from 9 to 16, and two rooms of
// which the first is taken as well.
func benchQuestion() question {
	site := clinic.Site{ID: id.New("sit"), Zone: "UTC"}
	prc := clinic.Practitioner{ID: id.New("prc")}
	for d := time.Monday; d <= time.Friday; d++ {
		day := []string{"", "monday", "tuesday", "wednesday", "thursday", "friday"}[d]
		site.Hours = append(site.Hours, clinic.Opening{Day: day, Opens: "08:00", Closes: "18:00"})
		prc.Sessions = append(prc.Sessions, clinic.Session{
			SiteID: site.ID, Opening: clinic.Opening{Day: day, Opens: "09:00", Closes: "17:00"},
		})
	}
	first, second := id.New("roo"), id.New("roo")
	rooms := map[string]clinic.Room{}
	for _, r := range []string{first, second} {
		rooms[r] = clinic.Room{ID: r, SiteID: site.ID, Capacity: 1}
	}
	snap := &clinic.Snapshot{Rooms: rooms}
	for n := range 20 { // leave of colleagues, which has to be looked through
		snap.Leave = append(snap.Leave, clinic.Leave{Of: fmt.Sprint("prc_", n)})
	}
	monday := time.Date(2027, 1, 4, 0, 0, 0, 0, time.UTC)
	var taken table.Occupancy
	for d := range 31 {
		for h := range 14 { // half hours
			at := table.TickOf(monday.AddDate(0, 0, d).Add(9*time.Hour + time.Duration(h)*30*time.Minute))
			for t := range table.Tick(6) {
				taken.Taken = append(taken.Taken, table.Tenure{Tick: at + t, Firm: true, First: t == 0})
			}
		}
	}
	return question{
		snap: snap, site: site, practitioner: prc, now: monday.AddDate(0, 0, -1),
		over: table.SpanOf(monday, monday.AddDate(0, 0, 31).Add(30*time.Minute)),
		service: clinic.Service{
			ID: id.New("svc"), Minutes: 30, Step: 15, HorizonDays: 365, PractitionerIDs: []string{prc.ID},
			Needs: []clinic.Need{{AnyOf: []string{first, second}}},
		},
		busy: map[string]table.Occupancy{prc.ID: taken, first: taken},
	}
}
