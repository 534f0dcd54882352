package task_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/task"
	"almanac/shared/video"
)

type office struct {
	*clinictest.Clinic
	s   *task.Service
	job access.Caller
	apt booking.Appointment
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{Clinic: clinictest.New(t).Found(t)}
	o.s = task.New(o.Table, o.Clock.Now)
	o.job = access.System(o.Org, string(access.VideoRooms))
	var err error
	o.apt, err = booking.New(o.Table, o.Directory, o.Clock.Now, id.New).Book(
		t.Context(), o.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
			ServiceID: o.Service.ID, SiteID: o.Site.ID, PractitionerID: o.Practitioners[0].ID, PatientID: o.Patients[0],
			Start: "2027-01-05T09:30",
		})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) raise(t *testing.T, m task.Matter) {
	t.Helper()
	if err := o.s.Raise(t.Context(), o.job, m); err != nil {
		t.Fatal(err)
	}
}

func (o *office) matter(sequence int64) task.Matter {
	return task.Matter{
		Kind: video.TimeRefused, AppointmentID: o.apt.ID, PatientID: o.Patients[0], Subject: "staff-x", Sequence: sequence,
		Because: "practitioner_busy off_grid",
	}
}

func (o *office) list(t *testing.T, subject string, state task.State) []task.Task {
	t.Helper()
	var all []task.Task
	after := ""
	for {
		page, next, err := o.s.List(t.Context(), o.By(t, subject), state, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > 2 {
			t.Fatalf("a page of %d", len(page))
		}
		all = append(all, page...)
		if after = next; after == "" {
			return all
		}
	}
}

// The same matter is one task, also when many raise it at once; another change of the appointment makes another.
func TestRaise(t *testing.T) {
	o := newOffice(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if err := o.s.Raise(t.Context(), o.job, o.matter(1)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	all := o.list(t, clinictest.Receptionist, task.Open)
	if len(all) != 1 {
		t.Fatalf("%d tasks", len(all))
	}
	got := all[0]
	if got.SiteID != o.Site.ID || got.AppointmentID != o.apt.ID || fmt.Sprint(got.Because) != "[practitioner_busy off_grid]" ||
		!strings.Contains(got.Text, "another time") || got.Version != 1 {
		t.Errorf("%+v", got)
	}
	o.raise(t, o.matter(2))
	apart := o.matter(2)
	apart.Apart = "x"
	o.raise(t, apart)
	if n := len(o.list(t, clinictest.Receptionist, task.Open)); n != 3 {
		t.Errorf("%d tasks", n)
	}
	last := o.History(t, o.Org, got.ID)
	if len(last) != 1 || last[0].Name != event.TaskRaised || last[0].Refs["appointment"] != o.apt.ID || last[0].Why != video.TimeRefused {
		t.Errorf("the events are %+v", last)
	}
}

// Nothing is raised about somebody who was erased, nor about an appointment that there is not.
func TestRaiseErased(t *testing.T) {
	o := newOffice(t)
	o.Erase(t, o.Patients[0])
	if err := o.s.Raise(t.Context(), o.job, o.matter(1)); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	m := o.matter(1)
	m.AppointmentID = id.New("apt")
	if err := o.s.Raise(t.Context(), o.job, m); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

// Who works elsewhere sees the tasks of the whole organisation and no others, and pages go on to the end all the same.
func TestListOfSites(t *testing.T) {
	o := newOffice(t)
	for n := range 5 {
		o.raise(t, o.matter(int64(n)))
		o.Clock.Pass(time.Second)
		if n%2 == 0 {
			o.raise(t, task.Matter{Kind: video.RoomsLost, ConnectionID: id.New("con"), Subject: "staff-x", Count: n})
		}
	}
	elsewhere := o.Employ(t, clinic.Staff{Roles: []access.Role{access.Receptionist}, SiteIDs: []string{o.NewSite(t)}})
	if n := len(o.list(t, clinictest.Receptionist, task.Open)); n != 8 {
		t.Errorf("at the site %d", n)
	}
	theirs := o.list(t, elsewhere, task.Open)
	if len(theirs) != 3 {
		t.Errorf("elsewhere %d", len(theirs))
	}
	for _, x := range theirs {
		if x.Kind != video.RoomsLost || x.SiteID != "" {
			t.Errorf("they see %+v", x)
		}
	}
	mine := o.list(t, clinictest.Receptionist, task.Open)[0]
	_, err := o.s.Done(t.Context(), o.By(t, elsewhere), clinictest.Once(), mine.ID, 1)
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("done by somebody who does not see it: %v", err)
	}
	if _, _, err := o.s.List(t.Context(), o.By(t, elsewhere), task.Open, "x#y", 2); !fault.Is(err, fault.Invalid) {
		t.Errorf("a position that is none: %v", err)
	}
}

// A page that is full in the middle of what was read goes on right there.
func TestListCut(t *testing.T) {
	o := newOffice(t)
	elsewhere := o.Employ(t, clinic.Staff{Roles: []access.Role{access.Receptionist}, SiteIDs: []string{o.NewSite(t)}})
	o.raise(t, o.matter(0))
	for n := range 3 {
		o.Clock.Pass(time.Second)
		o.raise(t, task.Matter{Kind: video.RoomsLost, ConnectionID: id.New("con"), Subject: "staff-x", Count: n})
	}
	for n, x := range o.list(t, elsewhere, task.Open) {
		if x.Count != n {
			t.Errorf("the task %d comes as number %d", x.Count, n)
		}
	}
	if n := len(o.list(t, elsewhere, task.Open)); n != 3 {
		t.Errorf("%d tasks", n)
	}
}

// Done is done: it is in the other list, twice is a conflict, and raising it again changes nothing.
func TestDone(t *testing.T) {
	o := newOffice(t)
	o.raise(t, o.matter(1))
	by := o.By(t, clinictest.Receptionist)
	x := o.list(t, clinictest.Receptionist, task.Open)[0]
	if _, err := o.s.Done(t.Context(), by, clinictest.Once(), x.ID, 2); !fault.Is(err, fault.Stale) {
		t.Errorf("another version: %v", err)
	}
	if got, err := o.s.Done(t.Context(), by, clinictest.Once(), x.ID, 1); err != nil || got.Version != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := o.s.Done(t.Context(), by, clinictest.Once(), x.ID, 2); fault.Of(err).Code != "task_done" {
		t.Errorf("twice: %v", err)
	}
	o.raise(t, o.matter(1))
	if n := len(o.list(t, clinictest.Receptionist, task.Open)); n != 0 {
		t.Errorf("%d are open", n)
	}
	done := o.list(t, clinictest.Receptionist, task.Done)
	if len(done) != 1 || done[0].DoneBy != clinictest.Receptionist || done[0].DoneAt == nil || !done[0].DoneAt.Equal(o.Clock.Now()) {
		t.Errorf("%+v", done)
	}
	for _, no := range []string{"", "tsk_x", id.New(task.Prefix), o.apt.ID} {
		if _, err := o.s.Done(t.Context(), by, clinictest.Once(), no, 1); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", no, err)
		}
	}
}

// Every trouble that there can be with a visit has a text of its own.
func TestTexts(t *testing.T) {
	o := newOffice(t)
	kinds := []string{
		video.TimeRefused, video.RoomDeletedLate, video.RoomRecoveredAgain, video.RoomsLost, video.RoomStarted, video.RoomEnded,
		video.NotTaken, video.ProviderRefused, video.TooLong, video.DailyQuota, video.TooManyMoves, video.NeedsReauth,
		video.NotHost, video.NotConnected,
	}
	for _, kind := range kinds {
		err := o.s.OfVisit(t.Context(), o.job, video.Trouble{Why: kind, AppointmentID: o.apt.ID, PatientID: o.Patients[0]})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, x := range o.list(t, clinictest.Receptionist, task.Open) {
		if seen[x.Text] || len(x.Text) < 60 || !strings.HasSuffix(x.Text, ".") {
			t.Errorf("%s: %q", x.Kind, x.Text)
		}
		seen[x.Text] = true
	}
	if len(seen) != len(kinds) {
		t.Errorf("%d texts of %d", len(seen), len(kinds))
	}
	if err := o.s.OfAccount(t.Context(), o.job, id.New("con"), "staff-x", "grant_dead", 3); err != nil {
		t.Error(err)
	}
}
