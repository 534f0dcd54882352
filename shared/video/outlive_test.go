package video_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
)

// staffed is a heard house with its staff's tasks, and the worker who does what is asked for.
type staffed struct {
	*heard
	tasks *task.Service
	done  map[string]bool // events that were worked on
	stuck error           // what taking the connection away is answered with
	mute  error           // and telling the staff
	late  func()          // happens when the tasks of an account have been ended that goes, once
}

// goes ends the tasks of an account that goes.
func (s *staffed) goes(ctx context.Context, by access.Caller, a video.Account) error {
	err := s.tasks.OfGone(ctx, by, a)
	if late := s.late; late != nil {
		s.late = nil
		late()
	}
	return err
}

// raises has the staff told, as long as that works.
func (s *staffed) raises(ctx context.Context, by access.Caller, t video.Trouble) error {
	if s.mute != nil {
		return s.mute
	}
	return s.tasks.OfVisit(ctx, by, t)
}

// taken is removal, as long as that works.
func (s *staffed) taken(
	ctx context.Context, by access.Caller, con, why string, counts map[string]int,
) ([]table.Item, error) {
	if s.stuck != nil {
		return nil, s.stuck
	}
	return s.removal(ctx, by, con, why, counts)
}

func newStaffed(t *testing.T, h *heard) *staffed {
	t.Helper()
	s := &staffed{heard: h, tasks: task.New(h.Table, h.Clock.Now), done: map[string]bool{}}
	h.video = video.New(video.Parts{
		Table: h.Table, Keeper: h.Keeper, Directory: h.Directory, Diary: h.diary, Provider: h.rooms(t),
		Accounts: video.Accounts{
			Of: h.of, Read: h.read, Lapse: h.lapse, Due: h.look, Revoke: h.revoke, Fresh: h.fresh, Removal: s.taken,
		},
		Raise: s.raises, Settle: video.Settle{Made: s.tasks.OfMade, Gone: s.goes, Visit: s.tasks.OfSettled},
		Job: func(org string) access.Caller { return access.System(org, string(access.VideoRooms)) },
		Now: h.Clock.Now, ID: id.New,
	})
	return s
}

// work does what was asked for and not done yet.
func (s *staffed) work(t *testing.T) {
	t.Helper()
	for _, e := range s.Waiting(t) {
		if e.Name != event.VideoAsked || s.done[e.ID] {
			continue
		}
		s.done[e.ID] = true
		if err := s.video.Sync(t.Context(), s.job, e.Target); err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("sync: %v", err)
		}
	}
}

// waiting are the staff's tasks of a kind that nobody has seen to.
func (s *staffed) waiting(t *testing.T, kind string) []task.Task {
	t.Helper()
	all, _, err := s.tasks.List(t.Context(), s.By(t, clinictest.Receptionist), task.Open, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(x task.Task) bool { return x.Kind != kind })
}

// disconnects has an account's owner disconnect it, or have another one instead.
func (h *heard) disconnects(con, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.all[con]
	a.Usable, a.Ending, a.Why = false, true, why
	h.all[con] = a
}

// grants notes when an account was connected, as the table would.
func (h *heard) grants(con string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.all[con]
	a.Granted = h.Clock.Now()
	a.Grant++
	h.all[con] = a
}

// orphaned checks that a visit waits for its practitioner to have an account, and says nothing of the one that it was in.
func (h *heard) orphaned(t *testing.T, apt booking.Appointment) {
	t.Helper()
	v := h.visit(t, apt)
	want := video.Visit{
		AppointmentID: apt.ID, PatientID: apt.PatientID, State: video.Parked, Why: video.NotConnected, Linked: v.Linked,
		LinkedAt: v.LinkedAt, Issue: v.Issue, List: apt.PractitionerID, Start: v.Start, Version: v.Version,
		LeaseBy: v.LeaseBy,
	}
	if fmt.Sprint(v) != fmt.Sprint(want) || !v.Start.Equal(apt.Start) {
		t.Errorf("the visit is %+v", v)
	}
}

// Disconnected or uninstalled: a visit that is still to come waits, keeps its link, and has a room made in whatever
// account the practitioner connects next; the staff are told which, until then. One that is past or cancelled does not.
func TestVisitsOutliveTheirAccount(t *testing.T) {
	for _, why := range []string{"asked", video.UninstalledByOwner} {
		t.Run(why, func(t *testing.T) {
			h := newStaffed(t, newHeard(t))
			h.grants(h.con)
			_, apts := h.everything(t)
			toCome := []booking.Appointment{apts[0], apts[1], apts[4]}
			if _, err := h.video.Email(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), apts[1].ID, true); err != nil {
				t.Fatal(err)
			}
			links := map[string]string{}
			for _, apt := range toCome {
				links[apt.ID] = h.link(t, apt)
			}
			if why == "asked" {
				h.disconnects(h.con, why)
			} else {
				h.uninstalled(t)
			}
			if err := h.video.Erase(t.Context(), h.job, h.con, why); err != nil {
				t.Fatal(err)
			}
			h.forget(h.con)
			h.work(t)
			if h.left(t, h.con, "") > 0 {
				t.Error("something is left of the account")
			}
			for _, apt := range toCome {
				h.orphaned(t, apt)
			}
			h.stands(t, apts[3], video.Removed, "")
			all := h.waiting(t, video.RoomsLost)
			if len(all) != 1 || all[0].Count != 3 || all[0].Subject != h.subjects[0] || fmt.Sprint(all[0].Because) != "["+why+"]" ||
				fmt.Sprint(all[0].AppointmentIDs) != fmt.Sprint([]string{apts[0].ID, apts[1].ID, apts[4].ID}) {
				t.Errorf("the staff are told %+v", all)
			}
			h.Clock.Pass(time.Minute)
			con := h.join(t, h.subjects[0], zoomsim.Cara)
			h.grants(con)
			for range 2 {
				if err := h.video.Resume(t.Context(), h.job, con); err != nil {
					t.Fatal(err)
				}
			}
			h.work(t)
			for _, apt := range toCome {
				if v := h.stands(t, apt, video.Ready, ""); v.Connection != con || h.link(t, apt) != links[apt.ID] {
					t.Errorf("the visit is in %s, its link %t", v.Connection, h.link(t, apt) == links[apt.ID])
				}
			}
			if n := len(h.there(zoomsim.Cara)); n != 3 || len(h.waiting(t, video.RoomsLost)) > 0 {
				t.Errorf("%d meetings, and the staff are told %v", n, h.waiting(t, video.RoomsLost))
			}
		})
	}
}

// The practitioner has another account by then: the rooms are made in that one at once, and nobody is told of a loss.
func TestVisitsMoveToTheOtherAccount(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt, _ := h.ready(t, tuesday)
	link := h.link(t, apt)
	h.Clock.Pass(time.Minute)
	con := h.join(t, h.subjects[0], zoomsim.Cara)
	h.disconnects(h.con, "replaced")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	if v := h.stands(t, apt, video.Parked, video.NotConnected); v.List != con {
		t.Errorf("it is listed under %s", v.List)
	}
	h.work(t)
	h.only(t, apt, zoomsim.Cara)
	h.stands(t, apt, video.Ready, "")
	if len(h.waiting(t, video.RoomsLost)) > 0 || h.link(t, apt) != link || h.left(t, h.con, "") > 0 {
		t.Error("somebody is told of it, it has another link, or something is left")
	}
}

// Moved to another practitioner a moment before: that it has no room is said of that one.
func TestVisitsOfAnotherPractitionerByNow(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt, _ := h.ready(t, tuesday)
	apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.forget(h.con)
	h.work(t)
	h.orphaned(t, apt)
	if lost, none := h.waiting(t, video.RoomsLost), h.waiting(t, video.NotConnected); len(lost) > 0 || len(none) != 1 ||
		none[0].AppointmentID != apt.ID {
		t.Errorf("the staff are told %+v, %+v", lost, none)
	}
}

// Nothing waits for the room of somebody who was erased.
func TestVisitsOfTheErased(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt, _ := h.ready(t, tuesday)
	h.Erase(t, h.Patients[0])
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	if v := h.stands(t, apt, video.Removed, ""); v.List != "" || len(h.waiting(t, video.RoomsLost)) > 0 {
		t.Errorf("%+v", v)
	}
}

// A visit that had only passed is to come where its appointment was moved meanwhile, and one whose room the host deleted
// when it had begun is not.
func TestVisitsThatPassed(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	moved, _ := h.ready(t, tuesday)
	deleted, m := h.ready(t, wednesday)
	past, _ := h.ready(t, "2027-01-05T10:30")
	h.Clock.Set(deleted.Start.Add(10 * time.Minute))
	h.sync(t, moved)
	h.stands(t, moved, video.Ended, video.Passed)
	if err := h.zoom.Delete(m.ID, true); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	h.stands(t, deleted, video.Removed, video.RoomGone)
	moved = h.now(t, moved)
	moved.Start, moved.End, moved.Sequence = moved.Start.AddDate(0, 0, 7), moved.End.AddDate(0, 0, 7), moved.Sequence+1
	k := h.Table.For(h.job)
	err := k.Write(t.Context(), table.Change{
		Action: access.VideoSync, Target: moved.ID, Event: event.Event{Name: event.AppointmentMoved},
		Put: []table.Item{{Key: k.Appointment(moved.ID), Value: moved, Version: moved.Version}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.orphaned(t, moved)
	h.stands(t, deleted, video.Removed, "")
	h.stands(t, past, video.Removed, "")
	if all := h.waiting(t, video.RoomsLost); len(all) != 1 || fmt.Sprint(all[0].AppointmentIDs) != "["+moved.ID+"]" {
		t.Errorf("the staff are told %+v", all)
	}
}

var errStuck = errors.New("the table is away")

// The staff were told, the erasing did not come to its end, and the account is connected again: what they were told is
// over. When the same account ends once more, they are told once more, of what waits then.
func TestLostTwice(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.grants(h.con)
	apt, _ := h.ready(t, tuesday)
	told := h.uninstalled(t)
	h.stuck = errStuck
	if err := h.video.Observe(t.Context(), told); err == nil {
		t.Fatal("it was erased")
	}
	first := h.waiting(t, video.RoomsLost)
	if len(first) != 1 {
		t.Fatalf("the staff are told %+v", first)
	}
	h.stuck = nil
	h.granted(t)
	h.check(t)
	if all := h.waiting(t, video.RoomsLost); len(all) > 0 {
		t.Errorf("connected again, the staff are told %+v", all)
	}
	h.work(t)
	h.stands(t, apt, video.Ready, "")
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	if all := h.waiting(t, video.RoomsLost); len(all) != 1 || all[0].ID == first[0].ID || all[0].Count != 1 {
		t.Errorf("the staff are told %+v", all)
	}
}

// The staff could not be told, and by the next try the person has another account: there is nothing to tell them any
// more, and the visits are asked for.
func TestConnectedBeforeTold(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt, _ := h.ready(t, tuesday)
	told := h.uninstalled(t)
	h.mute = errStuck
	if err := h.video.Observe(t.Context(), told); err == nil {
		t.Fatal("it was erased")
	}
	h.orphaned(t, apt)
	h.join(t, h.subjects[0], zoomsim.Cara)
	if err := h.video.Observe(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	h.stands(t, apt, video.Ready, "")
}

// A task about an account that was raised in the moment in which it was connected again ends with the next look at it;
// one about an account that was connected in vain does not.
func TestTaskRaisedLate(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	h.grants(h.con)
	for grant := range int64(2) { // of the grant before, and of this one
		if err := h.tasks.OfAccount(t.Context(), h.job, h.con, h.subjects[0], "grant_dead", grant); err != nil {
			t.Fatal(err)
		}
	}
	usable := h.all[h.con]
	vain := usable
	vain.Usable, vain.Why = false, "scopes_missing"
	h.all[h.con] = vain
	if err := h.video.Resume(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.check(t)
	if all := h.waiting(t, video.NeedsReauth); len(all) != 2 {
		t.Errorf("connected in vain, the staff are told %+v", all)
	}
	h.all[h.con] = usable
	h.check(t)
	if all := h.waiting(t, video.NeedsReauth); len(all) != 1 {
		t.Errorf("the staff are told %+v", all)
	}
}

// Somebody who is at a visit in the middle of the erasing does not put it into the account once more, and it counts once.
func TestLostOnce(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt, _ := h.ready(t, tuesday)
	told := h.uninstalled(t)
	h.stuck = errStuck
	if err := h.video.Observe(t.Context(), told); err == nil {
		t.Fatal("it was erased")
	}
	apt = h.move(t, apt, booking.Wish{Start: wednesday})
	h.sync(t, apt)
	h.orphaned(t, apt)
	var row struct {
		Upcoming int `dynamodbav:"up"`
	}
	if err := h.video.Observe(t.Context(), told); err == nil {
		t.Fatal("it was erased")
	}
	k := h.Table.For(h.job)
	if err := k.Get(t.Context(), k.Erasure(h.con), &row); err != nil || row.Upcoming != 1 {
		t.Errorf("%d visits are lost (%v)", row.Upcoming, err)
	}
	h.stuck = nil
	if err := h.video.Observe(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	h.orphaned(t, apt)
	if h.left(t, h.con, "") > 0 {
		t.Error("something is left")
	}
}

// Of very many the staff are told the earliest, and how many there are.
func TestManyVisitsLost(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	var want []string
	for n := range 54 {
		day := []string{"08", "07", "06", "05"}[n%4]
		apt := h.book(t, 0, fmt.Sprintf("2027-01-%sT%02d:%02d", day, 9+n/4/2, n/4%2*30))
		h.email(t, apt)
		want = append(want, apt.Start.UTC().Format(time.RFC3339)+" "+apt.ID)
	}
	slices.Sort(want)
	for i := range want {
		want[i] = want[i][len(want[i])-len(id.New("apt")):]
	}
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	all := h.waiting(t, video.RoomsLost)
	if len(all) != 1 || all[0].Count != 54 || !slices.Equal(all[0].AppointmentIDs, want[:50]) {
		t.Errorf("the staff are told %+v", all)
	}
}

// The worker dies at any call while an account is erased that was replaced: every visit is asked for once it is out of
// the account, whoever goes on with it, and the staff are told of no loss.
func TestReplacedDiesAnywhere(t *testing.T) {
	takes := some(t, 9)
	for n := int32(1); ; n++ {
		if !takes(int(n)) {
			continue
		}
		reached := false
		for _, after := range []bool{false, true} {
			var k killer
			h := newStaffed(t, newHeard(t, clinictest.Intercept(k.intercept)))
			first, _ := h.ready(t, tuesday)
			waits := h.book(t, 0, wednesday)
			h.email(t, waits)
			h.Clock.Pass(time.Minute)
			con := h.join(t, h.subjects[0], zoomsim.Cara)
			h.disconnects(h.con, "replaced")
			k.arm(n, after)
			_ = h.video.End(t.Context(), h.job, h.con) // whoever dies says nothing
			k.armed.Store(false)
			reached = reached || k.calls.Load() >= n
			for range 3 {
				if _, _, gone := h.tombstone(t, h.con); gone {
					break
				}
				if err := h.video.End(t.Context(), h.job, h.con); err != nil && !fault.Is(err, fault.Unavailable) {
					t.Errorf("dead at %d (%t), then %v", n, after, err)
				}
			}
			if _, _, gone := h.tombstone(t, h.con); !gone {
				t.Errorf("dead at %d (%t): it is not erased", n, after)
			}
			h.forget(h.con)
			h.work(t)
			for _, apt := range []booking.Appointment{first, waits} {
				if v := h.stands(t, apt, video.Ready, ""); v.Connection != con {
					t.Errorf("dead at %d (%t): the visit is in %q", n, after, v.Connection)
				}
			}
			if len(h.there("")) != 2 || len(h.waiting(t, video.RoomsLost)) > 0 || h.left(t, h.con, "") > 0 {
				t.Errorf("dead at %d (%t): %d meetings, told %v", n, after, len(h.there("")), h.waiting(t, video.RoomsLost))
			}
			if t.Failed() {
				return
			}
		}
		if !reached {
			if n < 10 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
	}
}

// The owner connects another account at any moment of the erasing, and the worker deals with that at once: whatever the
// erasing takes its room afterwards is asked for all the same, and no task is left that says otherwise.
func TestConnectedElsewhereDuringErase(t *testing.T) {
	takes := some(t, 9)
	for n := 1; ; n++ {
		if !takes(n) {
			continue
		}
		var moment clinictest.Moment
		h := newStaffed(t, newHeard(t, moment.Option()))
		h.grants(h.con)
		first, _ := h.ready(t, tuesday)
		waits := h.book(t, 0, wednesday)
		h.email(t, waits)
		told := h.uninstalled(t)
		con := ""
		connect := func() {
			h.Clock.Pass(time.Second)
			con = h.join(t, h.subjects[0], zoomsim.Cara)
			h.grants(con)
			if err := h.video.Resume(t.Context(), h.job, con); err != nil {
				t.Fatal(err)
			}
			h.work(t)
		}
		moment.At(n, connect)
		for range 3 {
			if err := h.video.Observe(t.Context(), told); !fault.Is(err, fault.Unavailable) {
				break
			}
		}
		came := moment.Came()
		if _, _, gone := h.tombstone(t, h.con); !gone {
			t.Fatalf("connected before call %d: it is not erased", n)
		}
		if !came {
			h.forget(h.con)
			connect()
		}
		h.work(t)
		for _, apt := range []booking.Appointment{first, waits} {
			if v := h.stands(t, apt, video.Ready, ""); v.Connection != con {
				t.Errorf("connected before call %d: the visit is in %q", n, v.Connection)
			}
		}
		if all := h.waiting(t, video.RoomsLost); len(all) > 0 || h.left(t, h.con, "") > 0 {
			t.Errorf("connected before call %d: the staff are told %+v", n, all)
		}
		if !came {
			if n < 10 {
				t.Errorf("%d calls", n-1)
			}
			return
		}
		if t.Failed() {
			return
		}
	}
}

// A visit that waits is found where its appointment is now: at another time, and with another practitioner.
func TestWaitingVisitsFollowTheDiary(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt, _ := h.ready(t, tuesday)
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.forget(h.con)
	apt = h.move(t, apt, booking.Wish{Start: "2027-01-15T10:00"})
	h.sync(t, apt)
	h.orphaned(t, apt)
	h.Clock.Pass(8 * 24 * time.Hour) // later than it was to be
	con := h.join(t, h.subjects[0], zoomsim.Cara)
	if err := h.video.Resume(t.Context(), h.job, con); err != nil {
		t.Fatal(err)
	}
	if n := h.changes(t, apt, event.VideoAsked); n != 1 {
		t.Errorf("moved, it was asked for %d times", n)
	}

	h = newStaffed(t, newHeard(t))
	apt, _ = h.ready(t, tuesday)
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.forget(h.con)
	apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
	for range 2 {
		h.sync(t, apt)
	}
	h.orphaned(t, apt)
	if all := h.waiting(t, video.NotConnected); len(all) != 1 {
		t.Errorf("the staff are told %+v", all)
	}
	con = h.join(t, h.subjects[1], zoomsim.Ben)
	if err := h.video.Resume(t.Context(), h.job, con); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	h.only(t, apt, zoomsim.Ben)
}

// A visit that failed in one account and then waits in another says nothing of the first.
func TestFailedElsewhere(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.NotInPlan, 1, zoomsim.OpCreate)
	h.sync(t, apt)
	h.stands(t, apt, video.Failed, video.ProviderRefused)
	apt = h.move(t, apt, booking.Wish{Start: tuesday, PractitionerID: h.Practitioners[1].ID})
	h.sync(t, apt)
	h.disconnects(h.con, "asked")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	h.forget(h.con)
	if h.left(t, h.con, "") > 0 || h.rows(t, h.con, table.RoomsOf) > 0 {
		t.Error("something is left")
	}
	if v := h.stands(t, apt, video.Parked, video.NotConnected); v.List != h.Practitioners[1].ID {
		t.Errorf("it is listed under %s", v.List)
	}
}

// One that failed is asked for again when the practitioner has another account already: it says nothing of the first
// from then on.
func TestFailedAndAskedAgain(t *testing.T) {
	h := newStaffed(t, newHeard(t))
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.NotInPlan, 1, zoomsim.OpCreate)
	h.sync(t, apt)
	con := h.join(t, h.subjects[0], zoomsim.Cara)
	h.email(t, apt)
	h.disconnects(h.con, "replaced")
	if err := h.video.End(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	if v := h.stands(t, apt, video.Wanted, ""); v.List != con || h.left(t, h.con, "") > 0 {
		t.Errorf("%+v", v)
	}
}
