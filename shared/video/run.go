package video

import (
	"context"
	"slices"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// run is one attempt to bring the room of a visit into agreement with the diary.
type run struct {
	s    *Service
	by   access.Caller
	c    table.Clinic
	apt  booking.Appointment
	snap *clinic.Snapshot
	host Account // whose account the room belongs in; none where its Connection is empty
	base Visit   // the visit as the table has it
	v    Visit   // and as it shall be
	// known tells that the row that gives the room to its appointment stands already.
	known bool
	// reopened is that row where an erasing that was given up had closed it.
	reopened []table.Item
	// made tells that this run made the room, and unsure that another one may come to light yet.
	made, unsure bool
	// trouble is a code of what staff must see to.
	trouble string
	did     []Happening  // for the log
	whose   []table.Item // says whose the room is, for notices that name no user
	left    string       // an account in which a room that we do not know may be left, and
	remains []table.Item // what says so
}

// survey reads what the diary wants and what is known of the room. The visit is read first: whoever changes it
// afterwards is noticed when it is written.
func (s *Service) survey(ctx context.Context, by access.Caller, appointment string) (*run, error) {
	r := &run{s: s, by: by, c: s.table.For(by)}
	var err error
	if r.base, err = load(ctx, r.c, appointment); err != nil {
		return nil, err
	}
	r.v = r.base
	if err := r.c.Get(ctx, r.c.Appointment(appointment), &r.apt); err != nil {
		return nil, err
	}
	if r.snap, err = s.dir.Snapshot(ctx, by); err != nil {
		return nil, err
	}
	r.host, err = s.hostOf(ctx, by, r.snap, r.apt.PractitionerID, r.v.Connection)
	return r, err
}

// hostOf gives the account in which the practitioner's rooms are made; one without a Connection where there is none.
// Of several it is the one where the room is already, else one that can be used.
func (s *Service) hostOf(
	ctx context.Context, by access.Caller, snap *clinic.Snapshot, practitioner, now string,
) (Account, error) {
	return s.hostBut(ctx, by, snap, practitioner, now, "")
}

// hostBut is hostOf without one connection, which is coming to its end.
func (s *Service) hostBut(
	ctx context.Context, by access.Caller, snap *clinic.Snapshot, practitioner, now, but string,
) (Account, error) {
	var best Account
	for _, subject := range people(snap, practitioner) {
		a, err := s.lasting(ctx, by, subject)
		switch {
		case fault.Is(err, fault.NotFound), err == nil && a.Connection == but:
			continue
		case err != nil:
			return Account{}, err
		}
		if a.Connection == now {
			return a, nil
		}
		if best.Connection == "" || a.Usable && !best.Usable {
			best = a
		}
	}
	return best, nil
}

// lasting gives a person's account; fault.NotFound where none is connected, or where that one is coming to its end. The
// provider ends some before they are told to be at their end here: what says so is that they are being erased.
func (s *Service) lasting(ctx context.Context, by access.Caller, subject string) (Account, error) {
	a, err := s.accounts.Of(ctx, by, subject)
	if err != nil {
		return a, err
	}
	half, err := halfDone(ctx, s.table.For(by), a.Connection)
	if err != nil {
		return a, err
	}
	if a.Ending || half.Version > 0 && half.of(a) {
		return Account{}, fault.New(fault.NotFound, "not_found", "There is no such account.")
	}
	a.halfErased = half.Version
	return a, nil
}

// people are the members of staff who are the practitioner, in the same order each time.
func people(snap *clinic.Snapshot, practitioner string) []string {
	var out []string
	for subject, m := range snap.Staff {
		if practitioner != "" && m.PractitionerID == practitioner && !m.Left {
			out = append(out, subject)
		}
	}
	slices.Sort(out)
	return out
}

// over tells whether the appointment needs no room any more, though nobody cancelled it.
func (r *run) over() bool { return !current(r.apt, r.s.now()) }

// current tells whether an appointment is still to come, or under way.
func current(a booking.Appointment, now time.Time) bool {
	switch a.Status {
	case booking.Booked, booking.Confirmed, booking.Arrived, booking.InProgress:
		return now.Before(a.End)
	case booking.Cancelled, booking.Completed, booking.DidNotAttend:
		return false
	}
	return false
}

// agrees tells whether there is nothing to do, or nothing that could be done now.
func (r *run) agrees() bool {
	switch cancelled := r.apt.Status == booking.Cancelled; {
	case r.v.State == Removed:
		return true
	case r.v.State == Ended: // of one that had only passed, the appointment can have been moved since
		return r.v.Why != Passed || cancelled || r.over()
	case cancelled:
		return r.v.State == Parked && r.v.Why == NeedsReauth && r.stuck()
	case r.over():
		return false
	}
	return r.v.State == Parked && r.waits() || r.settled()
}

// settled tells whether the room is what the diary wants, or as near to it as can be.
func (r *run) settled() bool {
	v := r.v
	placed := v.Ref == "" || v.Connection == r.host.Connection
	return (v.State == Ready || v.State == Failed) && !v.Pending && placed && v.Acked.Sequence == r.apt.Sequence &&
		!v.heldUp()
}

// heldUp tells whether the room was not given the appointment's time because a meeting was under way in it, and none is
// any more, as far as the provider told.
func (v Visit) heldUp() bool { return v.State == Ready && v.Why == RoomStarted && !v.Live }

// stuck tells whether the visit is in the host's account, and that cannot be used.
func (r *run) stuck() bool { return r.v.Connection == r.host.Connection && !r.host.Usable }

// waits tells whether what a parked visit waits for has not come.
func (r *run) waits() bool {
	switch {
	case r.v.Why == NotConnected: // of another practitioner by now, it waits for that one
		return r.host.Connection == "" && r.v.List == r.apt.PractitionerID
	case !r.v.Again.IsZero() && (r.v.Connection == "" || r.v.Connection == r.host.Connection):
		return r.s.now().Before(r.v.Again)
	}
	return r.stuck()
}

// want is the room that the appointment wants.
func (r *run) want(ctx context.Context) (Want, error) {
	marker, err := r.s.marker(ctx, r.by.Org(), r.apt.ID)
	return Want{
		Marker: marker, Start: r.apt.Start.UTC(), Minutes: r.minutes(), Zone: r.apt.TimeZone,
		Topic: topic(r.snap.Organisation.Name),
	}, err
}

func (r *run) minutes() int { return int(r.apt.End.Sub(r.apt.Start) / time.Minute) }

const (
	plainTopic  = "Video visit"
	longestName = 80
)

// topic says that it is a visit, and at which clinic at most.
func topic(organisation string) string {
	name := []rune(strings.Join(strings.Fields(organisation), " "))
	if len(name) == 0 {
		return plainTopic
	}
	return plainTopic + ", " + string(name[:min(len(name), longestName)])
}

// at is the account that the visit's room is in, or is being made in.
func (r *run) at() Host {
	return Host{Org: r.by.Org(), Subject: r.v.Subject, Connection: r.v.Connection}
}

// lease takes the visit's lease. Where its answer was lost, the token tells whether it is ours all the same.
func (r *run) lease(ctx context.Context) error {
	if r.base.held(r.s.now()) {
		return again()
	}
	r.v.LeaseBy, r.v.LeaseUntil = r.s.newID("try"), r.s.now().Add(leaseTime)
	r.v.PatientID = r.apt.PatientID
	err := r.put(ctx, event.VideoSyncing)
	if fault.Is(err, fault.Unavailable) {
		if got, lookErr := load(ctx, r.c, r.apt.ID); lookErr == nil && got.LeaseBy == r.v.LeaseBy {
			r.base, r.v.Version = got, got.Version
			return nil
		}
	}
	if beaten(err) {
		return again()
	}
	return err
}

// put writes the visit as it shall be, with the rows that follow from it, and what else is given.
func (r *run) put(ctx context.Context, name event.Name, also ...table.Item) error {
	r.place()
	items := append(r.rows(), also...)
	if r.enters() {
		items = append(items, r.host.open(r.c)...)
	}
	ch := r.v.change(r.c, access.VideoSync, name, items...)
	if err := r.c.Write(ctx, ch); err != nil {
		return err
	}
	r.v.Version++
	r.base = r.v
	return nil
}

// enters tells whether the visit comes into the host's account.
func (r *run) enters() bool {
	con := r.host.Connection
	return con != "" && (r.v.List == con && r.base.List != con || r.v.Connection == con && r.base.Connection != con)
}

// place keeps what the visit is listed under in step with the diary.
func (r *run) place() {
	r.v.Start, r.v.List = r.apt.Start, r.apt.PractitionerID
	if r.v.Ref == "" && !r.v.Pending && r.v.Connection != r.host.Connection {
		r.v.Connection, r.v.Subject = "", "" // there is nothing of the visit in it
	}
	switch {
	case r.v.Ref != "" || r.v.Pending:
		r.v.List = r.v.Connection
	case r.v.State == Removed, r.v.State == Ended:
		r.v.List = "" // it is in no list, and says nothing of any account
	case r.host.Connection != "":
		r.v.List = r.host.Connection
	}
}

// pendingIn is the connection in which a room may be being made, or empty.
func (v Visit) pendingIn() string {
	if v.Pending {
		return v.Connection
	}
	return ""
}

// rows are the rows of the connection that change with the visit: that a room is being made, and whose it is.
func (r *run) rows() []table.Item {
	var out []table.Item
	if was, is := r.base.pendingIn(), r.v.pendingIn(); was != is {
		if was != "" {
			out = append(out, table.Item{Key: r.c.Making(was, r.apt.ID), Delete: true, Version: 1})
			if was == r.left {
				out = append(out, r.remains...)
			}
		}
		if is != "" {
			out = append(out, table.Item{Key: r.c.Making(is, r.apt.ID), Value: r.placing(), New: true})
		}
	}
	if r.v.Ref == "" || r.base.Ref == r.v.Ref && r.base.Connection == r.v.Connection {
		return out
	}
	if r.known {
		return append(out, r.reopened...)
	}
	out = append(out, table.Item{Key: r.c.RoomOf(r.v.Connection, r.v.Ref), Value: r.placing(), New: true})
	return append(out, r.whose...)
}

func (r *run) placing() Placing {
	return Placing{AppointmentID: r.apt.ID, PatientID: r.apt.PatientID}
}

// writes is how often a write is tried while others write besides.
const writes = 5

// settle writes down what came of the run and gives the lease back. Whoever writes to the visit besides, such as
// somebody who asks for its link, is not undone.
func (r *run) settle(ctx context.Context) error {
	token := r.v.LeaseBy
	r.v.LeaseUntil = time.Time{}
	var err error
	for range writes {
		if err = r.put(ctx, event.VideoSettled, r.log()...); err == nil || fault.Is(err, fault.NotFound) {
			return err
		}
		got, lookErr := load(ctx, r.c, r.apt.ID)
		switch {
		case lookErr != nil:
			continue
		case got.LeaseBy != token: // somebody took us for dead, or took the room away
			return again()
		case got.LeaseUntil.IsZero(): // it was written, only the answer was lost
			r.base, r.v = got, got
			return nil
		}
		r.merge(got)
	}
	if beaten(err) { // an account may have come to its end meanwhile
		return again()
	}
	return err
}

// done keeps for the log what was done to the room at the provider.
func (r *run) done(what Kind, d Difference) {
	r.did = append(r.did, Happening{
		At: r.s.now().UTC().Truncate(time.Millisecond), Kind: what, Source: Almanac, Start: d.Start, Minutes: d.Minutes,
		Connection: r.v.Connection, Room: r.v.Ref, Run: brief(r.v.LeaseBy),
	})
}

// log are the entries of what was done.
func (r *run) log() []table.Item {
	out := make([]table.Item, len(r.did))
	for i, e := range r.did {
		out[i] = e.item(r.c, r.apt.ID)
	}
	return out
}

// merge takes over what others wrote meanwhile.
func (r *run) merge(got Visit) {
	r.base, r.v.Version = got, got.Version
	r.v.Linked, r.v.LinkedAt, r.v.Issue, r.v.Live = got.Linked, got.LinkedAt, got.Issue, got.Live
	if got.Acked.Sequence > r.v.Acked.Sequence {
		r.v.Acked = got.Acked
	}
}
