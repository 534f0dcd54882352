package nhsnumber_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"almanac/shared/nhsnumber"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{"test range", "9990000018", "9990000018", nil},
		{"as printed", "999 000 0018", "9990000018", nil},
		{"check digit 0", "9990000050", "9990000050", nil},
		{"the specification's example", "9000000009", "9000000009", nil},
		{"the public example", "943 476 5919", "9434765919", nil},
		{"spaces about it", "  9434765919  ", "9434765919", nil},
		{"oddly grouped", "94 34 76 59 19", "9434765919", nil},
		{"wrong check digit", "9990000019", "", nhsnumber.ErrCheck},
		{"two digits swapped", "4934765919", "", nhsnumber.ErrCheck},
		{"a prefix without a check digit", "9990000000", "", nhsnumber.ErrCheck},
		{"another prefix without one", "9990000140", "", nhsnumber.ErrCheck},
		{"nothing", "", "", nhsnumber.ErrForm},
		{"spaces", "          ", "", nhsnumber.ErrForm},
		{"nine digits", "999000001", "", nhsnumber.ErrForm},
		{"eleven digits", "99900000180", "", nhsnumber.ErrForm},
		{"a letter", "999000001O", "", nhsnumber.ErrForm},
		{"hyphens", "999-000-0018", "", nhsnumber.ErrForm},
		{"a tab", "999\t000\t0018", "", nhsnumber.ErrForm},
		{"a no-break space", "999\u00a0000\u00a00018", "", nhsnumber.ErrForm},
		{"Arabic digits", "٩٩٩٠٠٠٠٠١٨", "", nhsnumber.ErrForm},
		{"full-width digits", "９９９０００００１８", "", nhsnumber.ErrForm},
		{"a sign", "+999000001", "", nhsnumber.ErrForm},
		{"a line break", "9990000018\n", "", nhsnumber.ErrForm},
		{"a NUL", "9990000018\x00", "", nhsnumber.ErrForm},
		{"very many spaces", strings.Repeat(" ", 30) + "9990000018", "", nhsnumber.ErrForm},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := nhsnumber.Parse(c.in)
			if !errors.Is(err, c.err) || got.Digits() != c.want || got.IsZero() != (c.want == "") {
				t.Errorf("got %q, %v", got.Digits(), err)
			}
		})
	}
	for d := range 10 {
		if _, err := nhsnumber.Parse(strings.Repeat(fmt.Sprint(d), 10)); !errors.Is(err, nhsnumber.ErrRepeated) {
			t.Errorf("ten times %d: %v", d, err)
		}
	}
}

func TestShown(t *testing.T) {
	n, err := nhsnumber.Parse("9434765919")
	if err != nil || n.Shown() != "943 476 5919" {
		t.Errorf("shown as %q, %v", n.Shown(), err)
	}
	if none := (nhsnumber.Number{}); none.Shown() != "" || none.Digits() != "" || none.Issued() {
		t.Error("no number is shown as one")
	}
}

func TestIssued(t *testing.T) {
	for in, want := range map[string]bool{
		"9990000018": false, "9434765919": false, "5990000000": false, "4010232137": true, "6328796966": true, "5802369863": true,
	} {
		n, err := nhsnumber.Parse(withCheck(in[:9]))
		if err != nil || n.Issued() != want {
			t.Errorf("%s: %t, %v", in, n.Issued(), err)
		}
	}
}

// check is the standard's own wording: eleven less the remainder, eleven counts as nought, and ten is none.
func check(nine string) (byte, bool) {
	sum := 0
	for i := range 9 {
		sum += int(nine[i]-'0') * (10 - i)
	}
	switch d := 11 - sum%11; d {
	case 11:
		return '0', true
	case 10:
		return 0, false
	default:
		return byte('0' + d), true
	}
}

// withCheck completes nine digits, counting up where they have no check digit.
func withCheck(nine string) string {
	for {
		if d, ok := check(nine); ok {
			return nine + string(d)
		}
		var n int
		_, _ = fmt.Sscanf(nine, "%d", &n)
		nine = fmt.Sprintf("%09d", n+1)
	}
}

// Of the ten strings that begin with the same nine digits, exactly the one that the standard's rule gives is taken, if
// there is one.
func TestExactlyTheStandards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nine := rapid.StringMatching(`[0-9]{9}`).Draw(t, "nine")
		want, has := check(nine)
		for d := byte('0'); d <= '9'; d++ {
			s := nine + string(d)
			n, err := nhsnumber.Parse(s)
			repeated := strings.Count(s, string(d)) == len(s)
			if ok := err == nil; ok != (has && d == want && !repeated) {
				t.Fatalf("%s: %v", s, err)
			}
			if err == nil && n.Digits() != s {
				t.Fatalf("%s became %s", s, n.Digits())
			}
		}
	})
}

// One wrong digit, or two neighbours swapped, is always noticed: that is what the check is for.
func TestSlipsAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		good := withCheck(rapid.StringMatching(`[0-8][0-9]{8}`).Draw(t, "nine"))
		at := rapid.IntRange(0, 8).Draw(t, "at")
		slip := []byte(good)
		if slip[at] = byte('0' + rapid.IntRange(0, 9).Draw(t, "digit")); slip[at] != good[at] {
			if _, err := nhsnumber.Parse(string(slip)); err == nil {
				t.Fatalf("%s passes for %s", slip, good)
			}
		}
		swapped := []byte(good)
		if swapped[at], swapped[at+1] = good[at+1], good[at]; string(swapped) != good {
			if _, err := nhsnumber.Parse(string(swapped)); err == nil {
				t.Fatalf("%s passes for %s", swapped, good)
			}
		}
	})
}

// What can be printed can be read again, and is the same number.
func TestShownIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := withCheck(rapid.StringMatching(`[0-8][0-9]{8}`).Draw(t, "nine"))
		n, err := nhsnumber.Parse(s)
		if errors.Is(err, nhsnumber.ErrRepeated) {
			return
		}
		again, againErr := nhsnumber.Parse(n.Shown())
		if err != nil || againErr != nil || again != n || len(n.Shown()) != 12 {
			t.Fatalf("%s: shown as %q, %v, %v", s, n.Shown(), err, againErr)
		}
	})
}

// However a number is printed, logged or encoded, no digit of it shows.
func TestRedacted(t *testing.T) {
	n, err := nhsnumber.Parse("9434765919")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, v := range []any{n, &n, []nhsnumber.Number{n}, map[string]any{"n": n}, struct{ N nhsnumber.Number }{n}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	encoded, err := json.Marshal(map[string]any{"n": n, "m": map[nhsnumber.Number]int{n: 1}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	out.WriteString(n.String() + n.GoString() + fmt.Errorf("number %v", n).Error())
	for _, l := range []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))} {
		l.LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("number", n), slog.Any("pointer", &n))
	}
	for _, m := range []string{"943", "476", "5919", "57 52 51", fmt.Sprintf("%x", "943")} {
		if strings.Contains(out.String(), m) {
			t.Errorf("%q shows in %s", m, out.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"9990000018", "999 000 0018", "9990000019", "", "٩٩٩٠٠٠٠٠١٨", "0000000000", "99900000180", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := nhsnumber.Parse(s)
		if err != nil {
			if !n.IsZero() || s != "" && len(s) > 3 && strings.Contains(err.Error(), s) {
				t.Errorf("a refusal gives the number, or tells what was read: %v", err)
			}
			return
		}
		want, has := check(n.Digits()[:9])
		if d := n.Digits(); len(d) != 10 || !has || d[9] != want || strings.ReplaceAll(s, " ", "") != d {
			t.Errorf("%q became %q", s, d)
		}
	})
}
