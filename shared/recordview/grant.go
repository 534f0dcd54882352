package recordview

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/private"
	"almanac/shared/table"
)

// Basis is on what a view rests: on the patient's permission, or on an emergency. One of the two is set.
type Basis struct {
	Permission *Permission
	Emergency  *Emergency
}

// Permission is what the patient said when asked.
type Permission struct {
	AskedBy string    // the subject of who asked; empty: the caller
	Scope   string    // Once or Until
	Until   time.Time // of Until
	Earlier string    // with Until and without an instant: the view for which the patient gave it
}

// Emergency is why the patient was not asked.
type Emergency struct {
	private.Hidden

	Reason string
	Note   string
}

// Granting is what a grant is answered with; the answer is kept for repeats.
type Granting struct {
	ID        string `json:"id"`
	PatientID string `json:"patientId"`
}

// Path is the address where the view is opened.
func (r Granting) Path() string { return "/v1/patients/" + r.PatientID + "/record-views/" + r.ID }

const (
	shortestNote = 10
	longestNote  = 500
)

// Grant writes down on what a view rests, so that it can be opened; nothing is asked of the other side. An emergency
// raises an alert and makes that the NHS's privacy officers will be told, in the same transaction.
//
// Errors: fault NotFound; Conflict "record_elsewhere" where the organisation does not get the record here, with the
// address where people look at it, "record_not_viewable" with all that stands against it, and "alert_impossible" where
// the NHS could not be told of the emergency; Invalid with all that is wrong; and those of table.Clinic.Write.
func (s *Service) Grant(
	ctx context.Context, by access.Caller, once access.Once, of string, record Kind, basis Basis,
) (Granting, error) {
	for try := 1; ; try++ {
		r, err := s.grant(ctx, by, once, of, record, basis)
		if try == beginTries || !fault.Is(err, fault.Stale) {
			return r, err
		}
	}
}

func (s *Service) grant(
	ctx context.Context, by access.Caller, once access.Once, of string, record Kind, basis Basis,
) (Granting, error) {
	f, err := s.file(ctx, by, of)
	if err != nil {
		return Granting{}, err
	}
	if source := s.source(record, f.org); source.Elsewhere() != "" {
		return Granting{}, elsewhere(source)
	}
	if err := viewable(f.patient); err != nil {
		return Granting{}, err
	}
	v := view{ID: s.NewID(prefix), Record: record, State: Granted, By: by.Person(), At: s.Now().UTC()}
	facts := facts{Number: f.patient.Number.Value, ODS: f.org.NHS.ODSCode}
	ev := event.Event{Name: event.RecordViewGranted, Refs: map[string]string{"view": v.ID}}
	var put []table.Item
	switch {
	case (basis.Permission == nil) == (basis.Emergency == nil):
		return Granting{}, either()
	case basis.Permission != nil:
		err = s.permit(ctx, by, f, &v, *basis.Permission)
	default:
		put, err = s.override(by, f, &v, &facts, &ev, *basis.Emergency)
	}
	if err != nil {
		return Granting{}, err
	}
	if v.Sealed, err = f.key.Seal(what(v.ID), facts); err != nil {
		return Granting{}, err
	}
	r := Granting{ID: v.ID, PatientID: of}
	return r, f.c.Write(ctx, table.Change{
		Action: access.RecordViewGrant, Target: of, Once: once, Answer: r, Event: ev,
		Put: append(put,
			table.Item{Key: f.c.RecordView(of, v.ID), Value: v, New: true}, patient.Unchanged(f.c, f.patient)),
	})
}

func either() error {
	var c clinic.Check
	c.Refuse("wrong_value", "/basis", "Must hold a permission or an emergency, and not both.")
	return c.Err()
}

// permitAt begins the pointers into a permission.
const permitAt = "/basis/permission"

// permit makes the view rest on the patient's permission.
func (s *Service) permit(ctx context.Context, by access.Caller, f file, v *view, p Permission) error {
	var c clinic.Check
	if v.AskedBy = p.AskedBy; v.AskedBy == "" {
		v.AskedBy = by.Person()
	}
	snap, err := s.Directory.Snapshot(ctx, by)
	if err != nil {
		return err
	}
	if staff, ok := snap.Staff[v.AskedBy]; !ok || staff.Left {
		c.Refuse("unknown_id", permitAt+"/askedBy", "There is no such member of staff.")
	}
	v.Scope = p.Scope
	switch {
	case p.Scope == Once:
		v.Until = v.At.Add(onceLasts)
		if !p.Until.IsZero() || p.Earlier != "" {
			c.Refuse("not_needed", permitAt+"/until", "Goes with the scope until alone.")
		}
	case p.Scope != Until:
		c.Choice(permitAt+"/scope", p.Scope, Once, Until)
	case p.Earlier != "":
		if err := s.extend(ctx, &c, f, v, p); err != nil {
			return err
		}
	default:
		v.Until = p.Until.UTC()
		checkUntil(&c, v.At, p.Until)
	}
	return c.Err()
}

func checkUntil(c *clinic.Check, now, until time.Time) {
	switch {
	case until.IsZero():
		c.Refuse("required", permitAt+"/until", "Must be given: until when, or an earlier view.")
	case !until.After(now):
		c.Refuse("in_the_past", permitAt+"/until", "Must be to come.")
	case until.After(now.Add(longestUntil)):
		c.Refuse("too_far", permitAt+"/until", "Must be at most a year ahead.")
	}
}

// extend makes the view rest on the permission of an earlier one.
func (s *Service) extend(ctx context.Context, c *clinic.Check, f file, v *view, p Permission) error {
	if !p.Until.IsZero() {
		c.Refuse("not_needed", permitAt+"/until", "Is that of the earlier view.")
	}
	was, err := s.earlier(ctx, f, v.Record, p.Earlier)
	if fault.Is(err, fault.NotFound) {
		c.Refuse("unknown_id", permitAt+"/earlier", "There is no such view with a permission that still counts.")
		return nil
	}
	v.AskedBy, v.Earlier, v.Until = was.AskedBy, was.ID, was.Until
	return err
}

// earlier gives the view for which the patient gave a permission that still counts, or fault.NotFound.
func (s *Service) earlier(ctx context.Context, f file, record Kind, id string) (view, error) {
	if !isView(id) {
		return view{}, notFound()
	}
	var v view
	if err := f.c.Get(ctx, f.c.RecordView(f.patient.ID, id), &v); err != nil {
		return view{}, err
	}
	if !v.covers(record, s.Now()) {
		return view{}, notFound()
	}
	return v, nil
}
