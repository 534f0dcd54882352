package task_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
)

// more is that so many rooms were lost with an account.
func (o *office) more(t *testing.T, con string, apts ...string) {
	t.Helper()
	o.raise(t, task.Matter{
		Kind: video.RoomsLost, ConnectionID: con, Subject: "staff-x", Because: "asked", Appointments: apts, Count: len(apts),
	})
}

// Raised again with more appointments it is the same task of all of them; with less it stays what it is, and so does one
// that somebody has seen to.
func TestRaiseMore(t *testing.T) {
	o := newOffice(t)
	con, second := id.New("con"), id.New("apt")
	o.more(t, con, o.apt.ID)
	first := o.list(t, clinictest.Receptionist, task.Open)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() { o.more(t, con, o.apt.ID, second) })
	}
	wait.Wait()
	o.more(t, con, second)
	all := o.list(t, clinictest.Receptionist, task.Open)
	if len(all) != 1 || all[0].ID != first[0].ID || all[0].Count != 2 || all[0].Version != 2 ||
		fmt.Sprint(all[0].AppointmentIDs) != fmt.Sprint([]string{o.apt.ID, second}) {
		t.Fatalf("%+v", all)
	}
	if _, err := o.s.Done(t.Context(), o.By(t, clinictest.Receptionist), clinictest.Once(), all[0].ID, 2); err != nil {
		t.Fatal(err)
	}
	o.more(t, con, o.apt.ID, second, id.New("apt"))
	if all = o.list(t, clinictest.Receptionist, task.Done); len(all) != 1 || all[0].Count != 2 || o.rows(t, "staff-x") > 0 {
		t.Errorf("seen to, it is %+v", all)
	}
}

// A visit waits for an account, settles, and waits once more: it is one task, open as long as it waits. One that somebody
// has seen to stays done.
func TestOfSettled(t *testing.T) {
	o := newOffice(t)
	m := o.matter(1)
	m.Kind, m.Subject, m.Because = video.NotConnected, "", ""
	for n := range 3 {
		o.raise(t, m)
		o.raise(t, m)
		o.raise(t, o.matter(1))
		if got := o.open(t); len(got) != len("room_time_refused not_connected") || o.rows(t, o.apt.ID) != 2 {
			t.Fatalf("round %d: open are %s, %d rows", n, got, o.rows(t, o.apt.ID))
		}
		o.Clock.Pass(time.Second)
		for range 2 {
			if err := o.s.OfSettled(t.Context(), o.job, o.standing(1)); err != nil {
				t.Fatal(err)
			}
		}
		all := o.list(t, clinictest.Receptionist, task.Done)
		if len(all) != 1 || all[0].Settled != task.VisitSettled || o.rows(t, o.apt.ID) != 1 || o.open(t) != "room_time_refused" {
			t.Fatalf("round %d: done are %+v, open %s", n, all, o.open(t))
		}
	}
	m.Sequence++
	o.raise(t, m)
	for _, x := range o.list(t, clinictest.Receptionist, task.Open) {
		if x.Kind != video.NotConnected {
			continue
		}
		if _, err := o.s.Done(t.Context(), o.By(t, clinictest.Receptionist), clinictest.Once(), x.ID, x.Version); err != nil {
			t.Fatal(err)
		}
	}
	o.raise(t, m)
	if o.open(t) != "room_time_refused" || o.rows(t, o.apt.ID) != 1 {
		t.Errorf("open are %s", o.open(t))
	}
}

// standing is of a visit that has its room at the time of so many changes.
func (o *office) standing(sequence int64) video.Standing {
	return video.Standing{AppointmentID: o.apt.ID, Sequence: sequence, Hosted: true, Fits: true}
}

// What the staff are told of a visit ends when it is untrue, and not before.
func TestUntrue(t *testing.T) {
	for name, x := range map[string]struct {
		as   func(*video.Standing)
		left string
	}{
		"it fits":                 {func(*video.Standing) {}, "room_deleted_late room_time_refused"},
		"it fits at another time": {func(s *video.Standing) { s.Sequence = 2 }, "room_deleted_late"},
		"it is over":              {func(s *video.Standing) { s.Fits, s.Over = false, true }, "room_deleted_late"},
		"it is over, and its room stays": {
			func(s *video.Standing) { s.Fits, s.Over, s.Told = false, true, video.RoomStarted },
			"room_deleted_late room_started",
		},
		"its meeting goes on": {
			func(s *video.Standing) { s.Fits = false },
			"provider_refused room_deleted_late room_started room_time_refused",
		},
		"there is no account": {
			func(s *video.Standing) { s.Fits, s.Hosted = false, false },
			"not_connected provider_refused room_deleted_late room_started room_time_refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			for _, kind := range []string{
				video.NotConnected, video.ProviderRefused, video.RoomDeletedLate, video.RoomStarted, video.TimeRefused,
			} {
				m := o.matter(1)
				m.Kind = kind
				o.raise(t, m)
			}
			now := o.standing(1)
			x.as(&now)
			if err := o.s.OfSettled(t.Context(), o.job, now); err != nil {
				t.Fatal(err)
			}
			var open []string
			for _, task := range o.list(t, clinictest.Receptionist, task.Open) {
				open = append(open, task.Kind)
			}
			slices.Sort(open)
			if got := strings.Join(open, " "); got != x.left {
				t.Errorf("open are %s", got)
			}
		})
	}
}

// Of an account that is no more nothing is raised, but that rooms were lost with it.
func TestRaiseOfGone(t *testing.T) {
	o := newOffice(t)
	con := id.New("con")
	k := o.Table.For(o.job)
	err := k.Write(t.Context(), table.Change{
		Action: access.ConnectionEnd, Target: con, Event: event.Event{Name: event.ConnectionEnded},
		Put: []table.Item{{Key: k.Tombstone(con), New: true, Value: map[string]string{"con": con}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.reauth(t, con, 1)
	o.lost(t, con, o.Clock.Now())
	if got := o.open(t); got != video.RoomsLost || o.rows(t, "staff-x") != 1 {
		t.Errorf("open are %q", got)
	}
}
