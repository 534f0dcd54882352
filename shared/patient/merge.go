package patient

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/care"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// What a merge can move at most: a condition on one diary holds so many ticks.
const maxHanded = 90

// maxMerged is how many items a merge writes at most: beside them a transaction has room for all that it checks and
// claims, and for the few more that taking the merge back writes.
const maxMerged = 90

// mergeTries is how often a merge, or taking one back, is made anew because something moved on under it.
const mergeTries = 5

// Merge makes the record into go on for the record from, because a person found them to be of one patient. From leaves
// search and cannot be booked or changed any more; its appointments that are to come go over to the other diary, those
// past are listed with the other's; alerts, representatives, the NHS number, an objection to its use and the protection
// of whereabouts go over where the other record has none. Names and addresses do not: whoever merges enters them.
// Unmerge takes it back.
//
// Errors: fault Invalid for one record twice; NotFound; Denied "no_relationship" or "needs_relationship" to from;
// Conflict "patient_merged" where either was merged into another one, "appointments_clash" with the appointments that
// are at one time, "too_many_to_merge", or "patient_closed"; and those of table.Clinic.Write. Whatever is refused,
// nothing was done.
func (s *Service) Merge(ctx context.Context, by access.Caller, once access.Once, into, from string) (Receipt, error) {
	if err := distinct(into, from); err != nil {
		return Receipt{}, err
	}
	guard := care.Guard{Table: s.table, Now: s.now}
	if _, err := guard.Related(ctx, by, access.PatientMerge, from); err != nil {
		return Receipt{}, err
	}
	for try := 1; ; try++ {
		r, err := s.merge(ctx, by, once, into, from)
		if try == mergeTries || !moved(err) {
			return r, unmoved(err)
		}
	}
}

// distinct refuses one record twice.
func distinct(into, from string) error {
	if into != from {
		return nil
	}
	return fault.New(fault.Invalid, "invalid", "Something in this cannot be taken as it stands.",
		fault.Detail{Code: "not_unique", Message: "Must be another patient.", Pointer: "/patientId"})
}

// moved tells whether a refusal follows from something that changed between reading and writing.
func moved(err error) bool {
	return fault.Is(err, fault.Stale) || err != nil && fault.Of(err).Code == "time_taken"
}

// unmoved is the refusal after the last try: no copy of the caller's is out of date.
func unmoved(err error) error {
	if moved(err) {
		return fault.Wrap(err, fault.Unavailable, "busy", "These records are being changed. Ask again.")
	}
	return err
}

// pair is two records, of which one goes on for the other, with what belongs to them.
type pair struct {
	c            table.Clinic
	into, from   *file
	intoDiary    table.Occupancy
	fromDiary    table.Occupancy
	intoCircle   care.Circle
	fromCircle   care.Circle
	intoIs       Patient // as they are going to be
	fromIs       Patient
	intoCircleIs care.Circle
}

// pair reads two records. Errors: fault NotFound, Unavailable.
func (s *Service) pair(ctx context.Context, by access.Caller, into, from string) (*pair, error) {
	files, err := s.load(ctx, by, into, from)
	if err != nil {
		return nil, err
	}
	w := &pair{c: s.table.For(by), into: files[into], from: files[from]}
	if w.into == nil || w.from == nil {
		return nil, notFound()
	}
	w.intoIs, w.fromIs = w.into.clone(), w.from.clone()
	keys := []table.Key{w.c.Diary(into), w.c.Diary(from), w.c.Circle(into), w.c.Circle(from)}
	rows, err := table.Together(ctx, w.c, keys...)
	if err != nil {
		return nil, err
	}
	w.intoDiary, w.fromDiary = rows[keys[0]].Occupancy(), rows[keys[1]].Occupancy()
	for key, circle := range map[table.Key]*care.Circle{keys[2]: &w.intoCircle, keys[3]: &w.fromCircle} {
		if row, ok := rows[key]; ok {
			if err := row.Decode(circle); err != nil {
				return nil, err
			}
		}
	}
	w.intoCircleIs = w.intoCircle
	w.intoCircleIs.Merged = slices.Clone(w.intoCircle.Merged)
	w.intoCircleIs.Representatives = slices.Clone(w.intoCircle.Representatives)
	return w, nil
}

func (s *Service) merge(ctx context.Context, by access.Caller, once access.Once, into, from string) (Receipt, error) {
	w, err := s.pair(ctx, by, into, from)
	if err != nil {
		return Receipt{}, err
	}
	for _, f := range []*file{w.into, w.from} {
		if f.MergedInto != "" {
			return Receipt{}, merged(f.Patient)
		}
	}
	pending, err := booking.Pending(ctx, w.c, w.fromDiary, s.now())
	if err != nil {
		return Receipt{}, err
	}
	if err := clashes(pending, w.intoDiary); err != nil {
		return Receipt{}, err
	}
	items, claims, ticks := booking.Handed(w.c, pending, into)
	got := w.unite(s.now())
	switch {
	case ticks > maxHanded:
		return Receipt{}, tooMany(manyToCome)
	case len(w.intoIs.Alerts) > maxAlerts:
		return Receipt{}, tooMany("The two records have more alerts than one can hold. Remove some.")
	case len(w.intoIs.Representatives) > maxRepresentatives:
		return Receipt{}, tooMany("The two records have more representatives than one can hold.")
	}
	for _, a := range pending {
		got.Appointments = append(got.Appointments, handed{ID: a.ID, Version: a.Version + 1})
	}
	sealed, err := w.into.key.Seal(gainsName, got)
	if err != nil {
		return Receipt{}, err
	}
	items = append(items,
		table.Item{Key: w.c.Merger(from), Value: merger{Into: into, Sealed: sealed}, New: true},
		circleItem(w.c.Circle(into), w.intoCircle, w.intoCircleIs),
	)
	return s.writePair(ctx, w, table.Change{
		Action: access.PatientMerge, Once: once, Put: items, Claims: claims,
		Event: event.Event{Name: event.PatientMerged},
	}, nil)
}

// writePair writes both records, with whatever else the change holds. The answer, where none is given, is the Receipt
// of the record that goes on.
func (s *Service) writePair(
	ctx context.Context, w *pair, ch table.Change, answer func(Receipt) any,
) (Receipt, error) {
	was, wasFrom := w.into.held, w.from.held
	items := w.settle()
	for _, one := range []struct {
		f  *file
		is Patient
	}{{w.into, w.intoIs}, {w.from, w.fromIs}} {
		put, err := one.f.put(w.c, one.is)
		if err != nil {
			return Receipt{}, err
		}
		items = append(items, put...)
		ch.Claims = append(closing(one.f.Patient, one.is), ch.Claims...)
	}
	// What was decided rests on all that was in the diaries: a booking in between has it decided anew.
	ch.Claims = append(ch.Claims,
		table.Claim{Patient: w.into.ID, Seen: w.intoDiary.Version},
		table.Claim{Patient: w.from.ID, Seen: w.fromDiary.Version},
	)
	r := Receipt{ID: w.into.ID, Version: w.into.Version + 1}
	ch.Target, ch.Put, ch.Answer = w.into.ID, append(items, ch.Put...), any(r)
	if ch.Action == access.PatientMerge && len(ch.Put) > maxMerged {
		return Receipt{}, tooMany(manyToCome)
	}
	if answer != nil {
		ch.Answer = answer(r)
	}
	ch.Event.Version, ch.Event.Before = r.Version, w.into.Version
	ch.Event.Refs = map[string]string{"patient": w.from.ID}
	err := w.c.Write(ctx, ch)
	w.into.held, w.from.held = was, wasFrom
	return r, s.numberTaken(ctx, w.c, w.from, w.fromIs, s.numberTaken(ctx, w.c, w.into, w.intoIs, err))
}

func circleItem(key table.Key, was, is care.Circle) table.Item {
	return table.Item{Key: key, Value: is, New: was.Version == 0, Version: was.Version}
}

const manyToCome = "There are more appointments to come than can go over at once. Cancel some."

func tooMany(message string) error { return fault.New(fault.Conflict, "too_many_to_merge", message) }

// clashes refuses appointments that are at the time of others in the diary.
func clashes(pending []booking.Appointment, diary table.Occupancy) error {
	var details []fault.Detail
	for _, c := range booking.Clashes(pending, diary) {
		for _, apt := range []string{c.ID, c.With} {
			details = append(details, fault.Detail{
				Code: "patient_busy", Message: "The two records have appointments at this time.", Resource: apt,
			})
		}
	}
	if len(details) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "appointments_clash",
		"Both records have appointments at the same time. Move or cancel one of each.", details...)
}

// merger is the item that keeps what a merge moved.
type merger struct {
	Into    string `dynamodbav:"into"`
	Sealed  []byte `dynamodbav:"s"` // under the key of the record that goes on
	Version int64  `dynamodbav:"v"`
}

// gainsName names the gains to the key.
const gainsName = "merger"

// gains is what a record got by a merge: what it takes to give all of it back.
type gains struct {
	Version         int64      `json:"version"` // of the record that goes on, after the merge
	Renumbered      bool       `json:"renumbered,omitempty"`
	Was             *Number    `json:"was,omitempty"` // the number it had before
	Number          *Number    `json:"number,omitempty"`
	Objection       *Objection `json:"objection,omitempty"`
	Restricted      bool       `json:"restricted,omitempty"`
	RestrictedBy    []string   `json:"restrictedBy,omitempty"`
	Note            string     `json:"note,omitempty"`
	Alerts          []Alert    `json:"alerts,omitempty"`
	Representatives []string   `json:"representatives,omitempty"`
	Merged          []string   `json:"merged"`
	Appointments    []handed   `json:"appointments,omitempty"`
}

// handed is an appointment that went over, at the version that it then had.
type handed struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// protect hands the protection of whereabouts over, and by what.
func (g *gains) protect(is *Patient, from Patient) {
	by := from.handedOn()
	if len(by) > 0 && is.Restricted && len(is.RestrictedBy) == 0 { // it has to outlive what the other's number says
		by = append(by, is.ID)
	}
	g.Restricted = from.Restricted && !is.Restricted
	is.Restricted = is.Restricted || from.Restricted
	for _, by := range by {
		if !slices.Contains(is.RestrictedBy, by) {
			g.RestrictedBy, is.RestrictedBy = append(g.RestrictedBy, by), append(is.RestrictedBy, by)
		}
	}
}

// unite makes the records what they are after the merge, and tells what the one that goes on got.
func (w *pair) unite(now time.Time) gains {
	is, from := &w.intoIs, w.from
	got := gains{Version: w.into.Version + 1, Merged: append([]string{from.ID}, from.Merged...)}
	if next := oneNumber(is.Number, from.Number, now); !sameValue(next, is.Number) {
		got.Renumbered, got.Was, got.Number = true, is.Number, next
		is.Number = next
	}
	if is.Objection == nil && from.Objection != nil {
		got.Objection = from.Objection
		is.Objection = copied(from.Objection)
	}
	got.protect(is, from.Patient)
	if is.BookingNote == "" && from.BookingNote != "" {
		got.Note, is.BookingNote = from.BookingNote, from.BookingNote
	}
	for _, a := range from.Alerts {
		if !slices.Contains(is.Alerts, a) {
			got.Alerts, is.Alerts = append(got.Alerts, a), append(is.Alerts, a)
		}
	}
	for _, r := range from.Patient.clone().Representatives {
		got.Representatives, is.Representatives = append(got.Representatives, r.ID), append(is.Representatives, r)
	}
	is.Merged = append(is.Merged, got.Merged...)
	w.fromIs.MergedInto = w.into.ID
	w.intoCircleIs.Merged = append(w.intoCircleIs.Merged, got.Merged...)
	w.intoCircleIs.Representatives = append(w.intoCircleIs.Representatives, w.fromCircle.Representatives...)
	return got
}
