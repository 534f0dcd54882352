package video_test

import (
	"slices"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// A room that its host moves, shortens and moves again moves the appointment, and nothing goes back to Zoom.
func TestObserveMoved(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	for _, c := range []zoomsim.Change{
		{Start: at(t, "2027-01-06T14:00:00Z")},
		{Minutes: new(45)},
		{Start: at(t, "2027-01-07T09:05:00Z"), Minutes: new(25)},
		{Topic: new("Something else")}, // no time at all
	} {
		if err := h.zoom.Edit(m.ID, c); err != nil {
			t.Fatal(err)
		}
		before := len(h.zoom.Requests())
		for range 2 {
			h.hear(t)
			// Noted in the transaction that moves it: nobody ever takes it for a move that has yet to go out.
			if v, now := h.visit(t, apt), h.now(t, apt); v.Acked.Sequence != now.Sequence || !v.Start.Equal(now.Start) {
				t.Errorf("what the room is known to have is of %d at %s, the appointment %d", v.Acked.Sequence, v.Start, now.Sequence)
			}
			h.sync(t, apt)
		}
		apt = h.now(t, apt)
		h.only(t, apt, zoomsim.Ada)
		h.stands(t, apt, video.Ready, "")
		for _, r := range h.zoom.Requests()[before:] {
			if r.Op == zoomsim.OpUpdate || r.Op == zoomsim.OpCreate {
				t.Errorf("%s was asked of Zoom", r.Op)
			}
		}
	}
	if apt.Sequence != 3 || h.changes(t, apt, event.AppointmentMoved) != 3 || len(h.tasks()) > 0 {
		t.Errorf("sequence %d after %d moves, tasks %v", apt.Sequence, h.changes(t, apt, event.AppointmentMoved), h.tasks())
	}
	for _, e := range h.History(t, h.Org, apt.ID) {
		if e.Name == event.AppointmentMoved && (e.By != h.job.Person() || e.Why != booking.MovedByHost) {
			t.Errorf("moved by %s, because %s", e.By, e.Why)
		}
	}
	if got := h.log(t, apt); !same(got, []string{"we created", "created", "updated", "updated", "updated", "updated"}) {
		t.Errorf("the log has %v", got)
	}
}

// A time that the diary cannot have: the appointment stays, the room gets its time back, and the staff are told why.
func TestObserveRefused(t *testing.T) {
	for name, x := range map[string]struct {
		change  zoomsim.Change
		because string
	}{
		"taken":          {zoomsim.Change{Start: at(t, "2027-01-06T14:00:00Z")}, "practitioner_busy patient_busy"},
		"off the grid":   {zoomsim.Change{Start: at(t, "2027-01-06T11:03:00Z")}, "off_grid"},
		"in the past":    {zoomsim.Change{Start: at(t, "2027-01-01T11:00:00Z")}, "in_the_past"},
		"without length": {zoomsim.Change{Minutes: new(0)}, "no_length"},
		"negative":       {zoomsim.Change{Minutes: new(-30)}, "no_length"},
		"for two days":   {zoomsim.Change{Minutes: new(2880)}, "no_length"}, // more than a provider is believed,
		"for nine hours": {zoomsim.Change{Minutes: new(540)}, "too_long"},
		"for 31 minutes": {zoomsim.Change{Minutes: new(31)}, "off_grid"},
		"at night":       {zoomsim.Change{Start: at(t, "2027-01-06T03:00:00Z")}, "outside_opening_hours practitioner_not_working"},
		"into the evening": {
			zoomsim.Change{Minutes: new(475)}, "practitioner_not_working",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			h.book(t, 0, wednesday)
			apt, m := h.ready(t, tuesday)
			if err := h.zoom.Edit(m.ID, x.change); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				h.hear(t)
				h.sync(t, apt)
			}
			if now := h.now(t, apt); now.Version != apt.Version {
				t.Errorf("the appointment is at %s", now.Start)
			}
			h.only(t, apt, zoomsim.Ada)
			h.stands(t, apt, video.Ready, "")
			if len(h.raised) != 1 || h.raised[0].Why != video.TimeRefused || h.raised[0].Because != x.because {
				t.Errorf("raised %+v", h.raised)
			}
			if n := h.asked(zoomsim.OpUpdate); n != 1 {
				t.Errorf("%d updates", n)
			}
		})
	}
}

// The diary and the host move the room at the same time: the diary wins, whatever order the news come in.
func TestObserveDiaryWins(t *testing.T) {
	for _, first := range []string{"the notice", "the move"} {
		t.Run(first, func(t *testing.T) {
			h := newHeard(t)
			apt, m := h.ready(t, tuesday)
			if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-01-07T10:00:00Z")}); err != nil {
				t.Fatal(err)
			}
			apt = h.move(t, apt, booking.Wish{Start: wednesday})
			if first == "the notice" {
				h.hear(t)
			}
			h.sync(t, apt)
			h.hear(t)
			h.sync(t, apt)
			if now := h.now(t, apt); now.Version != apt.Version {
				t.Errorf("the appointment is at %s", now.Start)
			}
			h.only(t, apt, zoomsim.Ada)
			if len(h.tasks()) > 0 {
				t.Errorf("tasks %v", h.tasks())
			}
		})
	}
}

// Our own changes come back from Zoom: before they are on record, after the next one, and several times.
func TestObserveEchoes(t *testing.T) {
	h := newHeard(t)
	apt, _ := h.ready(t, tuesday)
	var all []video.Notice
	for _, start := range []string{wednesday, "2027-01-07T10:00", "2027-01-08T11:00"} {
		apt = h.move(t, apt, booking.Wish{Start: start})
		h.sync(t, apt)
		all = append(h.notices(t), all...)
	}
	for range 3 {
		h.tell(t, all...)
	}
	h.sync(t, apt)
	if now := h.now(t, apt); now.Version != apt.Version || h.asked(zoomsim.OpUpdate) != 3 {
		t.Errorf("the appointment is at %s after %d updates", now.Start, h.asked(zoomsim.OpUpdate))
	}
	h.only(t, apt, zoomsim.Ada)
	h.cancel(t, apt)
	h.sync(t, apt)
	h.hear(t)
	if h.changes(t, apt, event.AppointmentCancelled) != 1 || len(h.tasks()) > 0 {
		t.Errorf("cancelled %d times, tasks %v", h.changes(t, apt, event.AppointmentCancelled), h.tasks())
	}
	h.stands(t, apt, video.Removed, "")
}

// A room that its host deletes cancels the appointment, once; recovered later, it is for people to settle.
func TestObserveDeleted(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Delete(m.ID, false); err != nil {
		t.Fatal(err)
	}
	gone := h.notices(t)
	for range 3 {
		h.tell(t, gone...)
		h.sync(t, apt)
	}
	now := h.now(t, apt)
	if now.Status != booking.Cancelled || now.CancelReason != booking.DeletedByHost || now.Sequence != 1 ||
		h.changes(t, apt, event.AppointmentCancelled) != 1 || h.asked(zoomsim.OpDelete) != 0 {
		t.Errorf("%s because of %q, %d deletions", now.Status, now.CancelReason, h.asked(zoomsim.OpDelete))
	}
	v := h.stands(t, apt, video.Removed, video.RoomGone)
	if len(v.JoinURL) > 0 {
		t.Error("the way in is still there")
	}
	for range 2 { // there, and gone again before anybody looked; and there
		if err := h.zoom.Recover(m.ID); err != nil {
			t.Fatal(err)
		}
		if len(h.tasks()) == 0 && len(h.log(t, apt)) == 3 {
			if err := h.zoom.Delete(m.ID, false); err != nil {
				t.Fatal(err)
			}
			h.hear(t)
			if len(h.tasks()) > 0 {
				t.Errorf("tasks %v", h.tasks())
			}
		}
	}
	for range 2 {
		h.hear(t)
		h.tell(t, gone...)
	}
	if !same(h.tasks(), []string{video.RoomRecoveredAgain}) || h.now(t, apt).Version != now.Version {
		t.Errorf("tasks %v", h.tasks())
	}
	if got := h.log(t, apt); !same(got, []string{"we created", "created", "deleted", "recovered", "deleted", "recovered"}) {
		t.Errorf("the log has %v", got)
	}
}

// A room that is deleted and brought back before anybody looks is there: nothing is cancelled.
func TestObserveDeletedAndRecovered(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Delete(m.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Recover(m.ID); err != nil {
		t.Fatal(err)
	}
	all := h.notices(t)
	slices.Reverse(all)
	h.tell(t, all...)
	if now := h.now(t, apt); now.Version != apt.Version || len(h.tasks()) > 0 {
		t.Errorf("the appointment is %s, tasks %v", now.Status, h.tasks())
	}
}

// A deletion when the appointment has begun cancels nothing by itself, and one after its end is no matter.
func TestObserveDeletedLate(t *testing.T) {
	for name, x := range map[string]struct {
		pass  time.Duration
		tasks []string
	}{
		"while it is on": {10 * time.Minute, []string{video.RoomDeletedLate}},
		"after its end":  {40 * time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			apt, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Pass(2*time.Hour + x.pass)
			h.reconnect(t, h.con)
			if err := h.zoom.Delete(m.ID, true); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				h.hear(t)
			}
			if now := h.now(t, apt); now.Version != apt.Version || !same(h.tasks(), x.tasks) {
				t.Errorf("the appointment is %s, tasks %v", now.Status, h.tasks())
			}
			h.stands(t, apt, video.Removed, video.RoomGone)
		})
	}
}

// What is told before the room is on record is told again, and is then known.
func TestObserveBeforeStored(t *testing.T) {
	h := newHeard(t)
	apt := h.book(t, 0, tuesday)
	h.email(t, apt)
	h.fails(t, zoomsim.LoseReply, 1, zoomsim.OpCreate)
	if err := h.video.Sync(t.Context(), h.job, apt.ID); err == nil {
		t.Fatal("the answer was not lost")
	}
	made := h.there("")[0]
	if err := h.zoom.Delete(made.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Recover(made.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Edit(made.ID, zoomsim.Change{Start: at(t, "2027-01-07T10:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	early := h.notices(t)
	for _, n := range early {
		want := "unavailable: video_busy"
		if n.User == "" { // a change does not say whose room it is; that it differs is found when the room is on record
			want = "not_found: not_found"
		}
		refused(t, h.video.Observe(t.Context(), n), want)
	}
	// What stays unknown while something is being made is given up in the end: it may be the host's own.
	late := early[0]
	late.Received = h.Clock.Now().Add(-10 * time.Minute)
	refused(t, h.video.Observe(t.Context(), late), "not_found: not_found")
	if err := h.until(t, apt, 3); err != nil {
		t.Fatal(err)
	}
	h.tell(t, early...)
	h.hear(t)
	// The diary was asked for this time before the room had any.
	h.only(t, apt, zoomsim.Ada)
	if now := h.now(t, apt); now.Version != apt.Version {
		t.Errorf("the appointment is at %s", now.Start)
	}
	if got := h.log(t, apt); !same(got, []string{"we created", "we updated", "created", "deleted", "recovered", "updated", "updated"}) {
		t.Errorf("the log has %v", got)
	}
}

// What is not of a connected user's room changes nothing, whoever signed it.
func TestObserveForeign(t *testing.T) {
	h := newHeard(t)
	h.join(t, h.subjects[1], zoomsim.Ben)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Delete(m.ID, false); err != nil {
		t.Fatal(err)
	}
	n := h.notices(t)[0]
	items := h.Items(t)
	for name, change := range map[string]func(*video.Notice){
		"an unknown user":       func(n *video.Notice) { n.User = zoomsim.Eve },
		"an unknown account":    func(n *video.Notice) { n.Account = zoomsim.AccountTwo },
		"no user, and no room":  func(n *video.Notice) { n.User, n.Room = "", "98765432101" },
		"another's account":     func(n *video.Notice) { n.User, n.Account = "", zoomsim.AccountTwo },
		"another's room":        func(n *video.Notice) { n.User = zoomsim.Ben },
		"an unknown room":       func(n *video.Notice) { n.Room = "98765432101" },
		"a user of another app": func(n *video.Notice) { n.Provider = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			other := n
			change(&other)
			refused(t, h.video.Observe(t.Context(), other), "not_found: not_found")
			if h.Items(t) != items || h.now(t, apt).Version != apt.Version {
				t.Error("something was written")
			}
		})
	}
}

// The connection itself must be of that user of that account, whatever points to it.
func TestObserveMismatch(t *testing.T) {
	for name, change := range map[string]func(*video.Account){
		"of another user":    func(a *video.Account) { a.User = zoomsim.Ben },
		"of another account": func(a *video.Account) { a.Account = zoomsim.AccountTwo },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeard(t)
			apt, m := h.ready(t, tuesday)
			if err := h.zoom.Delete(m.ID, false); err != nil {
				t.Fatal(err)
			}
			a := h.all[h.con]
			change(&a)
			h.all[h.con] = a
			refused(t, h.video.Observe(t.Context(), h.notices(t)[0]), "not_found: not_found")
			if h.now(t, apt).Version != apt.Version {
				t.Error("it was cancelled")
			}
		})
	}
}

// Meetings and who is in them stand in the log once each, in whatever order they are told, and nobody's name.
func TestObserveMeeting(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	live := func(want bool) {
		t.Helper()
		if h.visit(t, apt).Live != want {
			t.Errorf("a meeting is under way: %v", !want)
		}
	}
	guest := zoomsim.Guest{Name: "Zebedee <script>Canary</script>", Email: "zebedee@canary.example"}
	if err := h.zoom.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.zoom.Join(m.ID, guest); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Admit(m.ID, ""); err != nil {
		t.Fatal(err)
	}
	first := h.notices(t)
	slices.Reverse(first)
	h.tell(t, first...)
	live(true)
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	h.Clock.Pass(time.Minute)
	if err := h.zoom.Start(m.ID); err != nil { // another meeting in the same room
		t.Fatal(err)
	}
	if _, err := h.zoom.Join(m.ID, guest); err != nil { // another coming of the same person
		t.Fatal(err)
	}
	second := h.notices(t)
	slices.Reverse(second)
	h.tell(t, second...)
	h.tell(t, first...)
	h.tell(t, second...)
	live(true)
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	live(false)
	want := []string{
		"we created", "created", "started", "joined host", "waiting guest", "admitted guest", "joined guest", "left host", "left guest",
		"ended", "started", "joined host", "waiting guest", "left host", "ended",
	}
	if got := h.log(t, apt); !same(got, want) {
		t.Errorf("the log has %v", got)
	}
	for _, item := range h.Stored(t) {
		for name, value := range item {
			if s, ok := value.(string); ok && (has(s, "Zebedee") || has(s, "canary.example")) {
				t.Errorf("%s holds %q", name, s)
			}
		}
	}
}

// A meeting whose end was never told, or whose beginning was not, is judged by what there is.
func TestObserveMeetingHalfTold(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	begin := func() []video.Notice {
		t.Helper()
		if err := h.zoom.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		return h.notices(t)
	}
	h.tell(t, begin()[1]) // the host's coming, without the meeting's beginning
	if !h.visit(t, apt).Live {
		t.Error("somebody is in it")
	}
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	h.notices(t) // its end is lost
	h.Clock.Pass(time.Minute)
	h.tell(t, begin()...)
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	if h.visit(t, apt).Live {
		t.Error("the later meeting ended, and so the earlier one did")
	}
}

// A grant that is dead parks what was told: the account is to be connected again, and then it is found.
func TestObserveNeedsReauth(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-01-07T10:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	h.dead[h.con] = true
	h.hear(t)
	if len(h.lapsed) != 1 || h.now(t, apt).Version != apt.Version {
		t.Errorf("lapsed %v", h.lapsed)
	}
	h.reconnect(t, h.con)
	if err := h.video.Check(t.Context(), h.job, h.con); err != nil {
		t.Fatal(err)
	}
	apt = h.now(t, apt)
	h.only(t, apt, zoomsim.Ada)
	if apt.Sequence != 1 {
		t.Errorf("sequence %d", apt.Sequence)
	}
}

// The user is gone at Zoom: the account is to be connected again, unless it was since.
func TestObserveUserGone(t *testing.T) {
	h := newHeard(t)
	n := video.Notice{
		V: video.NoticeVersion, Provider: "zoom", Kind: video.UserGone, Account: zoomsim.AccountOne, User: zoomsim.Ada,
		At: h.Clock.Now(), Received: h.Clock.Now(),
	}
	a := h.all[h.con]
	a.Granted = h.Clock.Now().Add(time.Second)
	h.all[h.con] = a
	refused(t, h.video.Observe(t.Context(), n), "not_found: not_found")
	n.At = n.At.Add(time.Minute)
	h.tell(t, n)
	if !same(h.lapsed, []string{video.AccountGone}) {
		t.Errorf("lapsed %v", h.lapsed)
	}
}

// Somebody who is erased meanwhile stays so.
func TestObserveErased(t *testing.T) {
	h := newHeard(t)
	_, m := h.ready(t, tuesday)
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-01-07T10:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	if err := h.zoom.Delete(m.ID, false); err != nil {
		t.Fatal(err)
	}
	h.Erase(t, h.Patients[0])
	items := h.Items(t)
	for _, n := range h.notices(t) {
		if err := h.video.Observe(t.Context(), n); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", n.Kind, err)
		}
	}
	if h.Items(t) != items {
		t.Errorf("%d items became %d", items, h.Items(t))
	}
}

// The clocks change between the old time and the new one: what counts is the instant.
func TestObserveAcrossTheClockChange(t *testing.T) {
	h := newHeard(t)
	h.Clock.Set(time.Date(2027, 3, 22, 7, 0, 0, 0, time.UTC))
	h.reconnect(t, h.con)
	apt, m := h.ready(t, "2027-03-26T09:30")                                                        // in winter
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-03-29T08:30:00Z")}); err != nil { // in summer
		t.Fatal(err)
	}
	h.hear(t)
	apt = h.now(t, apt)
	h.only(t, apt, zoomsim.Ada)
	if apt.LocalStart != "2027-03-29T09:30" {
		t.Errorf("it is at %s", apt.LocalStart)
	}
	// Sunday, 28 March, 01:30 does not exist in London: the instant that somebody meant by it does, and is refused
	// because the clinic is closed then, and not because it cannot be understood.
	if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: at(t, "2027-03-28T01:30:00Z")}); err != nil {
		t.Fatal(err)
	}
	h.hear(t)
	if len(h.raised) != 1 || h.raised[0].Because != "outside_opening_hours practitioner_not_working" {
		t.Errorf("raised %+v", h.raised)
	}
	h.only(t, apt, zoomsim.Ada)
}

// Who moves a room to and fro is stopped before the day's changes are used up.
func TestObserveBreaker(t *testing.T) {
	h := newHeard(t)
	apt, m := h.ready(t, tuesday)
	for n := range 12 {
		start := time.Date(2027, 1, 9, 9, 0, 0, 0, time.UTC).Add(time.Duration(n) * 5 * time.Minute) // a Saturday
		if err := h.zoom.Edit(m.ID, zoomsim.Change{Start: &start}); err != nil {
			t.Fatal(err)
		}
		h.hear(t)
	}
	if n := h.asked(zoomsim.OpUpdate); n != 5 || h.now(t, apt).Version != apt.Version || !slices.Contains(h.tasks(), video.TooManyMoves) {
		t.Errorf("%d updates, tasks %v", n, h.tasks())
	}
	h.stands(t, apt, video.Parked, video.TooManyMoves)
	h.Clock.Pass(time.Hour)
	h.reconnect(t, h.con)
	h.sync(t, apt)
	h.only(t, apt, zoomsim.Ada)
}
