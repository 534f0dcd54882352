package clinic

import (
	"errors"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"almanac/shared/fault"
)

// wrong lists what a check found as "code pointer".
func wrong(c *Check) []string {
	var e *fault.Error
	if !errors.As(c.Err(), &e) {
		return nil
	}
	var out []string
	for _, d := range e.Details {
		out = append(out, d.Code+" "+d.Pointer)
	}
	return out
}

func TestName(t *testing.T) {
	for _, c := range []struct{ name, in, want, code string }{
		{"plain", "Ada Example", "Ada Example", ""},
		{"trimmed", "  Ada ", "Ada", ""},
		{"composed", "Zoe\u0308", "Zo\u00eb", ""},
		{"apostrophe and hyphen", "O'Brien-Łuk", "O'Brien-Łuk", ""},
		{"not Latin", "محمد", "محمد", ""},
		{"Persian with its joiner", "علی\u200cرضا", "علی\u200cرضا", ""},
		{"longest", strings.Repeat("ü", 200), strings.Repeat("ü", 200), ""},
		{"too long", strings.Repeat("ü", 201), "", "too_long"},
		{"empty", "", "", "required"},
		{"blank", " \u00a0 ", "", "required"},
		{"line break", "Ada\nBcc: x", "", "text_refused"},
		{"carriage return at the end", "Ada\r", "", "text_refused"},
		{"NUL", "Ada\x00", "", "text_refused"},
		{"escape", "\x1b[31mAda", "", "text_refused"},
		{"C1 control", "Ada\u0085", "", "text_refused"},
		{"not UTF-8", "Ada\xff", "", "text_refused"},
		{"replacement character", "Ada\ufffd", "", "text_refused"},
		{"right-to-left override", "Ada\u202etxt", "", "text_refused"},
		{"isolate", "\u2066Ada\u2069", "", "text_refused"},
		{"Arabic letter mark", "Ada\u061c", "", "text_refused"},
		{"line separator", "Ada\u2028", "", "text_refused"},
		{"soft hyphen", "A\u00adda", "", "text_refused"},
		{"byte order mark", "\ufeffAda", "", "text_refused"},
		{"tag characters", "Ada\U000e0041", "", "text_refused"},
		{"private use", "Ada\ue000", "", "text_refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var check Check
			got := check.Name("/name", c.in)
			if c.code == "" && (got != c.want || check.Err() != nil) {
				t.Errorf("got %q, %v", got, wrong(&check))
			}
			if c.code != "" && !slices.Equal(wrong(&check), []string{c.code + " /name"}) {
				t.Errorf("got %q, %v, want %s", got, wrong(&check), c.code)
			}
		})
	}
}

// Whatever is let through is one line, in NFC, without anything that steers the display, and stays as it is when it is
// checked again.
func TestNameLetsNothingHarmfulThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("aé\u0301\u200e\u202e\u2028\x00\n\u200d\ufffd ")))).Draw(t, "in")
		var c, again Check
		out := c.Name("", in)
		if c.Err() != nil {
			return
		}
		if !utf8.ValidString(out) || !norm.NFC.IsNormalString(out) || out == "" || utf8.RuneCountInString(out) > 200 {
			t.Fatalf("%q became %q", in, out)
		}
		if strings.ContainsFunc(out, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Fatalf("%q became %q", in, out)
		}
		if again.Name("", out) != out || again.Err() != nil {
			t.Fatalf("%q is not taken a second time", out)
		}
	})
}

func TestWithoutBidi(t *testing.T) {
	if got := WithoutBidi("\u202aAda\u202c \u200fExample\u2069"); got != "Ada Example" {
		t.Errorf("got %q", got)
	}
}

func TestEmail(t *testing.T) {
	for _, ok := range []string{"", "a@example.org", "first.last+tag@sub.example.co.uk", "o'brien@example.org", "a_b@xn--bcher-kva.example"} {
		var c Check
		if got := c.Email("/email", ok); got != ok || c.Err() != nil {
			t.Errorf("%q became %q, %v", ok, got, wrong(&c))
		}
	}
	var c Check
	if got := c.Email("", "Ada@Example.ORG"); got != "Ada@example.org" {
		t.Errorf("the domain is kept as %q", got)
	}
	for _, bad := range []string{
		" ", "a", "a@", "@example.org", "a@b", "a@@example.org", "a@example.org,b@example.org", "a@example.org b@example.org",
		"Ada <a@example.org>", "<a@example.org>", "a@example.org\r\nBcc: b@example.org", "a@example.org\n", "a@\nexample.org",
		"\"a b\"@example.org", "a(comment)@example.org", "a@[127.0.0.1]", "a@127.0.0.1", "a@example..org", "a@.example.org",
		"a@example.org.", "a@-example.org", "a@example-.org", ".a@example.org", "a..b@example.org", "é@example.org",
		"a@exämple.org", "a@example.org\x00", "a@exa_mple.org", "a\u202e@example.org",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("b", 64) + ".org", "a@" + strings.Repeat("b.", 130) + "org",
	} {
		var c Check
		if got := c.Email("/email", bad); !slices.Equal(wrong(&c), []string{"wrong_format /email"}) {
			t.Errorf("%q became %q, %v", bad, got, wrong(&c))
		}
	}
}

// What is let through is one address to the parser of mails too, and cannot end a header's line.
func TestEmailLetsNothingHarmfulThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringOf(rapid.SampledFrom([]rune("ab.@<>\"(),;:\r\n\x00 é+-_0"))).Draw(t, "in")
		var c Check
		out := c.Email("", in)
		if c.Err() != nil || out == "" {
			return
		}
		list, err := mail.ParseAddressList(out)
		if err != nil || len(list) != 1 || list[0].Address != out || list[0].Name != "" || strings.ContainsAny(out, "\r\n\x00 ") {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

func TestPhone(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"020 7946 0123":        "+442079460123",
		"(020) 7946-0123":      "+442079460123",
		"07700 900123":         "+447700900123",
		"+447700900123":        "+447700900123",
		"+44 (0)7700 900123":   "+447700900123",
		"+44(0)20 7946 0123":   "+442079460123",
		"0044 7700 900 123":    "+447700900123",
		"01632.960.123":        "+441632960123",
		"016977 3999":          "+44169773999",
		"0800 111 222":         "+44800111222",
		"+353 1 234 5678":      "+35312345678",
		"+1-212-555-0123":      "+12125550123",
		"+33 (0)1 99 00 12 34": "+33199001234",
	} {
		var c Check
		if got := c.Phone("/phone", in); got != want || c.Err() != nil {
			t.Errorf("%q became %q, %v; want %q", in, got, wrong(&c), want)
		}
	}
	for _, bad := range []string{
		" ", "7700 900123", "0", "00", "+", "+44", "0770090012", "077009001234", "0400 000 0000", "+44 400 000 0000",
		"020 7946 0123 ext 4", "02079460123\n", "+0123456789", "+1234567890123456", "+٤٤٧٧٠٠٩٠٠١٢٣", "tel:+447700900123",
		"+44 (0)(0)7700 900123", "+44+7700900123", "000 7700 900123", strings.Repeat(" ", 40) + "07700900123", "++447700900123",
	} {
		var c Check
		if got := c.Phone("/phone", bad); !slices.Equal(wrong(&c), []string{"wrong_format /phone"}) {
			t.Errorf("%q became %q, %v", bad, got, wrong(&c))
		}
	}
}

// A number that was normalised is E.164, and stays as it is.
func TestPhoneStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringOf(rapid.SampledFrom([]rune("0123456789+() -."))).Draw(t, "in")
		var c, again Check
		out := c.Phone("", in)
		if c.Err() != nil || out == "" {
			return
		}
		if out[0] != '+' || len(out) < 8 || len(out) > 16 || again.Phone("", out) != out {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

func TestWeek(t *testing.T) {
	for _, c := range []struct {
		name  string
		hours []Opening
		want  []string
	}{
		{"none", nil, nil},
		{"touching", []Opening{{"monday", "12:00", "24:00"}, {"monday", "08:00", "12:00"}}, nil},
		{"other days", []Opening{{"monday", "08:00", "12:00"}, {"tuesday", "08:00", "12:00"}}, nil},
		{"the whole day", []Opening{{"sunday", "00:00", "24:00"}}, nil},
		{"overlapping", []Opening{{"monday", "08:00", "12:05"}, {"monday", "12:00", "13:00"}}, []string{"overlaps /h/1"}},
		{"overlapping, later first", []Opening{{"monday", "12:00", "13:00"}, {"monday", "08:00", "12:05"}}, []string{"overlaps /h/0"}},
		{"the same twice", []Opening{{"monday", "08:00", "12:00"}, {"monday", "08:00", "12:00"}}, []string{"overlaps /h/1"}},
		{"one within another", []Opening{{"monday", "08:00", "18:00"}, {"monday", "09:00", "10:00"}, {"monday", "11:00", "12:00"}}, []string{"overlaps /h/1", "overlaps /h/2"}},
		{"empty", []Opening{{"monday", "08:00", "08:00"}}, []string{"ends_too_early /h/0/closes"}},
		{"over midnight", []Opening{{"monday", "22:00", "06:00"}}, []string{"ends_too_early /h/0/closes"}},
		{"not in steps", []Opening{{"monday", "08:01", "12:00"}}, []string{"not_a_multiple /h/0/opens"}},
		{"no times", []Opening{{"monday", "8:00", "25:00"}}, []string{"wrong_format /h/0/opens", "wrong_format /h/0/closes"}},
		{"no day", []Opening{{"Monday", "08:00", "12:00"}}, []string{"not_a_choice /h/0/day"}},
		{"too many", make([]Opening, 101), []string{"too_many /h"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var check Check
			if check.week("/h", c.hours); !slices.Equal(wrong(&check), c.want) {
				t.Errorf("got %v, want %v", wrong(&check), c.want)
			}
		})
	}
}

func TestZone(t *testing.T) {
	for name, ok := range map[string]bool{
		"Europe/London": true, "UTC": true, "America/Argentina/Buenos_Aires": true,
		"": false, "Local": false, "europe/london": false, "localtime": false, "posixrules": false, "../../etc/passwd": false,
		"/etc/localtime": false, "right/Europe/London": false, "Europe/Nowhere": false, "BST": false, "+01:00": false,
	} {
		var c Check
		if c.zone(name); (c.Err() == nil) != ok {
			t.Errorf("%q: %v", name, wrong(&c))
		}
	}
}

func TestInstant(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"2027-07-01T09:00":          "2027-07-01T09:00:00+01:00",
		"2027-07-01T09:00:00Z":      "2027-07-01T10:00:00+01:00",
		"2027-03-28T01:30":          "time_skipped",
		"2027-10-31T01:30":          "time_twice",
		"2027-10-31T01:30:00+01:00": "2027-10-31T01:30:00+01:00",
		"2027-07-01T09:01":          "off_grid",
		"2027-07-01T09:00:00.5Z":    "off_grid",
		"2027-07-01":                "malformed_time",
		"tomorrow":                  "malformed_time",
	} {
		var c Check
		at, ok := c.instant("/start", in, london)
		if ok && at.Format(time.RFC3339) != want || !ok && !slices.Equal(wrong(&c), []string{want + " /start"}) {
			t.Errorf("%s: %v %v, want %s", in, at, wrong(&c), want)
		}
	}
}

func TestSubject(t *testing.T) {
	for s, ok := range map[string]bool{
		"8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708": true, "auth0|5f7c8ec7c33c6c004bbafe82": true, "a@example.org": true,
		strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
		"": false, "a b": false, "a#b": false, "a/b": false, "é": false, "a\n": false, ".": false, "..": false,
		"job:email-dispatch": false, "CONF": false, "pat_01kc4z7v8wfj7rw4q3hxe6m2ta": false,
	} {
		if subject(s) != ok {
			t.Errorf("%q: %t", s, !ok)
		}
	}
}

func TestManyFindingsAreBounded(t *testing.T) {
	var c Check
	for range 100 {
		c.Refuse("required", "/x", "Must be given.")
	}
	if len(wrong(&c)) != maxFindings {
		t.Errorf("%d findings", len(wrong(&c)))
	}
}
