package upload

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const head = "family,given,birthDate\n"

// read gives what a CSV file's lines hold, as "number:family|given|birthDate" or "number!reason", and the error at
// which reading ended.
func read(r io.Reader) ([]string, error) {
	f, err := newCSV(r)
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		number, fields, why, err := f.nextRecord()
		switch {
		case err != nil:
			return out, err
		case why != "":
			out = append(out, fmt.Sprintf("%d!%s", number, why))
		default:
			out = append(out, fmt.Sprintf("%d:%s|%s|%s", number, fields[family], fields[given], fields[birthDate]))
		}
	}
}

func TestCSV(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for name, c := range map[string]struct {
		file, want string
		no         string // why the file is refused
		line       int
	}{
		"plain":                       {file: head + "A,B,C\n", want: "2:A|B|C"},
		"without a last line break":   {file: head + "A,B,C", want: "2:A|B|C"},
		"byte order mark":             {file: "\ufeff" + head + "A,B,C\n", want: "2:A|B|C"},
		"CRLF":                        {file: "family,given,birthDate\r\nA,B,C\r\nD,E,F", want: "2:A|B|C 3:D|E|F"},
		"CRLF after a quote":          {file: head + "A,B,\"C\"\r\nD,E,\"F\"\r", want: "2:A|B|C 3:D|E|F"},
		"another order":               {file: "birthDate,family,given\nC,A,B\n", want: "2:A|B|C"},
		"semicolons":                  {file: "family;given;birthDate\nA,a;B;C\n", want: "2:A,a|B|C"},
		"tabs":                        {file: "family\tgiven\tbirthDate\nA\tB\tC\n", want: "2:A|B|C"},
		"quoted header":               {file: "\"family\", \"given\" ,\"birthDate\"\nA,B,C\n", want: "2:A|B|C"},
		"quotes":                      {file: head + `"A,a","B ""b""","C"` + "\n", want: `2:A,a|B "b"|C`},
		"an empty quoted field":       {file: head + `"",B,C` + "\n", want: "2:|B|C"},
		"line breaks in quotes":       {file: head + "\"A\nA\",\"B\r\nB\",C\nD,E,F\n", want: "2:A\nA|B\r\nB|C 3:D|E|F"},
		"empty lines":                 {file: head + "\n\r\nA,B,C\n\n", want: "4:A|B|C"},
		"a quote within":              {file: head + "A\"a,B,C\nD,E,F\n", want: "2!stray_quote 3:D|E|F"},
		"text after a quote":          {file: head + "\"A\"a,B,C\nD,E,F\n", want: "2!stray_quote 3:D|E|F"},
		"too few fields":              {file: head + "A,B\nD,E,F\n", want: "2!field_count 3:D|E|F"},
		"too many fields":             {file: head + "A,B,C,\nD,E,F\n", want: "2!field_count 3:D|E|F"},
		"a very long line":            {file: head + long + ",B,C\nD,E,F\n", want: "2!line_too_long 3:D|E|F"},
		"a NUL":                       {file: head + "A\x00,B,C\n", want: "2:A\x00|B|C"},
		"nothing":                     {no: NoHeader, line: 1},
		"a byte order mark alone":     {file: "\ufeff", no: NoHeader, line: 1},
		"white space":                 {file: " \n\n", no: NoHeader, line: 1},
		"one column":                  {file: "family\nA\n", no: MissingColumns, line: 1},
		"an unknown column":           {file: "family,given,birthDate,ward\n", no: UnknownColumn, line: 1},
		"other capitals":              {file: "Family,given,birthDate\n", no: UnknownColumn, line: 1},
		"a column twice":              {file: "family,given,birthDate,given\n", no: RepeatedColumn, line: 1},
		"a column missing":            {file: "family,given,sex\n", no: MissingColumns, line: 1},
		"two delimiters":              {file: "family,given;birthDate\n", no: HeaderUnclear, line: 1},
		"an open quote in the header": {file: "\"family,given,birthDate\n", no: HeaderUnclear, line: 1},
		"a header without end":        {file: strings.Repeat("family,", MaxLine), no: HeaderTooLong, line: 1},
		"UTF-16":                      {file: "\xff\xfef\x00a\x00", no: NotUTF8, line: 1},
		"UTF-16, the other way":       {file: "\xfe\xff\x00f\x00a", no: NotUTF8, line: 1},
		"UTF-16 without a mark":       {file: "f\x00a\x00m\x00", no: UnknownColumn, line: 1},
		"Windows-1252 in a line":      {file: head + "A,B,C\nM\xfcller,E,F\n", want: "2:A|B|C", no: NotUTF8, line: 3},
		"Windows-1252 in the header":  {file: "famil\xff,given,birthDate\n", no: NotUTF8, line: 1},
		"half a character at the end": {file: head + "A,B,C\xc3", no: NotUTF8, line: 2},
		"a quote never closed":        {file: head + "A,B,C\n\"D,E,F\nG,H,I\n", want: "2:A|B|C", no: QuoteOpen, line: 3},
		"a quote closed too late":     {file: head + "\"" + long + "\",B,C\nD,E,F\n", no: QuoteOpen, line: 2},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.file), iotest.OneByteReader(strings.NewReader(c.file))} {
				got, err := read(r)
				if strings.Join(got, " ") != c.want {
					t.Errorf("read %.200q, want %.200q", got, c.want)
				}
				no, refused := errors.AsType[*refusalError](err)
				switch {
				case c.no == "" && !errors.Is(err, io.EOF):
					t.Errorf("it ended with %v", err)
				case c.no != "" && (!refused || no.Reason != c.no || no.Line != c.line || no.sentence() == (&Refusal{}).sentence()):
					t.Errorf("refused with %v at %+v, want %s at line %d", err, no, c.no, c.line)
				}
			}
		})
	}
}

// What breaks while it is read is neither a short file nor one that is refused.
func TestBrokenOff(t *testing.T) {
	broken := errors.New("broken off")
	for _, n := range []int{0, 5, len(head), len(head) + 3, len(head) + 6} {
		text := (head + "A,B,C\n")[:n]
		if _, err := read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// FuzzCSV: whatever encoding/csv reads without a complaint is read here to the same fields; and nothing makes it panic,
// read a line for ever, or count wrong.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"A,B,C\n", "\"A\",\"B\"\"\",C\r\n", "A,B\n\nC,D,E", "\"a\nb\",,\n", "\",", "\xff", "a\"b,c,d\n", "\"\"\r\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		file := head + body
		got, err := read(strings.NewReader(file))
		if _, refused := errors.AsType[*refusalError](err); !refused && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		// encoding/csv turns \r\n into \n within quotes, takes a lone \r before the end for a line break, and passes
		// over lines of white space only where they are empty; those are left out.
		if strings.Contains(file, "\r") || err != nil && !errors.Is(err, io.EOF) {
			return
		}
		r := csv.NewReader(strings.NewReader(file))
		all, err := r.ReadAll()
		if err != nil {
			return
		}
		var want []string
		for _, rec := range all[1:] {
			want = append(want, rec[0]+"|"+rec[1]+"|"+rec[2])
		}
		for i, l := range got {
			if _, rest, ok := strings.Cut(l, ":"); ok {
				got[i] = rest
			}
		}
		if len(strings.Join(all[0], "")) > 0 && !slices.Equal(got, want) {
			t.Errorf("read %q, encoding/csv %q", got, want)
		}
	})
}

// FuzzNDJSON: no line of JSON makes reading panic or go astray; what is refused is refused by code.
func FuzzNDJSON(f *testing.F) {
	f.Add(`{"resourceType":"Patient","name":[{"family":"Marker","given":["Ada"]}],"birthDate":"1950-02-27"}`)
	f.Add(`{"resourceType":"Patient","name":[{"use":"official"`)
	f.Add("null\n[]\n\"\"\n{}")
	f.Fuzz(func(t *testing.T, body string) {
		r, err := open(strings.NewReader(body), FHIR, "")
		for count := 0; err == nil; count++ {
			_, err = r.next()
			if count > len(body) {
				t.Fatal("it never ends")
			}
		}
		if _, refused := errors.AsType[*refusalError](err); !refused && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
