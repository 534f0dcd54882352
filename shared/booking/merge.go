package booking

import (
	"cmp"
	"context"
	"slices"
	"time"

	"almanac/shared/care"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// listed is one page of the appointments of a patient and of those whose records were merged into the patient's.
func listed(ctx context.Context, c table.Clinic, patient, after string, limit int) ([]Appointment, string, error) {
	var circle care.Circle
	if err := c.Get(ctx, c.Circle(patient), &circle); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, "", err
	}
	whose := append([]string{patient}, circle.Merged...)
	var all []Appointment
	next := ""
	for _, p := range whose {
		some, more, err := table.List[Appointment](ctx, c, c.PatientIndex(p, time.Time{}, ""), after, limit, true)
		if err != nil {
			return nil, "", err
		}
		all = append(all, some...)
		next = max(next, more)
	}
	if len(whose) == 1 {
		return all, next, nil
	}
	slices.SortFunc(all, func(a, b Appointment) int {
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.ID, a.ID))
	})
	if len(all) > limit || next != "" {
		all = all[:min(len(all), limit)]
		last := all[len(all)-1]
		next = last.Start.UTC().Format(time.RFC3339) + "#" + last.ID // as table.Clinic.PatientIndex sorts them
	}
	return all, next, nil
}

// Pending reads the appointments in a patient's diary that are still to come and may be changed: those that move when
// the record is merged into another one.
func Pending(ctx context.Context, c table.Clinic, diary table.Occupancy, now time.Time) ([]Appointment, error) {
	all, err := table.GetAll[Appointment](ctx, c, appointmentKeys(c, diary))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(a Appointment) bool { return !a.changeable() || a.Start.Before(now) }), nil
}

// Of reads the appointments with the ids, those that exist.
func Of(ctx context.Context, c table.Clinic, ids []string) ([]Appointment, error) {
	keys := make([]table.Key, len(ids))
	for i, apt := range ids {
		keys[i] = c.Appointment(apt)
	}
	return table.GetAll[Appointment](ctx, c, keys)
}

// Clash is an appointment that cannot come into a diary, because another one is there at that time.
type Clash struct{ ID, With string }

// Clashes lists the appointments among all whose time is taken in the diary.
func Clashes(all []Appointment, diary table.Occupancy) []Clash {
	var out []Clash
	for _, a := range all {
		for _, t := range diary.Taken {
			if span := a.core(); t.Firm && span.From <= t.Tick && t.Tick < span.To {
				out = append(out, Clash{ID: a.ID, With: whole(diary, t)})
				break
			}
		}
	}
	return out
}

// whole gives the appointment that a tick is of, whose id only its first tick holds in full.
func whole(diary table.Occupancy, t table.Tenure) string {
	for _, first := range diary.Taken {
		if first.First && first.Tick <= t.Tick && t.HeldBy(first.ID) {
			return id.Format("apt", first.ID)
		}
	}
	return ""
}

// Handed gives what hands appointments over from the patient they are of to another: each keeps its time and all else,
// and moves from one diary to the other. Whom the patients meet stays where it is remembered, because it is looked up
// there for both. Ticks is how many ticks of the diaries the appointments take.
func Handed(c table.Clinic, all []Appointment, to string) ([]table.Item, []table.Claim, int) {
	var items []table.Item
	var claims []table.Claim
	ticks := 0
	for _, a := range all {
		core, owner, from := a.core(), table.Owner{ID: a.ID}, a.PatientID
		a.PatientID = to
		items = append(items, table.Item{
			Key: c.Appointment(a.ID), Value: a, Version: a.Version, Index: c.PatientIndex(to, a.Start, a.ID),
		})
		claims = append(claims,
			table.Claim{Patient: from, Free: core, Was: owner},
			table.Claim{Patient: to, Take: core, As: owner},
		)
		ticks += core.Len()
	}
	return items, claims, ticks
}
