package patient

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hashed stands for the digests of an organisation's ring, at the same cost.
func hashed(kind, value string) string {
	mac := hmac.New(sha256.New, []byte("a key of thirty-two bytes, or so"))
	_, _ = io.WriteString(mac, kind+"\x00"+value)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func TestFolded(t *testing.T) {
	for in, want := range map[string]string{
		"O'Reilly": "oreilly", "O\u2019REILLY": "oreilly", "Kociński": "kocinski", "KOCIN\u0301SKI": "kocinski",
		"PÀULINÉ": "pauline", "Łukasz": "lukasz", "Bjørn": "bjorn", "Großmann": "grossmann", "GROẞMANN": "grossmann",
		"Æsir": "aesir", "Œuvre": "oeuvre", "Đặng": "dang", "Þór": "thor", "IŞIK": "isik", "ışık": "isik",
		"Smith-Jones": "smithjones", "Smith\u2011Jones": "smithjones", "van der Berg": "vanderberg", "Ｗｉｄｅ": "wide",
		"Παπαδόπουλος": "παπαδοπουλοσ", "Мария": "мария", "Йорданов": "иорданов", "王小明": "王小明", "محمد": "محمد", "III": "iii",
		"2nd": "2nd", "": "", "-": "", "\u200d": "",
	} {
		if got := folded(in); got != want {
			t.Errorf("%q is folded to %q, want %q", in, got, want)
		}
	}
}

// Folding twice is folding once: what is typed as it is stored is found.
func TestFoldedIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if once := folded(s); folded(once) != once {
			t.Fatalf("%q becomes %q and then %q", s, once, folded(once))
		}
	})
}

// A path begins with another exactly when the names do, as far as names are spelt.
func TestPathsBeginAsNamesDo(t *testing.T) {
	letters := rapid.StringMatching(`[abc]{3,18}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		s := spelling(hashed)
		x, y := s.row(byFamily, a, byGiven, b), s.row(byFamily, b, byGiven, a)
		cut := func(s string) string { return s[:min(len(s), pathLetters)] }
		if same, want := x.Digest == y.Digest, a[:headLetters] == b[:headLetters]; same != want {
			t.Fatalf("%s and %s share a partition: %v", a, b, same)
		}
		if same := s.both(term{a, b}).Digest == s.both(term{b, b}).Digest; same != (x.Digest == y.Digest) {
			t.Fatalf("%s and %s share a partition of both: %v", a, b, same)
		}
		begins := strings.HasPrefix(x.Path, s.begins(byFamily, b))
		if want := strings.HasPrefix(cut(a), cut(b)); begins != want && a[:headLetters] == b[:headLetters] && !collide(s, a, b) {
			t.Fatalf("the path of %s begins as that of %s: %v", a, b, begins)
		}
	})
}

// collide tells whether two names that differ are spelt alike by chance.
func collide(s *speller, a, b string) bool {
	for n := headLetters + 1; n <= min(len(a), len(b), pathLetters); n++ {
		if a[:n] != b[:n] && s.letter(byFamily, a[:n]) == s.letter(byFamily, b[:n]) {
			return true
		}
	}
	return false
}

// many draws somebody of one name or several.
func many(t *rapid.T) Patient {
	letters := rapid.SampledFrom([]string{"abab", "abba", "aba", "bab", "baba", "ab", "ba", "a", "b", ""})
	var p Patient
	for range rapid.IntRange(1, 3).Draw(t, "names") {
		n := Name{Family: letters.Draw(t, "family"), Given: []string{letters.Draw(t, "given")}}
		if rapid.IntRange(0, 3).Draw(t, "double") == 3 {
			n.Family += "-" + letters.Draw(t, "part")
		}
		p.Names = append(p.Names, n)
	}
	return p
}

// Whoever is meant has a row that the first source goes through whose rows fit, in whatever order the names are typed
// and however little of them: by that source, and no other, the patient is shown.
func TestWhoIsMeantIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := many(t)
		terms := p.terms()
		if len(terms) == 0 {
			return
		}
		one := rapid.SampledFrom(terms).Draw(t, "term")
		begin := func(name string) string {
			return name[:len(name)-rapid.IntRange(0, len(name)).Draw(t, "letters left out")]
		}
		family, given := begin(one.family), begin(one.given)
		typed := rapid.SampledFrom([]string{family + " " + given, given + " " + family, family + "," + given}).Draw(t, "typed")
		s := spelling(hashed)
		rows, found := s.lookups(p), false
		for _, src := range named(s, readings(typed)) {
			fits := src.fitting(p)
			for _, term := range fits {
				r := s.of(src.kind, term)
				if r.Digest != src.digest || !strings.HasPrefix(r.Path, src.prefix) || !src.takes(r.Path+"#pat_x") {
					t.Fatalf("%q goes past the row of %v, by %s", typed, term, src.kind)
				}
				if !slices.Contains(rows, r) {
					t.Fatalf("there is no row %s of %v", src.kind, term)
				}
			}
			if found = len(fits) > 0; found {
				break
			}
		}
		if !found && len(family) != 1 && len(given) != 1 && family+given != "" { // a letter alone is a whole name
			t.Fatalf("%q does not find %v", typed, one)
		}
	})
}

// Who is meant by the beginnings of both names is not looked for among all those who share one of them.
func TestBeginningsOfBothAreNarrow(t *testing.T) {
	s := spelling(hashed)
	for _, typed := range []string{"smi jo", "jo smi", "Smith, Jo", "smi joa", "joa smi", "li na"} {
		for _, src := range named(s, readings(typed)) {
			if src.want.paired() && src.kind != byBoth && !src.whole {
				t.Errorf("%q goes through all %s %v", typed, src.kind, src.want)
			}
		}
	}
}

// The rows say nothing in clear, are the same each time, and are few.
func TestLookups(t *testing.T) {
	p := Patient{
		ID: "pat_x", BirthDate: "1975-11-21",
		Names: []Name{
			{Use: Usual, Given: []string{"John", "Paul"}, Family: "Fotherington-Smith"},
			{Use: "nickname", Given: []string{"Johnny"}, Family: "Fotherington-Smith"},
		},
		Contacts: []Contact{
			{System: Phone, Value: "+447700900123"}, {System: SMS, Value: "+447700900123"}, {System: Email, Value: "J@example.org"},
		},
		Addresses: []Address{{Use: Home, Postcode: "DN15 5AA"}, {Use: "temp", Postcode: NoFixedAbode}},
	}
	rows := spelling(hashed).lookups(p)
	if len(rows) != 3*6+6 {
		t.Errorf("%d rows", len(rows))
	}
	if !slices.Equal(rows, spelling(hashed).lookups(p.clone())) {
		t.Error("the rows differ from one time to the next")
	}
	for _, r := range rows {
		if len(r.Path) > 70 || strings.Trim(r.Path, "0123456789abcdefghijklmnopqrstuv.") != "" || len(r.Digest) != 32 {
			t.Errorf("row %s %s", r.Digest, r.Path)
		}
	}
	p.Restricted = true
	if got := len(spelling(hashed).lookups(p)); got != 3*6+3 {
		t.Errorf("%d rows of somebody protected", got)
	}
	p.MergedInto = "pat_y"
	if got := spelling(hashed).lookups(p); got != nil {
		t.Errorf("rows of somebody merged: %v", got)
	}
}

func BenchmarkLookups(b *testing.B) {
	p := Patient{
		ID: "pat_x", BirthDate: "1975-11-21", Names: []Name{{Use: Usual, Given: []string{"Joanna"}, Family: "Smith"}},
		Contacts:  []Contact{{System: Phone, Value: "+447700900123"}, {System: Email, Value: "j@example.org"}},
		Addresses: []Address{{Use: Home, Postcode: "DN15 5AA"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(spelling(hashed).lookups(p)) != 8 {
			b.Fatal("not the rows that there should be")
		}
	}
}
