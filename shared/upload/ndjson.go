package upload

import (
	"bytes"
	"encoding/json"

	"almanac/shared/fault"
	"almanac/shared/patient"
)

// The reasons for which a line of JSON is refused that a line of CSV cannot have.
const (
	fieldTwice = "duplicate_field"
	restricted = "restricted" // whereabouts are protected: register by hand, so that somebody sees to it
)

// ndjson reads a line with one Patient of FHIR R4 in JSON. Empty lines are passed over.
func ndjson(s *source) (line, error) {
	for {
		text, long, err := s.physical()
		l := line{number: s.line}
		switch {
		case err != nil:
			return l, err
		case long:
			l.reasons = []string{lineTooLong}
		case len(bytes.TrimSpace(text)) == 0:
			continue
		case !sound(text):
			l.reasons = []string{fieldTwice}
		default:
			var wrong []fault.Detail
			l.patient, wrong = patient.FromFHIR(text)
			l.reasons = reasonsOf(wrong, func(pointer string) string { return pointer })
			if l.patient.Restricted {
				l.reasons = append(l.reasons, restricted)
			}
		}
		return l, nil
	}
}

// deepest is how many levels a resource may have; a Patient has about ten.
const deepest = 32

// sound tells whether no object of the JSON has a field twice, of which a decoder would take either, and none lies too
// deep. What is no JSON is for the decoder to refuse.
func sound(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	var w walk
	for {
		t, err := d.Token()
		if err != nil {
			return true
		}
		if !w.step(t) {
			return false
		}
	}
}

// walk goes through JSON token by token.
type walk struct {
	around []map[string]bool // the fields so far of each object around; nil for a list
	named  bool              // whether the field whose value comes was named
}

// step takes one token in, and tells whether all is sound so far.
func (w *walk) step(t json.Token) bool {
	if delim, ok := t.(json.Delim); ok {
		w.named = false
		switch delim {
		case '{':
			w.around = append(w.around, map[string]bool{})
		case '[':
			w.around = append(w.around, nil)
		default:
			w.around = w.around[:len(w.around)-1]
		}
		return len(w.around) <= deepest
	}
	if len(w.around) == 0 || w.around[len(w.around)-1] == nil {
		return true
	}
	fields := w.around[len(w.around)-1]
	if name, ok := t.(string); ok && !w.named {
		again := fields[name]
		fields[name], w.named = true, true
		return !again
	}
	w.named = false
	return true
}
