package booking_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/table"
)

// rendezvous lets transactions through only when everybody who is still at it has sent one: the worst of timings.
type rendezvous struct {
	mu             sync.Mutex
	alive, waiting int
	open           chan struct{}
}

func (r *rendezvous) start(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive, r.waiting, r.open = n, 0, make(chan struct{})
}

func (r *rendezvous) intercept(_ context.Context, op string, send func() error) error {
	r.mu.Lock()
	if op != "TransactWriteItems" || r.alive == 0 {
		r.mu.Unlock()
		return send()
	}
	r.waiting++
	open := r.open
	r.letThrough()
	r.mu.Unlock()
	<-open
	return send()
}

func (r *rendezvous) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive--
	r.letThrough()
}

func (r *rendezvous) letThrough() {
	if r.waiting > 0 && r.waiting == r.alive {
		close(r.open)
		r.waiting, r.open = 0, make(chan struct{})
	}
}

// crowded is a clinic with so many practitioners, patients and rooms, any of which serves.
func crowded(t *testing.T, meet *rendezvous, n int) (*fixture, []booking.Wish, []clinic.Room) {
	t.Helper()
	f := newWith(t, clinictest.Intercept(meet.intercept))
	p, need := f.Practitioners[0], clinic.Need{}
	var people []clinic.Practitioner
	var rooms []clinic.Room
	for i := range n {
		name := strconv.Itoa(i)
		p.ID, p.Name = id.New("prc"), "Dr "+name
		r := clinic.Room{ID: id.New("roo"), SiteID: f.Site.ID, Kind: clinic.KindRoom, Name: "Room " + name, Capacity: 1}
		people, rooms = append(people, p), append(rooms, r)
		need.AnyOf = append(need.AnyOf, r.ID)
		f.Clinic.Service.PractitionerIDs = append(f.Clinic.Service.PractitionerIDs, p.ID)
	}
	f.Clinic.Service.Needs = []clinic.Need{need}
	f.Change(t, func(k table.Clinic) []table.Item {
		items := []table.Item{{Key: k.Service(f.Clinic.Service.ID), Value: f.Clinic.Service, Version: 1}}
		for i := range n {
			items = append(items, table.Item{Key: k.Practitioner(people[i].ID), Value: people[i], New: true},
				table.Item{Key: k.Room(rooms[i].ID), Value: rooms[i], New: true})
		}
		return items
	})
	f.by = f.By(t, clinictest.Receptionist)
	wishes := make([]booking.Wish, n)
	for i := range wishes {
		wishes[i] = f.wish("2027-01-04T10:00")
		wishes[i].PractitionerID, wishes[i].PatientID = people[i].ID, f.NewPatient(t)
	}
	return f, wishes, rooms
}

// Some rooms are taken, and as many ask for the time at once as there are rooms left, each with another practitioner:
// nobody may be refused, in whatever order their transactions meet.
func TestCrowdGetsARoomEach(t *testing.T) {
	const all = 12
	for _, taken := range []int{0, 3, 6, 9} {
		meet := &rendezvous{}
		f, wishes, rooms := crowded(t, meet, all)
		for i := range taken {
			w := wishes[i]
			w.RoomIDs = []string{rooms[(i*5+2)%all].ID}
			f.mustBook(t, w)
		}
		crowd := wishes[taken:]
		meet.start(len(crowd))
		errs := make([]error, len(crowd))
		var wg sync.WaitGroup
		for i, w := range crowd {
			wg.Go(func() {
				defer meet.leave()
				_, errs[i] = f.Book(t.Context(), f.by, clinictest.Once(), w)
			})
		}
		wg.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("%d rooms taken, %d ask: number %d is refused: %v %v", taken, len(crowd), i, err, codes(err))
			}
		}
	}
}
