// Package id makes and checks the ids of all records: a three-letter prefix, an underscore and a UUIDv7 (RFC 9562)
// in 26 characters of Crockford's base 32, lower case, as the TypeID convention writes it. Ids sort by time made.
package id

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Source makes a fresh id with the prefix; app passes New, tests may pass their own.
type Source func(prefix string) string

const (
	alphabet  = "0123456789abcdefghjkmnpqrstvwxyz"
	prefixLen = 3
	encoded   = 26
	length    = prefixLen + 1 + encoded
)

// ErrMalformed says that a text is not an id of the kind asked for.
var ErrMalformed = errors.New("malformed id")

// New makes an id from a fresh UUIDv7. It panics only if the system's random source fails, as uuid.Must does.
func New(prefix string) string { return Format(prefix, uuid.Must(uuid.NewV7())) }

// At gives the least id with the prefix that can be made at the instant: every id made before it sorts before.
func At(prefix string, at time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], uint64(at.UnixMilli())<<16)
	return Format(prefix, raw)
}

// Format writes raw as an id with the prefix.
func Format(prefix string, raw [16]byte) string {
	out := make([]byte, 0, length)
	out = append(out, prefix...)
	out = append(out, '_')
	// 128 bits in 26 digits of 5: the first digit holds 3 bits.
	hi, lo := word(raw[:8]), word(raw[8:])
	for shift := 125; shift >= 0; shift -= 5 {
		out = append(out, alphabet[bits(hi, lo, shift)])
	}
	return string(out)
}

// Raw gives the 16 bytes behind an id of any prefix, or ErrMalformed.
func Raw(s string) ([16]byte, error) {
	var raw [16]byte
	if len(s) != length || s[prefixLen] != '_' || s[prefixLen+1] > '7' {
		return raw, ErrMalformed
	}
	var hi, lo uint64
	for i := prefixLen + 1; i < length; i++ {
		d := digit(s[i])
		if d < 0 {
			return raw, ErrMalformed
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(d)
	}
	for i := range 8 {
		raw[i], raw[8+i] = byte(hi>>(56-8*i)), byte(lo>>(56-8*i)) //nolint:gosec // the low byte is meant
	}
	return raw, nil
}

// Valid tells whether s is a well-formed id with that prefix.
func Valid(s, prefix string) bool {
	if len(s) != length || s[:prefixLen] != prefix {
		return false
	}
	_, err := Raw(s)
	return err == nil
}

func word(b []byte) uint64 {
	var w uint64
	for _, c := range b {
		w = w<<8 | uint64(c)
	}
	return w
}

// bits gives the five bits of hi‖lo that start at shift.
func bits(hi, lo uint64, shift int) uint64 {
	const mask = 31
	switch {
	case shift >= 64:
		return hi >> (shift - 64) & mask
	case shift > 59:
		return (lo>>shift | hi<<(64-shift)) & mask
	default:
		return lo >> shift & mask
	}
}

func digit(c byte) int {
	for i := range alphabet {
		if alphabet[i] == c {
			return i
		}
	}
	return -1
}
