package patient

import (
	"slices"
	"strings"
	"unicode/utf8"

	"almanac/shared/seal"
)

// A patient is found by rows that hold nothing but the patient's id, under keys made of digests that only the
// organisation's root key can make. A row's partition says by what one looks; its path sorts the rows within it.
//
//	by                                     partition: digest of        path
//	family name, with or without given     the name's first 2 letters  "." letters 3 to 16 "." given letters 2 to 16
//	given names, with or without family    the name's first 2 letters  "." letters 3 to 16 "." family letters 2 to 16
//	beginnings of both                     both names' first 2 letters "." letters 3 to 16 "." given letters 3 to 16
//	birth date, phone, e-mail, postcode    the value                   -
//	all names and birth date together      the values                  -
//
// A letter of a path is two characters, of a digest over the whole name up to that letter: so a path begins with
// another exactly if the names do, but for one stranger in 1,024 at each letter, whom the comparison with the opened
// record leaves out. A name of one letter has a partition of its own, and no row for the beginnings of both.

// The kinds of digests.
const (
	byFamily   = "family"
	byGiven    = "given"
	byBoth     = "both"
	byBirth    = "birth-date"
	byPhone    = "phone"
	byEmail    = "email"
	byPostcode = "postcode"
	letterOf   = "-letter" // suffix of the digests that paths are made of
)

const (
	headLetters = 2  // of a name, in its partition
	pathLetters = 16 // of a name, in a path
	pathJoint   = "."
	maxRows     = 40
)

// head is the part of a name that its partition is made of.
func head(letters []rune) string { return string(letters[:min(len(letters), headLetters)]) }

// heads is what the partition of both beginnings is made of; a folded name has no joint in it.
func (t term) heads() string { return head([]rune(t.family)) + pathJoint + head([]rune(t.given)) }

// paired tells whether both names are long enough for a partition of both beginnings.
func (t term) paired() bool {
	return utf8.RuneCountInString(t.family) >= headLetters && utf8.RuneCountInString(t.given) >= headLetters
}

// speller makes the paths of names; it makes each digest once, because they are most of what a new patient costs.
type speller struct {
	digest func(kind, value string) string // seal.Ring.Digest
	made   map[[2]string]string
}

func newSpeller(ring *seal.Ring) *speller { return spelling(ring.Digest) }

func spelling(digest func(kind, value string) string) *speller {
	return &speller{digest: digest, made: map[[2]string]string{}}
}

// path spells the letters of a folded name from the given one on, counted from 1.
func (s *speller) path(kind, name string, from int) string {
	var b strings.Builder
	letters := []rune(name)
	for n := from; n <= min(len(letters), pathLetters); n++ {
		b.WriteString(s.letter(kind, string(letters[:n])))
	}
	return b.String()
}

func (s *speller) letter(kind, upTo string) string {
	at := [2]string{kind, upTo}
	if _, ok := s.made[at]; !ok {
		s.made[at] = short(s.digest(kind+letterOf, upTo))
	}
	return s.made[at]
}

// short makes two characters, ten bits, of a digest.
func short(digest string) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuv"
	bits := 0
	for i := range 3 {
		bits = bits<<4 | strings.IndexByte(alphabet, digest[i])
	}
	return string([]byte{alphabet[bits>>7], alphabet[bits>>2&31]})
}

// lookups gives the rows by which a patient is found, but for that of the NHS number. A record that was merged into
// another one is not found.
func lookups(p Patient, ring *seal.Ring) []row { return newSpeller(ring).lookups(p) }

func (s *speller) lookups(p Patient) []row {
	if p.MergedInto != "" {
		return nil
	}
	var out []row
	for _, t := range p.terms() {
		out = append(out, s.rows(t)...)
	}
	if p.BirthDate != "" {
		out = append(out, row{Digest: s.digest(byBirth, p.BirthDate)})
	}
	for _, digest := range p.persons(s.digest) {
		out = append(out, row{Digest: digest})
	}
	for _, v := range p.reached() {
		out = append(out, row{Digest: s.digest(v.kind, v.value)})
	}
	return out[:min(len(out), maxRows)]
}

// rows are those of one term.
func (s *speller) rows(t term) []row {
	var out []row
	if t.family != "" {
		out = append(out, s.row(byFamily, t.family, byGiven, t.given))
	}
	if t.given != "" {
		out = append(out, s.row(byGiven, t.given, byFamily, t.family))
	}
	if t.paired() {
		out = append(out, s.both(t))
	}
	return out
}

func (s *speller) row(kind, first, otherKind, second string) row {
	return row{
		Digest: s.digest(kind, head([]rune(first))),
		Path:   s.begins(kind, first) + pathJoint + s.path(otherKind, second, headLetters),
	}
}

// both is the row by which somebody is found whose names begin so, however many share the beginning of either.
func (s *speller) both(t term) row {
	return row{
		Digest: s.digest(byBoth, t.heads()),
		Path:   s.begins(byFamily, t.family) + pathJoint + s.path(byGiven, t.given, headLetters+1),
	}
}

// begins is what the path of a name's row begins with; never empty, because a key's part may not be.
func (s *speller) begins(kind, first string) string {
	return pathJoint + s.path(kind, first, headLetters+1)
}

// value is what somebody can be found by as a whole.
type value struct{ kind, value string }

// reached lists the telephone numbers, e-mail addresses and postcodes by which the patient may be found, past ones
// included. Somebody whose whereabouts are protected is not found by any of them, because to be found by a postcode
// says where one lives; and a postcode that stands for no place would mark those who have none.
func (p Patient) reached() []value {
	if p.Restricted {
		return nil
	}
	var out []value
	add := func(v value) {
		if v.value != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	for _, c := range p.Contacts {
		if c.System == Email {
			add(value{byEmail, strings.ToLower(c.Value)})
		} else {
			add(value{byPhone, c.Value})
		}
	}
	for _, a := range p.Addresses {
		if code := compact(a.Postcode); !strings.HasPrefix(code, nowhere) {
			add(value{byPostcode, code})
		}
	}
	return out
}

// nowhere begins the postcodes that stand for no place.
const nowhere = "ZZ99"

// compact is a postcode as it is compared.
func compact(postcode string) string {
	return strings.ToUpper(strings.Join(strings.Fields(postcode), ""))
}
