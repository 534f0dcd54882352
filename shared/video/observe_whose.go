package video

import (
	"context"

	"almanac/shared/fault"
	"almanac/shared/table"
)

// Not every notice says whose the room is that it is about: a change names its room, and may have been made by the
// administrator of the host's account. So each room, too, has a pointer that says whose it is.

const ofRooms = "-room"

// whoseRoom finds whose a room is that a notice names no user of.
func whoseRoom(ctx context.Context, t *table.Table, provider, account, ref string) (table.Pointer, error) {
	return t.WhoseIs(ctx, provider+ofRooms, account+"#"+ref)
}

// pointTo is what says that a room in an account is the organisation's; nothing where another organisation has it on
// record, as of an account that was connected there.
func pointTo(
	ctx context.Context, t *table.Table, c table.Clinic, org string, a Account, ref string,
) ([]table.Item, error) {
	if a.Provider == "" || a.Account == "" {
		return nil, nil
	}
	p, err := whoseRoom(ctx, t, a.Provider, a.Account, ref)
	if err != nil && !fault.Is(err, fault.NotFound) || err == nil && p.Org != org {
		return nil, ignore(err)
	}
	return []table.Item{{
		Key: c.Pointer(a.Provider+ofRooms, a.Account+"#"+ref), New: err != nil, Version: p.Version,
		Value: table.Pointer{Org: org, Ref: a.Connection, Subject: a.Subject},
	}}, nil
}

func ignore(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// unpoint takes away what pointTo made.
func unpoint(
	ctx context.Context, t *table.Table, c table.Clinic, org string, a Account, ref string,
) ([]table.Item, error) {
	p, err := whoseRoom(ctx, t, a.Provider, a.Account, ref)
	if err != nil || p.Org != org || p.Ref != a.Connection {
		return nil, ignore(err)
	}
	return []table.Item{{Key: c.Pointer(a.Provider+ofRooms, a.Account+"#"+ref), Delete: true, Version: p.Version}}, nil
}
