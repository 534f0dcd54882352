package video

import (
	"context"
	"maps"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// What an erasure counts.
const (
	countVisits  = "visits"
	countRooms   = "rooms"
	countEntries = "logEntries"
)

// erasure is how far an erasing has come. It stands until the last step.
type erasure struct {
	Why string `dynamodbav:"why"`
	// Granted is that of the account: one that was connected again since is not the one to erase.
	Granted time.Time      `dynamodbav:"gr,unixtime"`
	Counts  map[string]int `dynamodbav:"n"`
	// Upcoming is how many visits that are still to come wait for another account now; Lost are the earliest of them.
	Upcoming int    `dynamodbav:"up"`
	Lost     []loss `dynamodbav:"lst,omitempty"`
	Version  int64  `dynamodbav:"v"`
}

// of tells whether the account is the one that is being erased, and was not connected again since.
func (e erasure) of(a Account) bool { return e.Granted.Unix() == a.Granted.Unix() }

// halfDone gives how far an erasing of a connection has come; its Version is zero where none has begun.
func halfDone(ctx context.Context, c table.Clinic, connection string) (erasure, error) {
	var half erasure
	err := c.Get(ctx, c.Erasure(connection), &half)
	return half, ignore(err)
}

// goOn goes on with an erasing that did not come to its end, and tells whether there was one. One from before the
// account was connected again is given up: the reason for it is no more. The visits that it took their rooms by then
// get others, as all that wait for the account do.
func (s *Service) goOn(ctx context.Context, by access.Caller, a Account) (bool, error) {
	c := s.table.For(by)
	half, err := halfDone(ctx, c, a.Connection)
	if err != nil {
		return false, err
	}
	switch there := half.Version > 0; {
	case there && half.of(a):
		return true, s.erase(ctx, by, a, half.Why)
	case a.Ending:
		return true, s.erase(ctx, by, a, a.Why)
	case !there: // what was raised in the moment in which it was connected again, nobody has ended yet
		return false, s.made(ctx, by, a)
	}
	if err := s.made(ctx, by, a); err != nil {
		return false, err
	}
	return false, c.Write(ctx, table.Change{
		Action: access.VideoErase, Target: a.Connection,
		Put: []table.Item{{Key: c.Erasure(a.Connection), Delete: true, Version: half.Version}},
		Event: event.Event{Name: event.VideoErased, Why: half.Why, Refs: map[string]string{
			"connection": a.Connection,
		}},
	})
}

// Erase deletes what is kept of a connected account and of the rooms in it: visits, rooms, their log, the counts of its
// calls, and at last the connection itself, of which a tombstone without anybody's data is left. Whoever still can
// reach the provider, because the owner disconnected the account and did not uninstall us there, first deletes the
// rooms that are still to come and then gives the grant back. Appointments and the patients' links stay; and so do the
// visits that are still to come, without anything of the account: they get rooms in the one that the practitioner has
// instead, or wait until there is one, and then the staff are told of them.
//
// It is done in many small transactions and may end after any of them: doing it again goes on. nil says that nothing
// is left; fault.NotFound that nothing was; fault.Unavailable and fault.Limited that it is to be done again.
func (s *Service) Erase(ctx context.Context, by access.Caller, connection, why string) error {
	a, err := s.accounts.Read(ctx, by, connection)
	if err != nil {
		return err
	}
	return s.erase(ctx, by, a, why)
}

// erase erases an account as it was when why was found to be so of it. One that was connected again since is not erased
// for that: whoever asked is to look again.
func (s *Service) erase(ctx context.Context, by access.Caller, a Account, why string) error {
	e := &eraser{s: s, by: by, c: s.table.For(by), a: a}
	begin := func(ctx context.Context) error { return e.begin(ctx, why) }
	for _, step := range []func(context.Context) error{begin, e.close, e.warn, e.sweep, e.forget, e.end} {
		err := e.still(ctx)
		if err == nil {
			err = step(ctx)
		}
		if err != nil {
			if fault.Is(err, fault.Stale) { // somebody else is at it, or was just then
				return again()
			}
			return err
		}
	}
	return nil
}

// eraser erases one connection.
type eraser struct {
	s    *Service
	by   access.Caller
	c    table.Clinic
	a    Account
	done erasure
}

// still tells whether the account is the one that is to be erased.
func (e *eraser) still(ctx context.Context) error {
	now, err := e.s.accounts.Read(ctx, e.by, e.a.Connection)
	if err == nil && !now.Granted.Equal(e.a.Granted) {
		return again()
	}
	return err
}

// retryErasing is when an erasing that did not come to its end is looked at again, should no message come back for it.
const retryErasing = 15 * time.Minute

// begin puts down that the account is being erased, or finds how far that has come. An erasing from before the account
// was connected again counts for nothing: there is a later reason for this one.
func (e *eraser) begin(ctx context.Context, why string) error {
	if err := e.s.accounts.Due(ctx, e.by, e.a.Connection, e.s.now().Add(retryErasing)); err != nil {
		return err
	}
	err := e.c.Get(ctx, e.c.Erasure(e.a.Connection), &e.done)
	if err == nil && !e.done.of(e.a) {
		// What that one took may still wait, and is told of with the rest.
		e.done = erasure{Version: e.done.Version, Upcoming: e.done.Upcoming, Lost: e.done.Lost}
	} else if err == nil || !fault.Is(err, fault.NotFound) {
		if e.done.Counts == nil {
			e.done.Counts = map[string]int{}
		}
		return err
	}
	e.done.Why, e.done.Granted, e.done.Counts = why, e.a.Granted, map[string]int{}
	return e.write(ctx, e.a.Connection)
}

// write writes a step, together with how far it has come.
func (e *eraser) write(ctx context.Context, target string, items ...table.Item) error {
	return e.note(ctx, event.VideoErased, target, items...)
}

// note writes a step as an event that others may be told of.
func (e *eraser) note(ctx context.Context, name event.Name, target string, items ...table.Item) error {
	it := table.Item{
		Key: e.c.Erasure(e.a.Connection), Value: e.done, New: e.done.Version == 0, Version: e.done.Version,
	}
	err := e.c.Write(ctx, table.Change{
		Action: access.VideoErase, Target: target, Put: append(items, it),
		Event: event.Event{Name: name, Why: e.done.Why, Refs: map[string]string{"connection": e.a.Connection}},
	})
	if err == nil {
		e.done.Version++
	}
	return err
}

// reachable tells whether rooms can still be deleted at the provider.
func (e *eraser) reachable() bool {
	return e.done.Why != UninstalledByOwner && (e.a.Usable || e.a.Ending)
}

// timely tells whether there is time for another step.
func timely(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ctx.Err() != nil || ok && time.Until(end) < settleTime {
		return again()
	}
	return nil
}

// holding is what stands under a connection of one appointment.
type holding struct {
	made   map[string]Placing // rooms, by the provider's names of them
	past   map[string]Placing // and those that are long over
	making bool               // one may be being made
}

// holdings finds what stands under the connection, by appointment.
func (e *eraser) holdings(ctx context.Context) (map[string]*holding, error) {
	all := map[string]*holding{}
	of := func(apt string) *holding {
		if all[apt] == nil {
			all[apt] = &holding{made: map[string]Placing{}, past: map[string]Placing{}}
		}
		return all[apt]
	}
	for prefix, put := range map[string]func(h *holding, ref string, p Placing){
		table.RoomsOf:     func(h *holding, ref string, p Placing) { h.made[ref] = p },
		table.PastRoomsOf: func(h *holding, ref string, p Placing) { h.past[ref] = p },
		table.Makings:     func(h *holding, _ string, _ Placing) { h.making = true },
	} {
		rows, err := e.c.Under(ctx, e.c.Tombstone(e.a.Connection), prefix)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			var p Placing
			if err := row.Decode(&p); err != nil {
				return nil, err
			}
			put(of(p.AppointmentID), row.SK[len(prefix):], p)
		}
	}
	visits, err := listedVisits(ctx, e.c, e.a.Connection, "")
	for _, v := range visits {
		of(v.AppointmentID)
	}
	return all, err
}

// listedVisits are the visits in a list, from a place in it on.
func listedVisits(ctx context.Context, c table.Clinic, list, after string) ([]Visit, error) {
	var all []Visit
	at := c.Listing(table.Visits, list, time.Time{}, "")
	for {
		page, next, err := table.List[Visit](ctx, c, at, after, pageOfVisits, false)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

// close takes every visit its room, and closes the rooms' rows, so that nobody who is at work on any of them can write
// anything of it any more.
func (e *eraser) close(ctx context.Context) error {
	all, err := e.holdings(ctx)
	if err != nil {
		return err
	}
	for apt, h := range all {
		if err := timely(ctx); err != nil {
			return err
		}
		if err := e.closeOne(ctx, apt, h); err != nil {
			return err
		}
	}
	return nil
}

// sweep deletes the rooms that are still to come at the provider: those on record, and those that may have been made
// without our knowing.
func (e *eraser) sweep(ctx context.Context) error {
	if !e.reachable() {
		return nil
	}
	all, err := e.holdings(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	ours, lost, err := e.ours(ctx, all)
	if err != nil {
		return err
	}
	host := e.a.host(e.by.Org())
	rooms, err := e.s.present(ctx, host, lost)
	if fault.Is(err, fault.Denied) {
		return nil // the grant is dead: what is left there is its owner's
	}
	if err != nil {
		return err
	}
	for _, room := range rooms {
		if !ours[room.Ref] && !ours[room.Marker] {
			continue
		}
		if err := e.s.provider.Delete(ctx, host, room.Ref); err != nil && !final(err) { // one under way stays
			return err
		}
	}
	return nil
}

// ours are the names of the rooms that are on record, and the markers of those that may be there; and of the latter
// those of which nobody knows.
func (e *eraser) ours(ctx context.Context, all map[string]*holding) (map[string]bool, map[string]bool, error) {
	out, lost := map[string]bool{}, map[string]bool{}
	for apt, h := range all {
		for ref := range h.made {
			out[ref] = true
		}
		marker, err := e.s.marker(ctx, e.by.Org(), apt)
		if err != nil {
			return nil, nil, err
		}
		if h.making || out[marker] { // a row whose name is the marker is of one that may have been left behind
			lost[marker] = true
		}
		out[marker] = true
	}
	return out, lost, nil
}

// inOneGo is how many rows one transaction deletes.
const inOneGo = 50

// forget deletes the log, and then the rows by which it was found.
func (e *eraser) forget(ctx context.Context) error {
	all, err := e.holdings(ctx)
	if err != nil {
		return err
	}
	for apt, h := range all {
		if err := e.forgetLog(ctx, apt); err != nil {
			return err
		}
		if err := e.forgetRooms(ctx, apt, h); err != nil {
			return err
		}
		if h.making {
			making := table.Item{Key: e.c.Making(e.a.Connection, apt), Delete: true, Version: 1}
			if err := e.write(ctx, apt, making); err != nil {
				return err
			}
		}
	}
	return e.forgetUsage(ctx)
}

// forgetRooms deletes the rows of an appointment's rooms, each with what says whose it is.
func (e *eraser) forgetRooms(ctx context.Context, apt string, h *holding) error {
	for ref, p := range h.made {
		items, err := unpoint(ctx, e.s.table, e.c, e.by.Org(), e.a, ref)
		if err != nil {
			return err
		}
		items = append(items, table.Item{Key: e.c.RoomOf(e.a.Connection, ref), Delete: true, Version: p.Version})
		if err := e.forgetRoom(ctx, apt, items); err != nil {
			return err
		}
	}
	for ref, p := range h.past { // nothing says any more whose those are
		row := table.Item{Key: e.c.PastRoomOf(e.a.Connection, ref), Delete: true, Version: p.Version}
		if err := e.forgetRoom(ctx, apt, []table.Item{row}); err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) forgetRoom(ctx context.Context, apt string, items []table.Item) error {
	if err := timely(ctx); err != nil {
		return err
	}
	e.done.Counts[countRooms]++
	return e.write(ctx, apt, items...)
}

// forgetLog deletes what was noted of the connection's rooms, and nothing of another's.
func (e *eraser) forgetLog(ctx context.Context, apt string) error {
	all, err := entries(ctx, e.c, apt)
	if err != nil {
		return err
	}
	var items []table.Item
	for _, x := range all {
		if x.Connection == e.a.Connection {
			items = append(items, table.Item{Key: x.key(e.c, apt), Delete: true, Version: x.Version})
		}
	}
	return e.deleteAll(ctx, apt, countEntries, items)
}

func (e *eraser) forgetUsage(ctx context.Context) error {
	rows, err := e.c.Under(ctx, e.c.Tombstone(e.a.Connection), table.Usages)
	if err != nil {
		return err
	}
	var items []table.Item
	for _, row := range rows {
		var u usage
		if err := row.Decode(&u); err != nil {
			return err
		}
		day, err := time.Parse(time.DateOnly, row.SK[len(table.Usages):])
		if err != nil {
			return err
		}
		items = append(items, table.Item{Key: e.c.Usage(e.a.Connection, day), Delete: true, Version: u.Version})
	}
	return e.deleteAll(ctx, e.a.Connection, "", items)
}

// deleteAll deletes items, so many at a time, and counts them.
func (e *eraser) deleteAll(ctx context.Context, target, count string, items []table.Item) error {
	for len(items) > 0 {
		if err := timely(ctx); err != nil {
			return err
		}
		n := min(len(items), inOneGo)
		was := e.done
		e.done.Counts = maps.Clone(e.done.Counts)
		if count != "" {
			e.done.Counts[count] += n
		}
		if err := e.write(ctx, target, items[:n]...); err != nil {
			e.done = was
			return err
		}
		items = items[n:]
	}
	return nil
}

// end gives the grant back, has the staff told, and takes the connection itself away: from then on nothing leads to any
// of it.
func (e *eraser) end(ctx context.Context) error {
	left, err := e.holdings(ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 { // somebody asked for something meanwhile
		return again()
	}
	con := e.a.Connection
	if e.reachable() {
		// An app that is no more grants nothing.
		if err := e.s.accounts.Revoke(ctx, e.by, con); err != nil && !final(err) {
			return err
		}
	}
	if err := e.tell(ctx); err != nil {
		return err
	}
	items, err := e.s.accounts.Removal(ctx, e.by, con, e.done.Why, e.done.Counts)
	if err != nil {
		return err
	}
	// Both after what the removal rests on was read: what somebody finds out about the account from here on is refused
	// by the removal, or refuses it.
	if err := e.s.gone(ctx, e.by, e.a); err != nil {
		return err
	}
	if err := e.still(ctx); err != nil {
		return err
	}
	err = e.c.Write(ctx, table.Change{
		Action: access.ConnectionEnd, Target: con,
		Put: append(items, table.Item{Key: e.c.Erasure(con), Delete: true, Version: e.done.Version}),
		Event: event.Event{
			Name: event.ConnectionEnded, Why: e.done.Why, Refs: map[string]string{"subject": e.a.Subject},
		},
	})
	if err != nil {
		return err
	}
	// Of an account that is no more nothing is raised: what was raised in this moment is the last.
	return e.s.gone(ctx, e.by, e.a)
}
