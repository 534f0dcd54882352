package patient

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a name, or a part of one, as it is compared: letters and digits alone, without case or diacritics.
// "O'Reilly", "o reilly" and "OREILLY" are one, and so are "Kociński" and "kocinski". Names in other scripts keep their
// letters.
func folded(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKC.String(s))) {
		if plain, ok := latin(r); ok {
			b.WriteString(plain)
			continue
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return norm.NFC.String(b.String())
}

// spellings lists the letters that do not come apart into a plain letter and a mark, each with what people write who
// lack the key. The last is the form that σ has at a word's end.
const spellings = "ßss ẞss æae œoe øo łl đd ðd þth ħh ıi ŋn ŧt ĸk ςσ"

// latin spells such a letter.
func latin(r rune) (string, bool) {
	if r < utf8.RuneSelf {
		return "", false
	}
	for word := range strings.FieldsSeq(spellings) {
		if letter, size := utf8.DecodeRuneInString(word); letter == r {
			return word[size:], true
		}
	}
	return "", false
}

// parts are the words of a name that a space or a hyphen joins, each folded.
func parts(name string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(norm.NFKC.String(name), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
	}) {
		if f := folded(w); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// term is one way to find a patient by name: a family name, the given names joined, or both.
type term struct{ family, given string }

// maxTerms bounds the rows of somebody with very many names, of which each has three: enough of maxRows is left for the
// other ways to be found.
const maxTerms = 10

// terms are the ways to find a patient by name: under every name that the patient has or had, and under each part of
// a double-barrelled family name as well.
func (p Patient) terms() []term {
	var out []term
	seen := map[term]bool{}
	add := func(t term) {
		if t != (term{}) && !seen[t] && len(out) < maxTerms {
			seen[t] = true
			out = append(out, t)
		}
	}
	for _, n := range p.Names {
		add(term{folded(n.Family), folded(strings.Join(n.Given, " "))})
	}
	for _, n := range p.Names {
		if of := parts(n.Family); len(of) > 1 {
			for _, f := range of {
				if len([]rune(f)) >= least { // not the "de" and "O" of a name
					add(term{f, folded(strings.Join(n.Given, " "))})
				}
			}
		}
	}
	return out
}

// least is how many letters of a family name's part make it worth finding the patient by.
const least = 3
