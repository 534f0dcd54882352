package upload

import (
	"crypto/sha256"
	"strconv"

	"almanac/shared/id"
)

// seen remembers the people of a file's lines. What it takes grows with the lines, of which there is a greatest number,
// and not with their length.
type seen struct {
	upload   [16]byte
	byNumber map[uint64]int32     // the first line with the number
	byPerson map[[16]byte][]int32 // the lines of a person's name and birth date
	all      map[int32]likeness
}

func newSeen(upload string) *seen {
	raw, _ := id.Raw(upload) // an upload's own id is well-formed
	return &seen{upload: raw, byNumber: map[uint64]int32{}, byPerson: map[[16]byte][]int32{}, all: map[int32]likeness{}}
}

// mostAlike bounds how many lines, and how many records, of one name and birth date are compared with each other.
const mostAlike = 20

// The reasons that come from comparing lines with each other and with records.
const (
	duplicateOf    = "duplicate_of_line"
	unsureOf       = "possible_duplicate_of_line"
	possible       = "possible_duplicate"
	alikeOf        = "similar_to_line"
	alike          = "similar_exists"
	tooManyAlike   = "too_many_alike"
	numberDiffers  = "number_differs"
	numberOfOther  = "number_of_another"
	differs        = "differs"
	notCompared    = "not_compared"
	recordDeceased = "deceased"
)

// finding is what a comparison came to.
type finding struct {
	outcome outcome // empty: nothing against registering the patient
	reasons []string
}

// add compares a line with those before it and remembers it.
func (s *seen) add(number int, l likeness) finding {
	n := int32(number) //nolint:gosec // of some hundred thousand
	var f finding
	if first, ok := s.byNumber[l.number]; ok && l.number != 0 {
		f = s.judge(f, first, l)
	}
	lines := s.byPerson[l.person]
	if len(lines) >= mostAlike {
		return finding{refusedLine, []string{tooManyAlike}}
	}
	for _, before := range lines {
		if f.outcome == "" {
			f = s.judge(f, before, l)
		}
	}
	if f.outcome == duplicate {
		return f // its first line speaks for it
	}
	s.all[n] = l
	s.byPerson[l.person] = append(lines, n)
	if _, ok := s.byNumber[l.number]; !ok && l.number != 0 {
		s.byNumber[l.number] = n
	}
	return f
}

func (s *seen) judge(f finding, before int32, l likeness) finding {
	at := ":" + strconv.Itoa(int(before))
	switch l.compare(s.all[before]) {
	case same:
		return finding{duplicate, []string{duplicateOf + at}}
	case unsure:
		return finding{refusedLine, []string{unsureOf + at}}
	case numbered:
		return finding{refusedLine, []string{numberDiffers + at}}
	case strange:
		return finding{refusedLine, []string{numberOfOther + at}}
	case another:
		if l.person == s.all[before].person && len(f.reasons) < mostReasons {
			f.reasons = append(f.reasons, alikeOf+at)
		}
	}
	return f
}

// patientOf is the id of the patient whom a line of the upload registers: the same whenever the line is run, and that
// of no other line. It is made at the time of the upload, as ids go (UUIDv8, RFC 9562).
func (s *seen) patientOf(number int) string {
	sum := sha256.Sum256(append(s.upload[:], strconv.Itoa(number)...))
	raw := [16]byte(sum[:])
	copy(raw[:6], s.upload[:6])
	raw[6] = raw[6]&0x0f | 0x80
	raw[8] = raw[8]&0x3f | 0x80
	return id.Format("pat", raw)
}

// own tells whether a patient was registered by a line of this file that is alike, of which the lines' own comparison
// has said all there is to say.
func (s *seen) own(patient string, l likeness) bool {
	for _, n := range s.byPerson[l.person] {
		if s.patientOf(int(n)) == patient {
			return true
		}
	}
	return false
}
