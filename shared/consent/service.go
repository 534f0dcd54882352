package consent

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Service keeps texts and consents. It is safe for concurrent use.
type Service struct {
	table *table.Table
	keys  *seal.Keeper
	now   func() time.Time
	newID id.Source
}

// New makes the Service over the table and the keeper of the patients' keys.
func New(t *table.Table, k *seal.Keeper, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, keys: k, now: now, newID: newID}
}

// Channels lists how a consent may be given or withdrawn.
func Channels() []string {
	return []string{"in-person", "paper", "telephone", "video", "email", "post", "online"}
}

// Agreement is what is said when a consent is given.
type Agreement struct {
	private.Hidden

	Scope       string
	TextVersion int // 0: the latest
	By          string
	Channel     string
	At          time.Time // zero: now
	Until       time.Time // zero: until it is withdrawn
	Evidence    string
}

// Refusal is what is said when a consent is withdrawn.
type Refusal struct {
	By      string
	Channel string
	At      time.Time // zero: now
}

// Recorded is what a write is answered with; the answer is kept for repeats, so it says nothing of the consent.
type Recorded struct {
	ID string `json:"id"`
}

const (
	longestEvidence = 500
	// longestConsent bounds until: nobody agrees to anything for longer than a life.
	longestConsent = 120
)

// Give records that a patient, or a representative, consented. Errors: fault NotFound, Invalid with all that is wrong,
// and those of table.Clinic.Write.
func (s *Service) Give(
	ctx context.Context, by access.Caller, once access.Once, patient string, a Agreement,
) (Recorded, error) {
	c := s.table.For(by)
	f, err := s.file(ctx, c, by, patient)
	if err != nil {
		return Recorded{}, err
	}
	text, err := s.agreedTo(ctx, c, a.Scope, a.TextVersion)
	if err != nil {
		return Recorded{}, err
	}
	var check clinic.Check
	if text.Version == 0 {
		check.Refuse("unknown_id", "/textVersion", "There is no such text to consent to.")
	}
	g := given{
		ID: s.newID(prefix), Scope: text.Scope, TextVersion: text.Version, TextSHA256: text.SHA256,
		Act: s.act(&check, f, by, a.By, a.Channel, a.At),
	}
	if !a.Until.IsZero() {
		until := a.Until.UTC()
		s.checkUntil(&check, g.At, until)
		g.Until = &until
	}
	evidence := check.Line("/evidence", clinic.WithoutBidi(a.Evidence), 0, longestEvidence)
	if err := check.Err(); err != nil {
		return Recorded{}, err
	}
	if evidence != "" {
		if g.Evidence, err = f.key.Seal(what(g.ID), evidence); err != nil {
			return Recorded{}, err
		}
	}
	r := Recorded{ID: g.ID}
	return r, c.Write(ctx, table.Change{
		Action: access.ConsentGive, Target: patient, Once: once, Answer: r,
		Put:   []table.Item{{Key: consentKey(c, patient, g.ID), Value: g, New: true}},
		Event: event.Event{Name: event.ConsentGiven, Refs: map[string]string{"consent": g.ID}},
	})
}

func (s *Service) agreedTo(ctx context.Context, c table.Clinic, scope string, version int) (Text, error) {
	if !scopeCode(scope) || version < 0 {
		return Text{}, nil
	}
	if version == 0 {
		return s.latest(ctx, c, scope)
	}
	var t Text
	err := c.Get(ctx, c.ConsentText(scope, version), &t)
	if fault.Is(err, fault.NotFound) {
		return Text{}, nil
	}
	return t, err
}

func (s *Service) checkUntil(c *clinic.Check, at, until time.Time) {
	switch {
	case !until.After(at):
		c.Refuse("ends_too_early", "/until", "Must be after the consent was given.")
	case until.After(at.AddDate(longestConsent, 0, 0)):
		c.Refuse("too_far", "/until", "Too far ahead.")
	}
}

// Withdraw records that a consent was withdrawn. It asks for no more than giving did, and for nothing of the text.
// Errors: fault NotFound, Invalid with all that is wrong, Conflict "withdrawn_already", and those of
// table.Clinic.Write.
func (s *Service) Withdraw(
	ctx context.Context, by access.Caller, once access.Once, patient, consent string, r Refusal,
) (Recorded, error) {
	c := s.table.For(by)
	f, err := s.file(ctx, c, by, patient)
	if err != nil {
		return Recorded{}, err
	}
	of, was, err := f.consent(ctx, c, patient, consent)
	if err != nil {
		return Recorded{}, err
	}
	var check clinic.Check
	w := withdrawal{ID: consent, Withdrawn: true, Act: s.act(&check, f, by, r.By, r.Channel, r.At)}
	if w.At.Before(was.At) {
		check.Refuse("ends_too_early", "/at", "Must not be before the consent was given.")
	}
	if err := check.Err(); err != nil {
		return Recorded{}, err
	}
	done := Recorded{ID: consent}
	err = c.Write(ctx, table.Change{
		Action: access.ConsentWithdraw, Target: patient, Once: once, Answer: done,
		Put:   []table.Item{{Key: withdrawalKey(c, of, consent), Value: w, New: true}},
		Event: event.Event{Name: event.ConsentWithdrawn, Refs: map[string]string{"consent": consent}},
	})
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists" {
		err = fault.New(fault.Conflict, "withdrawn_already", "This consent was withdrawn before.")
	}
	return done, err
}

// consent finds a consent of the patient's, and under which record it was given: the patient's, or one that was merged
// into it.
func (f file) consent(ctx context.Context, c table.Clinic, patient, consent string) (string, given, error) {
	if !id.Valid(consent, prefix) {
		return "", given{}, notFound()
	}
	for _, of := range append([]string{patient}, f.circle.Merged...) {
		var g given
		if err := c.Get(ctx, consentKey(c, of, consent), &g); !fault.Is(err, fault.NotFound) {
			return of, g, err
		}
	}
	return "", given{}, notFound()
}

// All gives every consent that a patient ever gave, those under records that were merged into the patient's included,
// oldest first, and the instant at which their states are wanted: at,
// or now where that is zero. Errors: fault NotFound, Invalid for an instant to come, Unavailable.
func (s *Service) All(
	ctx context.Context, by access.Caller, patient string, at time.Time,
) ([]Consent, time.Time, error) {
	c := s.table.For(by)
	f, err := s.file(ctx, c, by, patient)
	if err != nil {
		return nil, at, err
	}
	now := s.now().UTC()
	if at.After(now) {
		var check clinic.Check
		check.Refuse("in_the_future", "", "Parameter at: must not be in the future.")
		return nil, at, check.Err()
	}
	if at.IsZero() {
		at = now
	}
	all, err := s.all(ctx, c, by, patient, f)
	return all, at.UTC(), err
}

func (s *Service) all(
	ctx context.Context, c table.Clinic, by access.Caller, patient string, f file,
) ([]Consent, error) {
	keys, err := s.keys.Keys(ctx, c, by.Org(), f.circle.Merged...)
	if err != nil {
		return nil, err
	}
	keys[patient] = f.key
	var all []Consent
	for of, key := range keys {
		rows, err := c.Under(ctx, c.Patient(of), table.Consents)
		if err != nil {
			return nil, err
		}
		some, err := read(rows, key)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	sorted(all)
	return all, nil
}

// file is what is needed of a patient to record what the patient says.
type file struct {
	key    seal.Key
	circle care.Circle
}

// file reads a patient's key and circle. A patient without a key, unknown or erased, is fault NotFound.
func (s *Service) file(ctx context.Context, c table.Clinic, by access.Caller, patient string) (file, error) {
	if !isPatient(patient) {
		return file{}, notFound()
	}
	ring, err := s.keys.Ring(ctx, by.Org())
	if err != nil {
		return file{}, err
	}
	rows, err := table.Together(ctx, c, c.PatientKey(patient), c.Circle(patient))
	if err != nil {
		return file{}, err
	}
	var f file
	if f.key, err = ring.Open(patient, rows[c.PatientKey(patient)]); err != nil {
		return file{}, err
	}
	if row, ok := rows[c.Circle(patient)]; ok {
		err = row.Decode(&f.circle)
	}
	return f, err
}

// act checks who did it, how and when: the patient, or somebody who may act for the patient at that time.
func (s *Service) act(c *clinic.Check, f file, by access.Caller, who, channel string, at time.Time) Act {
	now := s.now().UTC()
	if at.IsZero() {
		at = now
	}
	switch {
	case at.After(now):
		c.Refuse("in_the_future", "/at", "Must not be in the future.")
	case at.Before(earliest()):
		c.Refuse("too_early", "/at", "Must be 1948-07-05 or later.")
	}
	c.Choice("/channel", channel, Channels()...)
	if who != ByPatient && !f.represents(who, at, now) {
		c.Refuse("unknown_id", "/by", `Must be "patient", or the id of somebody who could act for the patient then.`)
	}
	return Act{By: who, Channel: channel, At: at.UTC(), EnteredBy: by.Person(), EnteredAt: now}
}

// earliest is before anything that a patient could have consented to.
func earliest() time.Time { return time.Date(1948, time.July, 5, 0, 0, 0, 0, time.UTC) }

// represents tells whether the representative could speak for the patient then, or can now: somebody may act for a
// patient from before the day on which that was entered here.
func (f file) represents(who string, at, now time.Time) bool {
	for _, r := range f.circle.Representatives {
		if r.ID == who {
			return r.Acts(care.MayAsk, at) || r.Acts(care.MayAsk, now)
		}
	}
	return false
}
