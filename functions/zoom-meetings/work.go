package main

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/queue"
	"almanac/shared/video"
)

// work deals with what the queue is told of. Each reads what is so now, so what comes twice, late or out of order
// comes to the same.
func work(s *video.Service) queue.Work {
	return func(ctx context.Context, by access.Caller, m event.Message) error {
		switch m.Name { //nolint:exhaustive // the events that the queue is told of
		case event.VideoAsked, event.VideoLinkAsked, event.AppointmentMoved, event.AppointmentCancelled:
			return s.Sync(ctx, by, m.Target)
		case event.ConnectionMade:
			return s.Resume(ctx, by, m.Target)
		case event.ConnectionDue:
			return s.Check(ctx, by, m.Target)
		case event.ConnectionEnding:
			return s.End(ctx, by, m.Target)
		}
		return fault.New(fault.Invalid, "unknown_name", "Nothing is to be done about events of this name here.")
	}
}
