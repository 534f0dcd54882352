package video

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// room gives the visit's room as the provider has it now, and makes it where there is none: because there never was
// one, or because somebody took it away while the diary goes on wanting it.
func (r *run) room(ctx context.Context) (Room, error) {
	if r.v.Ref != "" {
		room, err := r.s.provider.Get(ctx, r.at(), r.v.Ref)
		if err == nil || fault.Of(err).Code != RoomGone {
			return room, err
		}
		r.letGo()
	}
	return r.make(ctx)
}

// make makes the room. If one may have been made before without our knowing, it is looked for first.
func (r *run) make(ctx context.Context) (Room, error) {
	w, err := r.want(ctx)
	if err != nil {
		return Room{}, err
	}
	if r.v.Pending {
		room, err := r.adopt(ctx)
		if err != nil || room.Ref != "" {
			return room, err
		}
	}
	before := r.v
	r.unsure = before.Pending
	r.v.Connection, r.v.Subject, r.v.Provider = r.host.Connection, r.host.Subject, r.s.provider.Capabilities().Name
	r.v.State, r.v.Pending, r.v.Tried = Making, true, r.s.now()
	if err := r.count(ctx); err != nil {
		r.v.Connection, r.v.Subject, r.v.Provider = before.Connection, before.Subject, before.Provider
		r.v.State, r.v.Pending = before.State, before.Pending
		return Room{}, err
	}
	room, err := r.s.provider.Create(ctx, r.at(), w)
	if err != nil {
		if known(err) { // it was refused, so there is nothing to look for but what came of an earlier call
			if lost := r.leave(ctx, before.Pending); lost != nil {
				return Room{}, lost
			}
			r.v.Pending, r.v.State = false, Wanted
		}
		return Room{}, err
	}
	r.made = true
	return room, r.moveIn(ctx, room)
}

// known tells whether an error says that nothing was made. Whatever does not say so may have been.
func known(err error) bool {
	switch fault.Of(err).Kind {
	case fault.Invalid, fault.Denied, fault.Limited, fault.NotFound, fault.Conflict:
		return true
	case fault.Internal, fault.Stale, fault.Unavailable:
		return false
	}
	return false
}

// adopt looks for rooms that were made without our knowing, takes the oldest for the visit's and deletes the others.
// No Ref says that there is none.
func (r *run) adopt(ctx context.Context) (Room, error) {
	made, err := r.marked(ctx)
	if err != nil || len(made) == 0 {
		return Room{}, err
	}
	for _, surplus := range made[1:] {
		if err := r.s.provider.Delete(ctx, r.at(), surplus.Ref); err != nil && !fault.Is(err, fault.Conflict) {
			return Room{}, err
		}
	}
	room, err := r.s.provider.Get(ctx, r.at(), made[0].Ref) // a list may leave out what a guest needs
	if err != nil {
		if fault.Of(err).Code == RoomGone {
			return Room{}, nil
		}
		return Room{}, err
	}
	p, err := roomOf(ctx, r.c, r.v.Connection, room.Ref)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Room{}, err
	}
	r.known = err == nil
	if p.Closed { // by an erasing that came to nothing, as the account was connected again
		p.Closed = false
		r.reopened = []table.Item{p.item(r.c, r.v.Connection, room.Ref, false)}
	}
	return room, r.moveIn(ctx, room)
}

// marked lists the rooms that bear the appointment's marker, the same one first each time. One whose start has passed
// since it was made is among them.
func (r *run) marked(ctx context.Context) ([]Room, error) {
	marker, err := r.s.marker(ctx, r.by.Org(), r.apt.ID)
	if err != nil {
		return nil, err
	}
	all, err := r.s.provider.All(ctx, r.at())
	if err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(all, func(x Room) bool { return x.Marker != marker || x.Ref == r.v.Ref })
	slices.SortFunc(ours, func(a, b Room) int {
		return cmp.Or(cmp.Compare(len(a.Ref), len(b.Ref)), cmp.Compare(a.Ref, b.Ref))
	})
	return slices.CompactFunc(ours, func(a, b Room) bool { return a.Ref == b.Ref }), nil
}

// errNoWay is for a room that no guest could come into.
var errNoWay = errors.New("a room without an address for guests")

// moveIn takes a room for the visit's.
func (r *run) moveIn(ctx context.Context, room Room) error {
	if r.host.User != "" && room.HostUser != "" && room.HostUser != r.host.User {
		if err := r.s.provider.Delete(ctx, r.at(), room.Ref); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		r.v.Pending, r.v.State = false, Wanted
		return fault.New(fault.Denied, NotHost, "The account makes rooms of somebody else.")
	}
	if room.JoinURL == "" {
		return fault.Wrap(errNoWay, fault.Unavailable, ProviderUnavailable, "The provider gave no address.")
	}
	url, err := r.s.sealed(ctx, r.by.Org(), r.apt.ID, room.JoinURL)
	if err != nil {
		return err
	}
	if r.whose, err = pointTo(ctx, r.s.table, r.c, r.by.Org(), r.host, room.Ref); err != nil {
		return err
	}
	r.v.Ref, r.v.JoinURL, r.v.Pending = room.Ref, url, false
	r.v.State, r.v.Why = Ready, ""
	r.v.Acked = Acked{Start: room.Start, Minutes: room.Minutes, Sequence: -1, At: r.s.now()}
	start, length := room.Start, room.Minutes
	r.done(RoomCreated, Difference{Start: &start, Minutes: &length})
	return nil
}

// fit gives the room the appointment's time where it has another one: only what differs is sent, and read back.
func (r *run) fit(ctx context.Context, room Room) error {
	d, differs := r.difference(room)
	switch {
	case !differs:
		return r.ack(ctx, room, "")
	case !r.s.provider.Capabilities().Update:
		return r.replace(ctx, room)
	case room.Started:
		return r.ack(ctx, room, RoomStarted)
	}
	if err := r.count(ctx); err != nil {
		return err
	}
	err := r.s.provider.Update(ctx, r.at(), r.v.Ref, d)
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code != NotHost || fault.Is(err, fault.Invalid) {
		return r.ack(ctx, room, fault.Of(err).Code)
	}
	if err != nil {
		return err
	}
	if room, err = r.s.provider.Get(ctx, r.at(), r.v.Ref); err != nil {
		return err
	}
	if _, differs = r.difference(room); differs {
		return r.ack(ctx, room, NotTaken)
	}
	r.done(RoomUpdated, d)
	return r.ack(ctx, room, "")
}

// difference is what of the room's time is not the appointment's.
func (r *run) difference(room Room) (Difference, bool) {
	var d Difference
	start := r.apt.Start.UTC()
	late := r.made && !start.After(r.s.now()) // a room that is made during the appointment begins when it is made
	if !room.Start.Equal(start) && !late {
		d.Start = &start
	}
	if length := r.minutes(); room.Minutes != length {
		d.Minutes = &length
	}
	return d, d.Start != nil || d.Minutes != nil
}

// ack notes what the provider has. why says why that is not what the diary wants, for the staff to see to, once: it is
// not tried again before the diary changes again, or the meeting that stands in the way is over.
func (r *run) ack(ctx context.Context, room Room, why string) error {
	if r.base.Why != why || r.base.Acked.Sequence != r.apt.Sequence {
		r.trouble = why
	}
	r.v.State, r.v.Why = Ready, why
	r.v.Acked = Acked{Start: room.Start, Minutes: room.Minutes, Sequence: r.apt.Sequence, At: r.s.now()}
	if room.JoinURL == "" {
		return nil
	}
	url, err := r.s.sealed(ctx, r.by.Org(), r.apt.ID, room.JoinURL) // the host may have given it another passcode
	if err == nil {
		r.v.JoinURL = url
	}
	return err
}

// anew makes another room instead of one that is somebody else's by now, and has the staff told of that.
func (r *run) anew(ctx context.Context) error {
	r.letGo()
	r.trouble = NotHost
	room, err := r.make(ctx)
	if err == nil {
		err = r.ack(ctx, room, "")
		r.trouble = NotHost
	}
	return err
}

// replace makes another room instead of one whose time cannot be changed.
func (r *run) replace(ctx context.Context, room Room) error {
	if err := r.s.provider.Delete(ctx, r.at(), room.Ref); err != nil {
		if fault.Is(err, fault.Conflict) && fault.Of(err).Code != NotHost {
			return r.ack(ctx, room, fault.Of(err).Code)
		}
		return err
	}
	r.letGo()
	room, err := r.make(ctx)
	if err != nil {
		return err
	}
	return r.ack(ctx, room, "")
}

// The breaker: a loop between diary and provider runs up changes far faster than people do. The provider's own limit
// of a host's creations and updates is a hundred a day.
const (
	changesAnHour = 6
	changesADay   = 90
	usageKept     = 3 * 24 * time.Hour
	jitter        = 10 * time.Minute
)

// usage counts the changes of a connection's rooms on a UTC day.
type usage struct {
	Changes int   `dynamodbav:"n"`
	Version int64 `dynamodbav:"v"`
}

// count notes that a room is about to be made or changed, unless there were too many.
func (r *run) count(ctx context.Context) error {
	now := r.s.now()
	if now.Sub(r.v.Hour) >= time.Hour {
		r.v.Hour, r.v.Changes = now.Truncate(time.Second), 0
	}
	if r.v.Changes >= changesAnHour {
		return tooMany(TooManyMoves, r.v.Hour.Add(time.Hour).Sub(now))
	}
	r.v.Changes++
	var err error
	for range writes {
		var item table.Item
		if item, err = r.usage(ctx, now); err != nil {
			return err
		}
		if err = r.put(ctx, event.VideoSyncing, item); !beaten(err) {
			return err
		}
		got, lookErr := load(ctx, r.c, r.apt.ID)
		if lookErr != nil {
			return lookErr
		}
		if got.LeaseBy != r.v.LeaseBy {
			return again()
		}
		r.merge(got)
	}
	return again()
}

// usage is the item that counts one more change of the connection's rooms today.
func (r *run) usage(ctx context.Context, now time.Time) (table.Item, error) {
	key := r.c.Usage(r.v.Connection, now)
	var u usage
	err := r.c.Get(ctx, key, &u)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return table.Item{}, err
	}
	if u.Changes >= changesADay {
		tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return table.Item{}, tooMany(DailyQuota, tomorrow.Sub(now)+rand.N(jitter)) //nolint:gosec // spreads load only
	}
	it := table.Item{Key: key, New: err != nil, Version: u.Version, Expires: now.Add(usageKept)}
	u.Changes++
	it.Value = u
	return it, nil
}

func tooMany(code string, wait time.Duration) error {
	e := fault.New(fault.Limited, code, "The room was changed too often. It is tried again later.")
	e.RetryAfter = wait
	return e
}
