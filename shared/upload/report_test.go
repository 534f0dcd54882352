package upload

import "testing"

// TestCell: no cell of a report can be taken for a formula, or end early.
func TestCell(t *testing.T) {
	for value, want := range map[string]string{
		"": `""`, "created": `"created"`, `a"b,c`: `"a""b,c"`,
		"=1+1": `"'=1+1"`, "+1": `"'+1"`, "-1": `"'-1"`, "@x": `"'@x"`, "\tx": "\"'\tx\"", "\rx": "\"'\rx\"",
	} {
		if got := cell(value); got != want {
			t.Errorf("%q is written %s, want %s", value, got, want)
		}
	}
	got := string(rows([]entry{{number: 2, outcome: refusedLine, reasons: []string{"required:family", "x"}}}))
	if want := "\"2\",\"refused\",\"\",\"required:family x\"\r\n"; got != want {
		t.Errorf("a line is %q, want %q", got, want)
	}
}
