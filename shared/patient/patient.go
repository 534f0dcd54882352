// Package patient is whom the clinic treats: for each an id, a name, how to reach the person, and the birth date. Its
// rule: these stand in the patient's own record and nowhere else. Other records, events and answers kept for repeats
// carry the id, and the types that hold them print as "[redacted]".
package patient

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Patient is one person's record.
type Patient struct {
	ID        string `json:"id" dynamodbav:"id"`
	Name      string `json:"name" dynamodbav:"name"`
	Email     string `json:"email,omitempty" dynamodbav:"email,omitempty"`
	Phone     string `json:"phone,omitempty" dynamodbav:"phone,omitempty"` // E.164
	BirthDate string `json:"birthDate" dynamodbav:"born"`                  // YYYY-MM-DD
	Version   int64  `json:"version" dynamodbav:"v"`
}

// ETagVersion is the version that an ETag tells.
func (p Patient) ETagVersion() int64 { return p.Version }

// Receipt is what a write is answered with: the answer is kept for repeats, so it says nothing of the person.
type Receipt struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// ETagVersion is the version that an ETag tells.
func (r Receipt) ETagVersion() int64 { return r.Version }

// Path is the record's address.
func (r Receipt) Path() string { return "/v1/patients/" + r.ID }

// Service keeps the patients' records. It is safe for concurrent use.
type Service struct {
	table *table.Table
	now   func() time.Time
	newID id.Source
}

// New makes the Service over the table.
func New(t *table.Table, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, now: now, newID: newID}
}

// Create registers a patient; the id and version are given here. The diary, in which the patient's appointments are
// claimed, is made in the same transaction: who has a record can be booked. Errors: fault Invalid with all that is
// wrong, and those of table.Clinic.Write.
func (s *Service) Create(ctx context.Context, by access.Caller, once access.Once, p Patient) (Receipt, error) {
	p, err := s.checked(p)
	if err != nil {
		return Receipt{}, err
	}
	p.ID, p.Version = s.newID(prefix), 1
	c, r := s.table.For(by), Receipt{ID: p.ID, Version: p.Version}
	return r, c.Write(ctx, table.Change{
		Action: access.PatientCreate, Target: p.ID, Once: once, Answer: r,
		Put: []table.Item{
			{Key: c.Patient(p.ID), Value: p, New: true},
			{Key: c.Diary(p.ID), Value: struct{}{}, New: true},
		},
		Event: event.Event{Name: event.PatientCreated, Version: p.Version},
	})
}

const prefix = "pat"

// Get reads a patient's record; the edge notes that it was read. Errors: fault NotFound, Unavailable.
func (s *Service) Get(ctx context.Context, by access.Caller, patient string) (Patient, error) {
	if !id.Valid(patient, prefix) {
		return Patient{}, notFound()
	}
	c := s.table.For(by)
	var p Patient
	err := c.Get(ctx, c.Patient(patient), &p)
	return p, err
}

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

// Change replaces a patient's record by p, whose Version is that of the caller's copy. Errors: fault Invalid with all
// that is wrong, NotFound, Stale, and those of table.Clinic.Write.
func (s *Service) Change(ctx context.Context, by access.Caller, once access.Once, p Patient) (Receipt, error) {
	was := p.Version
	p, err := s.checked(p)
	if err != nil || was < 1 {
		// A refusal tells first whether there is such a patient; a write that succeeds need not ask.
		return Receipt{}, s.refusal(ctx, by, p.ID, was, err)
	}
	p.Version++
	c, r := s.table.For(by), Receipt{ID: p.ID, Version: p.Version}
	err = c.Write(ctx, table.Change{
		Action: access.PatientChange, Target: p.ID, Once: once, Answer: r,
		Put:   []table.Item{{Key: c.Patient(p.ID), Value: p, Version: was}},
		Event: event.Event{Name: event.PatientChanged, Version: p.Version, Before: was},
	})
	if fault.Is(err, fault.Stale) {
		err = s.refusal(ctx, by, p.ID, was, err)
	}
	return r, err
}

// refusal gives NotFound where there is no such patient, Stale where the copy is old, and else the refusal that there
// is: the same order for every record, so that no answer tells of another organisation's patient.
func (s *Service) refusal(ctx context.Context, by access.Caller, patient string, version int64, err error) error {
	p, getErr := s.Get(ctx, by, patient)
	switch {
	case getErr != nil:
		return getErr
	case p.Version != version || err == nil:
		return fault.New(fault.Stale, "stale", "This was changed by somebody else in the meantime. Look again.")
	}
	return err
}

// earliest is a birth date that nobody living has.
const earliest = "1880-01-01"

// home is the zone whose calendar says what day it is.
const home = "Europe/London"

func (s *Service) checked(p Patient) (Patient, error) {
	var c clinic.Check
	p.Name = c.Name("/name", clinic.WithoutBidi(p.Name))
	p.Email = c.Email("/email", clinic.WithoutBidi(p.Email))
	p.Phone = c.Phone("/phone", clinic.WithoutBidi(p.Phone))
	born, err := time.Parse(time.DateOnly, p.BirthDate)
	zone, zoneErr := wall.Zone(home)
	if zoneErr != nil {
		return p, zoneErr
	}
	switch {
	case err != nil:
		c.Refuse("wrong_format", "/birthDate", "Must be a date that exists, such as 1975-11-21.")
	case p.BirthDate < earliest:
		c.Refuse("too_early", "/birthDate", "Must be "+earliest+" or later.")
	case born.Format(time.DateOnly) > s.now().In(zone).Format(time.DateOnly):
		c.Refuse("in_the_future", "/birthDate", "Must not be in the future.")
	}
	return p, c.Err()
}
