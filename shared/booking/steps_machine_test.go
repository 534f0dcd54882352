package booking_test

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

func (d *diary) bookHeld(rt *rapid.T) {
	h := d.pick(rt, true)
	patient := d.f.Patients[rapid.IntRange(0, 2).Draw(rt, "patient")]
	if h.patient != "" && rapid.IntRange(0, 3).Draw(rt, "same patient") > 0 {
		patient = h.patient
	}
	once := clinictest.Once()
	do := func() (booking.Appointment, error) {
		return d.f.BookHeld(d.t.Context(), d.f.by, once, h.id, patient, booking.Asked{})
	}
	apt, err := do()
	switch {
	case h.gone:
		mustRefuse(rt, "book a hold that is gone", err, fault.NotFound, "not_found")
		return
	case d.m.now.After(h.until):
		mustRefuse(rt, "book a hold that ran out", err, fault.Conflict, "hold_expired")
		return
	case h.patient != "" && h.patient != patient:
		mustRefuse(rt, "book a hold of another patient", err, fault.Conflict, "held_for_another")
		return
	}
	w := wanted{
		service: h.service, practitioner: d.practitioner(h), patient: patient, start: h.start, own: h, timely: true,
	}
	for _, lane := range h.lanes { // the time is held in these rooms and no others
		room, _, _ := strings.Cut(lane, "~")
		w.rooms = append(w.rooms, room)
	}
	if !d.mustBe(rt, "book held", w, err) {
		return
	}
	h.gone = true
	r := &record{
		id: apt.ID, practitioner: h.practitioner, patient: patient, service: h.service, start: h.start, lanes: h.lanes,
		status: booking.Booked, version: 1,
	}
	d.m.records = append(d.m.records, r)
	d.mustTell(rt, apt, r)
	d.done(rt, once, apt, func() error { _, err := do(); return err })
}

func (d *diary) practitioner(r *record) clinic.Practitioner {
	i := slices.IndexFunc(d.m.people, func(p clinic.Practitioner) bool { return p.ID == r.practitioner })
	return d.m.people[i]
}

func (d *diary) renew(rt *rapid.T) {
	h := d.pick(rt, true)
	version, once := h.seen(rt), clinictest.Once()
	do := func() (booking.Hold, error) {
		return d.f.Renew(d.t.Context(), d.f.by, once, h.id, version)
	}
	got, err := do()
	until := d.m.now.Add(5 * time.Minute)
	if last := h.made.Add(30 * time.Minute); until.After(last) {
		until = last
	}
	switch {
	case h.gone:
		mustRefuse(rt, "renew a hold that is gone", err, fault.NotFound, "not_found")
	case d.m.now.After(h.until):
		mustRefuse(rt, "renew a hold that ran out", err, fault.Conflict, "hold_expired")
	case version != h.version:
		mustRefuse(rt, "renew an old copy", err, fault.Stale, "stale")
	case h.until.Equal(h.made.Add(30 * time.Minute)):
		mustRefuse(rt, "renew a hold at its end", err, fault.Conflict, "hold_at_its_end")
	case err != nil || !got.ExpiresAt.Equal(until) || got.Version != version+1:
		rt.Fatalf("renew: %+v, %v, want it until %s", got, err, until)
	default:
		h.until, h.version = until, version+1
		d.done(rt, once, got, func() error { _, err := do(); return err })
	}
}

func (d *diary) release(rt *rapid.T) {
	h := d.pick(rt, true)
	version, once := h.seen(rt), clinictest.Once()
	do := func() error { return d.f.Release(d.t.Context(), d.f.by, once, h.id, version) }
	err := do()
	switch {
	case h.gone:
		mustRefuse(rt, "release a hold that is gone", err, fault.NotFound, "not_found")
	case version != h.version:
		mustRefuse(rt, "release an old copy", err, fault.Stale, "stale")
	case err != nil:
		rt.Fatalf("release: %v", err)
	default:
		h.gone = true
		d.done(rt, once, struct{}{}, do)
	}
}

// settled judges what is the same for every change of an appointment; it tells whether the change goes on from there.
func (d *diary) settled(rt *rapid.T, what string, a *record, version int64, err error) bool {
	switch {
	case version != a.version:
		mustRefuse(rt, what+" an old copy", err, fault.Stale, "stale")
	case a.status != booking.Booked && a.status != booking.Confirmed:
		mustRefuse(rt, what+" what is over", err, fault.Conflict, "not_changeable")
	default:
		return false
	}
	return true
}

func (d *diary) move(rt *rapid.T) {
	a := d.pick(rt, false)
	w := d.want(rt)
	w.service, w.patient, w.own = a.service, a.patient, a
	if rapid.Bool().Draw(rt, "nearby") {
		w.start = a.start.Add(time.Duration(rapid.IntRange(-6, 6).Draw(rt, "by")) * 5 * time.Minute)
	}
	wish := booking.Wish{Start: w.start.Format(time.RFC3339), RoomIDs: w.rooms}
	if rapid.Bool().Draw(rt, "to another") {
		wish.PractitionerID, wish.SiteID = w.practitioner.ID, d.m.site.ID
	} else {
		w.practitioner = d.practitioner(a)
	}
	version, once := a.seen(rt), clinictest.Once()
	do := func() (booking.Appointment, error) {
		return d.f.Move(d.t.Context(), d.f.by, once, a.id, version, wish)
	}
	got, err := do()
	if d.settled(rt, "move", a, version, err) {
		return
	}
	if w.start.Equal(a.start) && w.practitioner.ID == a.practitioner && len(w.rooms) == 0 {
		mustRefuse(rt, "a move to where it is", err, fault.Conflict, "no_change")
		return
	}
	if !d.mustBe(rt, "move", w, err) {
		return
	}
	d.learn(rt, w, a, got.RoomIDs)
	a.start, a.practitioner, a.status, a.version = w.start, w.practitioner.ID, booking.Booked, version+1
	d.mustTell(rt, got, a)
	d.done(rt, once, got, func() error { _, err := do(); return err })
}

func (d *diary) cancel(rt *rapid.T) {
	a := d.pick(rt, false)
	version, once := a.seen(rt), clinictest.Once()
	do := func() (booking.Appointment, error) {
		return d.f.Cancel(d.t.Context(), d.f.by, once, a.id, version, booking.ByClinic)
	}
	got, err := do()
	if d.settled(rt, "cancel", a, version, err) {
		return
	}
	if err != nil || got.CancelReason != booking.ByClinic {
		rt.Fatalf("cancel: %+v, %v", got, err)
	}
	a.status, a.version = booking.Cancelled, version+1
	d.mustTell(rt, got, a)
	d.done(rt, once, got, func() error { _, err := do(); return err })
}

func (d *diary) progress(rt *rapid.T) {
	d.progressOf(rt, d.pick(rt, false), rapid.SampledFrom([]booking.Status{
		booking.Confirmed, booking.Arrived, booking.Arrived, booking.InProgress, booking.Completed, booking.Completed,
		booking.DidNotAttend, booking.Booked, booking.Cancelled,
	}).Draw(rt, "to"))
}

// visit lets the time of an appointment come and takes it through to its end.
func (d *diary) visit(rt *rapid.T) {
	a := d.pick(rt, false)
	if early := a.start.Sub(d.m.now); early > 0 && rapid.IntRange(0, 4).Draw(rt, "too early") > 0 {
		d.f.Clock.Pass(early)
		d.m.now = d.f.Clock.Now()
	}
	for _, to := range rapid.SampledFrom([][]booking.Status{
		{booking.Arrived, booking.Completed},
		{booking.Confirmed, booking.Arrived, booking.InProgress, booking.Completed},
		{booking.DidNotAttend, booking.Arrived, booking.Completed},
		{booking.Arrived, booking.DidNotAttend},
	}).Draw(rt, "steps") {
		d.progressOf(rt, a, to)
	}
}

func (d *diary) progressOf(rt *rapid.T, a *record, to booking.Status) {
	version, once := a.seen(rt), clinictest.Once()
	do := func() (booking.Appointment, error) {
		return d.f.Progress(d.t.Context(), d.f.by, once, a.id, version, to)
	}
	got, err := do()
	switch {
	case version != a.version:
		mustRefuse(rt, "progress of an old copy", err, fault.Stale, "stale")
	case !d.m.follows(a.status, to):
		mustRefuse(rt, "a step that does not follow", err, fault.Conflict, "status_does_not_follow")
	case to != booking.Confirmed && to != booking.Arrived && d.m.now.Before(a.start),
		to == booking.Arrived && d.m.now.Before(a.start.Add(-12*time.Hour)):
		mustRefuse(rt, "a step that is too early", err, fault.Conflict, "not_yet")
	case err != nil:
		rt.Fatalf("progress from %s to %s: %v", a.status, to, err)
	default:
		a.status, a.version = to, version+1
		a.left = a.left || to == booking.Completed || to == booking.DidNotAttend
		d.mustTell(rt, got, a)
		d.done(rt, once, got, func() error { _, err := do(); return err })
	}
}

// leave sends a practitioner or a room away, or closes the site, whatever is booked; who still acts on the configuration
// as it was is refused by the write itself.
func (d *diary) leave(rt *rapid.T) {
	of := []string{d.m.people[0].ID, d.m.people[1].ID, d.m.places[0].ID, d.m.places[1].ID, d.m.site.ID}
	start := d.want(rt).start
	l := clinic.Leave{
		ID: id.New("lev"), Of: of[rapid.IntRange(0, len(of)-1).Draw(rt, "of")], Start: start,
		End: after(start, 5*rapid.IntRange(1, 24).Draw(rt, "for")),
	}
	old := d.f.by
	d.f.Change(d.t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Leave(l.ID, l.End), Value: l, New: true}}
	})
	// The configuration is read again, and leave that is over since yesterday is not read any more.
	yesterday := d.m.now.AddDate(0, 0, -1).Format(time.DateOnly)
	d.m.away = slices.DeleteFunc(append(d.m.away, l), func(l clinic.Leave) bool {
		return l.End.UTC().Format(time.DateOnly) < yesterday
	})
	d.events++
	w := d.want(rt)
	_, err := d.f.Book(d.t.Context(), old, clinictest.Once(), d.wish(w))
	if free := d.m.needed(w) && len(d.m.reasons(w)) == 0; err == nil || free && !errors.Is(err, access.ErrStanding) {
		rt.Fatalf("booking on an old standing: %v", err)
	}
	d.f.by = d.f.By(d.t, clinictest.Receptionist)
}

func (d *diary) pass(rt *rapid.T) {
	seconds := rapid.OneOf(rapid.IntRange(1, 400), rapid.IntRange(1, 20000)).Draw(rt, "seconds")
	d.f.Clock.Pass(time.Duration(seconds) * time.Second)
	d.m.now = d.f.Clock.Now()
}

// replay sends a request again that was carried out: it is refused, whatever became of the diary since, and the answer
// on record is the first one, byte for byte.
func (d *diary) replay(rt *rapid.T) {
	if len(d.replays) == 0 {
		rt.Skip("nothing was done yet")
	}
	r := d.replays[rapid.IntRange(0, len(d.replays)-1).Draw(rt, "request")]
	if err := r.again(); err == nil || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal) && !errors.Is(err, access.ErrDone) {
		rt.Fatalf("a repeat of %s is %v", r.answer, err)
	}
	answer, found, err := d.f.Table.For(d.f.by).Recall(d.t.Context(), r.once)
	if err != nil || !found || string(answer) != r.answer {
		rt.Fatalf("a repeat is answered with %s, %t, %v, want %s", answer, found, err, r.answer)
	}
}

// check holds after every step that stored and listed is what the model says.
func (d *diary) check(rt *rapid.T) {
	s := readStored(d.t, d.f.House, d.f.Org, d.f.Clock.Now())
	if diff := cmp.Diff(d.m.ticks(d.t), s.ticks); diff != "" {
		rt.Fatalf("the stored ticks differ from the model's:\n%s", diff)
	}
	holds, apts := 0, 0
	for _, r := range d.m.records {
		item := s.items[r.id+" APT"]
		if r.hold {
			item = s.items[r.id+" HLD"]
		}
		switch {
		case r.gone:
			if item != nil {
				rt.Fatalf("%s is still there", r.id)
			}
			continue
		case item == nil || item["v"] != float64(r.version) || item["start"] != float64(r.start.Unix()):
			rt.Fatalf("%+v is stored as %v", r, item)
		case r.hold:
			holds++
		default:
			apts++
			if item["st"] != string(r.status) || item["prc"] != r.practitioner || item["pat"] != r.patient {
				rt.Fatalf("%+v is stored as %v", r, item)
			}
		}
	}
	got := []int{s.kinds["HLD"], s.kinds["APT"], s.kinds["EVT"], s.kinds["IDEM"]}
	if want := []int{holds, apts, d.events, d.keys}; !slices.Equal(got, want) {
		rt.Fatalf("holds, appointments, events, keys: %v, want %v", got, want)
	}
	switch rapid.IntRange(0, 2).Draw(rt, "list") { // the most of the time goes into reading
	case 0, 1:
		d.checkFree(rt)
	default:
		d.checkLists(rt)
	}
}

// checkFree compares what is listed as free, and every reason for what is not, for one service and day.
func (d *diary) checkFree(rt *rapid.T) {
	w := wanted{service: d.m.services[rapid.IntRange(0, len(d.m.services)-1).Draw(rt, "look for")]}
	if rapid.Bool().Draw(rt, "with a patient") {
		w.patient = d.f.Patients[rapid.IntRange(0, 2).Draw(rt, "for")]
	}
	date := d.date(rapid.IntRange(-1, 3).Draw(rt, "on"))
	got, err := d.f.Availability(d.t.Context(), d.f.by, booking.Search{
		ServiceID: w.service.ID, SiteID: d.m.site.ID, PatientID: w.patient, From: date, To: date, Explain: true,
	})
	if err != nil {
		rt.Fatal(err)
	}
	offering := slices.Clone(w.service.PractitionerIDs)
	slices.Sort(offering)
	if len(got) != len(offering) {
		rt.Fatalf("%d practitioners are listed, want %d", len(got), len(offering))
	}
	for i, day := range got {
		if day.PractitionerID != offering[i] || day.Date != date {
			rt.Fatalf("listed are %s on %s, want %s on %s", day.PractitionerID, day.Date, offering[i], date)
		}
		w.practitioner = d.practitioner(&record{practitioner: day.PractitionerID})
		d.checkDay(rt, w, day)
	}
}

func (d *diary) checkDay(rt *rapid.T, w wanted, day booking.PractitionerDay) {
	const layout = "15:04 MST"
	var got, want []string
	for _, s := range day.Slots {
		got = append(got, s.Start.Format(layout)+" free")
		w.start, w.rooms = s.Start, s.RoomIDs
		if len(s.RoomIDs) != len(w.service.Needs) || len(d.m.reasons(w)) > 0 || !s.End.Equal(after(s.Start, w.service.Minutes)) ||
			s.LocalStart != s.Start.In(d.m.zone).Format("2006-01-02T15:04") {
			rt.Fatalf("offered is %+v, against %v", s, d.m.reasons(w))
		}
	}
	w.rooms = nil
	for _, r := range day.Refused {
		var codes []string
		for _, detail := range r.Reasons {
			codes = append(codes, detail.Code)
		}
		slices.Sort(codes)
		step := time.Duration(w.service.Step) * time.Minute
		for at := r.Start; !at.After(r.Last); at = at.Add(step) {
			got = append(got, at.Format(layout)+" "+strings.Join(codes, " "))
		}
	}
	free := 0
	met := map[string]int{}
	starts := d.m.starts(day.Date, w.service)
	for _, start := range starts {
		w.start = start
		why := d.m.reasons(w)
		for _, code := range why {
			met[code]++
		}
		line := strings.Join(why, " ")
		if line == "" {
			line = "free"
			free++
		}
		want = append(want, start.In(d.m.zone).Format(layout)+" "+line)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("what is free on %s differs from the model:\n%s", day.Date, diff)
	}
	if (free == 0) != (len(day.WhyNone) > 0) {
		rt.Fatalf("%d starts are free on %s, and why none is: %v", free, day.Date, day.WhyNone)
	}
	for _, detail := range day.WhyNone {
		if met[detail.Code] == 0 {
			rt.Fatalf("why none is free on %s: %s, which is true of no start", day.Date, detail.Code)
		}
	}
}

// checkLists compares a practitioner's day and a patient's list.
func (d *diary) checkLists(rt *rapid.T) {
	prc := d.m.people[rapid.IntRange(0, 1).Draw(rt, "whose day")].ID
	date := d.date(rapid.IntRange(-1, 3).Draw(rt, "which day"))
	day, err := d.f.Day(d.t.Context(), d.f.by, prc, date)
	if err != nil {
		rt.Fatal(err)
	}
	pat := d.f.Patients[rapid.IntRange(0, 2).Draw(rt, "whose list")]
	list, next, err := d.f.OfPatient(d.t.Context(), d.f.by, pat, "", 200)
	if err != nil || next != "" {
		rt.Fatal(err, next)
	}
	var gotDay, wantDay, gotList, wantList []string
	line := func(id string, s booking.Status, version int64) string {
		return id + " " + string(s) + " " + time.Unix(version, 0).String()
	}
	for _, a := range day {
		gotDay = append(gotDay, line(a.ID, a.Status, a.Version))
	}
	for _, a := range list {
		gotList = append(gotList, line(a.ID, a.Status, a.Version))
	}
	byStart := slices.SortedFunc(slices.Values(d.m.records), func(a, b *record) int {
		if c := a.start.Compare(b.start); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	for _, r := range byStart {
		if r.hold {
			continue
		}
		if r.practitioner == prc && r.start.In(d.m.zone).Format(time.DateOnly) == date {
			wantDay = append(wantDay, line(r.id, r.status, r.version))
		}
		if r.patient == pat {
			wantList = append([]string{line(r.id, r.status, r.version)}, wantList...)
		}
	}
	if diff := cmp.Diff(wantDay, gotDay); diff != "" {
		rt.Fatalf("the practitioner's %s:\n%s", date, diff)
	}
	if diff := cmp.Diff(wantList, gotList); diff != "" {
		rt.Fatalf("the patient's list:\n%s", diff)
	}
}
