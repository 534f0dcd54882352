package meter

import (
	"encoding/base64"
	"math"
	"strings"
)

// item is an item on the wire: attribute values as DynamoDB's JSON writes them, {"S": "text"}.
type item map[string]value

type value map[string]any

const (
	writeUnit = 1 << 10 // "one write … for an item up to 1 KB in size"
	readUnit  = 4 << 10 // "one strongly consistent read … for an item up to 4 KB in size"

	containerOverhead = 3 // "An attribute of type List or Map requires 3 bytes of overhead, regardless of its contents"
	elementOverhead   = 1 // "Each List or Map element also requires 1 byte of overhead"
)

// size is "the sum of the lengths of its attribute names and values". (The further 100 bytes of an item are for the
// billing of storage only.)
func (i item) size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

func (v value) size() int {
	for kind, raw := range v {
		switch kind {
		case "S": // "the number of UTF-8-encoded bytes"
			return len(text(raw))
		case "N":
			return numberSize(text(raw))
		case "B": // "the value's raw byte length"
			return binarySize(text(raw))
		case "BOOL", "NULL": // "1 byte"
			return 1
		case "SS":
			return sum(raw, func(s string) int { return len(s) })
		case "NS":
			return sum(raw, numberSize)
		case "BS":
			return sum(raw, binarySize)
		case "L", "M":
			return containerSize(raw)
		}
	}
	return 0
}

func containerSize(raw any) int {
	n := containerOverhead
	for _, each := range list(raw) {
		n += elementOverhead + nested(each).size()
	}
	for name, each := range nested(raw) {
		n += elementOverhead + len(name) + nested(each).size()
	}
	return n
}

func text(raw any) string {
	s, _ := raw.(string) // the engine has taken the request, so it is one
	return s
}

func list(raw any) []any {
	l, _ := raw.([]any)
	return l
}

func nested(raw any) value {
	m, _ := raw.(map[string]any)
	return m
}

// sum is the size of a set: the guide names no overhead for it.
func sum(raw any, size func(string) int) int {
	n := 0
	for _, each := range list(raw) {
		n += size(text(each))
	}
	return n
}

func binarySize(s string) int {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return len(s)
	}
	return len(raw)
}

// numberSize: "Leading and trailing zeroes are trimmed. The size of a number is approximately … (1 byte per two
// significant digits) + (1 byte)." A minus takes one more byte, which the guide does not say but capacity reports show.
// Digits are counted in pairs to either side of the decimal point, so the figure errs on the high side.
func numberSize(s string) int {
	n := 1
	s, negative := strings.CutPrefix(s, "-")
	if negative {
		n++
	}
	s, _, _ = strings.Cut(strings.ToUpper(s), "E")
	whole, fraction, _ := strings.Cut(s, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	switch {
	case fraction == "":
		whole = strings.TrimRight(whole, "0")
	case whole == "":
		fraction = strings.TrimLeft(fraction, "0")
	}
	return n + pairs(whole) + pairs(fraction)
}

func pairs(digits string) int { return (len(digits) + 1) / 2 }

// units rounds a size up to whole units. The least is one: a read of an item that does not exist, or a delete of
// one, costs as much as one of the smallest.
func units(size, unit int) float64 {
	return math.Max(1, math.Ceil(float64(size)/float64(unit)))
}
