package patient

import (
	"context"
	"slices"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Intake takes in the patients of a file, for a job: what Create does for one patient at a person's desk, with the
// look-ups of many done at once. It holds the organisation's keys, so it is made anew every minute or so.
type Intake struct {
	*Service
	by   access.Caller
	ring *seal.Ring
}

// Intake makes an Intake for the caller. Errors: fault Unavailable while the keys cannot be had.
func (s *Service) Intake(ctx context.Context, by access.Caller) (*Intake, error) {
	ring, err := s.keeper.Ring(ctx, by.Org())
	return &Intake{Service: s, by: by, ring: ring}, err
}

// Check gives the record as it would be stored, or fault Invalid with all that is wrong with it.
func (in *Intake) Check(p Patient) (Patient, error) { return in.checked(registered(p, in.by)) }

// Holders tells for each of the patients whose record has the NHS number that theirs has; empty for nobody's.
func (in *Intake) Holders(ctx context.Context, people []Patient) ([]string, error) {
	c := in.table.For(in.by)
	keys := make([]table.Key, len(people))
	var asked []table.Key
	for i, p := range people {
		if digest := claimed(p, in.ring); digest != "" {
			keys[i] = c.Number(digest)
			if !slices.Contains(asked, keys[i]) {
				asked = append(asked, keys[i])
			}
		}
	}
	rows, err := table.Together(ctx, c, asked...)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(people))
	for i, k := range keys {
		row, ok := rows[k]
		if !ok || k == (table.Key{}) {
			continue
		}
		var by holder
		if err := row.Decode(&by); err != nil {
			return nil, err
		}
		out[i] = by.Patient
	}
	return out, nil
}

// Namesakes lists up to limit ids of patients who have, or had, the same names and were born on the same day.
func (in *Intake) Namesakes(ctx context.Context, p Patient, limit int) ([]string, error) {
	c := in.table.For(in.by)
	var out []string
	for _, digest := range p.persons(in.ring.Digest) {
		ids, _, err := c.Lookups(ctx, digest, "", "", limit)
		if err != nil {
			return nil, err
		}
		for _, patient := range ids {
			if !slices.Contains(out, patient) {
				out = append(out, patient)
			}
		}
	}
	return out, nil
}

// Records reads patients' records; those that do not exist, or exist no longer, are left out.
func (in *Intake) Records(ctx context.Context, ids ...string) ([]Patient, error) {
	files, err := in.load(ctx, in.by, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]Patient, 0, len(files))
	for _, patient := range ids {
		if f, ok := files[patient]; ok {
			out = append(out, f.Patient)
		}
	}
	return out, nil
}

// Compared notes in the patient's trail that the record was compared with what somebody sent in, because of another
// record, such as an upload.
func (in *Intake) Compared(ctx context.Context, patient, because string) error {
	return in.table.For(in.by).Note(ctx, access.PatientSearch, patient, event.Event{
		Name: event.RecordRead, Why: "compared", Refs: map[string]string{"upload": because},
	})
}

// Register makes the record of a patient whom Check let through, under an id that the caller chose. Errors: fault
// Conflict "exists" when there is such a record already, "number_taken" when another patient has the NHS number; and
// those of table.Clinic.Write.
func (in *Intake) Register(ctx context.Context, id string, p Patient) error {
	_, err := in.enter(ctx, in.by, access.Once{}, id, p)
	return err
}

// Exists tells whether an error says that there is such a record already.
func Exists(err error) bool { return fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists" }

// byPerson is the kind of the digests of names and birth date together.
const byPerson = "person"

// persons gives the digests under which the patient is found by all names and the birth date at once: no more than a
// few people ever share them, where a hundred may share either. Nobody is found so whose birth date is not known.
func (p Patient) persons(digest func(kind, value string) string) []string {
	if len(p.BirthDate) != len(time.DateOnly) {
		return nil
	}
	const most = 4
	var out []string
	for _, n := range p.Names {
		if key := n.folded(); len(out) < most {
			if d := digest(byPerson, key+"\x00"+p.BirthDate); !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}

// folded is the whole name as names are compared.
func (n Name) folded() string {
	return folded(n.Family) + "\x00" + folded(strings.Join(n.Given, ""))
}
