package video

import (
	"context"
	"errors"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/delay"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// How soon a connected account is looked at again.
const (
	// soonWithRooms is for one with rooms within closeBy, oftenEnough for all others.
	soonWithRooms = 45 * time.Minute
	oftenEnough   = 6 * time.Hour
	closeBy       = 48 * time.Hour
	// afterUnknown is for one in which a room may have been made without our knowing.
	afterUnknown = 5 * time.Minute
	// afterSilence is for one whose provider did not answer. It is no error: a provider in trouble must not get every
	// look several times over. While it lasts, a look is one call, however many visits wait.
	afterSilence = 5 * time.Minute
	// afterFault is for one that cannot be looked at for a fault of ours, such as a wrong secret of our own.
	afterFault = 15 * time.Minute
	// goOn is for one in which not all could be done at once.
	goOn = time.Minute
)

const (
	// atOnce is how many rooms one look reads or deletes.
	atOnce = 25
	// silences is how many rooms may tell nothing before the provider is taken to be in trouble.
	silences = 3
)

// Check looks after a connected account, when that is due: its grant is kept alive, visits that wait are tried again,
// the rooms that are still to come are compared with the diary, so that what a provider told and what never arrived
// come to the same, rooms of ours that nobody knows are deleted, and of those that are over it is read what took place
// in them. It does so much at a time, and plans the next
// look. An erasing that did not come to its end goes on, and one whose grant has been dead for DeadFor is erased.
// Errors: fault.NotFound where the connection is gone;
// fault.Unavailable.
func (s *Service) Check(ctx context.Context, by access.Caller, connection string) error {
	a, err := s.accounts.Read(ctx, by, connection)
	if err != nil {
		return err
	}
	if s.now().Before(a.Due) {
		return nil // somebody was here meanwhile: what piled up during an outage is one look
	}
	erasing, err := s.ends(ctx, by, a)
	if erasing && err == nil {
		return nil
	}
	var next time.Duration
	if err == nil {
		next, err = s.look(ctx, by, s.table.For(by), a)
	}
	if err != nil {
		next, err = s.setback(ctx, by, a, err)
	}
	if next == 0 {
		return err
	}
	// It is planned first, whatever else there is to tell: a message that comes again finds that somebody was here.
	return errors.Join(s.accounts.Due(ctx, by, connection, s.now().Add(next)), err)
}

// setback tells in how long an account is looked at again after a look that failed; zero says that the message is to
// come again. The error is what is left of it.
func (s *Service) setback(ctx context.Context, by access.Caller, a Account, err error) (time.Duration, error) {
	switch f := fault.Of(err); {
	case f.Code == NotHost:
		return oftenEnough, nil // there is nothing for us to see in it
	case f.Code == NeedsReauth:
		return oftenEnough, s.unreached(ctx, by, a, err)
	case f.Code == ProviderRefused:
		return oftenEnough, s.tell(ctx, by, Trouble{
			Why: ProviderRefused, Connection: a.Connection, Subject: a.Subject, Sequence: a.Granted.Unix(),
		})
	case f.Kind == fault.Unavailable, f.Kind == fault.Limited:
		return max(f.RetryAfter, afterSilence), nil
	case f.Kind == fault.Internal:
		return afterFault, err
	}
	return 0, err
}

// DeadFor is how long a grant may be dead until the account is erased as if its owner had uninstalled us: that is what
// the provider says when nobody tells of it. With the time in which it is found out, it is less than the ten days in
// which we must erase what was uninstalled; and whoever is asked to connect it again has a week for that.
const DeadFor = 7 * 24 * time.Hour

// ends goes on with an erasing, or begins that of an account whose grant has been dead for long, and tells whether it
// did.
func (s *Service) ends(ctx context.Context, by access.Caller, a Account) (bool, error) {
	if erasing, err := s.goOn(ctx, by, a); erasing || err != nil {
		return erasing, err
	}
	if a.Died.IsZero() || s.now().Before(a.Died.Add(DeadFor)) {
		return false, nil
	}
	return true, s.erase(ctx, by, a, LongDead)
}

// look does one look, and tells how long until the next.
func (s *Service) look(ctx context.Context, by access.Caller, c table.Clinic, a Account) (time.Duration, error) {
	if err := s.accounts.Fresh(ctx, by, a.Connection); err != nil {
		return 0, err
	}
	if !a.Usable { // it must be connected again, or is not for rooms
		return oftenEnough, nil
	}
	l := &looker{s: s, by: by, c: c, a: a, left: atOnce, next: oftenEnough}
	if err := l.list(ctx); err != nil {
		return 0, err
	}
	unseen := l.upcoming(ctx)
	if fault.Is(unseen, fault.Unavailable) || fault.Is(unseen, fault.Limited) {
		return 0, unseen // those that wait would get no more out of it, each by calls of their own
	}
	if err := errors.Join(l.diary(ctx), unseen); err != nil {
		return 0, err
	}
	if err := l.rooms(ctx); err != nil {
		return 0, err
	}
	if err := l.surplus(ctx); err != nil {
		return 0, err
	}
	if err := l.past(ctx); err != nil {
		return 0, err
	}
	return l.next, nil
}

// looker is one look at an account.
type looker struct {
	s      *Service
	by     access.Caller
	c      table.Clinic
	a      Account
	visits []Visit // those that are listed as still to come
	apts   map[string]booking.Appointment
	there  map[string]Room // what the provider has, by name
	left   int             // how much more may be done in this look
	silent int             // of how many rooms nothing could be learnt
	next   time.Duration
}

// list finds the visits that are still to come: those in the account, and those that wait for its owner to have one.
func (l *looker) list(ctx context.Context) error {
	snap, err := l.s.dir.Snapshot(ctx, l.by)
	if err != nil {
		return err
	}
	lists := []string{l.a.Connection}
	if practitioner := snap.Staff[l.a.Subject].PractitionerID; practitioner != "" {
		lists = append(lists, practitioner)
	}
	for _, list := range lists {
		some, err := listedVisits(ctx, l.c, list, l.s.now().UTC().Add(-longestVisit).Format(time.RFC3339))
		if err != nil {
			return err
		}
		l.visits = append(l.visits, some...)
	}
	return nil
}

// spend tells whether one more thing may be done in this look.
func (l *looker) spend(ctx context.Context) bool {
	if l.left == 0 || timely(ctx) != nil {
		l.next = min(l.next, goOn)
		return false
	}
	l.left--
	return true
}

// diary reads the appointments, has those visits tried again that wait for something that may have come, and tells how
// soon the next look is due.
func (l *looker) diary(ctx context.Context) error {
	keys := make([]table.Key, len(l.visits))
	for i, v := range l.visits {
		keys[i] = l.c.Appointment(v.AppointmentID)
	}
	all, err := table.GetAll[booking.Appointment](ctx, l.c, keys)
	if err != nil {
		return err
	}
	l.apts = make(map[string]booking.Appointment, len(all))
	for _, a := range all {
		l.apts[a.ID] = a
	}
	for _, v := range l.visits {
		apt, ok := l.apts[v.AppointmentID]
		if !ok {
			continue
		}
		if v.Pending {
			l.next = min(l.next, afterUnknown)
		}
		if now := l.s.now(); current(apt, now) && apt.Start.Before(now.Add(closeBy)) {
			l.next = min(l.next, soonWithRooms)
		}
		if !l.waits(v, apt) {
			continue
		}
		if err := l.s.askAgain(ctx, l.by, v); err != nil {
			return err
		}
	}
	return nil
}

// waits tells whether a visit may come further by another try: one whose message was lost among them.
func (l *looker) waits(v Visit, apt booking.Appointment) bool {
	now := l.s.now()
	if v.held(now) {
		return false
	}
	if !current(apt, now) {
		// Its room is taken away, or its end is put down.
		return v.State != Parked || !now.Before(v.Again)
	}
	switch v.State {
	case Wanted, Making:
		return true
	case Parked:
		return !now.Before(v.Again)
	case Ready, Failed:
		return v.Acked.Sequence < apt.Sequence || v.heldUp()
	case Ended, Removed:
	}
	return false
}

// askAgain has a visit looked at by whoever brings rooms to agree with the diary, as work of its own.
func (s *Service) askAgain(ctx context.Context, by access.Caller, v Visit) error {
	err := s.table.For(by).Write(ctx, table.Change{
		Action: access.VideoSync, Target: v.AppointmentID, Patient: v.PatientID,
		Event: event.Event{Name: event.VideoAsked, Version: v.Version, Sequence: max(0, v.Acked.Sequence)},
	})
	if fault.Is(err, fault.NotFound) { // the patient was erased
		return nil
	}
	return err
}

// upcoming reads what the provider has. It is asked once: the next look is the repeat.
func (l *looker) upcoming(ctx context.Context) error {
	all, err := l.s.provider.Upcoming(delay.Once(ctx), l.a.host(l.by.Org()))
	if err != nil {
		return err
	}
	l.there = make(map[string]Room, len(all))
	for _, room := range all {
		l.there[room.Ref] = room
	}
	return nil
}

// rooms compares what the provider has with what it was known to have, and looks at each room that differs.
func (l *looker) rooms(ctx context.Context) error {
	for _, v := range l.visits {
		if !l.differs(v) {
			continue
		}
		if !l.spend(ctx) {
			return nil
		}
		err := l.s.regard(ctx, l.by, l.a, v.AppointmentID, v.Ref)
		if fault.Is(err, fault.Unavailable) && l.silent < silences {
			l.silent++ // one room about which nothing can be learnt must not keep the others back
			l.next = min(l.next, afterSilence)
			continue
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// differs tells whether a visit's room is not as it was known to be, and nobody is about to make it so.
func (l *looker) differs(v Visit) bool {
	apt, ok := l.apts[v.AppointmentID]
	if !ok || v.Ref == "" || v.Connection != l.a.Connection || !current(apt, l.s.now()) {
		return false
	}
	room, there := l.there[v.Ref]
	if there && room.has(v.Acked.Start, v.Acked.Minutes) {
		return false
	}
	return v.Acked.Sequence >= apt.Sequence && !v.held(l.s.now())
}

// surplus deletes rooms of ours that no visit has: made by a call whose answer was lost, or left behind when the
// appointment went to another practitioner.
func (l *looker) surplus(ctx context.Context) error {
	of, lost, err := l.ours(ctx)
	if err != nil {
		return err
	}
	astray, err := l.s.astray(ctx, l.a.host(l.by.Org()), lost)
	if err != nil {
		return err
	}
	for _, room := range astray {
		l.there[room.Ref] = room
	}
	for ref, room := range l.there {
		apt := of[ref]
		if apt == "" && room.Marker != "" {
			apt = of[room.Marker]
		}
		if apt == "" {
			continue // the host's own, or another clinic's of former times
		}
		if err := l.judge(ctx, apt, room); err != nil {
			return err
		}
	}
	return nil
}

// ours gives the appointments by the names of their rooms in this account, and by the markers of rooms that may be
// there without our knowing. Of the latter it tells which nobody looks for any more.
func (l *looker) ours(ctx context.Context) (map[string]string, map[string]bool, error) {
	of := map[string]string{}
	marked, rows, lost := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, v := range l.visits {
		marked[v.AppointmentID] = true
	}
	for _, prefix := range []string{table.RoomsOf, table.Makings} {
		found, err := l.c.Under(ctx, l.c.Tombstone(l.a.Connection), prefix)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range found {
			var p Placing
			if err := row.Decode(&p); err != nil {
				return nil, nil, err
			}
			ref := row.SK[len(prefix):]
			if _, there := l.there[ref]; there && prefix == table.RoomsOf {
				of[ref] = p.AppointmentID
			}
			marked[p.AppointmentID], rows[ref] = true, true
		}
	}
	for apt := range marked {
		marker, err := l.s.marker(ctx, l.by.Org(), apt)
		if err != nil {
			return nil, nil, err
		}
		of[marker] = apt
		if rows[marker] {
			lost[marker] = true
		}
	}
	return of, lost, nil
}

// present lists the rooms that are still to come, and besides those astray.
func (s *Service) present(ctx context.Context, h Host, lost map[string]bool) ([]Room, error) {
	all, err := s.provider.Upcoming(ctx, h)
	if err != nil {
		return nil, err
	}
	more, err := s.astray(ctx, h, lost)
	return append(all, more...), err
}

// astray lists the rooms that bear a marker of one of which nobody knows whether it was made: by now its start may have
// passed.
func (s *Service) astray(ctx context.Context, h Host, lost map[string]bool) ([]Room, error) {
	if len(lost) == 0 {
		return nil, nil
	}
	all, err := s.provider.All(ctx, h)
	return slices.DeleteFunc(all, func(r Room) bool { return !lost[r.Marker] }), err
}

// judge deletes a room of an appointment's unless it is the visit's, or may become it. The visit is read after the
// rooms were listed: one that was made since has a lease on it.
func (l *looker) judge(ctx context.Context, appointment string, room Room) error {
	v, err := load(ctx, l.c, appointment)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	here := v.Connection == l.a.Connection
	switch {
	case v.held(l.s.now()), v.Pending && here:
		return nil // whoever is at it looks for such rooms itself
	case here && v.Ref == room.Ref && v.State == Removed:
		return l.s.recovered(ctx, l.by, l.a, appointment, room.Ref)
	case here && v.Ref == room.Ref, room.Started, !l.spend(ctx):
		return nil
	}
	err = l.s.provider.Delete(ctx, l.a.host(l.by.Org()), room.Ref)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) { // under way, or refused for good
		return nil
	}
	return err
}
