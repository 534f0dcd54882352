package main

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/queue"
	"almanac/shared/video"
)

// work deals with what the queue is told of. Each reads what is so now, so what comes twice, late or out of order
// comes to the same.
func work(cons *connection.Store, s *video.Service) queue.Work {
	return func(ctx context.Context, by access.Caller, m event.Message) error {
		switch m.Name { //nolint:exhaustive // the events that the queue is told of
		case event.VideoAsked, event.VideoLinkAsked, event.AppointmentMoved, event.AppointmentCancelled:
			return s.Sync(ctx, by, m.Target)
		case event.ConnectionMade:
			return s.Resume(ctx, by, m.Target)
		case event.ConnectionDue:
			return tend(ctx, by, cons, m.Target, s.Check)
		case event.ConnectionEnding:
			return tend(ctx, by, cons, m.Target, s.End)
		case event.ConnectionEnded:
			return s.Ended(ctx, by, m.Target)
		}
		return fault.New(fault.Invalid, "unknown_name", "Nothing is to be done about events of this name here.")
	}
}

// tend looks after a connection: that of a person's own account, in which there are rooms, or the clinic's.
func tend(
	ctx context.Context, by access.Caller, cons *connection.Store, id string,
	own func(ctx context.Context, by access.Caller, id string) error,
) error {
	con, err := cons.Read(ctx, by, id)
	switch {
	case err != nil:
		return err
	case con.Provider == connection.Admin:
		return cons.Tend(ctx, by, con)
	}
	return own(ctx, by, id)
}
