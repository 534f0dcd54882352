package meter

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// table is what the meter needs to know of a table: its key and its indexes.
type table struct {
	key     []string
	indexes []index
}

// index is a secondary index. Entries of a local one and of a global one are billed alike.
type index struct {
	key        []string
	projection string
	include    []string
}

// describe asks the engine for a table's keys and indexes, once.
func (w *wire) describe(ctx context.Context, name string) (table, error) {
	if t, ok := w.meter.tables[name]; ok {
		return t, nil
	}
	var out struct {
		Table struct {
			KeySchema              []struct{ AttributeName string }
			GlobalSecondaryIndexes []description
			LocalSecondaryIndexes  []description
		}
	}
	if err := w.ask(ctx, "DescribeTable", map[string]string{"TableName": name}, &out); err != nil {
		return table{}, err
	}
	var t table
	for _, k := range out.Table.KeySchema {
		t.key = append(t.key, k.AttributeName)
	}
	for _, d := range slices.Concat(out.Table.GlobalSecondaryIndexes, out.Table.LocalSecondaryIndexes) {
		ix := index{projection: d.Projection.ProjectionType, include: d.Projection.NonKeyAttributes}
		for _, k := range d.KeySchema {
			ix.key = append(ix.key, k.AttributeName)
		}
		t.indexes = append(t.indexes, ix)
	}
	w.meter.tables[name] = t
	return t, nil
}

type description struct {
	KeySchema  []struct{ AttributeName string }
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string
	}
}

// keyOf takes the key's attributes out of an item.
func (t table) keyOf(i item) item { return pick(i, t.key) }

func pick(i item, names []string) item {
	out := item{}
	for _, n := range names {
		if v, ok := i[n]; ok {
			out[n] = v
		}
	}
	return out
}

// entry is the item's entry in the index; nil if it has none, for lack of one of the index's key attributes.
func (t table) entry(ix index, i item) item {
	for _, k := range ix.key {
		if _, ok := i[k]; !ok {
			return nil
		}
	}
	switch ix.projection {
	case "ALL":
		return i
	case "INCLUDE":
		return pick(i, slices.Concat(t.key, ix.key, ix.include))
	default:
		return pick(i, slices.Concat(t.key, ix.key))
	}
}

// indexUnits bills what a write does to the table's indexes (GSI, "Write considerations").
func (t table) indexUnits(before, after item) float64 {
	total := 0.0
	for _, ix := range t.indexes {
		was, is := t.entry(ix, before), t.entry(ix, after)
		switch {
		case was == nil && is == nil:
		case was == nil: // "one write is required to put the item into the index"
			total += units(is.size(), writeUnit)
		case is == nil: // "one write is required to delete the old projected item from the index"
			total += units(was.size(), writeUnit)
		case !same(pick(was, ix.key), pick(is, ix.key)):
			// "two writes are required, one to delete the previous item from the index and another write to put the
			// new item into the index"
			total += units(was.size(), writeUnit) + units(is.size(), writeUnit)
		case !same(was, is): // "one write is required to update the values of the projected attributes"
			total += units(max(was.size(), is.size()), writeUnit)
		}
	}
	return total
}

// same compares two items. Sets may come in another order, which then counts as a change: too much, never too little.
func same(a, b item) bool {
	return maps.EqualFunc(a, b, func(v, w value) bool { return fmt.Sprint(v) == fmt.Sprint(w) })
}
