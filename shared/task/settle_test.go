package task_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
)

// rows counts what stands among a person's matters.
func (o *office) rows(t *testing.T, subject string) int {
	t.Helper()
	k := o.Table.For(o.job)
	all, err := k.Under(t.Context(), k.Matter(subject, ""), table.Matters)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func (o *office) reauth(t *testing.T, con string, grant int64) {
	t.Helper()
	if err := o.s.OfAccount(t.Context(), o.job, con, "staff-x", "grant_dead", grant); err != nil {
		t.Fatal(err)
	}
}

func (o *office) lost(t *testing.T, con string, granted time.Time) {
	t.Helper()
	err := o.s.OfVisit(t.Context(), o.job, video.Trouble{
		Why: video.RoomsLost, Subject: "staff-x", Because: "asked", Connection: con, Sequence: granted.Unix(), Count: 51,
		Appointments: []string{o.apt.ID},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// open gives the tasks that wait, each by its kind and what it is about.
func (o *office) open(t *testing.T) string {
	t.Helper()
	var out []string
	for _, x := range o.list(t, clinictest.Receptionist, task.Open) {
		out = append(out, x.Kind)
	}
	return strings.Join(out, " ")
}

// A person connects an account: what waited for that is done, by itself and once, and nothing that came later is, nor
// of anybody else, however late or often somebody hears of it.
func TestOfMade(t *testing.T) {
	o := newOffice(t)
	con, former := id.New("con"), id.New("con")
	then := o.Clock.Now()
	made := video.Account{Connection: con, Subject: "staff-x", Grant: 5, Granted: then}
	o.reauth(t, con, 4)
	o.lost(t, former, then.Add(-time.Hour))
	o.lost(t, id.New("con"), then.Add(-time.Second))
	o.Clock.Pass(time.Minute)
	for range 2 {
		if err := o.s.OfMade(t.Context(), o.job, made); err != nil {
			t.Fatal(err)
		}
	}
	done := o.list(t, clinictest.Receptionist, task.Done)
	if len(done) != 3 || o.open(t) != "" || o.rows(t, "staff-x") != 0 {
		t.Fatalf("done %+v, open %s, %d rows", done, o.open(t), o.rows(t, "staff-x"))
	}
	for _, x := range done {
		if x.DoneBy != "" || x.Settled != task.Connected || x.DoneAt == nil || !x.DoneAt.Equal(o.Clock.Now()) || x.Version != 2 {
			t.Errorf("%+v", x)
		}
		if x.Kind == video.RoomsLost && (fmt.Sprint(x.AppointmentIDs) != "["+o.apt.ID+"]" || x.Count != 51) {
			t.Errorf("%+v", x)
		}
		last := o.History(t, o.Org, x.ID)
		if e := last[len(last)-1]; len(last) != 2 || e.Name != event.TaskDone || e.Why != x.Kind+":connected" || e.Version != 2 {
			t.Errorf("the events are %+v", last)
		}
	}
	// What comes after that, and what is somebody else's.
	o.reauth(t, con, 5)
	o.reauth(t, former, 1)
	o.lost(t, con, then)
	o.lost(t, former, then.Add(time.Second))
	for _, item := range o.Stored(t) {
		if sk := fmt.Sprint(item["SK"]); !strings.HasPrefix(sk, "EVT") && item["kind"] == video.RoomsLost && strings.Contains(fmt.Sprint(item), former) {
			t.Errorf("something says what account is no more: %v", item)
		}
	}
	if err := o.s.OfAccount(t.Context(), o.job, con, "staff-y", "grant_dead", 1); err != nil {
		t.Fatal(err)
	}
	o.raise(t, o.matter(1))
	for range 2 {
		if err := o.s.OfMade(t.Context(), o.job, made); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.list(t, clinictest.Receptionist, task.Open); len(got) != 6 {
		t.Errorf("of six are open: %s", o.open(t))
	}
	// Raised again it stays done.
	o.reauth(t, con, 4)
	if o.rows(t, "staff-x") != 4 || len(o.list(t, clinictest.Receptionist, task.Open)) != 6 {
		t.Errorf("%d rows, open: %s", o.rows(t, "staff-x"), o.open(t))
	}
}

// An account is no more: nobody can connect it again. What its end brought about stays.
func TestOfGone(t *testing.T) {
	o := newOffice(t)
	con := id.New("con")
	gone := video.Account{Connection: con, Subject: "staff-x", Grant: 5, Granted: o.Clock.Now()}
	o.reauth(t, con, 4)
	o.reauth(t, con, 5)
	o.reauth(t, id.New("con"), 5)
	o.lost(t, con, o.Clock.Now())
	for range 2 {
		if err := o.s.OfGone(t.Context(), o.job, gone); err != nil {
			t.Fatal(err)
		}
	}
	done := o.list(t, clinictest.Receptionist, task.Done)
	if len(done) != 2 || len(o.list(t, clinictest.Receptionist, task.Open)) != 2 {
		t.Fatalf("done %+v, open %s", done, o.open(t))
	}
	for _, x := range done {
		if x.Kind != video.NeedsReauth || x.Settled != task.AccountGone {
			t.Errorf("%+v", x)
		}
	}
}

// Somebody sees to it in the same moment: it is done once, by whoever was first, and the row is gone.
func TestSettledAndDone(t *testing.T) {
	o := newOffice(t)
	con := id.New("con")
	for n := range int64(8) {
		o.reauth(t, con, n)
		x := o.list(t, clinictest.Receptionist, task.Open)[0]
		var wait sync.WaitGroup
		var byHand, byItself error
		by, once := o.By(t, clinictest.Receptionist), clinictest.Once()
		wait.Go(func() { _, byHand = o.s.Done(t.Context(), by, once, x.ID, 1) })
		wait.Go(func() {
			byItself = o.s.OfMade(t.Context(), o.job, video.Account{Connection: con, Subject: "staff-x", Grant: n + 1})
		})
		wait.Wait()
		if byItself != nil || byHand != nil && !fault.Is(byHand, fault.Stale) && fault.Of(byHand).Code != "task_done" {
			t.Errorf("%v, %v", byHand, byItself)
		}
		o.Clock.Pass(time.Second)
		done := o.list(t, clinictest.Receptionist, task.Done)
		if len(done) != int(n)+1 || o.rows(t, "staff-x") != 0 || (byHand == nil) != (done[0].DoneBy != "") ||
			(byHand == nil) != (done[0].Settled == "") {
			t.Errorf("%d are done, the last %+v", len(done), done[0])
		}
	}
}

// Of an appointment only that it waits for an account settles by itself, and nobody but a job settles anything.
func TestSettleDenied(t *testing.T) {
	o := newOffice(t)
	o.raise(t, o.matter(1))
	within := o.matter(2)
	within.ConnectionID = id.New("con")
	o.raise(t, within)
	if o.rows(t, "staff-x") != 0 {
		t.Error("a visit's task stands among the person's matters")
	}
	con := id.New("con")
	o.reauth(t, con, 1)
	made := video.Account{Connection: con, Subject: "staff-x", Grant: 2}
	if err := o.s.OfMade(t.Context(), access.System(o.Org, string(access.VideoVisitor)), made); !fault.Is(err, fault.Denied) {
		t.Errorf("%v", err)
	}
	if o.rows(t, "staff-x") != 1 {
		t.Error("it is done")
	}
}
