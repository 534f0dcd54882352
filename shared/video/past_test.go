package video_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// historic has the first practitioner let us read what took place in the rooms, or not.
func (h *heard) historic(lets bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.all[h.con]
	a.History = lets
	h.all[h.con] = a
}

// tense are the comings and goings that can be read afterwards, each with its second.
func tense(kind video.Kind, as string, at time.Time) (string, bool) {
	switch kind { //nolint:exhaustive // the others cannot
	case video.MeetingBegan, video.MeetingEnded, video.Joined, video.Left:
		return string(kind) + " " + as + at.UTC().Format(" 15:04:05"), true
	}
	return "", false
}

// took are those that the log has.
func (h *heard) took(t *testing.T, apt booking.Appointment) []string {
	t.Helper()
	all, err := h.video.Log(t.Context(), h.job, apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		if text, ok := tense(e.Kind, e.As, e.At); ok {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

// who are those who came and went by the log.
func (h *heard) who(t *testing.T, apt booking.Appointment) []string {
	t.Helper()
	all, err := h.video.Log(t.Context(), h.job, apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		if e.Kind == video.Joined || e.Kind == video.Left {
			out = append(out, string(e.Kind)+e.Participant)
		}
	}
	slices.Sort(out)
	return out
}

// told are those that notices tell.
func told(all []video.Notice) []string {
	var out []string
	for _, n := range all {
		as := ""
		if n.Kind == video.Joined || n.Kind == video.Left {
			if as = "guest"; n.Host {
				as = "host"
			}
		}
		if text, ok := tense(n.Kind, as, n.At); ok {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

// meet lets a meeting take place to which some come, wait, are let in, go and come again, all within a few seconds.
func (h *heard) meet(t *testing.T, m zoomsim.Meeting, draw *rand.Rand) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	pass := func() { h.Clock.Pass(time.Duration(draw.IntN(1500)) * time.Millisecond) }
	if draw.IntN(2) == 0 { // somebody waits before the host is there
		_, err := h.zoom.Join(m.ID, zoomsim.Guest{Name: "Early"})
		must(err)
	}
	must(h.zoom.Start(m.ID))
	for range draw.IntN(5) {
		p, err := h.zoom.Join(m.ID, zoomsim.Guest{Name: "Guest"})
		must(err)
		pass()
		if draw.IntN(4) > 0 {
			must(h.zoom.Admit(m.ID, p.UUID))
		}
		pass()
		if draw.IntN(2) == 0 {
			must(h.zoom.Leave(m.ID, p.UUID))
		}
		pass()
	}
	must(h.zoom.End(m.ID))
}

// until20 lets so much time go by that what took place is read.
func (h *heard) until20(t *testing.T, apt booking.Appointment) {
	t.Helper()
	h.Clock.Set(apt.End.Add(20 * time.Minute))
	h.reconnect(t, h.con)
}

// nameless is a provider that afterwards does not say who was who.
type nameless struct{ video.Provider }

func (n nameless) Past(ctx context.Context, h video.Host, ref string) (video.Meeting, error) {
	m, err := n.Provider.Past(ctx, h, ref)
	for i := range m.Stays {
		m.Stays[i].Participant = ""
	}
	return m, err
}

// Whatever of a meeting nobody told is in the log after a look, once, and whatever of that is told after all changes
// nothing any more.
func TestPastFills(t *testing.T) {
	seed := *drawSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-draw-seed %d", seed)
	for _, names := range []string{"the same", "others", "none"} {
		for n := range 8 {
			t.Run(fmt.Sprintf("%s %d", names, n), func(t *testing.T) {
				t.Parallel()
				draw := rand.New(rand.NewPCG(seed, uint64(n)))
				h := newHeard(t)
				h.historic(true)
				apt, m := h.ready(t, "2027-01-04T09:00")
				h.Clock.Set(apt.Start)
				h.reconnect(t, h.con)
				h.meet(t, m, draw)
				all := h.notices(t)
				want := told(all)
				switch names {
				case "none":
					h.video = h.whole(t, nameless{h.rooms(t)})
				case "others": // a provider that calls people otherwise when it tells of them
					for i := range all {
						if all[i].Participant != "" {
							all[i].Participant = strconv.Itoa(i) + all[i].Participant[4:]
						}
					}
				}
				var lost []video.Notice
				var found int
				draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				part := draw.IntN(4)
				for _, n := range all {
					if draw.IntN(3) < part {
						lost = append(lost, n)
						continue
					}
					found++
					h.tell(t, n)
				}
				h.until20(t, apt)
				for range 2 {
					h.check(t)
					if got := h.took(t, apt); !slices.Equal(got, want) {
						t.Fatalf("%d of %d were told, and after the look the log has\n%v, not\n%v", found, len(all), got, want)
					}
				}
				if h.visit(t, apt).Live || h.asked(zoomsim.OpPast) != 1 {
					t.Errorf("a meeting is under way %t, read %d times", h.visit(t, apt).Live, h.asked(zoomsim.OpPast))
				}
				for _, n := range lost {
					before := h.who(t, apt)
					h.tell(t, n)
					if got := h.who(t, apt); names == "the same" && !slices.Equal(got, before) {
						t.Fatalf("%s was told, and those who were there were\n%v, not\n%v", n.Kind, got, before)
					}
				}
				for range 2 {
					h.tell(t, lost...)
					if got := h.took(t, apt); !slices.Equal(got, want) {
						t.Fatalf("%d of %d were told late, and the log has\n%v, not\n%v", len(lost), len(all), got, want)
					}
				}
				entries, err := h.video.Log(t.Context(), h.job, apt.ID)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if e.Looked {
						t.Errorf("%s is not as it was told", e.Kind)
					}
				}
				if h.visit(t, apt).Live {
					t.Error("a meeting is under way")
				}
			})
		}
	}
}

// What is told in the very moment in which it is read is in the log once, whichever comes first.
func TestPastToldMeanwhile(t *testing.T) {
	for _, one := range []video.Kind{"", video.Left} { // all of it, or one of which nothing else depends
		for n := 1; ; n++ {
			var moment clinictest.Moment
			h := newHeard(t, moment.Option())
			h.historic(true)
			apt, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Set(apt.Start)
			h.reconnect(t, h.con)
			h.crowd(t, m, 0)
			late := h.notices(t)
			h.tell(t, slices.DeleteFunc(slices.Clone(late), func(n video.Notice) bool { return one == "" || n.Kind == one })...)
			h.until20(t, apt)
			moment.At(n, func() { h.tell(t, late...) })
			h.check(t)
			came := moment.Came()
			h.check(t)
			want := []string{"we created", "created", "started", "joined host", "left host", "ended"}
			if got := h.log(t, apt); !same(got, want) || h.visit(t, apt).Live {
				t.Errorf("told before call %d of a look: under way %t, the log has %v", n, h.visit(t, apt).Live, got)
			}
			if !came {
				if n < 10 {
					t.Errorf("%d calls", n-1)
				}
				break
			}
		}
	}
}

// Whoever looks dies at any call to the table: the next look comes to the same.
func TestPastDiesAnywhere(t *testing.T) {
	takes := some(t, 3)
	for n := int32(1); ; n++ {
		if !takes(int(n)) {
			continue
		}
		reached := false
		for _, after := range []bool{false, true} {
			var k killer
			h := newHeard(t, clinictest.Intercept(k.intercept))
			h.historic(true)
			apt, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Set(apt.Start)
			h.reconnect(t, h.con)
			h.crowd(t, m, 40)
			all := h.notices(t)
			want := told(all)
			h.tell(t, all[0])
			h.until20(t, apt)
			k.arm(n, after)
			_ = h.video.Check(t.Context(), h.job, h.con) // whoever dies says nothing
			k.armed.Store(false)
			reached = reached || k.calls.Load() >= n
			h.check(t)
			h.check(t)
			if got := h.took(t, apt); !slices.Equal(got, want) || h.visit(t, apt).Live {
				t.Errorf("dead at %d (%t): the log has %d entries, not %d", n, after, len(got), len(want))
			}
			// And long afterwards it is put aside, wherever the look dies.
			h.Clock.Set(apt.End.Add(8 * 24 * time.Hour))
			h.reconnect(t, h.con)
			k.arm(n, after)
			_ = h.video.Check(t.Context(), h.job, h.con)
			k.armed.Store(false)
			h.check(t)
			if h.rows(t, h.con, table.RoomsOf) != 0 || h.rows(t, h.con, table.PastRoomsOf) != 1 {
				t.Errorf("dead at %d (%t): it is not put aside", n, after)
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

// crowd lets a meeting take place to which so many come.
func (h *heard) crowd(t *testing.T, m zoomsim.Meeting, guests int) {
	t.Helper()
	if err := h.zoom.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	for range guests {
		p, err := h.zoom.Join(m.ID, zoomsim.Guest{Name: "Guest"})
		if err != nil {
			t.Fatal(err)
		}
		h.Clock.Pass(time.Second)
		if err := h.zoom.Admit(m.ID, p.UUID); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.zoom.End(m.ID); err != nil {
		t.Fatal(err)
	}
}

// What can be read, when, and what a refusal comes to.
func TestPastReads(t *testing.T) {
	for name, x := range map[string]struct {
		prepare func(*testing.T, *heard)
		meets   bool
		want    []string // of what could be read
		reads   int      // in two looks
	}{
		"all": {func(*testing.T, *heard) {}, true, []string{"started", "joined host", "left host", "ended"}, 1},
		"of a basic account": {func(t *testing.T, h *heard) {
			t.Helper()
			h.fails(t, zoomsim.NotInPlan, 9, zoomsim.OpAttendance)
		}, true, []string{"started", "ended"}, 1},
		"without the right":   {func(_ *testing.T, h *heard) { h.historic(false) }, true, nil, 0},
		"nobody ever came":    {func(*testing.T, *heard) {}, false, nil, 1},
		"a right taken since": {func(t *testing.T, h *heard) { t.Helper(); h.fails(t, zoomsim.NoScope, 9, zoomsim.OpPast) }, true, nil, 1},
		"no answer at first": {func(t *testing.T, h *heard) {
			t.Helper()
			h.fails(t, zoomsim.Unavailable, 3, zoomsim.OpPast)
		}, true, []string{"started", "joined host", "left host", "ended"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHeard(t)
			h.historic(true)
			apt, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Set(apt.Start)
			h.reconnect(t, h.con)
			if x.meets {
				h.crowd(t, m, 0)
			}
			h.notices(t) // which are lost
			h.Clock.Set(apt.End.Add(19 * time.Minute))
			h.reconnect(t, h.con)
			x.prepare(t, h)
			h.check(t)
			if h.asked(zoomsim.OpPast) > 0 {
				t.Error("read too soon")
			}
			if h.all[h.con].History && h.next(t) != time.Minute {
				t.Errorf("and the next look is in %s", h.next(t))
			}
			h.until20(t, apt)
			h.check(t)
			h.check(t)
			if got := h.log(t, apt); !same(got, append([]string{"we created", "created"}, x.want...)) {
				t.Errorf("the log has %v", got)
			}
			if n := h.asked(zoomsim.OpPast); n != x.reads || len(h.lapsed) > 0 {
				t.Errorf("read %d times, lapsed %v", n, h.lapsed)
			}
		})
	}
}

// A meeting that goes on is read when it is over, and one whose end nobody told is not under way after the next look,
// whether we may read what took place or not.
func TestPastUnderway(t *testing.T) {
	for _, lets := range []bool{true, false} {
		t.Run(fmt.Sprint(lets), func(t *testing.T) {
			t.Parallel()
			h := newHeard(t)
			h.historic(lets)
			apt, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Set(apt.Start)
			h.reconnect(t, h.con)
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
			h.hear(t)
			h.until20(t, apt)
			h.check(t)
			if !h.visit(t, apt).Live || h.asked(zoomsim.OpPast) > 0 || h.next(t) > 45*time.Minute {
				t.Errorf("under way %t, next in %s", h.visit(t, apt).Live, h.next(t))
			}
			h.Clock.Pass(30 * time.Minute)
			if err := h.zoom.End(m.ID); err != nil {
				t.Fatal(err)
			}
			late := h.notices(t)
			h.check(t)
			if h.visit(t, apt).Live {
				t.Error("it is still under way")
			}
			// A coming that is told late does not bring it back.
			before := h.log(t, apt)
			h.tell(t, late[0])
			if h.visit(t, apt).Live || lets && !same(before, h.log(t, apt)) {
				t.Errorf("under way %t, the log has %v", h.visit(t, apt).Live, h.log(t, apt))
			}
			// But another meeting does.
			h.Clock.Pass(10 * time.Minute)
			if err := h.zoom.Start(m.ID); err != nil {
				t.Fatal(err)
			}
			h.hear(t)
			if !h.visit(t, apt).Live {
				t.Error("another one is not under way")
			}
		})
	}
}

// A room that is long over is put aside: no look goes through it, a late notice of it is of nothing of ours, an
// appointment that is moved after all gets another one, and the erasing of the account finds what was noted of it.
func TestPastPutAside(t *testing.T) {
	for name, x := range map[string]struct {
		lets bool
		days int
	}{"after it was read": {true, 7}, "unread": {false, 7}, "in vain": {true, 14}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHeard(t)
			h.historic(x.lets)
			apt, m := h.ready(t, "2027-01-04T09:00")
			h.Clock.Set(apt.Start)
			h.reconnect(t, h.con)
			h.crowd(t, m, 1)
			all := h.notices(t)
			h.tell(t, all[1:]...)
			h.sync(t, apt)
			if x.days == 14 {
				h.fails(t, zoomsim.Unavailable, 99, zoomsim.OpPast)
			}
			h.until20(t, apt)
			h.check(t)
			log := len(h.log(t, apt))
			h.Clock.Set(apt.End.Add(time.Duration(x.days)*24*time.Hour - time.Second))
			h.reconnect(t, h.con)
			h.check(t)
			if h.rows(t, h.con, table.RoomsOf) != 1 {
				t.Fatal("too soon")
			}
			h.Clock.Pass(time.Second)
			h.check(t)
			if h.rows(t, h.con, table.RoomsOf) != 0 || h.rows(t, h.con, table.PastRoomsOf) != 1 {
				t.Fatal("it is not put aside")
			}
			if _, err := h.Table.WhoseIs(t.Context(), "zoom-room", zoomsim.AccountOne+"#"+strconv.FormatInt(m.ID, 10)); !fault.Is(err, fault.NotFound) {
				t.Errorf("something says whose it is: %v", err)
			}
			refused(t, h.video.Observe(t.Context(), all[0]), "not_found: not_found")
			before := len(h.zoom.Requests())
			h.check(t)
			if n := len(h.zoom.Requests()) - before; n != 1 || len(h.log(t, apt)) != log {
				t.Errorf("another look asks Zoom %d times", n)
			}
			v := h.visit(t, apt)
			if v.State != video.Ended || v.Ref != "" || v.List != "" || v.Live {
				t.Errorf("the visit is %+v", v)
			}
			if name == "unread" { // nobody has put down what became of the appointment
				moved := h.move(t, apt, booking.Wish{Start: "2027-01-13T10:00"})
				h.sync(t, moved)
				h.stands(t, moved, video.Ready, "")
				if h.visit(t, moved).Ref == strconv.FormatInt(m.ID, 10) || h.rows(t, h.con, table.RoomsOf) != 1 {
					t.Error("it has no room of its own")
				}
			}
			if err := h.video.Erase(t.Context(), h.job, h.con, video.UninstalledByOwner); err != nil {
				t.Fatal(err)
			}
			if left := h.left(t, h.con, ""); left > 0 || len(h.log(t, apt)) > 0 {
				t.Errorf("%d items are left, and of the log %v", left, h.log(t, apt))
			}
		})
	}
}
