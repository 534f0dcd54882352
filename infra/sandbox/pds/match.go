package pds

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// hit is a person a search found, and how well they fit: 1 is everything as asked.
type hit struct {
	person Person
	score  float64
}

// What a hit loses for each way in which it is not exactly what was asked. The real weights are not published; clients
// may only know that 1 is exact and less is less.
const (
	lessWildcard = 0.0458
	lessHistory  = 0.1024
	lessFuzzy    = 0.0876
)

// match finds the people a search is about.
func (s *Server) match(q query) []hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []hit
	for _, number := range s.order {
		p := s.people[number]
		if p.SupersededBy != "" || p.Invalidated || p.Hidden || !q.facts(p) {
			continue
		}
		score := q.named(p)
		if q.fuzzy {
			score = q.sounds(p)
		}
		score -= q.placed(p)
		if score <= 0 || (q.exact && score < 1) {
			continue
		}
		hits = append(hits, hit{p.clone(), float64(int(score*10_000)) / 10_000})
	}
	return hits
}

// facts compares what must be right in every kind of search. Asking for a place hides restricted people altogether.
func (q query) facts(p *Person) bool {
	switch {
	case (q.postcode != "" || q.practice != "") && !p.open():
		return false
	case !holds(q.birth, p.BirthDate), len(q.death) > 0 && !holds(q.death, p.Death.At):
		return false
	case q.gender != "" && q.gender != p.Gender:
		return false
	case q.practice != "" && (!strings.EqualFold(q.practice, p.Practice.ODS) || p.Practice.End != ""):
		return false
	}
	return q.reached(p, "email", q.email) && q.reached(p, "phone", q.phone)
}

// reached compares an e-mail address or telephone number, which must be the same character by character.
func (q query) reached(p *Person, system, value string) bool {
	return value == "" || slices.ContainsFunc(p.Telecoms, func(t Telecom) bool {
		current := t.End == "" || q.history || q.fuzzy
		return p.open() && current && t.System == system && strings.EqualFold(t.Value, value)
	})
}

// placed is what a hit loses by its postcode; 1 and more is no hit.
func (q query) placed(p *Person) float64 {
	if q.postcode == "" {
		return 0
	}
	best := 1.0
	for _, a := range p.Addresses {
		old := a.Use != "home" || a.End != ""
		if (old && !q.history && !q.fuzzy) || !like(q.postcode, squeeze(a.Postcode)) {
			continue
		}
		less := 0.0
		if strings.Contains(q.postcode, "*") {
			less += lessWildcard
		}
		if old {
			less += lessHistory
		}
		best = min(best, less)
	}
	return best
}

// current tells whether somebody is called so now.
func (n Name) current() bool { return n.End == "" && (n.Use == "usual" || n.Use == "") }

// named scores the names in a search that is not fuzzy; 0 is no hit.
func (q query) named(p *Person) float64 {
	best := 0.0
	for _, n := range p.Names {
		if (!n.current() && !q.history) || !like(q.family, n.Family) || !q.givenLike(n) {
			continue
		}
		score := 1.0
		if !n.current() {
			score -= lessHistory
		}
		for _, v := range append([]string{q.family}, q.given...) {
			if strings.Contains(v, "*") {
				score -= lessWildcard
			}
		}
		best = max(best, score)
	}
	return best
}

// givenLike compares given names in their order: the first asked with the first there, whole or its first word.
func (q query) givenLike(n Name) bool {
	for i, asked := range q.given {
		if i >= len(n.Given) {
			return false
		}
		first, _, _ := strings.Cut(n.Given[i], " ")
		if !like(asked, n.Given[i]) && (i > 0 || !like(asked, first)) {
			return false
		}
	}
	return true
}

// sounds scores the names in a fuzzy search, which compares by sound, takes swapped names and always knows old ones.
func (q query) sounds(p *Person) float64 {
	best := 0.0
	for _, n := range p.Names {
		given := ""
		if len(n.Given) > 0 {
			given = n.Given[0]
		}
		asked := ""
		if len(q.given) > 0 {
			asked = q.given[0]
		}
		score := 1.0 - alike(q.family, n.Family) - alike(asked, given)
		swapped := 1.0 - alike(q.family, given) - alike(asked, n.Family) - lessFuzzy
		if asked == "" || q.family == "" {
			swapped = 0
		}
		score = max(score, swapped)
		if !n.current() {
			score -= lessHistory
		}
		best = max(best, score)
	}
	return best
}

// alike is what two names lose by not being the same: nothing, a little when they sound alike, else all.
func alike(asked, there string) float64 {
	switch {
	case asked == "" || strings.EqualFold(asked, there):
		return 0
	case there != "" && soundex(asked) == soundex(there):
		return lessFuzzy
	}
	return 1
}

// soundex is the sound of a name: its first letter and three digits for the consonants behind it.
func soundex(name string) string {
	const codes = "01230120022455012623010202" // a to z; 0: not heard
	var out []byte
	last := byte('0')
	for _, r := range plain(name) {
		code := codes[r-'A']
		switch {
		case len(out) == 0:
			out = append(out, byte(r)) //nolint:gosec // plain leaves A to Z only
		case code != '0' && code != last:
			out = append(out, code)
		}
		if r != 'H' && r != 'W' {
			last = code
		}
	}
	for len(out) < 4 {
		out = append(out, '0')
	}
	return string(out[:4])
}

// plain is a name in the letters A to Z: accents go, and what is no letter.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToUpper(r)
		if r == 'Ł' {
			r = 'L' // has no form with a separate accent
		}
		if r < 'A' || r > 'Z' {
			return -1
		}
		return r
	}, norm.NFD.String(name))
}
