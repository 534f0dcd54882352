package main

import (
	"context"
	"log/slog"

	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/queue"
	"almanac/shared/video"
)

// apps are ours at Zoom: the one that people connect their own accounts to, and the one of a clinic's account.
type apps struct{ own, admin string }

// notices makes the handler of the queue of what Zoom told.
func notices(e queue.Edge, of apps, cons *connection.Store, visits *video.Service) queue.Handler {
	return queue.Told(e, "notice", video.DecodeNotice, func(n video.Notice) []slog.Attr {
		return []slog.Attr{slog.String("told", string(n.Kind)), slog.Time("received", n.Received)}
	}, func(ctx context.Context, n video.Notice) error {
		n, err := of.meant(n)
		if err != nil {
			return err
		}
		if n.Provider == connection.Admin {
			return cons.Drop(ctx, n.Account, n.User, n.At)
		}
		return visits.Observe(ctx, n)
	})
}

// meant tells which connection is meant by an uninstalling: somebody can have connected an account to both apps. One
// of an app that is none of ours is fault.NotFound.
func (of apps) meant(n video.Notice) (video.Notice, error) {
	switch {
	case n.Kind != video.Uninstalled, n.App == "", n.App == of.own:
		return n, nil
	case n.App == of.admin:
		n.Provider = connection.Admin
		return n, nil
	}
	return n, fault.New(fault.NotFound, "not_found", "This is about no app of ours.")
}
