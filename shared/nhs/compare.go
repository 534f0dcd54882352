package nhs

import (
	"slices"
	"strings"
	"unicode"

	"almanac/shared/patient"
)

// How a part of our record compares with the register's. There are no degrees: how well something matches is not for
// anybody to see.
const (
	Same      = "same"
	Former    = "former"  // the same as one that holds no longer, here or there
	Similar   = "similar" // begins alike
	Different = "different"
	Unknown   = "unknown" // missing, here or there
)

// Comparison is how our record compares with the register's, part by part.
type Comparison struct {
	BirthDate string `json:"birthDate" dynamodbav:"born" enum:"same,similar,different,unknown"`
	Family    string `json:"family" dynamodbav:"fam" enum:"same,former,similar,different,unknown"`
	Given     string `json:"given" dynamodbav:"giv" enum:"same,former,similar,different,unknown"`
	Postcode  string `json:"postcode" dynamodbav:"pc" enum:"same,former,similar,different,unknown"`
	Sex       string `json:"sex" dynamodbav:"sex" enum:"same,different,unknown"`
	// Twin says that the register knows the person as one of several born together.
	Twin bool `json:"twin,omitempty" dynamodbav:"twin,omitempty"`
}

// Agrees tells whether the two are the same person as far as that may be decided without anybody looking: the birth
// date and the family name are the same, and so are the given name or the postcode. By the postcode alone nobody is
// told from a twin, whom the register need not know as one: then nothing else may differ.
func (c Comparison) Agrees() bool {
	if c.BirthDate != Same || c.Family != Same {
		return false
	}
	return c.Given == Same || c.Postcode == Same && c.Given != Different && !c.Twin && c.Sex != Different
}

// Compare compares our record with what the register holds.
func Compare(p patient.Patient, f Finding, today string) Comparison {
	c := Comparison{
		BirthDate: births(p.BirthDate, f.BirthDate), Postcode: postcodes(p, f, today), Sex: sexes(p.Sex, f.Sex),
		Twin: f.Multiple,
	}
	c.Family, c.Given = names(p, f, today)
	return c
}

func births(ours, theirs string) string {
	switch {
	case ours == "" || theirs == "":
		return Unknown
	case ours == theirs && len(ours) == len("2006-01-02"):
		return Same
	case strings.HasPrefix(ours, theirs) || strings.HasPrefix(theirs, ours):
		return Similar
	}
	return Different
}

func sexes(ours, theirs string) string {
	known := []string{patient.Male, patient.Female}
	switch {
	case !slices.Contains(known, ours) || !slices.Contains(known, theirs):
		return Unknown
	case ours == theirs:
		return Same
	}
	return Different
}

// names compares every name that we have with every one of theirs, and gives the pair that fits best: two parts that
// are the same, but of two different names, are no agreement.
func names(p patient.Patient, f Finding, today string) (string, string) {
	family, given := Unknown, Unknown
	for _, ours := range p.Names {
		for _, theirs := range f.Names {
			fam := words(patient.Fold(familyOf(ours)), patient.Fold(familyOf(theirs)))
			giv := words(first(ours), first(theirs))
			if past(ours, today) || past(theirs, today) {
				fam, giv = former(fam), former(giv)
			}
			if rank(fam)+rank(giv) > rank(family)+rank(given) {
				family, given = fam, giv
			}
		}
	}
	return family, given
}

// familyOf is the family name, or somebody's only name.
func familyOf(n patient.Name) string {
	if n.Family == "" && len(n.Given) == 1 {
		return n.Given[0]
	}
	return n.Family
}

// first is the first word of the given names: one may have more of them than the other, and in other pieces.
func first(n patient.Name) string {
	if n.Family == "" && len(n.Given) == 1 {
		return ""
	}
	for _, w := range strings.FieldsFunc(strings.Join(n.Given, " "), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
	}) {
		if w = patient.Fold(w); w != "" {
			return w
		}
	}
	return ""
}

func past(n patient.Name, today string) bool {
	return n.Use == "old" || n.Use == "maiden" || n.End != "" && n.End < today
}

func words(ours, theirs string) string {
	switch {
	case ours == "" || theirs == "":
		return Unknown
	case ours == theirs:
		return Same
	case alike(ours, theirs):
		return Similar
	}
	return Different
}

// alike tells whether two names begin with the same letters, as "Katherine" and "Kate" do not and "Kathryn" does.
func alike(a, b string) bool {
	x, y := []rune(a), []rune(b)
	return len(x) >= few && len(y) >= few && string(x[:few]) == string(y[:few])
}

func former(match string) string {
	if match == Same {
		return Former
	}
	return match
}

func rank(match string) int {
	return slices.Index([]string{Unknown, Different, Similar, Former, Same}, match)
}

func postcodes(p patient.Patient, f Finding, today string) string {
	ours := subjectOf(p, today).postcode
	if ours == "" {
		return Unknown
	}
	best := Unknown
	for _, a := range f.Addresses {
		theirs, ok := patient.Postcode(a.Postcode)
		if !ok || strings.HasPrefix(theirs, nowhere) {
			continue
		}
		match := Different
		switch {
		case ours == theirs && a.End != "" && a.End < today:
			match = Former
		case ours == theirs:
			match = Same
		case ours[:2] == theirs[:2]:
			match = Similar
		}
		if rank(match) > rank(best) {
			best = match
		}
	}
	return best
}
