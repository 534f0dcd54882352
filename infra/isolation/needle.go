package main

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // looked for, not relied on
	"crypto/sha1" //nolint:gosec // looked for, not relied on
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// found is a trace of a canary: whose, and of what part. It never says the text itself.
type found struct {
	canary int
	part   string
}

// needles finds canaries in any text. It is safe for concurrent use, because it never changes.
type needles struct {
	count   int
	numbers map[string]int // NHS numbers
	born    map[string]int
	plain   map[string]found // digests of what should not be digested without a key, and other spellings
}

func newNeedles(count int, numbers []string) *needles {
	n := &needles{count: count, numbers: map[string]int{}, born: map[string]int{}, plain: map[string]found{}}
	for i := range count {
		n.numbers[numbers[i]], n.born[born(i)] = i, i
		c := canary{number: i}
		family := c.word(familyWord)
		for _, value := range []string{numbers[i], family, capital(family), strings.ToUpper(family), c.mail()} {
			m, s1 := md5.Sum([]byte(value)), sha1.Sum([]byte(value)) //nolint:gosec // as above
			s2 := sha256.Sum256([]byte(value))
			for _, sum := range [][]byte{m[:], s1[:], s2[:]} {
				n.plain[hex.EncodeToString(sum)[:shortest]] = found{i, "digest without a key"}
			}
			n.plain[strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")] = found{i, "base 64"}
			n.plain[hex.EncodeToString([]byte(value))] = found{i, "hexadecimal"}
		}
	}
	return n
}

// shortest is how much of a digest is compared.
const shortest = 32

// find lists the traces of canaries in a text.
func (n *needles) find(text []byte) []found {
	var out []found
	low := bytes.ToLower(text)
	for _, b := range beginnings() {
		out = append(out, n.words(low, b)...)
	}
	return append(out, n.digits(low)...)
}

// words finds the words that begin so.
func (n *needles) words(low []byte, beginning string) []found {
	var out []found
	for rest := low; ; {
		i := bytes.Index(rest, []byte(beginning))
		if i < 0 {
			return out
		}
		rest = rest[i+len(beginning):]
		if who, ok := read(rest); ok && who < n.count {
			out = append(out, found{who, part(beginning)})
		}
	}
}

// read reads the number that a word ends in.
func read(rest []byte) (int, bool) {
	if len(rest) < tail {
		return 0, false
	}
	n, scale := 0, 1
	for i := range tail {
		of := consonants
		if i%2 == 1 {
			of = vowels
		}
		d := strings.IndexByte(of, rest[i])
		if d < 0 {
			return 0, false
		}
		n, scale = n+d*scale, scale*len(of)
	}
	return n, true
}

func part(beginning string) string {
	switch beginning {
	case familyWord:
		return "family name or e-mail address"
	case givenWord:
		return "given name"
	case streetWord:
		return "address"
	case noteWord:
		return "note"
	}
	return "representative"
}

// digits finds NHS numbers, mobile numbers and birth dates.
func (n *needles) digits(text []byte) []found {
	var out []found
	for i := 0; i < len(text); i++ {
		if !digit(text, i) {
			continue
		}
		begin := i
		for digit(text, i+1) {
			i++
		}
		if hit, ok := n.number(text, begin, i+1); ok {
			out = append(out, hit)
		}
	}
	return out
}

func digit(text []byte, i int) bool {
	return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9'
}

const (
	numberPart  = "NHS number"
	nhsLength   = 10
	grouped     = len("999 310 0000")
	fiction     = "7700900" // and three more
	fictionArea = "7700"
	date        = len("1901-01-01")
)

// number judges a run of digits, and what follows where numbers are written in groups.
func (n *needles) number(text []byte, begin, end int) (found, bool) {
	run := string(text[begin:end])
	switch i := strings.Index(run, fiction); {
	case len(run) == nhsLength && i < 0:
		who, ok := n.numbers[run]
		return found{who, numberPart}, ok
	case i >= 0 && len(run) == i+nhsLength:
		return n.mobile(run)
	case strings.HasSuffix(run, fictionArea) && begin+len(run)+1+6 <= len(text):
		return n.mobile(joined(text[begin : end+1+6]))
	case len(run) == 3 && begin+grouped <= len(text):
		who, ok := n.numbers[joined(text[begin:begin+grouped])]
		return found{who, numberPart}, ok
	case len(run) == 4 && begin+date <= len(text):
		who, ok := n.born[string(text[begin:begin+date])]
		return found{who, "birth date"}, ok
	}
	return found{}, false
}

// joined drops what stands between groups.
func joined(text []byte) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(string(text))
}

func (n *needles) mobile(run string) (found, bool) {
	i := strings.Index(run, fiction)
	if i < 0 || len(run) != i+nhsLength {
		return found{}, false
	}
	last, err := strconv.Atoi(run[len(run)-3:])
	return found{last, "telephone number"}, err == nil && last < n.count && mobileOf(last)
}

// disguised finds digests without a key, and values in another alphabet. Words are what they are between anything that
// neither hexadecimal nor base 64 is written with.
func (n *needles) disguised(text []byte) []found {
	var out []found
	for word := range bytes.FieldsFuncSeq(text, func(r rune) bool { return !alphabetic(r) }) {
		key := strings.TrimRight(string(word), "=")
		if hit, ok := n.plain[key]; ok {
			out = append(out, hit)
			continue
		}
		if low := strings.ToLower(key); len(low) >= shortest {
			if hit, ok := n.plain[low[:shortest]]; ok {
				out = append(out, hit)
			}
		}
	}
	return out
}

func alphabetic(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/' || r == '='
}
