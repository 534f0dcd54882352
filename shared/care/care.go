// Package care is who may see a patient's record: those whom the patient meets, and those whom a referral, a care team,
// a claim or an emergency brought in. Its rule: a role alone opens nobody's record; each access rests on a
// relationship with the one patient, which ends by itself, and the event of the access names it.
package care

import (
	"context"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Booking is the kind of the relationship that the diary makes: the patient meets the person, or comes to a site where
// the person works. It is not written down anywhere else.
const Booking = "booking"

// months is how long an appointment relates those who met, from its end.
const months = 3

// related tells on what the caller's relationship with the patient rests, as its kind and the id of what makes it, or
// nothing where there is none. Where there are several it is one that lasts, if any does: a claim or an emergency
// besides takes nothing away.
func related(by access.Caller, now time.Time, met []table.Meeting, relations []Relation) string {
	for _, m := range met {
		if recent(m.Month, now) && meets(by, m.ID) {
			return basis(Booking, m.ID)
		}
	}
	brief := ""
	for _, r := range relations {
		switch {
		case !r.Holds(now) || !concerns(by, r):
		case r.Kind.Lasts():
			return basis(string(r.Kind), r.ID)
		case brief == "":
			brief = basis(string(r.Kind), r.ID)
		}
	}
	return brief
}

// recent tells whether a month in which an appointment ended, or will, is at most three before the one of now. The
// diary knows months only, so the relationship lasts from three to four months.
func recent(month, now time.Time) bool {
	y, m, _ := now.UTC().Date()
	return !month.Before(time.Date(y, m-months, 1, 0, 0, 0, 0, time.UTC))
}

// meets tells whether whom the patient meets is the caller, or a site where the caller works.
func meets(by access.Caller, met string) bool {
	if id.Valid(met, "sit") {
		return by.WorksAt(met)
	}
	return met != "" && met == by.Practitioner()
}

// concerns tells whether the relation is the caller's own, or that of a site where the caller works.
func concerns(by access.Caller, r Relation) bool {
	if r.Person != "" {
		return r.Person == by.Person()
	}
	return r.Site != "" && by.WorksAt(r.Site)
}

func basis(kind, of string) string { return kind + ":" + of }

// Basis takes apart what an event says of the relationship that an access rested on.
func Basis(basis string) (kind, of string) { //nolint:nonamedreturns // two strings: which is which
	kind, of, _ = strings.Cut(basis, ":")
	return kind, of
}

// Guard tells who is related to a patient. It is safe for concurrent use.
type Guard struct {
	Table *table.Table
	Now   func() time.Time
}

// Related tells on what the caller's relationship with the patient rests, if that is enough for the permission: what a
// claim or an emergency opens is reading and the care at hand, not what would outlast it (see Permission.Lasting). It
// reads the patient's diary and circle in one call, strongly consistent. Errors: fault.NotFound for a patient who does
// not exist, as for any record; and fault.Denied "no_relationship" and "needs_relationship".
func (g Guard) Related(ctx context.Context, by access.Caller, p access.Permission, patient string) (string, error) {
	v, err := look(ctx, g.Table.For(by), patient)
	if err != nil {
		return "", err
	}
	if by.Job() {
		return basis("job", strings.TrimPrefix(by.Person(), "job:")), nil
	}
	rests := related(by, g.Now(), v.met, v.circle.Relations)
	switch kind, _ := Basis(rests); {
	case rests == "":
		return "", unrelated(by)
	case p.Lasting() && !Kind(kind).Lasts():
		return "", passing()
	}
	return rests, nil
}

// Oversees is Related for who watches over access and needs no part in anybody's care: it asks only whether there is
// such a patient.
func (g Guard) Oversees(ctx context.Context, by access.Caller, patient string) (string, error) {
	_, err := look(ctx, g.Table.For(by), patient)
	return basis("oversight", by.Person()), err
}

// Attends is Related for what concerns one appointment: who works at its site is related by it, until three months
// after its end, without a look at anything else.
func (g Guard) Attends(
	ctx context.Context, by access.Caller, patient, site, appointment string, end time.Time,
) (string, error) {
	if by.WorksAt(site) && g.Now().Before(end.AddDate(0, months, 0)) {
		return basis(Booking, appointment), nil
	}
	return g.Related(ctx, by, access.AppointmentRead, patient)
}

// unrelated tells what this very caller may do about it.
func unrelated(by access.Caller) error {
	what := "Somebody who has can give you one."
	switch {
	case by.Can(access.RelationshipClaim) && by.Can(access.GlassBreak):
		what = "If you need the record, claim a relationship and say why; in an emergency, break the glass."
	case by.Can(access.RelationshipClaim):
		what = "If you need the record, claim a relationship and say why."
	case by.Can(access.GlassBreak):
		what = "In an emergency, break the glass."
	}
	return fault.New(fault.Denied, "no_relationship", "You have no part in this patient's care. "+what)
}

func passing() error {
	return fault.New(fault.Denied, "needs_relationship",
		"You see this record by a claim or in an emergency, which ends soon. Somebody with a lasting relationship "+
			"must do this.")
}

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

// view is what decides about a patient.
type view struct {
	met    []table.Meeting
	circle Circle
}

// look reads what decides about a patient. A patient is who has a diary: the circle may be missing.
func look(ctx context.Context, c table.Clinic, patient string) (view, error) {
	if !id.Valid(patient, "pat") {
		return view{}, notFound()
	}
	rows, err := table.Together(ctx, c, c.Diary(patient), c.Circle(patient))
	if err != nil {
		return view{}, err
	}
	diary, ok := rows[c.Diary(patient)]
	if !ok {
		return view{}, notFound()
	}
	v := view{met: diary.Occupancy().Met}
	if row, ok := rows[c.Circle(patient)]; ok {
		if err := row.Decode(&v.circle); err != nil {
			return view{}, err
		}
	}
	return v, v.unite(ctx, c)
}

// unite adds who is related to the patients whose records were merged into this one. Their diaries and circles stay
// where they are, so that a merge can be taken back.
func (v *view) unite(ctx context.Context, c table.Clinic) error {
	var keys []table.Key
	for _, m := range v.circle.Merged {
		keys = append(keys, c.Diary(m), c.Circle(m))
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := table.Together(ctx, c, keys...)
	if err != nil {
		return err
	}
	for _, m := range v.circle.Merged {
		if row, ok := rows[c.Diary(m)]; ok {
			v.met = append(v.met, row.Occupancy().Met...)
		}
		var of Circle
		if row, ok := rows[c.Circle(m)]; ok {
			if err := row.Decode(&of); err != nil {
				return err
			}
		}
		v.circle.Relations = append(v.circle.Relations, of.Relations...)
	}
	return nil
}

// Service keeps the relations that are written down, and tells who looked. It is safe for concurrent use.
type Service struct {
	table *table.Table
	dir   *clinic.Directory
	now   func() time.Time
	newID id.Source
}

// New makes the Service over the table; dir tells who works where.
func New(t *table.Table, dir *clinic.Directory, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, dir: dir, now: now, newID: newID}
}
