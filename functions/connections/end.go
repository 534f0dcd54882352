package main

import (
	"context"

	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/web"
)

const (
	aboutEnd = "The meetings that Almanac made in the account are deleted at Zoom, what Zoom granted is taken back, " +
		"and what is kept of the account here is deleted, the logs of its visits among it. Visits that are still to " +
		"come wait until an account is connected again: then they get new rooms, and the links that patients have " +
		"stay right. The state is ending until all that is done. Asking again changes nothing."
	aboutEndAdmin = "What Zoom granted is taken back, and what is kept of the account here is deleted, at once. " +
		"The log-ins that were made stay as they are at Zoom, and so do the accounts that people have connected " +
		"themselves. Asking again changes nothing."
)

func end(z connection.Zoom, provider string) web.Func[struct{}, connected] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (connected, error) {
		con, err := z.End(ctx, r.By, provider)
		if fault.Is(err, fault.NotFound) { // there is none, or not any more: that is what was asked for
			return connected{Provider: provider, State: notConnected}, nil
		}
		if err != nil {
			return connected{}, err
		}
		if provider == connection.Admin {
			return connected{Provider: provider, State: notConnected}, nil
		}
		return shown(con), nil
	}
}
