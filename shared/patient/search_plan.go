package patient

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"almanac/shared/seal"
)

// wanted is what a search asks for, folded as the records are. Its exported fields are what a cursor is bound to.
type wanted struct {
	Name     string `json:"n,omitempty"`
	Birth    string `json:"b,omitempty"`
	Number   string `json:"i,omitempty"`
	Phone    string `json:"t,omitempty"`
	Email    string `json:"e,omitempty"`
	Postcode string `json:"p,omitempty"`
	readings []term
}

// maxWords bounds how many words of a name are told apart.
const maxWords = 4

// readings lists the ways to understand a typed name. With a comma there is one: family name first. Without, each word
// may begin the family name, because people write it first or last, and have names of several words.
func readings(typed string) []term {
	if family, given, ok := strings.Cut(typed, ","); ok {
		if t := (term{folded(family), folded(given)}); t != (term{}) {
			return []term{t}
		}
		return nil
	}
	var words []string
	for w := range strings.FieldsSeq(typed) {
		if f := folded(w); f != "" {
			words = append(words, f)
		}
	}
	if len(words) > maxWords {
		words = append(words[:maxWords-1], strings.Join(words[maxWords-1:], ""))
	}
	var out []term
	for i := len(words) - 1; i > 0; i-- {
		last := len(words) - i // words of the family name, behind the given names or before them
		out = append(out,
			term{family: strings.Join(words[i:], ""), given: strings.Join(words[:i], "")},
			term{family: strings.Join(words[:last], ""), given: strings.Join(words[last:], "")})
	}
	if all := strings.Join(words, ""); all != "" {
		out = append(out, term{family: all}, term{given: all})
	}
	return out
}

// begins tells whether both names begin as asked.
func (t term) begins(want term) bool {
	return strings.HasPrefix(t.family, want.family) && strings.HasPrefix(t.given, want.given)
}

// source is one query of the rows: those of a name that begins so, or of a value.
type source struct {
	kind   string // byFamily, byGiven, byBoth, or what kind of value
	digest string
	prefix string
	then   string // what the second part of the path must begin with
	want   term   // of names
	whole  bool   // the name that the rows are of is meant whole
	value  string // of values
}

// sources lists the queries that find all that is wanted, by the narrowest thing that was given.
func (w wanted) sources(ring *seal.Ring) []source {
	valued := func(kind string, values ...string) []source {
		var out []source
		for _, v := range values {
			out = append(out, source{kind: kind, digest: ring.Digest(kind, v), prefix: "#", value: v})
		}
		return out
	}
	const year, month, day = len("2006"), len("2006-01"), len(time.DateOnly)
	switch {
	case w.Email != "":
		return valued(byEmail, w.Email)
	case w.Phone != "":
		return valued(byPhone, w.Phone)
	case len(w.Birth) == day: // of some, no more is known than the month or the year
		return valued(byBirth, w.Birth, w.Birth[:month], w.Birth[:year])
	case w.Postcode != "":
		return valued(byPostcode, w.Postcode)
	case len(w.readings) > 0:
		return named(newSpeller(ring), w.readings)
	case len(w.Birth) == month:
		return valued(byBirth, w.Birth, w.Birth[:year])
	case w.Birth != "":
		return valued(byBirth, w.Birth)
	}
	return nil
}

// named lists the queries for a name: first those for both names of which one is given in full, which are short
// however many share the family name, then those for beginnings, ahead those whose every row fits. The beginnings of
// both names are looked up under both; any other reading under the longer of its names, which fewer people share.
func named(s *speller, readings []term) []source {
	var whole, sure, begun []source
	for _, t := range readings {
		both := s.paired(t)
		if both.kind != "" && both.then == "" {
			sure = append(sure, both) // those whose family name is meant whole come first of its rows by themselves
			continue
		}
		src := source{kind: byFamily, want: t}
		if len(t.given) > len(t.family) {
			src.kind = byGiven
		}
		first, second := src.names(t)
		src.digest = s.digest(src.kind, head([]rune(first)))
		src.then = s.path(src.other(), second, headLetters)
		single := utf8.RuneCountInString(first) < headLetters
		if second != "" || single {
			full := src
			full.whole, full.prefix = true, s.begins(src.kind, first)+pathJoint+src.then
			whole = append(whole, full)
		}
		switch {
		case both.kind != "":
			begun = append(begun, both)
		case !single:
			src.prefix = s.begins(src.kind, first)
			begun = append(begun, src)
		}
	}
	return slices.Concat(whole, sure, begun)
}

// paired is the query for the beginnings of both names; it has no kind where one of them is too short. The joint sorts
// before every letter, and so a family name that ends where the beginning does before the longer ones.
func (s *speller) paired(t term) source {
	if !t.paired() {
		return source{}
	}
	return source{
		kind: byBoth, want: t, digest: s.digest(byBoth, t.heads()), prefix: s.begins(byFamily, t.family),
		then: s.path(byGiven, t.given, headLetters+1),
	}
}

// names gives the name that the source's rows are of, and the other one.
func (x source) names(t term) (first, second string) { //nolint:nonamedreturns // two strings: which is which
	if x.kind == byGiven {
		return t.given, t.family
	}
	return t.family, t.given
}

func (x source) other() string {
	if x.kind == byGiven {
		return byFamily
	}
	return byGiven
}

// of is the row of the term under the kind.
func (s *speller) of(kind string, t term) row {
	switch kind {
	case byBoth:
		return s.both(t)
	case byGiven:
		return s.row(byGiven, t.given, byFamily, t.family)
	}
	return s.row(byFamily, t.family, byGiven, t.given)
}

// rows is how many rows to read at once: many where most are passed over unopened.
func (x source) rows() int {
	if x.then != "" && !x.whole {
		return manyRows
	}
	return fewRows
}

// takes tells whether a row may be of somebody who is meant, as far as its path says.
func (x source) takes(sk string) bool {
	if x.then == "" {
		return true
	}
	_, second, _ := strings.Cut(strings.TrimPrefix(sk, pathJoint), pathJoint)
	return strings.HasPrefix(second, x.then)
}

// fitting lists the terms of a patient, among them one for each value, whose rows the source goes through.
func (x source) fitting(p Patient) []term {
	var out []term
	if x.value != "" {
		if x.kind == byBirth && p.BirthDate == x.value || slices.Contains(p.reached(), value{x.kind, x.value}) {
			out = append(out, term{})
		}
		return out
	}
	for _, t := range p.terms() {
		has, _ := x.names(t)
		if want, _ := x.names(x.want); t.begins(x.want) && has != "" && (!x.whole || has == want) {
			out = append(out, t)
		}
	}
	return out
}

// means tells whether the patient is one of those wanted. Nobody is found by a number to whose use the person objects,
// nor by an address or a telephone that is protected.
func (w wanted) means(p Patient) bool {
	has := func(kind, v string) bool { return v == "" || slices.Contains(p.reached(), value{kind, v}) }
	return p.MergedInto == "" && w.named(p) && w.born(p.BirthDate) &&
		has(byPhone, w.Phone) && has(byEmail, w.Email) && has(byPostcode, w.Postcode) &&
		(w.Number == "" || p.Objection == nil && p.Number != nil && p.Number.Value == w.Number)
}

func (w wanted) named(p Patient) bool {
	if len(w.readings) == 0 {
		return true
	}
	terms := p.terms()
	return slices.ContainsFunc(w.readings, func(want term) bool {
		return slices.ContainsFunc(terms, func(t term) bool { return t.begins(want) })
	})
}

// born tells whether a birth date may be the one asked for: as far as both are known, they are the same.
func (w wanted) born(on string) bool {
	return w.Birth == "" || on != "" && (strings.HasPrefix(on, w.Birth) || strings.HasPrefix(w.Birth, on))
}
