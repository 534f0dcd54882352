package patient

import (
	"slices"
	"strings"

	"almanac/shared/private"
)

// Name is one name of a person, in the parts that PDS and FHIR keep (HumanName). The family name or the given names
// may be missing, not both: some people have one name.
type Name struct {
	private.Hidden
	Use    string   `json:"use"` // one of NameUses
	Prefix []string `json:"prefix,omitempty"`
	// Given are the given names in order; one entry may hold several words, as in "John Paul".
	Given  []string `json:"given,omitempty"`
	Family string   `json:"family,omitempty"`
	Suffix []string `json:"suffix,omitempty"`
	Start  string   `json:"start,omitempty"` // dates, YYYY-MM-DD
	End    string   `json:"end,omitempty"`
}

// Usual is the use of the name that somebody goes by.
const Usual = "usual"

// NameUses lists the values of Name.Use.
func NameUses() []string { return []string{Usual, "temp", "nickname", "old", "maiden"} }

// Full is the name as it is written on a letter: prefix, given names, family name, suffix.
func (n Name) Full() string {
	parts := slices.Concat(n.Prefix, n.Given, []string{n.Family}, n.Suffix)
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// Usual is the name that the person goes by on the day: the usual one, else the first that counts, else the first.
func (p Patient) Usual(day string) Name {
	best, rank := Name{}, len(NameUses())+1
	for _, n := range p.Names {
		if r := slices.Index([]string{Usual, "temp", "nickname", "maiden", "old"}, n.Use); r >= 0 && r < rank &&
			current(n.Start, n.End, day) {
			best, rank = n, r
		}
	}
	if rank > len(NameUses()) && len(p.Names) > 0 {
		return p.Names[0]
	}
	return best
}
