package patient

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"almanac/shared/fault"
	"almanac/shared/table"
)

// What became of a number, in a record's history.
const (
	numberMerged = "merged" // the other of two records had another one
	numberGone   = "taken"  // another record has it by now
)

// oneNumber is the number of two records of one patient: the one that goes on keeps its own, unless it has none or
// only the other's is confirmed. The number that gives way goes into the history.
func oneNumber(own, other *Number, now time.Time) *Number {
	has := func(n *Number) bool { return n != nil && n.Value != "" }
	confirmed := func(n *Number) bool { return n.Status == StatusVerified }
	switch {
	case !has(other):
		return own
	case !has(own):
		return joined(other, own)
	case own.Value == other.Value && (confirmed(own) || !confirmed(other)):
		return own
	case own.Value == other.Value:
		return joined(other, own)
	case confirmed(other) && !confirmed(own):
		return joined(other, own.passed(&Number{}, numberMerged, now))
	}
	return joined(own, other.passed(&Number{}, numberMerged, now))
}

// joined is the number with the history of both.
func joined(n, with *Number) *Number {
	out := copied(n)
	if with != nil {
		out.History = slices.Concat(with.History, n.History)
	}
	return out
}

// sameValue tells whether two parts of a record say the same.
func sameValue(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// settle gives the items that hand the rows of numbers from one of the two records to the other, and tells the files
// what they hold then, so that writing them leaves those rows alone.
func (w *pair) settle() []table.Item {
	had := map[string]int64{}
	for _, h := range []held{w.into.held, w.from.held} {
		if h.Digest != "" {
			had[h.Digest] = h.Version
		}
	}
	var items []table.Item
	kept := map[string]bool{}
	for _, one := range []struct {
		f  *file
		is Patient
	}{{w.into, w.intoIs}, {w.from, w.fromIs}} {
		before := one.f.held
		digest := claimed(one.is, one.f.ring)
		version, there := had[digest]
		one.f.held = held{}
		switch {
		case !there || kept[digest]:
		case before.Digest == digest:
			kept[digest], one.f.held = true, before
		default:
			kept[digest], one.f.held = true, held{Digest: digest, Version: version + 1}
			items = append(items, table.Item{
				Key: w.c.Number(digest), Value: holder{one.f.ID}, Version: version,
			})
		}
	}
	for digest, version := range had {
		if !kept[digest] {
			items = append(items, table.Item{Key: w.c.Number(digest), Delete: true, Version: version})
		}
	}
	return items
}

// free tells whether the record may have its number: whether nobody but the two has it.
func (w *pair) free(ctx context.Context, p Patient) (bool, error) {
	digest := claimed(p, w.into.ring)
	if digest == "" {
		return true, nil
	}
	var row holder
	err := w.c.Get(ctx, w.c.Number(digest), &row)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return row.Patient == w.into.ID || row.Patient == w.from.ID, err
}
