package booking_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
)

var errKilled = errors.New("the process is gone")

// killer ends the process at its n-th call of the table: before the call is sent, or after it was carried out and
// before its answer is heard. From then on nothing of the process is heard any more, until it is started again.
type killer struct {
	mu     sync.Mutex
	at     int // 0: never
	after  bool
	calls  int
	dead   bool
	active bool
}

func (k *killer) intercept(_ context.Context, _ string, send func() error) error {
	k.mu.Lock()
	if !k.active {
		k.mu.Unlock()
		return send()
	}
	k.calls++
	dies := k.calls == k.at
	sends := !k.dead && (!dies || k.after)
	k.dead = k.dead || dies
	dead := k.dead
	k.mu.Unlock()
	var err error
	if sends {
		err = send()
	}
	if dead {
		return errKilled
	}
	return err
}

func (k *killer) start(at int, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at, k.after, k.calls, k.dead, k.active = at, after, 0, false, true
}

func (k *killer) stop() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active = false
	return k.calls
}

// request is one that a client sends, as the HTTP edge carries it out in a process that has just started: it reads who
// asks, does it, and where it is refused looks whether it was done before.
func request(
	ctx context.Context, c *clinictest.Clinic, once access.Once,
	do func(context.Context, *booking.Service, access.Caller, access.Once) (any, error),
) (string, error) {
	dir := clinic.NewDirectory(c.Table, c.Clock.Now)
	by, err := dir.Caller(ctx, c.Org, clinictest.Receptionist, true)
	if err != nil {
		return "", err
	}
	answer, err := do(ctx, booking.New(c.Table, dir, c.Clock.Now, id.New), by, once)
	if err == nil {
		text, err := json.Marshal(answer)
		return string(text), err
	}
	if !errors.Is(err, access.ErrDone) && fault.Of(err).Kind == fault.Internal {
		return "", err
	}
	body, found, recallErr := c.Table.For(by).Recall(ctx, once)
	if recallErr != nil {
		return "", recallErr
	}
	if !found {
		return "", err
	}
	return string(body), nil
}

// life is a request and what has to be there before it.
type life struct {
	name    string
	prepare func(t *testing.T, f *fixture) subject
	do      func(f *fixture, s subject) func(context.Context, *booking.Service, access.Caller, access.Once) (any, error)
}

// subject is the record that a request is about.
type subject struct {
	id      string
	version int64
}

// lives are all the requests that change the diary, each at its longest way through: with another room to find, and
// claims to give back.
func lives() []life {
	type call = func(context.Context, *booking.Service, access.Caller, access.Once) (any, error)
	nothing := func(*testing.T, *fixture) subject { return subject{} }
	inTheWay := func(t *testing.T, f *fixture) subject {
		t.Helper()
		w := f.wish("2027-01-04T10:00")
		w.PractitionerID, w.PatientID = f.Practitioners[1].ID, f.Patients[1]
		f.mustBook(t, w)
		return subject{}
	}
	booked := func(t *testing.T, f *fixture) subject {
		t.Helper()
		a := f.mustBook(t, f.wish("2027-01-04T12:00"))
		inTheWay(t, f)
		return subject{a.ID, a.Version}
	}
	held := func(t *testing.T, f *fixture) subject {
		t.Helper()
		h, err := f.Hold(t.Context(), f.by, clinictest.Once(), f.wish("2027-01-04T12:00"))
		if err != nil {
			t.Fatal(err)
		}
		f.Clock.Pass(time.Minute)
		return subject{h.ID, h.Version}
	}
	return []life{
		{"book", nothing, func(f *fixture, _ subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Book(ctx, by, o, f.wish("2027-01-04T10:15"))
			}
		}},
		{"book with another room", inTheWay, func(f *fixture, _ subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Book(ctx, by, o, f.wish("2027-01-04T10:15"))
			}
		}},
		{"hold with another room", inTheWay, func(f *fixture, _ subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Hold(ctx, by, o, f.wish("2027-01-04T10:15"))
			}
		}},
		{"book held", held, func(f *fixture, s subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.BookHeld(ctx, by, o, s.id, f.Patients[0], booking.Asked{})
			}
		}},
		{"renew", held, func(_ *fixture, s subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Renew(ctx, by, o, s.id, s.version)
			}
		}},
		{"release", held, func(_ *fixture, s subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return struct{}{}, b.Release(ctx, by, o, s.id, s.version)
			}
		}},
		{"move with another room", booked, func(_ *fixture, s subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Move(ctx, by, o, s.id, s.version, booking.Wish{Start: "2027-01-04T10:15"})
			}
		}},
		{"cancel", booked, func(_ *fixture, s subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Cancel(ctx, by, o, s.id, s.version, booking.ByPatient)
			}
		}},
		{"complete", func(t *testing.T, f *fixture) subject {
			t.Helper()
			s := booked(t, f)
			f.Clock.Pass(12 * time.Hour) // it has begun
			a, err := f.Progress(t.Context(), f.by, clinictest.Once(), s.id, s.version, booking.Arrived)
			if err != nil {
				t.Fatal(err)
			}
			return subject{a.ID, a.Version}
		}, func(_ *fixture, s subject) call {
			return func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Progress(ctx, by, o, s.id, s.version, booking.Completed)
			}
		}},
	}
}

// The process is killed at every call of the table that a request makes, before it and after it, and the request is
// sent again under its key: what is stored in the end is what an undisturbed request leaves, no more and no less, and
// a third time the answer is the second one's.
func TestKilledAtEveryCall(t *testing.T) {
	points := 0
	for _, l := range lives() {
		t.Run(l.name, func(t *testing.T) {
			want, calls := l.live(t, 0, false)
			if calls < 3 {
				t.Fatalf("the request makes %d calls", calls)
			}
			for k := 1; k <= calls; k++ {
				for _, after := range []bool{false, true} {
					points++
					got, _ := l.live(t, k, after)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("killed at call %d of %d, after it was carried out: %t, the end is another:\n%s",
							k, calls, after, diff)
					}
				}
			}
		})
	}
	t.Logf("%d points", points)
}

// live prepares, kills the request at the k-th call, sends it again, and then once more. It gives what is stored then,
// and how many calls the first request made.
func (l life) live(t *testing.T, k int, after bool) ([]string, int) {
	t.Helper()
	kill := &killer{}
	f := newWith(t, clinictest.Intercept(kill.intercept))
	c := f.Clinic
	s := l.prepare(t, f)
	once, do := clinictest.Once(), l.do(f, s)

	kill.start(k, after)
	first, err := request(t.Context(), c, once, do)
	calls := kill.stop()
	if k > 0 && err == nil {
		t.Errorf("the dead process answered %s", first)
	}
	second, err := request(t.Context(), c, once, do)
	if err != nil {
		t.Errorf("killed at %d (%t) and sent again: %v %+v", k, after, err, fault.Of(err).Details)
	}
	third, err := request(t.Context(), c, once, do)
	if err != nil || third != second || k == 0 && first != second {
		t.Errorf("answered with\n%s\n%s\n%s, %v", first, second, third, err)
	}
	return canonical(t, c), calls
}

// canonical lists what is stored with every id that differs from run to run taken out; a tick names the kind of
// record that has it, or is an orphan.
func canonical(t *testing.T, c *clinictest.Clinic) []string {
	t.Helper()
	s := readStored(t, c.House, c.Org, c.Clock.Now())
	names := []string{c.Org, "ORG", c.Site.ID, "SITE", c.Service.ID, "SERVICE"}
	for i := range 2 {
		names = append(names, c.Rooms[i].ID, fmt.Sprint("ROOM", i), c.Practitioners[i].ID, fmt.Sprint("PRACTITIONER", i))
	}
	for i, p := range c.Patients {
		names = append(names, p, fmt.Sprint("PATIENT", i))
	}
	known, ids := strings.NewReplacer(names...), regexp.MustCompile(`([a-z]{3})_[0-9a-z]{26}|IDEM#[0-9a-f]+`)
	shard := regexp.MustCompile(`OUT#\d`) // follows from the event's id
	plain := func(text string) string {
		return shard.ReplaceAllString(ids.ReplaceAllString(known.Replace(text), "<$1>"), "OUT#")
	}
	owners := map[string]string{}
	var out []string
	for key, item := range s.items {
		part, kind, _ := strings.Cut(key, " ")
		if kind == "APT" || kind == "HLD" {
			raw, err := id.Raw(part)
			if err != nil {
				t.Fatal(err)
			}
			owners[fmt.Sprintf("%x", raw[12:])] = kind
		}
		if strings.HasPrefix(part, "IDX#") { // where patients are found, each run by other names
			continue
		}
		for name, value := range item {
			if kind == "PAT" && name == "s" {
				item[name] = "sealed"
			} else if b, ok := value.([]byte); ok && (kind == "DIARY" || strings.HasPrefix(kind, "D#")) {
				delete(item, name)
			} else if ok {
				item[name] = string(b)
			}
			if _, ok := value.([][]byte); ok {
				item[name] = len(value.([][]byte))
			}
		}
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, plain(key)+" "+plain(string(text)))
	}
	for of, ticks := range s.ticks {
		for _, line := range ticks {
			words := strings.Fields(line)
			owner := owners[words[2]]
			if owner == "" {
				owner = "ORPHAN"
				t.Errorf("%s: %s belongs to nobody", plain(of), line)
			}
			words[2] = owner
			out = append(out, plain(of)+" "+strings.Join(words, " "))
		}
	}
	slices.Sort(out)
	return out
}

// manyKeys is kept small, so that all tests together stay short.
var manyKeys = flag.Int("keys", 3, "how many keys TestManyAtOnceUnderOneKey uses")

// One request sent many times at once, under its key, through a table that is busy and loses replies: one effect, and
// everybody hears the same, byte for byte.
func TestManyAtOnceUnderOneKey(t *testing.T) {
	const parallel = 20
	keys := *manyKeys
	k := &unreliable{}
	f := newWith(t, clinictest.Intercept(k.intercept))
	c := f.Clinic
	before := readStored(t, c.House, c.Org, c.Clock.Now())
	type call = func(context.Context, *booking.Service, access.Caller, access.Once) (any, error)
	effects := 0
	for i := range keys {
		start := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i/20*7+i%5).Add(time.Duration(i/5%4*2) * time.Hour)
		var made subject
		for _, do := range []call{
			func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Book(ctx, by, o, f.wish(start.Format(time.RFC3339)))
			},
			func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Move(ctx, by, o, made.id, made.version, booking.Wish{Start: start.Add(15 * time.Minute).Format(time.RFC3339)})
			},
			func(ctx context.Context, b *booking.Service, by access.Caller, o access.Once) (any, error) {
				return b.Cancel(ctx, by, o, made.id, made.version, booking.ByPatient)
			},
		} {
			answer := sameForAll(t, c, parallel, do)
			var got booking.Appointment
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatal(err)
			}
			made = subject{got.ID, got.Version}
			effects++
		}
	}
	s := readStored(t, c.House, c.Org, c.Clock.Now())
	for kind, want := range map[string]int{"APT": keys, "EVT": before.kinds["EVT"] + effects, "IDEM": effects} {
		if s.kinds[kind] != want {
			t.Errorf("%d %s items, want %d", s.kinds[kind], kind, want)
		}
	}
	if len(s.ticks) > 0 {
		t.Errorf("after all was cancelled these have ticks: %v", s.ticks)
	}
	t.Logf("%d requests for %d effects, %d faults", effects*parallel, effects, k.injected)
}

// sameForAll sends one request many times at once and gives the one answer.
func sameForAll(
	t *testing.T, c *clinictest.Clinic, parallel int,
	do func(context.Context, *booking.Service, access.Caller, access.Once) (any, error),
) string {
	t.Helper()
	once := clinictest.Once()
	answers, errs := make([]string, parallel), make([]error, parallel)
	var all sync.WaitGroup
	for i := range parallel {
		all.Go(func() {
			for range 5 { // a client that is told to come back does
				if answers[i], errs[i] = request(t.Context(), c, once, do); !fault.Is(errs[i], fault.Unavailable) {
					return
				}
			}
		})
	}
	all.Wait()
	for i := range parallel {
		if errs[i] != nil || answers[i] != answers[0] {
			t.Fatalf("one was answered %s, %v, another %s", answers[i], errs[i], answers[0])
		}
	}
	return answers[0]
}

// unreliable refuses every ninth transaction for a conflict and loses the reply of every eleventh.
type unreliable struct {
	mu              sync.Mutex
	calls, injected int
}

func (u *unreliable) intercept(_ context.Context, op string, send func() error) error {
	u.mu.Lock()
	if op == "TransactWriteItems" {
		u.calls++
	}
	n := u.calls
	conflict, lost := op == "TransactWriteItems" && n%9 == 0, op == "TransactWriteItems" && n%11 == 0
	if conflict || lost {
		u.injected++
	}
	u.mu.Unlock()
	if conflict {
		return busy()
	}
	err := send()
	if lost {
		return errors.New("connection reset")
	}
	return err
}

// A refused request leaves its key unused, and a key belongs to one request of one organisation.
func TestKeysAreJudgedAfresh(t *testing.T) {
	f := newWith(t)
	f.mustBook(t, f.wish("2027-01-04T10:00"))
	once := clinictest.Once()
	w := f.wish("2027-01-04T10:15")
	w.PatientID = f.Patients[1]
	_, err := f.Book(t.Context(), f.by, once, w)
	mustCode(t, "a taken time", err, booking.PractitionerBusy)
	w.Start = "2027-01-04T11:00"
	if _, err := f.Book(t.Context(), f.by, once, w); err != nil {
		t.Errorf("the same key after a refusal: %v", err)
	}
	other := f.Found(t)
	if _, found, err := f.Table.For(other.By(t, clinictest.Receptionist)).Recall(t.Context(), once); found || err != nil {
		t.Errorf("another organisation recalls the answer: %t, %v", found, err)
	}
	for what, err := range map[string]error{
		"a hold under the key of a booking": func() error {
			_, err := f.Hold(t.Context(), f.by, once, f.wish("2027-01-04T14:00"))
			return err
		}(),
		"a cancellation under it": func() error {
			a := f.mustBook(t, f.wish("2027-01-04T15:00"))
			_, err := f.Cancel(t.Context(), f.by, once, a.ID, a.Version, booking.ByClinic)
			return err
		}(),
	} {
		if !errors.Is(err, access.ErrDone) {
			t.Errorf("%s is %v", what, err)
		}
	}
}
