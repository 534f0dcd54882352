package clinic

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Office sets up an organisation and changes what is set up. Every change raises the configuration version in its own
// transaction and rests on the version it was judged by, so that two changes at once cannot both count on what the
// other alters: the later one is refused with access.ErrStanding and judged again. It is safe for concurrent use.
//
// Errors of every method: fault Invalid with all that is wrong, NotFound, Stale, Conflict, Denied, Unavailable;
// access.ErrStanding and access.ErrDone as table.Clinic.Write gives them.
type Office struct {
	table *table.Table
	dir   *Directory
	now   func() time.Time
	newID id.Source
}

// New makes the Office over the table; dir gives it what is set up.
func New(t *table.Table, dir *Directory, now func() time.Time, newID id.Source) *Office {
	return &Office{table: t, dir: dir, now: now, newID: newID}
}

// edit is one change of one configuration item.
type edit struct {
	action access.Permission
	event  event.Event // its Name, and Refs where there are any
	target string
	put    []table.Item
	// answer is recorded for a repeat of the request, for three days: it holds nobody's personal data.
	answer any
	found  bool
}

func (o *Office) write(ctx context.Context, by access.Caller, once access.Once, e edit) error {
	e.event.Before = e.put[0].Version
	if !e.put[0].Delete {
		e.event.Version = e.event.Before + 1
	}
	return o.table.For(by).Write(ctx, table.Change{
		Action: e.action, Target: e.target, Once: once, Answer: e.answer, Put: e.put, Event: e.event,
		Reconfigure: !e.found, Found: e.found,
	})
}

// find gives one record of those that are set up.
func find[T record](
	ctx context.Context, o *Office, by access.Caller, id string, in func(*Snapshot) map[string]T,
) (T, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		var none T
		return none, err
	}
	return one(in(snap), id)
}

func one[T record](in map[string]T, id string) (T, error) {
	got, ok := in[id]
	if !ok {
		return got, notFound()
	}
	return got, nil
}

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

// list gives all records of a kind by name, and those of one name by age, so that the order never changes by itself.
func list[T record](ctx context.Context, o *Office, by access.Caller, in func(*Snapshot) map[string]T) ([]T, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(in(snap)), func(a, b T) int {
		return cmp.Or(
			cmp.Compare(strings.ToLower(a.label()), strings.ToLower(b.label())), cmp.Compare(a.key(), b.key()))
	}), nil
}

// current gives the record to be changed, if the caller's copy is the current one. The table checks it again: here it
// only decides which refusal comes first.
func current[T record](in map[string]T, id string, version int64) (T, error) {
	got, err := one(in, id)
	if err == nil && got.ETagVersion() != version {
		err = stale()
	}
	return got, err
}
