package video_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// twin is one of two practitioners to whom all the same happens.
type twin struct {
	user  string
	apts  []booking.Appointment
	rooms []int64
}

// The same events, once in order and up to ten times each in disorder, several at once: the same final state, the same
// log, as many changes and as many tasks.
func TestObserveInAnyOrder(t *testing.T) {
	takes := some(t, 10)
	for copies := 1; copies <= 10; copies++ {
		if !takes(copies) {
			continue
		}
		t.Run(strconv.Itoa(copies), func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			draw := rand.New(rand.NewPCG(seed, 7))
			h := newHeard(t)
			h.join(t, h.subjects[1], zoomsim.Ben)
			twins := []*twin{{user: zoomsim.Ada}, {user: zoomsim.Ben}}
			for n := range 6 {
				for i, w := range twins {
					w.add(t, h, i, n)
				}
			}
			h.notices(t)
			for range 30 {
				act, n := draw.IntN(8), draw.IntN(6)
				for _, w := range twins {
					w.act(t, h, act, n)
				}
				h.Clock.Pass(time.Second)
			}
			told := map[string][]video.Notice{}
			for _, n := range h.notices(t) {
				told[h.owner(n)] = append(told[h.owner(n)], n)
			}
			h.tell(t, told[zoomsim.Ada]...)
			h.disorder(t, draw, told[zoomsim.Ben], copies)
			for range 2 { // what came of it comes back from Zoom, too
				for _, w := range twins {
					for _, apt := range w.apts {
						if err := h.until(t, apt, 5); err != nil && !fault.Is(err, fault.NotFound) {
							t.Fatal(err)
						}
					}
				}
				h.disorder(t, draw, h.notices(t), copies)
			}
			once, often := twins[0].state(t, h), twins[1].state(t, h)
			for i := range once {
				if once[i] != often[i] {
					t.Errorf("seed %d, once in order:\n%s\nin disorder, %d times:\n%s", seed, once[i], copies, often[i])
				}
			}
		})
	}
}

// owner is the Zoom user whose room a notice is about.
func (h *heard) owner(n video.Notice) string {
	ref, _ := strconv.ParseInt(n.Room, 10, 64)
	m, _ := h.zoom.Meeting(ref)
	return m.Host
}

// disorder hands notices on several times each, in any order, four at once.
func (h *heard) disorder(t *testing.T, draw *rand.Rand, told []video.Notice, copies int) {
	t.Helper()
	var all []video.Notice
	for range copies {
		all = append(all, told...)
	}
	draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	next := make(chan video.Notice)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for n := range next {
				var err error
				for range 50 {
					if err = h.video.Observe(t.Context(), n); !fault.Is(err, fault.Unavailable) {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				if err != nil && !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %v", n.Kind, err)
				}
			}
		})
	}
	for _, n := range all {
		next <- n
	}
	close(next)
	wait.Wait()
}

// add books the n-th visit of the i-th practitioner, with a room.
func (w *twin) add(t *testing.T, h *heard, i, n int) {
	t.Helper()
	apt, err := h.diary.Book(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: h.Service.ID, SiteID: h.Site.ID, PractitionerID: h.Practitioners[i].ID, PatientID: h.Patients[i],
		Start: fmt.Sprintf("2027-01-05T%02d:00", 9+n),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.email(t, apt)
	h.sync(t, apt)
	all := h.zoom.Meetings(w.user)
	w.apts, w.rooms = append(w.apts, apt), append(w.rooms, all[len(all)-1].ID)
}

// act lets something happen to the n-th room. Each has a day of its own to move to. What Zoom does not let happen, it
// does not let happen to the other one either.
func (w *twin) act(t *testing.T, h *heard, act, n int) {
	t.Helper()
	room, day := w.rooms[n], time.Date(2027, 1, 6+n, 0, 0, 0, 0, time.UTC) // one of them a Saturday
	switch act {
	case 0:
		_ = h.zoom.Edit(room, zoomsim.Change{Start: new(day.Add(10 * time.Hour))})
	case 1:
		_ = h.zoom.Edit(room, zoomsim.Change{Start: new(day.Add(14*time.Hour + 5*time.Minute)), Minutes: new(50)})
	case 2:
		_ = h.zoom.Edit(room, zoomsim.Change{Start: new(day.Add(11*time.Hour + 7*time.Minute))}) // off the grid
	case 3:
		_ = h.zoom.Edit(room, zoomsim.Change{Topic: new("x")})
	case 4, 5:
		_ = h.zoom.Start(room)
		if p, err := h.zoom.Join(room, zoomsim.Guest{Name: "Guest"}); err == nil {
			_ = h.zoom.Admit(room, "")
			_ = h.zoom.Leave(room, p.UUID)
		}
		_ = h.zoom.End(room)
	case 6:
		_ = h.zoom.Delete(room, false)
	case 7:
		_ = h.zoom.Delete(room, false)
		_ = h.zoom.Recover(room)
	}
}

// state is what everything came to, without what is another one each time.
func (w *twin) state(t *testing.T, h *heard) []string {
	t.Helper()
	out := make([]string, 0, len(w.apts))
	for _, apt := range w.apts {
		now, v := h.now(t, apt), h.visit(t, apt)
		room, _ := h.zoom.Meeting(h.number(t, v.Ref))
		text := fmt.Sprintln(now.Status, now.CancelReason, now.Start.UTC(), now.End.Sub(now.Start), "sequence", now.Sequence,
			"visit", v.State, v.Why, v.Live, v.Acked.Start.UTC(), v.Acked.Minutes, v.Acked.Sequence,
			"room", room.Start, room.Minutes, room.Trashed,
			"moved", h.changes(t, apt, event.AppointmentMoved), "cancelled", h.changes(t, apt, event.AppointmentCancelled))
		all, err := h.video.Log(t.Context(), h.job, apt.ID)
		if err != nil {
			t.Fatal(err)
		}
		var log []string
		for _, e := range all {
			if e.Source != video.Almanac {
				log = append(log, string(e.Kind)+" "+e.As)
			}
		}
		var tasks []string
		for _, x := range h.raised {
			if x.AppointmentID == apt.ID {
				tasks = append(tasks, x.Why+" "+x.Because)
			}
		}
		slices.Sort(tasks)
		out = append(out, text+strings.Join(log, ", ")+"\n"+strings.Join(tasks, ", "))
	}
	return out
}

func (h *heard) number(t *testing.T, ref string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(ref, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
