package main

import (
	"context"
	"log/slog"
	"time"

	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/queue"
	"almanac/shared/video"
)

// apps are ours at Zoom: the one that people connect their own accounts to, and the one of a clinic's account.
type apps struct{ own, admin string }

// notices makes the handler of the queue of what Zoom told.
func notices(log *slog.Logger, of apps, cons *connection.Store, visits *video.Service) queue.Handler {
	return queue.Told(log, "notice", video.DecodeNotice, func(n video.Notice) []slog.Attr {
		return []slog.Attr{slog.String("told", string(n.Kind)), slog.Time("received", n.Received)}
	}, func(ctx context.Context, n video.Notice) error {
		n, err := of.meant(n)
		if err != nil {
			return err
		}
		return patiently(ctx, func() error {
			if n.Provider == connection.Admin {
				return cons.Drop(ctx, n.Account, n.User, when(n))
			}
			return visits.Observe(ctx, n)
		})
	})
}

// when is when it happened, as far as that is known.
func when(n video.Notice) time.Time {
	if n.At.IsZero() {
		return n.Received
	}
	return n.At
}

// tries is how often a notice that comes too early is looked at before the queue hides it, which is for minutes. Zoom
// tells of a meeting before its answer to us is on record, which takes a second or two.
const tries = 4

// patiently does the work again after the moment that its refusal names.
func patiently(ctx context.Context, work func() error) error {
	for n := 1; ; n++ {
		err := work()
		if !fault.Is(err, fault.Unavailable) || n == tries {
			return err
		}
		after := fault.Of(err).RetryAfter
		if after <= 0 || after > longest {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(after):
		}
	}
}

// longest is the longest pause that is made here.
const longest = 2 * time.Second

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
