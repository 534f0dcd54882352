package upload

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// csvFile reads comma-separated values (RFC 4180), a record at a time. It is not encoding/csv because that keeps a
// record of any length in memory, and ends at the first record with a fault in it: here that one is refused and the
// next is read.
type csvFile struct {
	*source
	header  []string
	delimit byte
	record  record
}

// record is one line of the file on its way: its fields lie one after another in raw.
type record struct {
	raw  []byte
	ends []int // of the fields in raw
}

// newCSV reads the header, which says by what the fields are parted: a comma, a semicolon or a tab.
func newCSV(r io.Reader) (*csvFile, error) {
	f := &csvFile{source: newSource(r)}
	if err := f.begin(); err != nil {
		return nil, err
	}
	line, long, err := f.physical()
	switch {
	case errors.Is(err, io.EOF):
		return nil, refuse(NoHeader, 1)
	case err != nil:
		return nil, err
	case long:
		return nil, refuse(HeaderTooLong, 1)
	case len(bytes.TrimSpace(line)) == 0:
		return nil, refuse(NoHeader, 1)
	}
	return f, f.name(line)
}

// name reads the header's names, and by what they are parted.
func (f *csvFile) name(line []byte) error {
	f.delimit = ','
	found := 0
	for _, d := range []byte(",;\t") {
		if bytes.IndexByte(line, d) >= 0 {
			f.delimit = d
			found++
		}
	}
	if found > 1 {
		return refuse(HeaderUnclear, 1)
	}
	for name := range strings.SplitSeq(string(line), string(f.delimit)) {
		name = strings.TrimSpace(name)
		if bare, quoted := strings.CutPrefix(name, `"`); quoted {
			name, quoted = strings.CutSuffix(bare, `"`)
			if !quoted {
				return refuse(HeaderUnclear, 1)
			}
		}
		f.header = append(f.header, name)
	}
	return f.judge()
}

// judge refuses a header with a column that is not known, is there twice or is missing.
func (f *csvFile) judge() error {
	for i, name := range f.header {
		if !slices.Contains(Columns(), name) {
			return refuse(UnknownColumn, 1)
		}
		if slices.Contains(f.header[:i], name) {
			return refuse(RepeatedColumn, 1)
		}
	}
	for _, name := range needed() {
		if !slices.Contains(f.header, name) {
			return refuse(MissingColumns, 1)
		}
	}
	return nil
}

// The reasons for which a line is refused because of its form.
const (
	strayQuote  = "stray_quote" // a quotation mark within a field that is not quoted, or after one that is
	fieldCount  = "field_count" // not as many fields as the header has
	lineTooLong = "line_too_long"
)

// nextRecord reads a line. It gives its number, its fields by column, or the reason for which it cannot be read. Lines
// with nothing in them are passed over. At the end the error is io.EOF.
func (f *csvFile) nextRecord() (int, map[string]string, string, error) {
	for {
		reason, err := f.read()
		if err != nil {
			return f.line, nil, "", err
		}
		if reason != "" {
			return f.line, nil, reason, nil
		}
		if len(f.record.ends) == 1 && len(bytes.TrimSpace(f.record.raw)) == 0 {
			continue
		}
		if !utf8.Valid(f.record.raw) {
			return f.line, nil, "", refuse(NotUTF8, f.line)
		}
		if len(f.record.ends) != len(f.header) {
			return f.line, nil, fieldCount, nil
		}
		fields := make(map[string]string, len(f.header))
		start := 0
		for i, end := range f.record.ends {
			fields[f.header[i]] = string(f.record.raw[start:end])
			start = end
		}
		return f.line, fields, "", nil
	}
}

// The places within a record.
const (
	atStart = iota // of a field
	inPlain        // within one that is not quoted
	inQuoted
	afterQuote // within a quoted one, after a quotation mark: its end, or half of a doubled one
)

// read reads one record into f.record, to its end whatever is wrong with it.
func (f *csvFile) read() (string, error) {
	f.record.raw, f.record.ends = f.record.raw[:0], f.record.ends[:0]
	place, reason, size := atStart, "", 0
	for {
		b, err := f.next()
		if errors.Is(err, io.EOF) {
			return f.end(place, reason, size)
		}
		if err != nil {
			return "", err
		}
		if size == 0 {
			f.line++
		}
		if size++; size > MaxLine {
			if place == inQuoted {
				return "", refuse(QuoteOpen, f.line)
			}
			reason = lineTooLong
			f.record.raw = f.record.raw[:0] // refused: only its end matters
		}
		if b == '\n' && place != inQuoted {
			f.close()
			return reason, nil
		}
		if place = f.step(place, b); place < 0 {
			place, reason = inPlain, strayQuote
		}
	}
}

// end is the end of the file, which ends the last record too.
func (f *csvFile) end(place int, reason string, size int) (string, error) {
	switch {
	case place == inQuoted:
		return "", refuse(QuoteOpen, f.line)
	case size == 0:
		return "", io.EOF
	}
	f.close()
	return reason, nil
}

// step takes one byte of a record in and gives the place after it; -1 after a quotation mark that has no place.
func (f *csvFile) step(place int, b byte) int {
	switch {
	case place == inQuoted && b == '"':
		return afterQuote
	case place == inQuoted:
		f.record.raw = append(f.record.raw, b)
		return inQuoted
	case place == afterQuote && b == '"':
		f.record.raw = append(f.record.raw, b)
		return inQuoted
	case b == f.delimit:
		f.record.ends = append(f.record.ends, len(f.record.raw))
		return atStart
	case place == atStart && b == '"':
		return inQuoted
	case b == '"', place == afterQuote && b != '\r':
		return -1
	}
	f.record.raw = append(f.record.raw, b)
	if place == afterQuote { // the line break's first half; what else would follow is a fault
		return afterQuote
	}
	return inPlain
}

// close ends a record's last field, without the line break's first half.
func (f *csvFile) close() {
	f.record.raw = bytes.TrimSuffix(f.record.raw, []byte("\r"))
	f.record.ends = append(f.record.ends, len(f.record.raw))
}
