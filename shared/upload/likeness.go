package upload

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"almanac/shared/patient"
)

// likeness is what tells whether two records are the same person's, in a form that can be kept for every line of a
// file: digests, of which nothing can be read. They live as long as a run and are compared with nothing else.
type likeness struct {
	number   uint64   // of the NHS number; zero without one
	person   [16]byte // of all names and the birth date
	family   uint64
	born     uint64
	contacts []uint64 // of postcode, telephone numbers and e-mail addresses
}

// likenessOf works it out. The postcodes that stand for no place bring nobody together.
func likenessOf(p patient.Patient) likeness {
	l := likeness{born: short("born", p.BirthDate)}
	if len(p.Names) > 0 {
		n := p.Names[0]
		l.family = short("family", patient.Fold(n.Family))
		l.person = nameOf(n, p.BirthDate)
	}
	if p.Number != nil && p.Number.Value != "" {
		l.number = short("number", p.Number.Value)
	}
	add := func(kind, value string) {
		if d := short(kind, value); value != "" && !slices.Contains(l.contacts, d) {
			l.contacts = append(l.contacts, d)
		}
	}
	for _, a := range p.Addresses {
		if code := strings.ToUpper(strings.ReplaceAll(a.Postcode, " ", "")); !strings.HasPrefix(code, "ZZ99") {
			add("postcode", code)
		}
	}
	for _, c := range p.Contacts {
		if c.System == patient.Email {
			add("email", strings.ToLower(c.Value))
		} else {
			add("phone", c.Value)
		}
	}
	return l
}

func nameOf(n patient.Name, born string) [16]byte {
	name := patient.Fold(n.Family) + "\x00" + patient.Fold(strings.Join(n.Given, ""))
	sum := sha256.Sum256([]byte(name + "\x00" + born))
	return [16]byte(sum[:])
}

func short(kind, value string) uint64 {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return binary.BigEndian.Uint64(sum[:]) | 1 // never zero
}

// verdict is how two records that have the NHS number, or all names and the birth date, in common stand to each other.
type verdict int

const (
	another verdict = iota // different people
	same
	unsure   // the one has nothing by which the other could be told from it
	numbered // alike in all but the NHS number: one of the two is wrong
	strange  // alike in the NHS number and in nothing else: one of the two is wrong
)

// compare judges two records. What is in the file is never enough to make one person of two whose NHS numbers differ.
func (l likeness) compare(o likeness) verdict {
	if l.number != 0 && l.number == o.number {
		if l.family != o.family && l.born != o.born {
			return strange
		}
		return same
	}
	if l.person != o.person {
		return another
	}
	shared := slices.ContainsFunc(l.contacts, func(c uint64) bool { return slices.Contains(o.contacts, c) })
	if l.number != 0 && o.number != 0 {
		if shared {
			return numbered
		}
		return another
	}
	switch {
	case shared, len(l.contacts)+len(o.contacts) == 0:
		return same
	case len(l.contacts) > 0 && len(o.contacts) > 0:
		return another
	}
	return unsure
}
