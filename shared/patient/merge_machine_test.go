package patient_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// merging is three patients who are merged, taken apart, booked, moved and cancelled in any order, and what is known of
// the merges that stand.
type merging struct {
	*desk
	pats   []string
	apts   []string
	handed map[string][]booking.Appointment // by the record that ended: what went over, as it then was
	monday time.Time
	number int            // of the first of the NHS numbers that the three have in turn
	mu     sync.Mutex     // of apts, while two things are done at once
	came   map[string]int // how often what happened, of all runs
}

// Whatever happens to three records and their appointments, and in whatever order, merging and taking back are either
// done or refused for a reason that is told. Nobody is asked to ask again, unless somebody else was at work.
func TestMergesInAnyOrder(t *testing.T) {
	clinictest.Checks(t, 15)
	d, week, came := newDesk(t), 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		m := &merging{
			desk: d, handed: map[string][]booking.Appointment{}, came: came,
			monday: clinictest.Monday().AddDate(0, 0, 7*week), number: 3 * week,
		}
		d.Clock.Set(m.monday)
		week++
		for i := range 3 {
			p := person("Given", fmt.Sprintf("Family%c%c%c", 'a'+i, 'a'+week%26, 'a'+week/26), "1950-01-01")
			p.Number = &patient.Number{Value: numbered(m.number + i)}
			p.BookingNote = fmt.Sprint("Note ", i)
			m.pats = append(m.pats, d.add(fmt.Sprint(i, " of ", week), p))
		}
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"merge":    m.merges,
			"unmerge":  m.unmerges,
			"book":     m.books,
			"book too": m.books,
			"move":     func(t *rapid.T) { m.alters(t, m.moved) },
			"cancel":   func(t *rapid.T) { m.alters(t, m.cancelled) },
			"confirm":  func(t *rapid.T) { m.alters(t, m.confirmed) },
			"wait":     func(t *rapid.T) { d.Clock.Pass(time.Duration(rapid.IntRange(1, 8).Draw(t, "hours")) * time.Hour) },
			"number":   m.numbers,
			"die":      m.dies,
			"together": m.together,
		})
	})
	t.Log("came of it: ", came)
}

// two are two patients: mostly two different ones.
func (m *merging) two(t *rapid.T) (string, string) {
	i := rapid.IntRange(0, 2).Draw(t, "into")
	return m.pats[i], m.pats[(i+rapid.SampledFrom([]int{1, 2, 1, 2, 1, 2, 0}).Draw(t, "from"))%3]
}

// apart are two patients to take apart: mostly two of whom one was merged into the other.
func (m *merging) apart(t *rapid.T) (string, string) {
	into, from := m.two(t)
	if was := m.get(from).MergedInto; was != "" && rapid.IntRange(0, 3).Draw(t, "known") > 0 {
		return was, from
	}
	return into, from
}

func (m *merging) who(t *rapid.T, label string) string {
	return rapid.SampledFrom(m.pats).Draw(t, label)
}

// wish is at one of a few times: those of two patients often clash.
func (m *merging) wish(t *rapid.T, pat string) booking.Wish {
	day := m.monday.AddDate(0, 0, rapid.IntRange(1, 2).Draw(t, "day"))
	return booking.Wish{
		ServiceID: m.Service.ID, SiteID: m.Site.ID, PatientID: pat,
		PractitionerID: m.Practitioners[rapid.IntRange(0, 1).Draw(t, "practitioner")].ID,
		Start:          day.Format(time.DateOnly) + rapid.SampledFrom([]string{"T10:00", "T11:00", "T12:00"}).Draw(t, "time"),
	}
}

func (m *merging) apt(t *rapid.T, one string) booking.Appointment {
	a, err := m.b.Get(m.t.Context(), m.by, one)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// toCome are the appointments of a patient that go over in a merge.
func (m *merging) toCome(t *rapid.T, pat string) []booking.Appointment {
	var out []booking.Appointment
	for _, one := range m.apts {
		a := m.apt(t, one)
		live := a.Status == booking.Booked || a.Status == booking.Confirmed
		if live && a.PatientID == pat && !a.Start.Before(m.Clock.Now()) {
			out = append(out, a)
		}
	}
	return out
}

// mergeRefusal is the code with which a merge has to be refused, or empty.
func (m *merging) mergeRefusal(t *rapid.T, into, from string) string {
	switch {
	case into == from:
		return "invalid"
	case m.get(into).MergedInto != "" || m.get(from).MergedInto != "":
		return "patient_merged"
	}
	for _, a := range m.toCome(t, into) {
		for _, b := range m.toCome(t, from) {
			if a.Start.Equal(b.Start) {
				return "appointments_clash"
			}
		}
	}
	if m.get(into).Death != nil && len(m.toCome(t, from)) > 0 {
		return "patient_closed"
	}
	return ""
}

func (m *merging) unmergeRefusal(into, from string) string {
	switch {
	case into == from:
		return "invalid"
	case m.get(from).MergedInto != into:
		return "not_merged"
	case m.get(into).MergedInto != "":
		return "patient_merged"
	}
	return ""
}

func (m *merging) merges(t *rapid.T) {
	into, from := m.two(t)
	want, going := m.mergeRefusal(t, into, from), m.toCome(t, from)
	m.came[fmt.Sprintf("merge of %d: %s", len(going), want)]++
	if err := m.merge(into, from); code(err) != want {
		t.Fatalf("merge: %v %+v, want %q", err, details(err), want)
	} else if err == nil {
		m.handed[from] = going
	}
}

func (m *merging) unmerges(t *rapid.T) {
	into, from := m.apart(t)
	want, stays, known := m.unmergeRefusal(into, from), []string(nil), false
	if want == "" {
		stays, known = m.staying(t, into, from)
	}
	m.came[fmt.Sprintf("unmerge, known %v, kept %d of %d: %s", known, len(stays), len(m.handed[from]), want)]++
	u, err := m.unmerge(into, from)
	if code(err) != want {
		t.Fatalf("unmerge: %v %+v, want %q", err, details(err), want)
	}
	if err != nil {
		return
	}
	var kept []string
	for _, k := range u.Kept {
		if k.Code == "appointment" {
			kept = append(kept, k.ID)
		}
	}
	slices.Sort(kept)
	if known && !slices.Equal(kept, stays) {
		t.Fatalf("kept %v, want %v", kept, stays)
	}
	for _, a := range m.handed[from] {
		if known && !slices.Contains(stays, a.ID) && m.apt(t, a.ID).PatientID != from {
			t.Fatal("an untouched appointment did not go back")
		}
	}
	delete(m.handed, from)
}

// staying lists the appointments that somebody touched since they went over, and tells whether that is known.
func (m *merging) staying(t *rapid.T, into, from string) ([]string, bool) {
	handed, known := m.handed[from]
	dead := m.get(from).Death != nil
	var out []string
	for _, was := range handed {
		if a := m.apt(t, was.ID); a.Version != was.Version+1 || a.PatientID != into || dead {
			out = append(out, was.ID)
		}
	}
	slices.Sort(out)
	return out, known
}

func (m *merging) books(t *rapid.T) {
	a, err := m.b.Book(m.t.Context(), m.by, clinictest.Once(), m.wish(t, m.who(t, "patient")))
	if err == nil {
		m.apts = append(m.apts, a.ID)
	}
	m.clear(t, "book", err)
}

func (m *merging) alters(t *rapid.T, how func(*rapid.T, booking.Appointment) error) {
	if len(m.apts) == 0 {
		t.Skip("nothing is booked")
	}
	m.clear(t, "alter", how(t, m.apt(t, rapid.SampledFrom(m.apts).Draw(t, "appointment"))))
}

func (m *merging) moved(t *rapid.T, a booking.Appointment) error {
	_, err := m.b.Move(m.t.Context(), m.by, clinictest.Once(), a.ID, a.Version, m.wish(t, a.PatientID))
	return err
}

func (m *merging) cancelled(_ *rapid.T, a booking.Appointment) error {
	_, err := m.b.Cancel(m.t.Context(), m.by, clinictest.Once(), a.ID, a.Version, booking.ByPatient)
	return err
}

func (m *merging) confirmed(t *rapid.T, a booking.Appointment) error {
	to := rapid.SampledFrom([]booking.Status{
		booking.Confirmed, booking.Arrived, booking.InProgress, booking.Completed, booking.DidNotAttend,
	}).Draw(t, "status")
	_, err := m.b.Progress(m.t.Context(), m.by, clinictest.Once(), a.ID, a.Version, to)
	return err
}

// numbers gives one of the three numbers to one of the three patients, or takes it away, or has them object to its use.
func (m *merging) numbers(t *rapid.T) {
	n, objects := rapid.IntRange(-1, 2).Draw(t, "number"), rapid.IntRange(0, 3).Draw(t, "objects") == 0
	m.clear(t, "number", m.amends(m.who(t, "patient"), func(p *patient.Patient) {
		p.Number, p.Objection = nil, nil
		if n >= 0 {
			p.Number = &patient.Number{Value: numbered(m.number + n)}
		}
		if objects {
			p.Objection = &patient.Objection{At: m.Clock.Now().UTC()}
		}
	}))
}

// dies records that somebody died, or that this was an error.
func (m *merging) dies(t *rapid.T) {
	dead := rapid.Bool().Draw(t, "dead")
	m.clear(t, "die", m.amends(m.who(t, "patient"), func(p *patient.Patient) {
		if p.Death = nil; dead {
			p.Death = &patient.Death{}
		}
	}))
}

func (m *merging) amends(pat string, change func(*patient.Patient)) error {
	job := access.System(m.Org, string(access.PDSLookup))
	_, err := m.s.Amend(m.t.Context(), job, access.Once{}, pat, access.NumberSettle,
		event.Event{Name: event.NumberSettled}, func(p *patient.Patient) error { change(p); return nil }, nil)
	return err
}

// clear fails on a refusal that tells nobody what to do.
func (m *merging) clear(t *rapid.T, what string, err error) {
	if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal) {
		t.Fatalf("%s: %v", what, err)
	}
}

// together does two things at one moment: whoever is asked to ask again and does so alone gets a clear answer.
func (m *merging) together(t *rapid.T) {
	var tasks []func() error
	for range 2 {
		into, from := m.apart(t)
		delete(m.handed, from) // which of the two comes first is not known
		switch rapid.IntRange(0, 2).Draw(t, "what") {
		case 0:
			tasks = append(tasks, func() error { return m.merge(into, from) })
		case 1:
			tasks = append(tasks, func() error { _, err := m.unmerge(into, from); return err })
		default:
			w := m.wish(t, into)
			tasks = append(tasks, func() error { return m.bookTogether(w) })
		}
	}
	errs := make([]error, len(tasks))
	var all sync.WaitGroup
	for i, do := range tasks {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	for i, do := range tasks {
		m.came["together: "+code(errs[i])]++
		if fault.Is(errs[i], fault.Unavailable) {
			errs[i] = do()
		}
		m.clear(t, "one of two", errs[i])
	}
}

func (m *merging) bookTogether(w booking.Wish) error {
	a, err := m.b.Book(m.t.Context(), m.by, clinictest.Once(), w)
	if err == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.apts = append(m.apts, a.ID)
	}
	return err
}

// check finds every appointment's time in the diary of the patient it is of, and nothing else there; and a diary is
// closed while its record is merged into another one, and only then.
func (m *merging) check(t *rapid.T) {
	due := map[string]map[string]int{}
	for _, one := range m.apts {
		a := m.apt(t, one)
		gone := a.Status == booking.Cancelled || a.Status == booking.Completed || a.Status == booking.DidNotAttend
		if due[a.PatientID] == nil {
			due[a.PatientID] = map[string]int{}
		}
		if !gone && !a.LeftDiary {
			due[a.PatientID][a.ID] = 1
		}
	}
	for _, pat := range m.pats {
		diary, err := m.Table.For(m.by).DiaryOf(m.t.Context(), pat)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		switch p := m.get(pat); {
		case p.MergedInto != "":
			want = table.Merged + ":" + p.MergedInto
		case p.Death != nil:
			want = table.Deceased
		}
		if diary.Closed != want {
			t.Fatalf("a diary is closed for %q", diary.Closed)
		}
		first := 0
		for _, tick := range diary.Taken {
			if tick.First {
				first++
				if due[pat][id.Format("apt", tick.ID)] == 0 {
					t.Fatal("a diary holds an appointment that is another's, or none")
				}
			}
		}
		if first != len(due[pat]) {
			t.Fatalf("a diary holds %d appointments, not %d", first, len(due[pat]))
		}
	}
}

// code is the code of a refusal; empty for none.
func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func details(err error) []fault.Detail {
	if err == nil {
		return nil
	}
	return fault.Of(err).Details
}
