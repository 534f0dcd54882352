package table_test

import (
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// A key that is asked for twice is read once.
func TestTogetherTwice(t *testing.T) {
	h := clinictest.New(t).Found(t)
	c := h.Table.For(h.By(t, clinictest.Manager))
	got, err := table.Together(t.Context(), c, c.Site(h.Site.ID), c.Organisation(), c.Site(h.Site.ID))
	if err != nil || len(got) != 2 {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// A read that the table does not understand is our fault, and does not ask to be tried again.
func TestReadNotUnderstood(t *testing.T) {
	h := clinictest.New(t)
	c := h.Table.For(access.System(id.New("org"), "test"))
	_, err := c.Under(t.Context(), c.Organisation(), strings.Repeat("x", 2000)) // no sort key is that long
	if !fault.Is(err, fault.Internal) {
		t.Errorf("%v", err)
	}
}
