package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"almanac/shared/fault"
)

// Limits of a request's body. They are well above what any route needs.
const (
	maxBody    = 64 << 10
	maxDepth   = 32
	maxDetails = 20 // of one refusal; a caller who made more mistakes hears of the rest next time
)

// errDepth stops the walk; it is turned into a refusal where the walk began.
var errDepth = errors.New("too deep")

// strict walks a JSON text that is known to be well-formed and finds what encoding/json lets pass: a name given twice
// (the last would win), a name that is not exactly a field's (case is folded, even of "ſ"), a NUL, half a surrogate
// pair (it would become U+FFFD), and nesting without bound.
type strict struct {
	text     []byte
	at       int
	registry huma.Registry
	details  []fault.Detail
}

// check tells whether body is one strict JSON value with only fields that the schema knows. A nil schema knows none
// and lets every name pass.
func check(body []byte, schema *huma.Schema, registry huma.Registry) error {
	if !utf8.Valid(body) {
		return malformed("malformed_json", "The body is not valid UTF-8.")
	}
	if !json.Valid(body) {
		return malformed("malformed_json", "The body is not JSON"+where(body)+".")
	}
	s := strict{text: body, registry: registry}
	if err := s.value(schema, "", 1); err != nil {
		return malformed("malformed_json", fmt.Sprintf("The body is nested deeper than %d levels.", maxDepth))
	}
	if len(s.details) > 0 {
		return malformed("malformed_body", "The body has fields that cannot be taken as they stand.", s.details...)
	}
	return nil
}

// where says at which byte a text stops being JSON; the text itself is not shown.
func where(body []byte) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(json.RawMessage))); ok {
		return fmt.Sprintf(": it breaks at byte %d", syntax.Offset)
	}
	return ""
}

// malformed is a refusal of a request that could not be read, as opposed to one that was read and is wrong.
func malformed(code, message string, details ...fault.Detail) error {
	return refuse(http.StatusBadRequest, fault.Invalid, code, message, details...)
}

func (s *strict) add(code, pointer, message string, choices []string) {
	if len(s.details) < maxDetails {
		s.details = append(s.details, fault.Detail{Code: code, Message: message, Pointer: pointer, Choices: choices})
	}
}

func (s *strict) value(schema *huma.Schema, pointer string, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	schema = s.resolve(schema)
	s.space()
	switch s.text[s.at] {
	case '{':
		return s.object(schema, pointer, depth)
	case '[':
		return s.array(schema, pointer, depth)
	case '"':
		if _, ok := s.string(); !ok {
			s.add("text_refused", pointer, "A text may not hold a NUL character or half of a surrogate pair.", nil)
		}
	default:
		s.scalar(schema, pointer)
	}
	return nil
}

// scalar passes over a number, true, false or null. A number must be one that the field's type holds: huma checks
// bounds on a float64, and encoding/json would then refuse what huma let pass, without saying where.
func (s *strict) scalar(schema *huma.Schema, pointer string) {
	start := s.at
	for s.at < len(s.text) && bytes.IndexByte([]byte(" \t\r\n,]}"), s.text[s.at]) < 0 {
		s.at++
	}
	word := string(s.text[start:s.at])
	if word[0] != '-' && (word[0] < '0' || word[0] > '9') {
		return
	}
	number, err := strconv.ParseFloat(word, 64)
	if err == nil && (schema == nil || schema.Type != huma.TypeInteger || number != math.Trunc(number)) {
		return
	}
	if _, whole := strconv.ParseInt(word, 10, 64); err != nil || whole != nil {
		s.add("wrong_type", pointer, "Must be a number of at most 64 bits; a whole one in digits alone.", nil)
	}
}

func (s *strict) object(schema *huma.Schema, pointer string, depth int) error {
	seen := map[string]bool{}
	s.at++ // {
	for s.space(); s.text[s.at] != '}'; s.space() {
		if s.text[s.at] == ',' {
			s.at++
			s.space()
		}
		name, ok := s.string()
		if !ok {
			s.add("text_refused", pointer, "A field's name holds a NUL character or half of a surrogate pair.", nil)
		}
		child, at := s.field(schema, pointer, name)
		if seen[name] {
			s.add("duplicate_field", at, "The field is given twice.", nil)
		}
		seen[name] = true
		s.space()
		s.at++ // :
		if err := s.value(child, at, depth+1); err != nil {
			return err
		}
	}
	s.at++ // }
	return nil
}

// field gives the schema and the pointer of an object's field. The pointer of a field that we do not know is the
// object's: the name was typed by somebody.
func (s *strict) field(schema *huma.Schema, pointer, name string) (*huma.Schema, string) {
	if schema == nil || schema.Type != huma.TypeObject {
		return nil, pointer
	}
	if p, ok := schema.Properties[name]; ok {
		at := pointer + "/" + name
		if p.ReadOnly {
			s.add("read_only_field", at, "The field is ours to set: leave it out.", nil)
		}
		return p, at
	}
	if open, ok := schema.AdditionalProperties.(*huma.Schema); ok {
		if strings.ContainsAny(name, ".[") { // huma would lose its way and name the wrong field
			s.add("text_refused", pointer, "A name here may not hold a full stop or a bracket.", nil)
		}
		return open, pointer
	}
	if closed, ok := schema.AdditionalProperties.(bool); ok && !closed {
		s.add("unknown_field", pointer, "A field here is not one of those that may be sent; capitals count.",
			writable(schema))
	}
	return nil, pointer
}

func writable(schema *huma.Schema) []string {
	names := slices.Sorted(maps.Keys(schema.Properties))
	return slices.DeleteFunc(names, func(n string) bool { return schema.Properties[n].ReadOnly })
}

func (s *strict) array(schema *huma.Schema, pointer string, depth int) error {
	var items *huma.Schema
	if schema != nil {
		items = schema.Items
	}
	s.at++ // [
	n := 0
	for s.space(); s.text[s.at] != ']'; s.space() {
		if s.text[s.at] == ',' {
			s.at++
		}
		if err := s.value(items, fmt.Sprintf("%s/%d", pointer, n), depth+1); err != nil {
			return err
		}
		n++
	}
	s.at++ // ]
	return nil
}

// string reads a string and tells whether it is free of NUL and of half surrogate pairs.
func (s *strict) string() (string, bool) {
	start, escaped := s.at, false
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			escaped = true
			s.at++
		}
	}
	s.at++
	raw := s.text[start:s.at]
	if !escaped {
		return string(raw[1 : len(raw)-1]), true
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", false // unreachable: the text is valid JSON
	}
	return text, !bytes.ContainsRune([]byte(text), 0) && !loneSurrogate(raw)
}

// loneSurrogate looks for a \u escape of half a surrogate pair. Decoded, it would be U+FFFD, which a text may also
// hold rightfully, so the escapes themselves are looked at.
func loneSurrogate(raw []byte) bool {
	const length = len(`\uXXXX`)
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if raw[i+1] != 'u' {
			i++
			continue
		}
		var units []uint16
		for i+length <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
			units = append(units, hex(raw[i+2:i+length]))
			i += length
		}
		i--
		if !paired(units) {
			return true
		}
	}
	return false
}

func hex(digits []byte) uint16 {
	var n uint16
	for _, d := range digits {
		n <<= 4
		switch {
		case d <= '9':
			n |= uint16(d - '0')
		default:
			n |= uint16(d|0x20-'a') + 10
		}
	}
	return n
}

// paired tells whether every surrogate among UTF-16 units stands in a pair, high before low.
func paired(units []uint16) bool {
	const high, low, end = 0xD800, 0xDC00, 0xE000
	for i := 0; i < len(units); i++ {
		switch u := units[i]; {
		case u < high || u >= end:
		case u < low && i+1 < len(units) && units[i+1] >= low && units[i+1] < end:
			i++
		default:
			return false
		}
	}
	return true
}

func (s *strict) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

func (s *strict) resolve(schema *huma.Schema) *huma.Schema {
	for schema != nil && schema.Ref != "" {
		schema = s.registry.SchemaFromRef(schema.Ref)
	}
	return schema
}
