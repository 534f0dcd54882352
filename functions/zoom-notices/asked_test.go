package main

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/task"
)

// third is of how many moments one is drawn.
const third = 3

// another books a second appointment, for which nobody has asked for a room yet.
func (b *bench) another(t *testing.T) booking.Appointment {
	t.Helper()
	apt, err := b.diary.Book(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: b.Service.ID, SiteID: b.Site.ID, PractitionerID: b.Practitioners[0].ID, PatientID: b.Patients[0],
		Start: "2027-01-06T09:30",
	})
	if err != nil {
		t.Fatal(err)
	}
	return apt
}

// left counts the items that say anything of a connection, besides those that say who did what and what is left of it.
func (b *bench) left(t *testing.T, con string) int {
	t.Helper()
	n := 0
	for _, item := range b.Stored(t) {
		sk, _ := item["SK"].(string)
		if strings.Contains(sk, "EVT#") || sk == "END" {
			continue
		}
		for value := range maps.Values(item) {
			if s, ok := value.(string); ok && strings.Contains(s, con) {
				n++
			}
		}
	}
	return n
}

// open are the kinds of the staff's tasks that nobody has seen to.
func (b *bench) open(t *testing.T) []string {
	t.Helper()
	all, _, err := b.tasks.List(t.Context(), b.By(t, clinictest.Receptionist), task.Open, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]string, len(all))
	for i, x := range all {
		kinds[i] = x.Kind
	}
	return kinds
}

// again connects the account once more, and has the worker make the rooms that were asked for.
func (b *bench) again(t *testing.T, apt booking.Appointment) {
	t.Helper()
	b.Clock.Pass(time.Minute)
	b.connect(t)
	now, err := b.connection(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.video.Resume(t.Context(), b.job, now.ID); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Waiting(t) {
		if e.Name != event.VideoAsked || e.Target != apt.ID {
			continue
		}
		if err := b.video.Sync(t.Context(), b.job, apt.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// At any moment of the erasing somebody asks for another visit, and the worker is quick: nothing of the account is left,
// the visit has its room in the next account, and no task about the old one stays.
func TestAskedDuringErase(t *testing.T) {
	for n := 1 + rand.IntN(third); ; n += third {
		var m clinictest.Moment
		b := newBench(t, m.Option())
		b.ready(t, "2027-01-05T09:30")
		apt := b.another(t)
		con, err := b.connection(t)
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Pass(time.Minute)
		if err := b.zoom.Uninstall("", zoomsim.Ada); err != nil {
			t.Fatal(err)
		}
		told := b.told(t)
		var asked, synced error
		m.At(n, func() {
			_, asked = b.video.Email(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false)
			synced = b.video.Sync(t.Context(), b.job, apt.ID)
		})
		for range 5 {
			if b.work(t, told...) == 0 {
				break
			}
			b.Clock.Pass(time.Minute)
		}
		if !m.Came() {
			if n < 30 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
		if synced != nil { // its message comes again
			synced = b.video.Sync(t.Context(), b.job, apt.ID)
		}
		if left := b.left(t, con.ID); left > 0 {
			t.Errorf("moment %d: %d items are left", n, left)
		}
		if _, err := b.z.Read(t.Context(), b.job, con.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("moment %d: it is not erased: %v", n, err)
		}
		b.again(t, apt)
		view, err := b.video.Show(t.Context(), b.By(t, b.host), apt.ID)
		if kinds := b.open(t); err != nil || view.State != "ready" || len(kinds) > 0 {
			t.Errorf("moment %d: the visit is %s %s (%v, %v; %v), and the staff are told %v", n, view.State, view.Why, asked,
				synced, err, kinds)
		}
	}
}

// At any moment of the making of a room the whole account is erased: nothing of it is left, and the visit waits.
func TestErasedDuringSync(t *testing.T) {
	for n := 1 + rand.IntN(third); ; n += third {
		var m clinictest.Moment
		b := newBench(t, m.Option())
		b.ready(t, "2027-01-05T09:30")
		apt := b.another(t)
		if _, err := b.video.Email(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false); err != nil {
			t.Fatal(err)
		}
		con, err := b.connection(t)
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Pass(time.Minute)
		m.At(n, func() {
			if err := b.zoom.Uninstall("", zoomsim.Ada); err != nil {
				t.Fatal(err)
			}
			told := b.told(t)
			told = told[len(told)-1:]
			for range 4 {
				if b.work(t, told...) == 0 {
					break
				}
			}
		})
		first := b.video.Sync(t.Context(), b.job, apt.ID)
		if !m.Came() {
			if n < 10 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
		for err, tries := first, 0; err != nil && !fault.Is(err, fault.NotFound) && tries < 4; tries++ {
			b.Clock.Pass(time.Minute)
			err = b.video.Sync(t.Context(), b.job, apt.ID)
		}
		_, gone := b.z.Read(t.Context(), b.job, con.ID)
		view, err := b.video.Show(t.Context(), b.By(t, b.host), apt.ID)
		if left := b.left(t, con.ID); left > 0 || !fault.Is(gone, fault.NotFound) || view.Why != "not_connected" {
			t.Errorf("moment %d: %d items left (%v); the visit is %s %s (%v; %v)", n, left, gone, view.State, view.Why, first, err)
		}
	}
}
