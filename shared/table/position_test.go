package table_test

import (
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// A list goes on only from what a page of it gave as next.
func TestPosition(t *testing.T) {
	apt := clinictest.Known("apt")
	for after, right := range map[string]bool{
		"":                            true,
		"2027-01-04T07:00:00Z#" + apt: true,
		"2027-01-04T07:00:00Z":        false,
		"Monday#" + apt:               false,
		"#" + apt:                     false,
		"2027-01-04T07:00:00Z#apt_x":  false,
		"2027-01-04T07:00:00Z#" + clinictest.Known("tsk"): false,
	} {
		err := table.Position(after, "apt")
		if right != (err == nil) {
			t.Errorf("%q: %v", after, err)
		}
		if f := fault.Of(err); err != nil && (f.Kind != fault.Invalid || f.Details[0].Code != "malformed_cursor") {
			t.Errorf("%q is refused with %v %v", after, f, f.Details)
		}
	}
}
