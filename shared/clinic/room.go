package clinic

import (
	"context"
	"fmt"
	"strings"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/table"
)

const maxCapacity = 20

func rooms(s *Snapshot) map[string]Room { return s.Rooms }

// Rooms lists the rooms and devices by name.
func (o *Office) Rooms(ctx context.Context, by access.Caller) ([]Room, error) {
	return list(ctx, o, by, rooms)
}

// Room gives one room or device.
func (o *Office) Room(ctx context.Context, by access.Caller, id string) (Room, error) {
	return find(ctx, o, by, id, rooms)
}

// CreateRoom adds a room or device to a site. Its id and version are given here.
func (o *Office) CreateRoom(ctx context.Context, by access.Caller, once access.Once, r Room) (Room, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Room{}, err
	}
	if r, err = r.checked(snap); err != nil {
		return Room{}, err
	}
	r.ID, r.Version = o.newID("roo"), 1
	return r, o.write(ctx, by, once, edit{
		action: access.RoomCreate, event: event.Event{Name: event.RoomCreated}, target: r.ID, answer: r,
		put: []table.Item{{Key: o.table.For(by).Room(r.ID), Value: r, New: true}},
	})
}

// ChangeRoom replaces a room by r, whose Version is that of the caller's copy. What is booked in it stays booked.
func (o *Office) ChangeRoom(ctx context.Context, by access.Caller, once access.Once, r Room) (Room, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Room{}, err
	}
	was, err := current(snap.Rooms, r.ID, r.Version)
	if err != nil {
		return Room{}, err
	}
	if r, err = r.checked(snap); err != nil {
		return Room{}, err
	}
	r.Version++
	return r, o.write(ctx, by, once, edit{
		action: access.RoomChange, event: event.Event{Name: event.RoomChanged}, target: r.ID, answer: r,
		put: []table.Item{{Key: o.table.For(by).Room(r.ID), Value: r, Version: was.Version}},
	})
}

func (r Room) checked(snap *Snapshot) (Room, error) {
	var c Check
	r.Name = c.Name("/name", r.Name)
	c.Choice("/kind", r.Kind, KindRoom, KindDevice)
	known(&c, "/siteId", r.SiteID, snap.Sites)
	c.number("/capacity", r.Capacity, 1, maxCapacity, 1)
	return r, c.Err()
}

// laneSeparator stands between a room's id and the number of its place, from the second one on.
const laneSeparator = "~"

// Lanes are the resources under which the room's places are claimed, one for each that its capacity allows.
func (r Room) Lanes() []string {
	out := []string{r.ID}
	for n := 2; n <= r.Capacity; n++ {
		out = append(out, fmt.Sprintf("%s%s%02d", r.ID, laneSeparator, n))
	}
	return out
}

// RoomOfLane is the id of the room that a lane is a place of.
func RoomOfLane(lane string) string {
	room, _, _ := strings.Cut(lane, laneSeparator)
	return room
}
