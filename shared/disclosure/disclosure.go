// Package disclosure is the register of what left the clinic about a patient: what, to whom, why, on what authority.
// Its rule: entries are only ever added. Whatever gives identifiable data away puts its entry into the transaction that
// records the giving, with Item; what people give away by other ways they enter by hand.
package disclosure

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// Entry is one disclosure. Of its fields only the recipient can name anybody, and is sealed with the patient's key.
type Entry struct {
	private.Hidden

	ID string `json:"id"` // dsc_…
	// At is when the data left; an entry by hand may be of the past.
	At        time.Time `json:"at"`
	Recipient Recipient `json:"recipient"`
	// Categories say what was given, as codes: never the data.
	Categories []string `json:"categories"`
	Purpose    string   `json:"purpose"`
	Authority  string   `json:"authority"`
	Channel    string   `json:"channel"`
	// By is the person who disclosed or entered it, or the job.
	By     string `json:"by"`
	Source string `json:"source"`
	// Ref is the id of the record that the disclosure was part of, such as an export or a view of another record.
	Ref string `json:"ref,omitempty"`
}

// Recipient is who got the data: a name, and the NHS organisation code where there is one.
type Recipient struct {
	private.Hidden

	Name    string `json:"name"`
	ODSCode string `json:"odsCode,omitempty"`
}

// Where an entry comes from.
const (
	Auto = "auto" // made by Almanac with the disclosure itself
	Hand = "hand" // entered by a person
)

const (
	prefix        = "dsc"
	patientPrefix = "pat"
	odsLongest    = 10
	odsShortest   = 3
)

// row is how an entry is stored.
type row struct {
	ID         string    `dynamodbav:"id"`
	At         time.Time `dynamodbav:"at,unixtime"`
	Categories []string  `dynamodbav:"cat"`
	Purpose    string    `dynamodbav:"pur"`
	Authority  string    `dynamodbav:"aut"`
	Channel    string    `dynamodbav:"chn"`
	By         string    `dynamodbav:"by"`
	Source     string    `dynamodbav:"src"`
	Ref        string    `dynamodbav:"ref,omitempty"`
	Sealed     []byte    `dynamodbav:"s"` // the recipient
}

// what names the sealed part of one entry, so that it opens in no other one.
func what(entry string) string { return "disclosure " + entry }

// Item is the entry as an item to write with the change that discloses. The id, the time, the source and who did it
// are the caller's to fill in; all else is checked as Checked does. Key is the patient's.
func Item(c table.Clinic, key seal.Key, patient string, e Entry) (table.Item, error) {
	e, err := e.Checked()
	if err != nil {
		return table.Item{}, err
	}
	if !id.Valid(e.ID, prefix) || e.At.IsZero() || e.By == "" || e.Source != Auto && e.Source != Hand {
		return table.Item{}, fmt.Errorf("an entry of the register lacks its id, time, person or source")
	}
	sealed, err := key.Seal(what(e.ID), e.Recipient)
	if err != nil {
		return table.Item{}, fmt.Errorf("seal a disclosure: %w", err)
	}
	return table.Item{Key: c.Disclosure(patient, e.ID), New: true, Value: row{
		ID: e.ID, At: e.At, Categories: e.Categories, Purpose: e.Purpose, Authority: e.Authority,
		Channel: e.Channel, By: e.By, Source: e.Source, Ref: e.Ref, Sealed: sealed,
	}}, nil
}

// Checked gives the entry as it is stored, or fault.Invalid with all that is wrong with its codes and its recipient.
// Pointers are those of a request that has recipient, categories, purpose, authority and channel at its top.
func (e Entry) Checked() (Entry, error) {
	var c clinic.Check
	e.Recipient = e.Recipient.checked(&c, "/recipient")
	e.Categories = slices.Clone(e.Categories)
	slices.Sort(e.Categories)
	e.Categories = slices.Compact(e.Categories)
	if c.Count("/categories", len(e.Categories), 1, len(Categories())) {
		for _, category := range e.Categories {
			c.Choice("/categories", category, Categories()...)
		}
	}
	c.Choice("/purpose", e.Purpose, Purposes()...)
	c.Choice("/authority", e.Authority, Authorities()...)
	c.Choice("/channel", e.Channel, Channels()...)
	return e, c.Err()
}

func (r Recipient) checked(c *clinic.Check, pointer string) Recipient {
	r.Name = c.Name(pointer+"/name", clinic.WithoutBidi(r.Name))
	r.ODSCode = strings.ToUpper(strings.TrimSpace(r.ODSCode))
	if r.ODSCode != "" && !odsCode(r.ODSCode) {
		c.Refuse("wrong_format", pointer+"/odsCode", "Must be an NHS organisation code, such as A81001.")
	}
	return r
}

func odsCode(s string) bool {
	return len(s) >= odsShortest && len(s) <= odsLongest &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// Registered is what entering a disclosure is answered with; the answer is kept for repeats, so it says nothing of it.
type Registered struct {
	ID string `json:"id"`
}

// Service keeps the register. It is safe for concurrent use.
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

// Enter adds a disclosure that happened outside Almanac: by post, by telephone, over the counter. Errors: fault Invalid
// with all that is wrong, NotFound, and those of table.Clinic.Write.
func (s *Service) Enter(
	ctx context.Context, by access.Caller, once access.Once, patient string, e Entry,
) (Registered, error) {
	if !id.Valid(patient, patientPrefix) {
		return Registered{}, notFound()
	}
	c := s.table.For(by)
	key, err := s.keys.Key(ctx, c, by.Org(), patient)
	if err != nil {
		return Registered{}, err
	}
	if err := s.past(e.At); err != nil {
		return Registered{}, err
	}
	e.ID, e.By, e.Source, e.At = s.newID(prefix), by.Person(), Hand, e.At.UTC()
	item, err := Item(c, key, patient, e)
	if err != nil {
		return Registered{}, err
	}
	r := Registered{ID: e.ID}
	return r, c.Write(ctx, table.Change{
		Action: access.DisclosureEnter, Target: patient, Once: once, Answer: r, Put: []table.Item{item},
		Event: event.Event{Name: event.DisclosureEntered, Refs: map[string]string{"disclosure": e.ID}},
	})
}

// earliest is before any data that a clinic could still enter a disclosure of.
func earliest() time.Time { return time.Date(1948, time.July, 5, 0, 0, 0, 0, time.UTC) }

func (s *Service) past(at time.Time) error {
	var c clinic.Check
	switch {
	case at.After(s.now()):
		c.Refuse("in_the_future", "/at", "Must not be in the future.")
	case at.Before(earliest()):
		c.Refuse("too_early", "/at", "Must be 1948-07-05 or later.")
	}
	return c.Err()
}

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

// List gives a page of a patient's register, the entry that was made last first; what left the clinic under records
// that were merged into the patient's is in it. after is what the page before gave as next. Errors: fault NotFound,
// Invalid "malformed_cursor", Unavailable.
func (s *Service) List(
	ctx context.Context, by access.Caller, patient, after string, limit int,
) ([]Entry, string, error) {
	if !id.Valid(patient, patientPrefix) {
		return nil, "", notFound()
	}
	c := s.table.For(by)
	key, err := s.keys.Key(ctx, c, by.Org(), patient)
	if err != nil {
		return nil, "", err
	}
	if after != "" {
		if !id.Valid(after, prefix) {
			return nil, "", table.Astray()
		}
		after = table.Disclosures + after
	}
	keys, err := s.merged(ctx, c, by, patient)
	if err != nil {
		return nil, "", err
	}
	keys[patient] = key
	return page(ctx, c, keys, after, limit)
}

// merged gives the keys of the records that were merged into the patient's.
func (s *Service) merged(
	ctx context.Context, c table.Clinic, by access.Caller, patient string,
) (map[string]seal.Key, error) {
	var circle care.Circle
	if err := c.Get(ctx, c.Circle(patient), &circle); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return s.keys.Keys(ctx, c, by.Org(), circle.Merged...)
}

// page is one page of the registers of all the records of one person, whose keys are given: ids are in order of time.
func page(
	ctx context.Context, c table.Clinic, keys map[string]seal.Key, after string, limit int,
) ([]Entry, string, error) {
	all, more := []Entry{}, false
	for of, key := range keys {
		rows, next, err := c.UnderPage(ctx, c.Patient(of), table.Disclosures, after, limit, true)
		if err != nil {
			return nil, "", err
		}
		more = more || next != ""
		for _, r := range rows {
			e, err := open(key, r)
			if err != nil {
				return nil, "", err
			}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(b.ID, a.ID) })
	if len(all) <= limit && !more {
		return all, "", nil
	}
	all = all[:min(limit, len(all))]
	return all, all[len(all)-1].ID, nil
}

func open(key seal.Key, stored table.Row) (Entry, error) {
	var r row
	if err := stored.Decode(&r); err != nil {
		return Entry{}, err
	}
	e := Entry{
		ID: r.ID, At: r.At.UTC(), Categories: r.Categories, Purpose: r.Purpose, Authority: r.Authority,
		Channel: r.Channel, By: r.By, Source: r.Source, Ref: r.Ref,
	}
	if err := key.Open(what(r.ID), r.Sealed, &e.Recipient); err != nil {
		return Entry{}, fmt.Errorf("open a disclosure: %w", err)
	}
	return e, nil
}
