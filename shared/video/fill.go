package video

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"almanac/shared/table"
)

// missing is what of a meeting nobody told.
func (l *looker) missing(ctx context.Context, x placed, m Meeting) ([]Happening, error) {
	all, err := entries(ctx, l.c, x.p.AppointmentID)
	if err != nil {
		return nil, err
	}
	of := Happening{
		Source: l.a.Provider, Connection: l.a.Connection, Room: x.ref, Session: brief("session", m.Session),
		Looked: true,
	}
	all = slices.DeleteFunc(all, func(e Happening) bool { return e.Room != of.Room || e.Session != of.Session })
	used := map[table.Key]bool{}
	for _, e := range all {
		used[e.key(l.c, x.p.AppointmentID)] = true
	}
	out := unmatched(of.expected(m), all)
	for i := range out {
		for n := 1; used[out[i].key(l.c, x.p.AppointmentID)]; n++ { // two of one second whom nothing tells apart
			out[i].Run = strconv.Itoa(n)
		}
		used[out[i].key(l.c, x.p.AppointmentID)] = true
	}
	return out, nil
}

// expected are the entries that a log has of a meeting of which all was told.
func (e Happening) expected(m Meeting) []Happening {
	var out []Happening
	add := func(kind Kind, at time.Time, as, who string) {
		if !at.IsZero() {
			one := e
			one.Kind, one.At, one.As, one.Participant = kind, at.UTC().Truncate(time.Millisecond), as, who
			out = append(out, one)
		}
	}
	add(MeetingBegan, m.Start, "", "")
	add(MeetingEnded, m.End, "", "")
	for _, stay := range m.Stays {
		as := asGuest
		if stay.Host {
			as = asHost
		}
		add(Joined, stay.Joined, as, stay.Participant)
		add(Left, stay.Left, as, stay.Participant)
	}
	return out
}

// unmatched are those of the expected entries that have none of their own in the log: the same one's first, then, where
// a provider calls people otherwise afterwards than when it told, one of the same side in the same second, and at last
// one of about the same time. What happens to a meeting once is in the log whenever that was.
func unmatched(expected, have []Happening) []Happening {
	have = slices.Clone(have)
	for _, fits := range []func(e, x Happening) bool{
		func(e, _ Happening) bool { return e.Kind == MeetingBegan || e.Kind == MeetingEnded },
		func(e, x Happening) bool { return e.Participant == x.Participant && e.about(x) },
		func(e, x Happening) bool { return e.At.Truncate(time.Second).Equal(x.At.Truncate(time.Second)) },
		Happening.about,
	} {
		// In order of time, the first that fits is the one that leaves the others theirs.
		slices.SortStableFunc(expected, sooner)
		slices.SortStableFunc(have, sooner)
		expected = slices.DeleteFunc(expected, func(e Happening) bool {
			i := slices.IndexFunc(have, func(x Happening) bool { return e.alike(x) && fits(e, x) })
			if i >= 0 {
				have = slices.Delete(have, i, i+1)
			}
			return i >= 0
		})
	}
	return expected
}

// sooner puts the earlier one first.
func sooner(a, b Happening) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Participant, b.Participant))
}

// about tells whether two entries are of about the same time.
func (e Happening) about(x Happening) bool { return e.At.Sub(x.At).Abs() <= near }

// fill puts down what was read of a room, and at last that this was done and that no meeting goes on there: so many
// entries at a time, and whoever goes on after a part finds the rest still missing.
func (l *looker) fill(ctx context.Context, x placed, idle, read time.Time, missing []Happening) error {
	for p := x.p; ; p.Version++ {
		n := min(len(missing), inOneGo)
		var items []table.Item
		for _, e := range missing[:n] {
			p, items = p.with(e), append(items, e.item(l.c, p.AppointmentID))
			p.Filled = true
		}
		missing = missing[n:]
		if len(missing) == 0 {
			p.Read, p.Idle = read, idle
			if live := p.underway(l.s.now()); x.here(l.a.Connection) && x.v.Live != live {
				x.v.Live = live
				items = append(items, x.v.item(l.c))
			}
		}
		items = append(items, p.item(l.c, l.a.Connection, x.ref, false))
		if err := l.write(ctx, x, x.p.PatientID, items); err != nil || len(missing) == 0 {
			return err
		}
		if timely(ctx) != nil {
			l.next = min(l.next, goOn)
			return errSpent
		}
	}
}
