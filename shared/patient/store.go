package patient

import (
	"context"
	"slices"
	"strconv"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/nhsnumber"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// stored is a patient's item: all that identifies anybody is in Sealed.
type stored struct {
	ID      string `dynamodbav:"id"`
	Sealed  []byte `dynamodbav:"s"`
	Version int64  `dynamodbav:"v"`
}

// what names the record to the patient's key.
const what = "record"

// content is what is sealed: the record, and the rows by which it is found. They are remembered rather than worked out
// again, so that a record stays changeable when the way of looking up, or the key behind it, is another one by then.
type content struct {
	Patient Patient `json:"patient"`
	Rows    []row   `json:"rows,omitempty"`
	Held    held    `json:"held,omitzero"`
}

// row is a row by which the patient is found: the digest says under what, the path sorts the patients within it.
type row struct {
	Digest string `json:"d"`
	Path   string `json:"p"`
}

// held is the row that gives the patient's NHS number to this patient alone.
type held struct {
	Digest  string `json:"d"`
	Version int64  `json:"v"`
}

// holder is the item of that row.
type holder struct {
	Patient string `dynamodbav:"pat"`
}

// lookupRow is the item of a row: its key says everything.
type lookupRow struct{}

// file is a record taken out of the table and opened.
type file struct {
	Patient
	rows []row
	held held
	ring *seal.Ring
	key  seal.Key
}

// load reads patients' records and opens them; those that do not exist are left out.
func (s *Service) load(ctx context.Context, by access.Caller, ids ...string) (map[string]*file, error) {
	c := s.table.For(by)
	keys := make([]table.Key, 0, 2*len(ids))
	for i, patient := range ids {
		if id.Valid(patient, prefix) && !slices.Contains(ids[:i], patient) {
			keys = append(keys, c.Patient(patient), c.PatientKey(patient))
		}
	}
	rows, err := table.Together(ctx, c, keys...)
	if err != nil || len(rows) == 0 {
		return map[string]*file{}, err
	}
	ring, err := s.keeper.Ring(ctx, by.Org())
	if err != nil {
		return nil, err
	}
	out := make(map[string]*file, len(ids))
	for _, patient := range ids {
		item, there := rows[c.Patient(patient)]
		if !there {
			continue
		}
		f, err := opened(ring, patient, item, rows[c.PatientKey(patient)])
		if fault.Is(err, fault.NotFound) { // its key was destroyed: it exists no longer
			continue
		}
		if err != nil {
			return nil, err
		}
		out[patient] = f
	}
	return out, nil
}

func opened(ring *seal.Ring, patient string, item, key table.Row) (*file, error) {
	f := &file{ring: ring}
	var err error
	if f.key, err = ring.Open(patient, key); err != nil {
		return nil, err
	}
	var at stored
	if err := item.Decode(&at); err != nil {
		return nil, err
	}
	var in content
	if err := f.key.Open(what, at.Sealed, &in); err != nil {
		return nil, err
	}
	f.Patient, f.rows, f.held = in.Patient, in.Rows, in.Held
	f.ID, f.Version = patient, at.Version
	return f, nil
}

// exist refuses ids that are no patient's of the organisation; the pointer names the list.
func (s *Service) exist(ctx context.Context, by access.Caller, pointer string, ids []string) error {
	c := s.table.For(by)
	var keys []table.Key
	for i, patient := range ids {
		if id.Valid(patient, prefix) && !slices.Contains(ids[:i], patient) {
			keys = append(keys, c.Patient(patient))
		}
	}
	rows, err := table.Together(ctx, c, keys...)
	if err != nil {
		return err
	}
	var check clinic.Check
	for i, patient := range ids {
		if _, ok := rows[c.Patient(patient)]; !ok {
			check.Refuse("unknown_id", pointer+"/"+strconv.Itoa(i), "There is no such record.")
		}
	}
	return check.Err()
}

// one reads one patient's record. Errors: fault NotFound, Unavailable.
func (s *Service) one(ctx context.Context, by access.Caller, patient string) (*file, error) {
	files, err := s.load(ctx, by, patient)
	if err != nil {
		return nil, err
	}
	f, ok := files[patient]
	if !ok {
		return nil, notFound()
	}
	return f, nil
}

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

// put gives the items that write the record p in place of the one in the file, or as a new one where its version is
// zero: the sealed record, and the rows by which it is found as far as they change.
func (f *file) put(c table.Clinic, p Patient) ([]table.Item, error) {
	p.ID, p.Version = f.ID, 0 // the version stands on the item
	next := content{Patient: p, Rows: lookups(p, f.ring), Held: f.held}
	items := rowChanges(c, f.ID, f.rows, next.Rows)
	if digest := claimed(p, f.ring); digest != f.held.Digest {
		if f.held.Digest != "" {
			items = append(items, table.Item{Key: c.Number(f.held.Digest), Delete: true, Version: f.held.Version})
		}
		next.Held = held{}
		if digest != "" {
			next.Held = held{Digest: digest, Version: 1}
			items = append(items, table.Item{Key: c.Number(digest), Value: holder{f.ID}, New: true})
		}
	}
	return f.seal(c, next, items)
}

// seal adds the sealed record to the items.
func (f *file) seal(c table.Clinic, next content, items []table.Item) ([]table.Item, error) {
	sealed, err := f.key.Seal(what, next)
	if err != nil {
		return nil, err
	}
	return append(items, table.Item{
		Key: c.Patient(f.ID), Value: stored{ID: f.ID, Sealed: sealed}, New: f.Version == 0, Version: f.Version,
	}), nil
}

// rowChanges gives what turns one set of look-up rows into another.
func rowChanges(c table.Clinic, patient string, was, is []row) []table.Item {
	var items []table.Item
	for _, r := range was {
		if !slices.Contains(is, r) {
			items = append(items, table.Item{Key: c.Lookup(r.Digest, r.Path, patient), Delete: true, Version: 1})
		}
	}
	for i, r := range is {
		if !slices.Contains(was, r) && !slices.Contains(is[:i], r) {
			items = append(items, table.Item{Key: c.Lookup(r.Digest, r.Path, patient), Value: lookupRow{}, New: true})
		}
	}
	return items
}

// claimed is the digest of the number that the record keeps from every other record, or empty: nobody is told that
// there is a record with a number whose owner objects to its use, and a merged record's number is the other one's.
func claimed(p Patient, ring *seal.Ring) string {
	if p.Number == nil || p.Objection != nil || p.MergedInto != "" {
		return ""
	}
	n, err := nhsnumber.Parse(p.Number.Value)
	if err != nil {
		return ""
	}
	return ring.Digest(numberKind, n.Digits())
}

// numberKind is the kind of the digests of NHS numbers.
const numberKind = "nhs-number"

// numberTaken turns a refusal because something is there already into one that says which patient has the number,
// where that is what it is about.
func (s *Service) numberTaken(ctx context.Context, c table.Clinic, f *file, p Patient, err error) error {
	if !fault.Is(err, fault.Conflict) || fault.Of(err).Code != "exists" {
		return err
	}
	digest := claimed(p, f.ring)
	if digest == "" || digest == f.held.Digest {
		return err
	}
	var by holder
	if getErr := c.Get(ctx, c.Number(digest), &by); getErr != nil || by.Patient == f.ID {
		return err
	}
	return taken(by.Patient)
}

// numberFirst tells of a number that another record has rather than of people who are alike: there is no registering
// a second one with it, whoever it is.
func numberFirst(err error) error {
	for _, d := range fault.Of(err).Details {
		if d.Code == sameNumber {
			return taken(d.Resource)
		}
	}
	return err
}

func taken(by string) error {
	return fault.New(fault.Conflict, "number_taken", "Another patient's record has this NHS number.", fault.Detail{
		Code: "number_taken", Message: "This record has it. If it is the same person, use that one.",
		Resource: by, Pointer: "/nhsNumber",
	})
}

// closing closes or opens the patient's diary where a change of the record asks for it.
func closing(was, is Patient) []table.Claim {
	before, after := closed(was), closed(is)
	switch {
	case before == after:
		return nil
	case after == "":
		return []table.Claim{{Patient: is.ID, Reopen: true}}
	}
	return []table.Claim{{Patient: is.ID, Close: after}}
}

// closed is why nobody can be booked into the patient's diary, if that is so.
func closed(p Patient) string {
	switch {
	case p.MergedInto != "":
		return table.Merged + ":" + p.MergedInto
	case p.Death != nil:
		return table.Deceased
	}
	return ""
}
