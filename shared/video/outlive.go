package video

import (
	"cmp"
	"context"
	"slices"
	"time"

	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// A visit outlives the account that its room was in: what follows is what becomes of it when that account ends.

// RoomsLost is why staff must see to the visits of somebody whose account is gone: their rooms are gone too.
const RoomsLost = "rooms_lost"

// loss is a visit that is still to come and waits for another account.
type loss struct {
	AppointmentID string    `dynamodbav:"apt"`
	Start         time.Time `dynamodbav:"at,unixtime"`
}

// mostNamed is how many visits the staff are told of by name.
const mostNamed = 50

// lose counts a visit that waits for another account, once, and keeps its name if it is among the earliest.
func (e *erasure) lose(apt booking.Appointment) {
	if slices.ContainsFunc(e.Lost, func(l loss) bool { return l.AppointmentID == apt.ID }) {
		return
	}
	e.Upcoming++
	all := append(slices.Clone(e.Lost), loss{AppointmentID: apt.ID, Start: apt.Start})
	slices.SortFunc(all, func(a, b loss) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.AppointmentID, b.AppointmentID))
	})
	e.Lost = all[:min(len(all), mostNamed)]
}

// closeOne takes a visit out of the account, and closes the rows of its rooms.
func (e *eraser) closeOne(ctx context.Context, apt string, h *holding) error {
	var items []table.Item
	for ref, p := range h.made {
		if !p.Closed {
			version := p.Version
			p.Closed = true
			items = append(items, table.Item{Key: e.c.RoomOf(e.a.Connection, ref), Value: p, Version: version})
		}
	}
	v, err := load(ctx, e.c, apt)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	name := event.VideoErased
	if mine := err == nil && (v.Connection == e.a.Connection || v.List == e.a.Connection); mine {
		if v.held(e.s.now()) && e.reachable() {
			return again() // a room may be about to be made
		}
		var left []table.Item
		if left, name, err = e.orphan(ctx, v); err != nil {
			return err
		}
		items = append(items, left...)
		e.done.Counts[countVisits]++
	}
	if len(items) == 0 {
		return nil
	}
	return e.note(ctx, name, apt, items...)
}

// orphan is what becomes of a visit when its account ends, and what is said of that. One that is past or cancelled
// becomes a stub. One that is still to come has a room made in the account that its practitioner has instead, or waits
// for one that can be used.
func (e *eraser) orphan(ctx context.Context, v Visit) ([]table.Item, event.Name, error) {
	apt, toCome, err := e.toCome(ctx, v)
	if err != nil || !toCome {
		return []table.Item{v.stub(e.c)}, event.VideoErased, err
	}
	snap, err := e.s.dir.Snapshot(ctx, e.by)
	if err != nil {
		return nil, "", err
	}
	heir, err := e.s.hostBut(ctx, e.by, snap, apt.PractitionerID, "", e.a.Connection)
	if err != nil {
		return nil, "", err
	}
	left := v.alone(apt)
	switch {
	case heir.Usable:
		left.List = heir.Connection
		return append(heir.open(e.c), left.item(e.c)), event.VideoAsked, nil
	case snap.Staff[e.a.Subject].PractitionerID != apt.PractitionerID:
		// Another practitioner's by now: whoever looks at it next tells the staff what is missing.
		left.State, left.Why = Wanted, ""
		return []table.Item{left.item(e.c)}, event.VideoAsked, nil
	}
	e.done.lose(apt)
	return []table.Item{left.item(e.c)}, event.VideoErased, nil
}

// toCome tells whether a visit is still to come, and gives its appointment then. One whose room was taken away is not,
// unless somebody asks again; and nothing is to come of somebody who was erased.
func (e *eraser) toCome(ctx context.Context, v Visit) (booking.Appointment, bool, error) {
	var apt booking.Appointment
	if v.State == Removed {
		return apt, false, nil
	}
	key, patient := e.c.Appointment(v.AppointmentID), e.c.Diary(v.PatientID)
	rows, err := table.Together(ctx, e.c, key, patient)
	if err != nil {
		return apt, false, err
	}
	row, there := rows[key]
	if _, lives := rows[patient]; !there || !lives {
		return apt, false, nil
	}
	err = row.Decode(&apt)
	return apt, err == nil && current(apt, e.s.now()), err
}

// alone is a visit that is still to come, without anything of an account: it waits for its practitioner to have one.
func (v Visit) alone(apt booking.Appointment) Visit {
	return Visit{
		AppointmentID: v.AppointmentID, PatientID: v.PatientID, State: Parked, Why: NotConnected, Linked: v.Linked,
		LinkedAt: v.LinkedAt, Issue: v.Issue, List: apt.PractitionerID, Start: apt.Start.UTC(), Version: v.Version,
	}
}

// stub is what becomes of a visit that is not to come: nothing, or where the patient was given a link, the number of
// that link, so that one that was withdrawn stays so.
func (v Visit) stub(c table.Clinic) table.Item {
	if v.Linked == 0 {
		return table.Item{Key: c.Visit(v.AppointmentID), Delete: true, Version: v.Version}
	}
	return Visit{
		AppointmentID: v.AppointmentID, PatientID: v.PatientID, State: Removed, Linked: v.Linked, LinkedAt: v.LinkedAt,
		Issue: v.Issue, Start: v.Start, Version: v.Version,
	}.item(c)
}

// warn tells the staff of the visits that wait for another account as soon as they have lost their rooms: what is still
// to be done at the provider may take long.
func (e *eraser) warn(ctx context.Context) error {
	if e.done.Upcoming == 0 {
		return nil
	}
	heir, err := e.heir(ctx)
	if err != nil || heir.Usable {
		return err
	}
	return e.mourn(ctx)
}

// tell tells the staff of all the visits that wait for another account, unless there is one by now.
func (e *eraser) tell(ctx context.Context) error {
	if e.done.Upcoming == 0 {
		return nil
	}
	if found, err := e.inherited(ctx); found || err != nil {
		return err
	}
	if err := e.mourn(ctx); err != nil {
		return err
	}
	// Whoever connected an account just before that had nothing to end yet.
	_, err := e.inherited(ctx)
	return err
}

// mourn tells the staff which visits wait. Told again it is the same task, with those that came in addition.
func (e *eraser) mourn(ctx context.Context) error {
	t := Trouble{
		Why: RoomsLost, Subject: e.a.Subject, Because: e.done.Why, Connection: e.a.Connection,
		Sequence: e.done.Granted.Unix(), Count: e.done.Upcoming,
	}
	for _, l := range e.done.Lost {
		t.Appointments = append(t.Appointments, l.AppointmentID)
	}
	return e.s.tell(ctx, e.by, t)
}

// inherited tells whether the practitioner has another account by now that can be used, and has the visits that wait
// looked at, then: that one may have been connected before some of them were waiting.
func (e *eraser) inherited(ctx context.Context) (bool, error) {
	heir, err := e.heir(ctx)
	if err != nil || !heir.Usable {
		return false, err
	}
	return true, ignore(e.s.Resume(ctx, e.by, heir.Connection))
}

// heir gives the account that the practitioner has instead.
func (e *eraser) heir(ctx context.Context) (Account, error) {
	snap, err := e.s.dir.Snapshot(ctx, e.by)
	if err != nil {
		return Account{}, err
	}
	practitioner := snap.Staff[e.a.Subject].PractitionerID
	return e.s.hostBut(ctx, e.by, snap, practitioner, "", e.a.Connection)
}
