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

// Unmerged is what taking a merge back is answered with. Like a Receipt it tells nothing of the person.
type Unmerged struct {
	Receipt
	// Kept lists what the merge had moved and somebody changed since: it stays where it is now.
	Kept []Kept `json:"kept,omitempty"`
}

// Kept is one thing that taking a merge back left as it was.
type Kept struct {
	Code string `json:"code" enum:"appointment,nhs_number,objection,restricted,booking_note,alert,representative"`
	ID   string `json:"id,omitempty" doc:"Of the appointment or representative."`
}

// What can be kept.
const (
	keptAppointment    = "appointment"
	keptNumber         = "nhs_number"
	keptObjection      = "objection"
	keptRestricted     = "restricted"
	keptNote           = "booking_note"
	keptAlert          = "alert"
	keptRepresentative = "representative"
)

// Unmerge takes back that the record from was merged into the other one: both are what they were, but for what somebody
// changed since, which is told. Errors: fault Invalid for one record twice; NotFound; Conflict "not_merged", or
// "patient_merged" where the record that went on was itself merged since; and those of table.Clinic.Write.
func (s *Service) Unmerge(
	ctx context.Context, by access.Caller, once access.Once, into, from string,
) (Unmerged, error) {
	if err := distinct(into, from); err != nil {
		return Unmerged{}, err
	}
	for try := 1; ; try++ {
		u, err := s.unmerge(ctx, by, once, into, from)
		if try == mergeTries || !moved(err) {
			return u, unmoved(err)
		}
	}
}

func (s *Service) unmerge(
	ctx context.Context, by access.Caller, once access.Once, into, from string,
) (Unmerged, error) {
	w, err := s.pair(ctx, by, into, from)
	if err != nil {
		return Unmerged{}, err
	}
	switch {
	case w.from.MergedInto != into:
		return Unmerged{}, fault.New(fault.Conflict, "not_merged", "That record was not merged into this one.")
	case w.into.MergedInto != "":
		return Unmerged{}, merged(w.into.Patient)
	}
	var of merger
	if err := w.c.Get(ctx, w.c.Merger(from), &of); err != nil {
		return Unmerged{}, err
	}
	var got gains
	if err := w.into.key.Open(gainsName, of.Sealed, &got); err != nil {
		return Unmerged{}, err
	}
	var u Unmerged
	items, claims, err := w.giveBack(ctx, got, &u, s.now())
	if err != nil {
		return Unmerged{}, err
	}
	items = append(items,
		table.Item{Key: w.c.Merger(from), Delete: true, Version: of.Version},
		circleItem(w.c.Circle(into), w.intoCircle, w.intoCircleIs),
	)
	u.Receipt, err = s.writePair(ctx, w, table.Change{
		Action: access.PatientUnmerge, Once: once, Put: items, Claims: claims,
		Event: event.Event{Name: event.PatientUnmerged},
	}, func(r Receipt) any { return Unmerged{Receipt: r, Kept: u.Kept} })
	return u, err
}

// giveBack makes the records what they were before the merge, as far as nothing changed since, and gives what else
// belongs into the transaction.
func (w *pair) giveBack(
	ctx context.Context, got gains, u *Unmerged, now time.Time,
) ([]table.Item, []table.Claim, error) {
	keep := func(code, id string) { u.Kept = append(u.Kept, Kept{Code: code, ID: id}) }
	is := &w.intoIs
	w.fromIs.MergedInto = ""
	isOurs := func(id string) bool { return slices.Contains(got.Merged, id) }
	is.Merged = slices.DeleteFunc(is.Merged, isOurs)
	w.intoCircleIs.Merged = slices.DeleteFunc(w.intoCircleIs.Merged, isOurs)
	w.giveBackFields(got, keep)
	if err := w.giveBackNumber(ctx, got, keep, now); err != nil {
		return nil, nil, err
	}
	items := w.giveBackRepresentatives(got, keep)
	apts, err := w.returning(ctx, got, keep)
	if err != nil {
		return nil, nil, err
	}
	back, claims, _ := booking.Handed(w.c, apts, w.from.ID)
	return append(items, back...), claims, nil
}

func (w *pair) giveBackFields(got gains, keep func(code, id string)) {
	is := &w.intoIs
	if got.Objection != nil {
		if sameValue(is.Objection, got.Objection) {
			is.Objection = nil
		} else {
			keep(keptObjection, "")
		}
	}
	if got.Restricted || len(got.RestrictedBy) > 0 {
		if w.into.Version == got.Version {
			is.Restricted = is.Restricted && !got.Restricted
			is.RestrictedBy = slices.DeleteFunc(is.RestrictedBy, func(by string) bool {
				return slices.Contains(got.RestrictedBy, by)
			})
		} else { // the NHS may have said so of this one since: better to protect too much
			keep(keptRestricted, "")
		}
	}
	if got.Note != "" {
		if is.BookingNote == got.Note {
			is.BookingNote = ""
		} else {
			keep(keptNote, "")
		}
	}
	for _, a := range got.Alerts {
		if i := slices.Index(is.Alerts, a); i >= 0 {
			is.Alerts = slices.Delete(is.Alerts, i, i+1)
		} else {
			keep(keptAlert, "")
		}
	}
}

// giveBackNumber gives each record the number that it had, unless it changed since, or somebody else has it by now.
func (w *pair) giveBackNumber(ctx context.Context, got gains, keep func(code, id string), now time.Time) error {
	told := false
	if got.Renumbered {
		if sameValue(w.intoIs.Number, got.Number) {
			w.intoIs.Number = got.Was
		} else {
			told = true
		}
	}
	for _, p := range []*Patient{&w.intoIs, &w.fromIs} {
		free, err := w.free(ctx, *p)
		if err != nil {
			return err
		}
		both := p == &w.fromIs && claimed(*p, w.from.ring) != "" &&
			claimed(*p, w.from.ring) == claimed(w.intoIs, w.into.ring)
		if !free || both {
			p.Number = p.Number.passed(&Number{}, numberGone, now)
			told = true
		}
	}
	if told {
		keep(keptNumber, "")
	}
	return nil
}

// giveBackRepresentatives takes those who came with the merge off the record again. What was done about them since,
// such as that one was ended, goes back with them.
func (w *pair) giveBackRepresentatives(got gains, keep func(code, id string)) []table.Item {
	circle := w.fromCircle
	circle.Representatives = slices.Clone(circle.Representatives)
	changed := false
	for _, id := range got.Representatives {
		is := func(r Representative) bool { return r.ID == id }
		unnamed := func(r care.Representative) bool { return r.ID == id }
		at, own := slices.IndexFunc(w.intoIs.Representatives, is), slices.IndexFunc(w.fromIs.Representatives, is)
		if at < 0 || own < 0 {
			keep(keptRepresentative, id)
			continue
		}
		now := w.intoIs.Representatives[at]
		if !sameValue(now, w.fromIs.Representatives[own]) {
			w.fromIs.Representatives[own] = now
			changed = true
			if i := slices.IndexFunc(circle.Representatives, unnamed); i >= 0 {
				circle.Representatives[i] = now.unnamed()
			}
			keep(keptRepresentative, id)
		}
		w.intoIs.Representatives = slices.Delete(w.intoIs.Representatives, at, at+1)
		w.intoCircleIs.Representatives = slices.DeleteFunc(w.intoCircleIs.Representatives, unnamed)
	}
	if !changed {
		return nil
	}
	return []table.Item{circleItem(w.c.Circle(w.from.ID), w.fromCircle, circle)}
}

// returning lists the appointments that go back: those that nobody touched since. Somebody who is recorded as having
// died gets none back.
func (w *pair) returning(ctx context.Context, got gains, keep func(code, id string)) ([]booking.Appointment, error) {
	ids := make([]string, len(got.Appointments))
	for i, h := range got.Appointments {
		ids[i] = h.ID
	}
	all, err := booking.Of(ctx, w.c, ids)
	if err != nil {
		return nil, err
	}
	var out []booking.Appointment
	for _, h := range got.Appointments {
		i := slices.IndexFunc(all, func(a booking.Appointment) bool { return a.ID == h.ID })
		if i < 0 || all[i].Version != h.Version || all[i].PatientID != w.into.ID || w.fromIs.Death != nil {
			keep(keptAppointment, h.ID)
			continue
		}
		out = append(out, all[i])
	}
	return out, nil
}
