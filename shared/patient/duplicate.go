package patient

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Duplicate is a patient who may be the same person, and why. How likely it is nobody is told: people judge, by the
// records.
type Duplicate struct {
	Found
	Reasons []string `json:"reasons"` // codes
}

// Why two records may be of one person.
const (
	sameNumber        = "same_nhs_number"
	sameNameAndBirth  = "same_name_and_birth_date"
	sameBirthAndHome  = "same_given_name_birth_date_and_postcode"
	sameBirthAndPhone = "same_given_name_birth_date_and_contact"
	similarBirth      = "same_name_and_similar_birth_date"
)

// maxAlike bounds how many rows of one kind are looked through for people alike, and maxListed how many are told.
const (
	maxAlike  = 100
	maxListed = 20
)

// Duplicates lists patients who may be the same person as the one with the id, those with most reasons first. Records
// that were merged are left out. Errors: fault NotFound, Unavailable.
func (s *Service) Duplicates(ctx context.Context, by access.Caller, patient string) ([]Duplicate, error) {
	f, err := s.one(ctx, by, patient)
	if err != nil {
		return nil, err
	}
	return s.Alike(ctx, by, f.Patient)
}

// Alike lists patients who may be the same person as p, whose id may be empty. Errors: fault Unavailable.
func (s *Service) Alike(ctx context.Context, by access.Caller, p Patient) ([]Duplicate, error) {
	ring, err := s.keeper.Ring(ctx, by.Org())
	if err != nil {
		return nil, err
	}
	ids, err := s.alikeRows(ctx, by, ring, p)
	if err != nil {
		return nil, err
	}
	files, err := s.load(ctx, by, ids...)
	if err != nil {
		return nil, err
	}
	day, err := s.today()
	if err != nil {
		return nil, err
	}
	var out []Duplicate
	for _, id := range ids {
		f, ok := files[id]
		if !ok || id == p.ID || f.MergedInto != "" {
			continue
		}
		if why := reasons(p, f.Patient); len(why) > 0 {
			out = append(out, Duplicate{Found: f.found(day), Reasons: why})
		}
	}
	slices.SortStableFunc(out, func(a, b Duplicate) int { return len(b.Reasons) - len(a.Reasons) })
	return out[:min(len(out), maxListed)], nil
}

// alikeRows lists the patients who share with p a number, a birth date, a postcode or a way to be reached. The rows
// of each are asked for at the same time, because a new patient waits for the slowest of them alone.
func (s *Service) alikeRows(ctx context.Context, by access.Caller, ring *seal.Ring, p Patient) ([]string, error) {
	c := s.table.For(by)
	var digests []string
	if p.BirthDate != "" {
		digests = append(digests, ring.Digest(byBirth, p.BirthDate))
	}
	for _, v := range p.reached() {
		digests = append(digests, ring.Digest(v.kind, v.value))
	}
	found, errs := make([][]string, len(digests)+1), make([]error, len(digests)+1)
	var all sync.WaitGroup
	for i, digest := range digests {
		all.Go(func() { found[i], _, errs[i] = c.Lookups(ctx, digest, "#", "", maxAlike) })
	}
	all.Go(func() { found[len(digests)], errs[len(digests)] = ofNumber(ctx, c, ring, p) })
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(found...)))), nil
}

// ofNumber gives who has the patient's number.
func ofNumber(ctx context.Context, c table.Clinic, ring *seal.Ring, p Patient) ([]string, error) {
	digest := claimed(p, ring)
	if digest == "" {
		return nil, nil
	}
	var row holder
	err := c.Get(ctx, c.Number(digest), &row)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return []string{row.Patient}, err
}

// reasons tells why two records may be of one person. Twins share all but their given names, so nothing counts that
// leaves those out; and an initial counts only beside the family name.
func reasons(a, b Patient) []string {
	var out []string
	if n := a.number(); n != "" && n == b.number() {
		out = append(out, sameNumber)
	}
	home, contact := shared(a, b, true), shared(a, b, false)
	if a.BirthDate != "" && a.BirthDate == b.BirthDate && len(a.BirthDate) == len(time.DateOnly) {
		return append(out, bornTogether(a, b, home, contact)...)
	}
	if (home || contact) && wholly(a, b) == sameNames && similar(a.BirthDate, b.BirthDate) {
		out = append(out, similarBirth)
	}
	return out
}

// bornTogether tells why two records of people born on one day may be of one person.
func bornTogether(a, b Patient, home, contact bool) []string {
	name := wholly(a, b)
	if name == sameNames || name == initials && !differ(a.Sex, b.Sex) {
		return []string{sameNameAndBirth}
	}
	if name == initials || !home && !contact || likelyGiven(a, b) != sameNames {
		return nil
	}
	var out []string
	if home {
		out = append(out, sameBirthAndHome)
	}
	if contact {
		out = append(out, sameBirthAndPhone)
	}
	return out
}

// number is the number that may be compared with others, if any.
func (p Patient) number() string {
	if p.Number == nil || p.Objection != nil {
		return ""
	}
	return p.Number.Value
}

func differ(a, b string) bool {
	known := func(s string) bool { return s == Male || s == Female }
	return known(a) && known(b) && a != b
}

// shared tells whether both have a postcode in common, or else a telephone number or e-mail address.
func shared(a, b Patient, home bool) bool {
	others := b.reached()
	return slices.ContainsFunc(a.reached(), func(v value) bool {
		return (v.kind == byPostcode) == home && slices.Contains(others, v)
	})
}

// similar tells whether two birth dates may be one that was misheard, mistyped or only partly known: one begins the
// other, day and month are swapped, or one digit differs.
func similar(a, b string) bool {
	switch {
	case a == "" || b == "":
		return true
	case len(a) != len(b):
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	case a == b:
		return true
	}
	off := 0
	for i := range len(a) {
		if a[i] != b[i] {
			off++
		}
	}
	const year, month = len("1975-"), len("1975-11-")
	turned := len(a) == len(time.DateOnly) && a[:year] == b[:year] &&
		a[year:month-1] == b[month:] && b[year:month-1] == a[month:]
	return off == 1 || turned
}

// unlike refuses a new patient who may be one of those there are, but for those named in known.
func (s *Service) unlike(ctx context.Context, by access.Caller, p Patient, known []string) error {
	alike, err := s.Alike(ctx, by, p)
	if err != nil {
		return err
	}
	var details []fault.Detail
	for _, d := range alike {
		if code := d.Reasons[0]; !slices.Contains(known, d.ID) {
			details = append(details, fault.Detail{
				Code: code, Message: "This may be the same person.", Resource: d.ID,
			})
		}
	}
	if len(details) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "possible_duplicate",
		"This person may be registered already. Look at the records named; if it is somebody else, say so in "+
			"notDuplicateOf.",
		details...)
}
