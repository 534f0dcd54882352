package main

import (
	"context"

	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/web"
)

const aboutEnd = "The meetings that Almanac made in the account are deleted at Zoom, what Zoom granted is taken " +
	"back, and what is kept of the account here is deleted. The state is ending until that is done. Asking again " +
	"changes nothing."

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
