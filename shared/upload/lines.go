package upload

import (
	"io"
	"slices"
	"strings"

	"almanac/shared/fault"
	"almanac/shared/patient"
)

// line is one line of a file that holds, or ought to hold, a patient.
type line struct {
	number  int // in the file; a header is line 1
	patient patient.Patient
	reasons []string // for which it is refused
}

// lineReader reads a file's lines, a line at a time whatever the file's length.
type lineReader struct {
	*source
	// next gives the next line; the error is io.EOF at the end, a refusalError where the whole file cannot be taken,
	// or what reading gave.
	next func() (line, error)
}

// open reads a file's beginning.
func open(r io.Reader, format, dates string) (*lineReader, error) {
	if format == FHIR {
		s := newSource(r)
		return &lineReader{source: s, next: func() (line, error) { return ndjson(s) }}, s.begin()
	}
	f, err := newCSV(r)
	if err != nil {
		return nil, err
	}
	return &lineReader{source: f.source, next: func() (line, error) {
		number, fields, why, err := f.nextRecord()
		l := line{number: number}
		switch {
		case err != nil:
			return l, err
		case why != "":
			l.reasons = []string{why}
			return l, nil
		}
		l.patient, l.reasons = person(fields, dates)
		return l, nil
	}}, nil
}

// mostReasons bounds what the report says of one line.
const mostReasons = 10

// reasonsOf lists the codes of a refusal's details with what each is about.
func reasonsOf(details []fault.Detail, of func(pointer string) string) []string {
	var out []string
	for _, d := range details {
		if r := reason(d.Code, of(d.Pointer)); len(out) < mostReasons && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// check makes the record of a line as it would be stored, and adds what is wrong with it to the line's reasons.
func (l *line) check(in *patient.Intake) error {
	if len(l.reasons) > 0 && len(l.patient.Names) == 0 {
		return nil // there is nothing to look at
	}
	p, err := in.Check(l.patient)
	if err != nil && len(fault.Of(err).Details) == 0 {
		return err
	}
	var wrong []fault.Detail
	if err != nil {
		wrong = fault.Of(err).Details
	}
	for _, r := range reasonsOf(wrong, func(pointer string) string { return columnOf(pointer, l.patient) }) {
		_, column, _ := strings.Cut(r, ":")
		told := slices.ContainsFunc(l.reasons, func(known string) bool { return strings.HasSuffix(known, ":"+column) })
		if len(l.reasons) < mostReasons && !told {
			l.reasons = append(l.reasons, r)
		}
	}
	if len(l.reasons) == 0 && len(p.BirthDate) != len("2006-01-02") {
		l.reasons = []string{reason("required", birthDate)}
	}
	l.patient = p
	return nil
}
