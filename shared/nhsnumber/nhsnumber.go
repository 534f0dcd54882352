// Package nhsnumber checks and writes NHS numbers. Its rule: a Number is made by Parse alone, so whoever holds one
// knows that it can be a number; and it prints as "[redacted]", so that it reaches an answer or a call only by Digits
// or Shown.
package nhsnumber

import (
	"errors"
	"strings"

	"almanac/shared/private"
)

// Length is how many digits an NHS number has, the check digit included.
const Length = 10

// maxTyped bounds what is read: people write the number with spaces, and never with as many as this.
const maxTyped = 32

var (
	// ErrForm says that a text is not ten digits.
	ErrForm = errors.New("not ten digits")
	// ErrCheck says that the last digit does not belong to the nine before it: most often a slip of typing.
	ErrCheck = errors.New("wrong check digit")
	// ErrRepeated says that all ten digits are the same. Each of the ten passes the check; none is anybody's.
	ErrRepeated = errors.New("one digit ten times")
)

// Number is an NHS number that passed the check. The zero Number is none.
type Number struct {
	private.Hidden

	digits [Length]byte
}

// Parse reads a number of ten ASCII digits, with or without spaces. Other scripts' digits are refused: they pass for
// digits here and for garbage at the other end. Errors: ErrForm, ErrCheck, ErrRepeated; none tells what was read.
func Parse(s string) (Number, error) {
	var n Number
	if len(s) > maxTyped {
		return Number{}, ErrForm
	}
	length, sum, repeated := 0, 0, true
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ' ':
			continue
		case c < '0' || c > '9' || length == Length:
			return Number{}, ErrForm
		}
		n.digits[length] = c
		sum += int(c-'0') * weight(length)
		repeated = repeated && c == n.digits[0]
		length++
	}
	switch {
	case length != Length:
		return Number{}, ErrForm
	case repeated:
		return Number{}, ErrRepeated
	case sum%modulus != 0:
		return Number{}, ErrCheck
	}
	return n, nil
}

const modulus = 11

// weight is what the digit at the place counts: ten to two for the first nine and one for the check digit, so that the
// weighted sum of a whole number is a multiple of eleven. A check value of ten has no digit and can never add up.
func weight(place int) int { return Length - place }

// IsZero tells whether this is no number at all.
func (n Number) IsZero() bool { return n == Number{} }

// Digits gives the ten digits: what is stored, sealed, and what goes out to the NHS.
func (n Number) Digits() string {
	if n.IsZero() {
		return ""
	}
	return string(n.digits[:])
}

// Shown gives the number as people read it aloud and as it is printed: three, three and four digits.
func (n Number) Shown() string {
	if n.IsZero() {
		return ""
	}
	return strings.Join([]string{string(n.digits[:3]), string(n.digits[3:6]), string(n.digits[6:])}, " ")
}

// Issued tells whether a real person may have the number. Those that begin with 9 or 59 are kept for tests: they are
// welcome in a sandbox and a mistake in production.
func (n Number) Issued() bool {
	return !n.IsZero() && n.digits[0] != '9' && string(n.digits[:2]) != "59"
}

// MarshalText hides the number from encoders: what is stored or sent says so by Digits.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }
