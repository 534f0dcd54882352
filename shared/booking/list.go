package booking

import (
	"cmp"
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Get reads an appointment. Who has no part in the patient's care is fault.Denied "no_relationship", and then the
// appointment names the patient and nothing else.
func (s *Service) Get(ctx context.Context, by access.Caller, aptID string) (Appointment, error) {
	snap, apt, _, err := s.read(ctx, by, aptID)
	if err != nil {
		return apt, err
	}
	return apt.shown(snap.Zone(apt.SiteID)), nil
}

// Day lists a practitioner's appointments on a local date of the organisation, cancelled ones included, by start.
// It reads the practitioner's days and the appointments themselves, strongly consistent. Of appointments at sites where
// the caller does not work it shows that there is one, but not whose.
func (s *Service) Day(ctx context.Context, by access.Caller, practitioner, day string) ([]Appointment, error) {
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, err
	}
	if _, ok := snap.Practitioners[practitioner]; !ok {
		return nil, fault.New(fault.NotFound, "not_found", "There is no such practitioner.")
	}
	date, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil, invalid(fault.Detail{
			Code: "malformed_date", Message: "Write a date as 2026-11-23.", Pointer: "/date",
		})
	}
	zone, err := wall.Zone(snap.Organisation.Zone)
	if err != nil {
		return nil, err
	}
	start, end := wall.Day(date, zone)
	c := s.table.For(by)
	// An appointment's claim can begin with its buffer on the day before.
	got, err := c.Days(ctx, practitioner, table.SpanOf(start.Add(-12*time.Hour), end))
	if err != nil {
		return nil, err
	}
	all, err := table.GetAll[Appointment](ctx, c, appointmentKeys(c, got))
	if err != nil {
		return nil, err
	}
	out := make([]Appointment, 0, len(all))
	for _, a := range all {
		if a.PractitionerID == practitioner && !a.Start.Before(start) && a.Start.Before(end) {
			if !by.WorksAt(a.SiteID) {
				a.PatientID, a.BookedBy, a.Answers = "", nil, nil
			}
			out = append(out, a.shown(snap.Zone(a.SiteID)))
		}
	}
	slices.SortFunc(out, func(a, b Appointment) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// appointmentKeys gives the keys of all appointments that a resource's days name. A hold's id gives the key of an
// appointment that does not exist, so only firm claims are taken.
func appointmentKeys(c table.Clinic, o table.Occupancy) []table.Key {
	var raws [][16]byte
	for _, t := range o.Taken {
		if t.Firm && t.First {
			raws = append(raws, t.ID)
		}
	}
	raws = append(raws, o.Ended...)
	var keys []table.Key
	seen := map[[16]byte]bool{}
	for _, raw := range raws {
		if !seen[raw] {
			seen[raw] = true
			keys = append(keys, c.Appointment(id.Format("apt", raw)))
		}
	}
	return keys
}

// OfPatient lists a patient's appointments, and those of records that were merged into the patient's, latest start
// first, a page at a time. after is what the page before gave as next. The list may lag behind a booking by a moment.
func (s *Service) OfPatient(
	ctx context.Context, by access.Caller, patient, after string, limit int,
) ([]Appointment, string, error) {
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, "", err
	}
	if err := table.Position(after, "apt"); err != nil {
		return nil, "", err
	}
	c := s.table.For(by)
	if _, err := c.DiaryOf(ctx, patient); err != nil {
		return nil, "", err
	}
	all, next, err := listed(ctx, c, patient, after, limit)
	if err != nil {
		return nil, "", err
	}
	for i, a := range all {
		all[i] = a.shown(snap.Zone(a.SiteID))
	}
	return all, next, nil
}

// Step is one entry of an appointment's history: who did what, when.
type Step struct {
	Event   string    `json:"event"`
	Name    string    `json:"name"`
	Action  string    `json:"action"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Version int64     `json:"version,omitempty"`
	Before  int64     `json:"before,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// History lists everything that happened to an appointment that Get gave, in order. Who read it stands in the
// patient's access log.
func (s *Service) History(ctx context.Context, by access.Caller, a Appointment) ([]Step, error) {
	c := s.table.For(by)
	rows, err := c.Under(ctx, c.Appointment(a.ID), table.Events)
	if err != nil {
		return nil, err
	}
	out := make([]Step, len(rows))
	for i, row := range rows {
		var e event.Event
		if err := row.Decode(&e); err != nil {
			return nil, err
		}
		out[i] = Step{
			Event: e.ID, Name: string(e.Name), Action: e.Action, By: e.By, At: e.At.UTC(),
			Version: e.Version, Before: e.Before, Why: e.Why,
		}
	}
	return out, nil
}
