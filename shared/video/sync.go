package video

import (
	"cmp"
	"context"
	"errors"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Sync brings the room of an appointment's visit into agreement with the diary, as a job: it makes the room that was
// asked for, changes what differs, takes away what is not wanted any more, and moves it to another host. Doing it
// again, or together with another, changes nothing more. nil says that they agree, or that the visit is parked until
// something else happens; fault.Unavailable and fault.Limited that it is to be done again; fault.NotFound that there
// is nothing that it could be about.
func (s *Service) Sync(ctx context.Context, by access.Caller, appointment string) error {
	for range rounds {
		r, err := s.survey(ctx, by, appointment)
		if err != nil {
			return err
		}
		if r.agrees() {
			return r.relist(ctx)
		}
		if err := r.sync(ctx); err != nil {
			return err
		}
	}
	return nil
}

// relist keeps a visit that goes on waiting under its appointment's time: that is where it is looked for when what it
// waits for has come.
func (r *run) relist(ctx context.Context) error {
	if r.v.State != Parked || r.v.List == "" || r.v.Start.Unix() == r.apt.Start.Unix() {
		return nil
	}
	r.v.Start = r.apt.Start
	err := r.c.Write(ctx, r.v.change(r.c, access.VideoSync, event.VideoSettled))
	if beaten(err) {
		return again()
	}
	return err
}

// rounds is how often is looked at what the diary wants: whoever changed that while the lease was held by us was sent
// away, and would come back much later than that.
const rounds = 2

// sync does it once, under the visit's lease.
func (r *run) sync(ctx context.Context) error {
	if err := r.lease(ctx); err != nil {
		return r.gone(ctx, err)
	}
	work, cancel := bounded(ctx)
	defer cancel()
	return r.conclude(ctx, r.converge(work))
}

// bounded ends the work while the lease holds, and so early that what came of it can still be written down.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	work := workTime
	if deadline, ok := ctx.Deadline(); ok {
		work = min(work, time.Until(deadline)-settleTime)
	}
	return context.WithTimeout(ctx, work)
}

// gone takes the room of a patient who was erased away: nothing can be written of it any more. Any other error stays.
func (r *run) gone(ctx context.Context, err error) error {
	if !fault.Is(err, fault.NotFound) || r.v.Connection == "" {
		return err
	}
	if lost := r.clear(ctx); lost != nil && !final(lost) {
		return lost
	}
	return err
}

// converge does at the provider what the diary wants. Its error is a provider's, or one of our own in the same words.
func (r *run) converge(ctx context.Context) error {
	if r.apt.Status == booking.Cancelled {
		return r.takeAway(ctx)
	}
	if r.over() {
		return r.pass(ctx)
	}
	if r.misplaced() {
		if err := r.moveOut(ctx); err != nil {
			return err
		}
	}
	if err := r.able(); err != nil {
		return err
	}
	room, err := r.room(ctx)
	if err == nil {
		err = r.fit(ctx, room)
	}
	if err != nil && fault.Of(err).Code == NotHost && r.v.Ref != "" && !r.made {
		return r.anew(ctx)
	}
	return err
}

// able tells why there can be no room now.
func (r *run) able() error {
	most := r.s.provider.Capabilities().LongestMinutes
	switch {
	case r.host.Connection == "":
		return fault.New(fault.Denied, NotConnected, "The practitioner has no account connected.")
	case !r.host.Usable:
		return fault.New(fault.Denied, NeedsReauth, "The practitioner must connect the account again.")
	case most > 0 && r.minutes() > most:
		return fault.New(fault.Invalid, TooLong, "The provider has no rooms for so long.")
	}
	return nil
}

// pass ends the visit of an appointment that is over, maybe sooner than its room.
func (r *run) pass(ctx context.Context) error {
	r.noRoom()
	r.unsure = r.v.Pending
	if err := r.leave(ctx, r.v.Pending); err != nil {
		return err
	}
	r.v.State, r.v.Why, r.v.Pending = Ended, Passed, false
	return nil
}

// takeAway deletes the room of a cancelled appointment, and whatever may have been made besides.
func (r *run) takeAway(ctx context.Context) error {
	r.v.State, r.v.Why, r.v.Again = Removed, "", time.Time{}
	if r.noRoom() {
		return nil
	}
	err := r.clear(ctx)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) {
		// Under way or over: the provider takes it away for nobody.
		r.v.State, r.v.Why, r.trouble = Ended, fault.Of(err).Code, fault.Of(err).Code
		err = r.leave(ctx, r.v.Pending)
	}
	if err == nil {
		r.v.Pending, r.v.JoinURL = false, nil
	}
	return err
}

// noRoom tells whether there is no room, and forgets the account that the visit waited for, then: a visit that is at
// its end is found by its rooms alone when the account goes.
func (r *run) noRoom() bool {
	none := r.v.Ref == "" && !r.v.Pending
	if none {
		r.v.Connection, r.v.Subject = "", ""
	}
	return none
}

// misplaced tells whether there is, or may be, a room in another account than the practitioner's.
func (r *run) misplaced() bool {
	return r.v.Connection != r.host.Connection && (r.v.Ref != "" || r.v.Pending)
}

// moveOut takes the room away from a host who is not the practitioner's any more. What cannot be reached there, or is
// under way, stays behind; the check of that account finds it.
func (r *run) moveOut(ctx context.Context) error {
	if err := r.clear(ctx); err != nil {
		if !final(err) {
			return err
		}
		if err := r.leave(ctx, r.v.Pending); err != nil {
			return err
		}
	}
	r.letGo()
	return nil
}

// leave puts down, where a room may have been made without our knowing, that one of the appointment's may be in the
// account for good: the row of a room whose name is the marker. It has the check of that account look for it after the
// visit has gone elsewhere.
func (r *run) leave(ctx context.Context, pending bool) error {
	if !pending {
		return nil
	}
	marker, err := r.s.marker(ctx, r.by.Org(), r.apt.ID)
	if err != nil {
		return err
	}
	_, err = roomOf(ctx, r.c, r.v.Connection, marker)
	if fault.Is(err, fault.NotFound) {
		r.left = r.v.Connection
		r.remains = []table.Item{{Key: r.c.RoomOf(r.v.Connection, marker), Value: r.placing(), New: true}}
		return nil
	}
	return err
}

// final tells of an error that another try would end in too, as long as nobody does anything about it.
func final(err error) bool {
	return fault.Is(err, fault.Conflict) || fault.Is(err, fault.Denied) || fault.Is(err, fault.Invalid)
}

// letGo forgets the room.
func (r *run) letGo() {
	r.v.State, r.v.Why, r.v.Again = Wanted, "", time.Time{}
	r.v.Connection, r.v.Subject, r.v.Ref, r.v.JoinURL, r.v.Pending = "", "", "", nil, false
	r.v.Acked, r.known, r.reopened = Acked{}, false, nil
}

// clear deletes the visit's room where it is, and those that may have been made without our knowing. An account that
// is gone took its rooms with it.
func (r *run) clear(ctx context.Context) error {
	a, err := r.s.accounts.Read(ctx, r.by, r.v.Connection)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case !a.Usable:
		return fault.New(fault.Denied, NeedsReauth, "The account must be connected again.")
	}
	if r.v.Ref != "" {
		if err := r.s.provider.Delete(ctx, r.at(), r.v.Ref); err != nil {
			return err
		}
		r.done(RoomDeleted, Difference{})
	}
	if !r.v.Pending {
		return nil
	}
	made, err := r.marked(ctx)
	if err != nil {
		return err
	}
	if left := r.v.Tried.Add(sweepAfter).Sub(r.s.now()); len(made) == 0 && left > 0 {
		// A provider's list may lag behind, and afterwards nobody would look for it.
		e := fault.New(fault.Unavailable, OutcomeUnknown, "A room may come to light yet.")
		e.RetryAfter = left
		return e
	}
	for _, room := range made {
		if err := r.s.provider.Delete(ctx, r.at(), room.Ref); err != nil {
			return err
		}
	}
	return nil
}

// conclude writes down what came of the run: what waits for somebody is parked, what the provider refuses for good has
// failed, and what can be done again comes back.
func (r *run) conclude(ctx context.Context, err error) error {
	f := fault.Of(err)
	switch {
	case err == nil:
		r.v.Again = time.Time{}
	case f.Code == NotHost && f.Kind == fault.Conflict && !r.v.Pending:
		return r.fail(ctx, f) // the provider's word on one room; an account that makes others' rooms is Denied
	case f.Kind == fault.Denied && f.Code == NotHost, f.Code == NeedsReauth, f.Code == NotConnected:
		return r.park(ctx, f)
	case f.Code == DailyQuota, f.Code == TooManyMoves:
		r.trouble = f.Code
		return r.later(ctx, f, nil)
	case f.Kind == fault.Invalid:
		return r.fail(ctx, f)
	default:
		return r.later(ctx, f, err)
	}
	return r.finish(ctx)
}

// fail leaves the visit as it is until the diary changes again.
func (r *run) fail(ctx context.Context, f *fault.Error) error {
	r.v.State, r.v.Why, r.trouble, r.v.Again = Failed, f.Code, f.Code, time.Time{}
	if r.v.Ref != "" {
		r.v.State = Ready
	}
	r.v.Acked.Sequence = r.apt.Sequence
	return r.finish(ctx)
}

// sweepAfter is when an account is looked through for a room that came to light after all.
const sweepAfter = 10 * time.Minute

// finish has the staff told where there is something to see to, and settles. Telling comes first: told twice is once,
// and settled without being told would be never.
func (r *run) finish(ctx context.Context) error {
	err := r.announce(ctx)
	if err == nil {
		err = r.settle(ctx)
	}
	if fault.Is(err, fault.NotFound) {
		return r.gone(ctx, err)
	}
	return err
}

// announce tells whom it concerns what came of the run.
func (r *run) announce(ctx context.Context) error {
	if r.trouble != "" {
		err := r.s.tell(ctx, r.by, Trouble{
			Why: r.trouble, AppointmentID: r.apt.ID, PatientID: r.apt.PatientID, Subject: r.v.Subject,
			Sequence: r.apt.Sequence,
		})
		if err != nil {
			return err
		}
	}
	if err := r.relieve(ctx); err != nil {
		return err
	}
	if r.unsure {
		_, err := r.due(ctx, r.s.now().Add(sweepAfter))
		return err
	}
	return nil
}

// relieve ends what the staff were told of the visit that is untrue by now.
func (r *run) relieve(ctx context.Context) error {
	if r.s.settle.Visit == nil || r.v.State == Wanted || r.v.State == Making {
		return nil
	}
	return r.s.settle.Visit(ctx, r.by, Standing{
		AppointmentID: r.apt.ID, Sequence: r.apt.Sequence, Hosted: r.v.Why != NotConnected,
		Fits: r.v.State == Ready && r.v.Why == "", Over: r.v.State == Ended || r.v.State == Removed, Told: r.trouble,
	})
}

// due has the account of the room looked after by then, and tells whether there is one.
func (r *run) due(ctx context.Context, at time.Time) (bool, error) {
	connection := cmp.Or(r.v.Connection, r.host.Connection)
	if connection == "" {
		return false, nil
	}
	err := r.s.accounts.Due(ctx, r.by, connection, at)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// park leaves the visit until its host's account can be used. Should that have come about meanwhile, nobody else would
// notice: so it is looked at once more, behind the write.
func (r *run) park(ctx context.Context, f *fault.Error) error {
	if f.Code != NotConnected && r.v.Connection == "" {
		r.v.Connection, r.v.Subject = r.host.Connection, r.host.Subject
	}
	r.v.State, r.v.Why, r.v.Again = Parked, f.Code, time.Time{}
	if f.Code == NotConnected {
		r.trouble = NotConnected // there is no owner of an account to be told
	} else {
		r.v.Why = NeedsReauth
		if err := r.lapse(ctx, f.Code); err != nil {
			return errors.Join(err, r.finish(ctx))
		}
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	usable, err := r.usable(ctx)
	if err == nil && usable {
		return again()
	}
	return err
}

// lapse marks the host's account as one to be connected again, where it is not marked so.
func (r *run) lapse(ctx context.Context, why string) error {
	if r.v.Connection != r.host.Connection || !r.host.Usable {
		return nil
	}
	err := r.s.accounts.Lapse(ctx, r.by, r.host.Connection, why)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// usable tells whether the account that the visit waits for can be used by now.
func (r *run) usable(ctx context.Context) (bool, error) {
	if r.apt.Status == booking.Cancelled {
		a, err := r.s.accounts.Read(ctx, r.by, r.v.Connection)
		if fault.Is(err, fault.NotFound) {
			return true, nil // gone with its rooms: the next try ends it
		}
		return a.Usable, err
	}
	host, err := r.s.hostOf(ctx, r.by, r.snap, r.apt.PractitionerID, r.v.Connection)
	return host.Usable, err
}

const (
	// soonest is how long is waited at least before a visit is tried again without anything having happened.
	soonest = time.Minute
	// takeOver is when the look at the account takes up what a message tried in vain.
	takeOver = 5 * time.Minute
	// Tries is how often a message tries what the look at the account takes up afterwards: for some seconds. For longer
	// than that, each visit that waits would cost calls of its own to somebody who is away.
	Tries = 4
)

// later notes when the visit is to be tried again, and has its account looked after by then, should no message come
// back for it. back is what the queue hears; without it the visit is parked until then.
func (r *run) later(ctx context.Context, f *fault.Error, back error) error {
	wait := takeOver
	if back == nil {
		wait = soonest
	}
	at := r.s.now().Add(max(f.RetryAfter, wait))
	r.v.Why, r.v.Again = f.Code, time.Time{}
	switch {
	case back == nil:
		r.v.State, r.v.Again = Parked, at
	case r.v.Pending:
		r.v.State = Making
	case r.v.Ref != "":
		r.v.State = Ready
	default:
		r.v.State = Wanted
	}
	if fault.Is(back, fault.NotFound) { // gone meanwhile: another look decides what that means
		back = again()
	}
	planned, err := r.due(ctx, at)
	if err != nil {
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	if planned && back != nil {
		return takenUp(back)
	}
	return back
}

// takenUp says of an error that the look at the account takes up what failed.
func takenUp(err error) error {
	f := fault.Of(err)
	e := fault.Wrap(err, f.Kind, f.Code, f.Message)
	e.RetryAfter, e.Enough = f.RetryAfter, Tries
	return e
}
