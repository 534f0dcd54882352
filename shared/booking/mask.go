package booking

import (
	"math/bits"

	"almanac/shared/table"
)

// mask is a set of ticks from a first one on, one bit each. Ticks outside of it count as unset.
type mask struct {
	from  table.Tick
	words []uint64
}

const wordBits = 64

func newMask(over table.Span) mask {
	return mask{from: over.From, words: make([]uint64, (over.Len()+wordBits-1)/wordBits)}
}

// set adds the ticks of the span.
func (m mask) set(s table.Span) {
	m.each(s, func(word *uint64, part uint64) bool {
		*word |= part
		return true
	})
}

// any tells whether a tick of the span is in the mask.
func (m mask) any(s table.Span) bool {
	found := false
	m.each(s, func(word *uint64, part uint64) bool {
		found = *word&part != 0
		return !found
	})
	return found
}

// all tells whether every tick of the span is in the mask.
func (m mask) all(s table.Span) bool {
	n := 0
	m.each(s, func(word *uint64, part uint64) bool {
		n += bits.OnesCount64(*word & part)
		return true
	})
	return n == s.Len()
}

// each calls do with every word that the span touches and the bits of it that are meant, until do says stop.
func (m mask) each(s table.Span, do func(word *uint64, part uint64) bool) {
	a := max(0, int(s.From-m.from))
	b := min(int(s.To-m.from), len(m.words)*wordBits)
	for a < b {
		i, off := a/wordBits, a%wordBits
		n := min(wordBits-off, b-a)
		part := (^uint64(0) >> (wordBits - n)) << off
		if !do(&m.words[i], part) {
			return
		}
		a += n
	}
}
