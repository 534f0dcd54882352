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
	if len(rows) != 2*6+6 {
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
	if got := len(spelling(hashed).lookups(p)); got != 2*6+3 {
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
		if len(spelling(hashed).lookups(p)) != 7 {
			b.Fatal("not the rows that there should be")
		}
	}
}
