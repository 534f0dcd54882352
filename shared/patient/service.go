package patient

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

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
	table  *table.Table
	keeper *seal.Keeper
	now    func() time.Time
	newID  id.Source
	issued bool // refuse numbers that are kept for tests
}

// New makes the Service over the table, with the keeper of the keys that everything is sealed with.
func New(t *table.Table, keeper *seal.Keeper, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, keeper: keeper, now: now, newID: newID}
}

// IssuedOnly gives the Service that takes no NHS number that is kept for tests: for production, where one could only
// be a mistake.
func (s *Service) IssuedOnly() *Service {
	only := *s
	only.issued = true
	return &only
}

const prefix = "pat"

// Create registers a patient; the id and version are given here. The patient's key, the diary in which appointments
// are claimed, the circle with the relationship of who registers, and the rows by which the record is found are made
// in the same transaction. Who might be the same person is refused unless named in notDuplicateOf.
//
// Errors: fault Invalid with all that is wrong; Conflict "number_taken" when another patient has the NHS number, and
// "possible_duplicate" with the ids of patients who may be the same person; and those of table.Clinic.Write.
func (s *Service) Create(
	ctx context.Context, by access.Caller, once access.Once, p Patient, notDuplicateOf ...string,
) (Receipt, error) {
	p, err := s.checked(registered(p, by))
	if err != nil {
		return Receipt{}, err
	}
	if err := s.exist(ctx, by, "/notDuplicateOf", notDuplicateOf); err != nil {
		return Receipt{}, err
	}
	if err := s.unlike(ctx, by, p, notDuplicateOf); err != nil {
		return Receipt{}, numberFirst(err)
	}
	return s.enter(ctx, by, once, s.newID(prefix), p)
}

// enter writes the record of a new patient, which was checked, and all that belongs to it, in one transaction.
func (s *Service) enter(
	ctx context.Context, by access.Caller, once access.Once, id string, p Patient,
) (Receipt, error) {
	ring, err := s.keeper.Ring(ctx, by.Org())
	if err != nil {
		return Receipt{}, err
	}
	c := s.table.For(by)
	f := &file{Patient: Patient{ID: id}, ring: ring}
	key, keyItem, err := ring.Make(c, f.ID)
	if err != nil {
		return Receipt{}, err
	}
	f.key = key
	items, err := f.put(c, p)
	if err != nil {
		return Receipt{}, err
	}
	r := Receipt{ID: f.ID, Version: 1}
	err = c.Write(ctx, table.Change{
		Action: access.PatientCreate, Target: f.ID, Once: once, Answer: r,
		Put: append(items, keyItem,
			table.Item{Key: c.Diary(f.ID), Value: diary{Closed: closed(p)}, New: true},
			table.Item{Key: c.Circle(f.ID), Value: s.circle(by), New: true},
		),
		Event: event.Event{Name: event.PatientCreated, Version: 1},
	})
	return r, s.numberTaken(ctx, c, f, p, err)
}

// diary is a new patient's: empty, and closed to bookings where the patient cannot be booked.
type diary struct {
	Closed string `dynamodbav:"closed,omitempty"`
}

// circle is a new patient's: whoever registers somebody may go on with the record for a while. A job needs nothing.
func (s *Service) circle(by access.Caller) care.Circle {
	if by.Job() {
		return care.Circle{}
	}
	return care.Circle{Relations: []care.Relation{care.Registered(s.newID("rel"), by.Person(), s.now())}}
}

// Get reads a patient's whole record. What staff are shown of it, and what may leave the house, is what its method
// Shown gives. Errors: fault NotFound, Unavailable.
func (s *Service) Get(ctx context.Context, by access.Caller, patient string) (Patient, error) {
	f, err := s.one(ctx, by, patient)
	if err != nil {
		return Patient{}, err
	}
	return f.Patient, nil
}

// Change replaces what was entered of a patient by p, whose Version is that of the caller's copy. What came from the
// NHS's register, and all that is changed in other ways, stays as it is. Errors: fault NotFound, Stale, Conflict
// ("patient_merged", "number_taken"), Invalid with all that is wrong, and those of table.Clinic.Write.
func (s *Service) Change(ctx context.Context, by access.Caller, once access.Once, p Patient) (Receipt, error) {
	f, err := s.one(ctx, by, p.ID)
	switch {
	case err != nil:
		return Receipt{}, err
	case f.Version != p.Version:
		return Receipt{}, fault.New(fault.Stale, "stale",
			"This was changed by somebody else in the meantime. Look again.")
	}
	if p, err = s.revised(f.Patient, p); err != nil {
		return Receipt{}, err
	}
	return s.write(ctx, by, f, p, table.Change{
		Action: access.PatientChange, Once: once, Event: event.Event{Name: event.PatientChanged},
	})
}

// write writes the record p in place of the one in the file, with whatever else the change holds.
func (s *Service) write(
	ctx context.Context, by access.Caller, f *file, p Patient, ch table.Change,
) (Receipt, error) {
	c := s.table.For(by)
	p.ID = f.ID
	items, err := f.put(c, p)
	if err != nil {
		return Receipt{}, err
	}
	r := Receipt{ID: f.ID, Version: f.Version + 1}
	ch.Target, ch.Put = f.ID, append(items, ch.Put...)
	if ch.Answer == nil {
		ch.Answer = r
	}
	if !slices.ContainsFunc(ch.Claims, func(cl table.Claim) bool { return cl.Patient == f.ID }) {
		ch.Claims = append(ch.Claims, closing(f.Patient, p)...)
	}
	ch.Event.Version, ch.Event.Before = r.Version, f.Version
	return r, s.numberTaken(ctx, c, f, p, c.Write(ctx, ch))
}

// amendTries is how often an amendment is made anew because the record moved on under it.
const amendTries = 5

// Amend changes a patient's record in another way than by hand: change gets a copy of the record as it is now and
// alters it, or refuses; with, which may be nil, gives what else belongs into the transaction, sealed with the
// patient's key where it must be. Both may be called again, when somebody else changed the record at the same moment.
// Whether the patient can be booked follows from the record by itself. Errors: those of change and with; fault
// NotFound, Conflict "number_taken", Stale, and those of table.Clinic.Write.
func (s *Service) Amend(
	ctx context.Context, by access.Caller, once access.Once, patient string, action access.Permission, ev event.Event,
	change func(*Patient) error,
	with func(c table.Clinic, key seal.Key, p Patient) ([]table.Item, []table.Claim, error),
) (Receipt, error) {
	more := func(c table.Clinic, key seal.Key, p Patient) (table.Change, error) {
		if with == nil {
			return table.Change{}, nil
		}
		items, claims, err := with(c, key, p)
		return table.Change{Put: items, Claims: claims}, err
	}
	return s.amendWith(ctx, by, once, patient, table.Change{Action: action, Event: ev}, change, more)
}

// amendWith is Amend with all that a change may hold: more gives the items, the claims and, if it is another one than
// the patient's Receipt, the answer.
func (s *Service) amendWith(
	ctx context.Context, by access.Caller, once access.Once, patient string, ch table.Change,
	change func(*Patient) error, more func(c table.Clinic, key seal.Key, p Patient) (table.Change, error),
) (Receipt, error) {
	ch.Once = once
	for try := 1; ; try++ {
		r, err := s.amend(ctx, by, patient, ch, change, more)
		if try == amendTries || !fault.Is(err, fault.Stale) {
			return r, err
		}
	}
}

func (s *Service) amend(
	ctx context.Context, by access.Caller, patient string, ch table.Change,
	change func(*Patient) error, more func(c table.Clinic, key seal.Key, p Patient) (table.Change, error),
) (Receipt, error) {
	f, err := s.one(ctx, by, patient)
	if err != nil {
		return Receipt{}, err
	}
	p := f.clone()
	if err := change(&p); err != nil {
		return Receipt{}, err
	}
	p.ID, p.Version = f.ID, f.Version
	also, err := more(s.table.For(by), f.key, p)
	if err != nil {
		return Receipt{}, err
	}
	ch.Put, ch.Claims, ch.Answer = also.Put, also.Claims, also.Answer
	return s.write(ctx, by, f, p, ch)
}
