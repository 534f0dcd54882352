package main

import (
	"context"

	"almanac/shared/clinic"
	"almanac/shared/web"
)

const aboutLeave = "Nothing new is booked across leave from the moment it is answered. What was booked before " +
	"stays: affected lists it, complete, to be moved or cancelled one by one. A repeat of the request gets the first " +
	"answer again, not what is affected by then."

type leavesIn struct {
	Of string `query:"of" maxLength:"30" doc:"Only the leave of this practitioner, room or site."`
}

func leaves(o *clinic.Office) web.Func[leavesIn, web.Page[clinic.Leave]] {
	return func(ctx context.Context, r web.Request, in *leavesIn) (web.Page[clinic.Leave], error) {
		items, err := o.Leaves(ctx, r.By, in.Of)
		return web.NewPage(items, ""), err
	}
}

type leaveBody struct {
	Of    string `json:"of" example:"prc_01kc4z7v8wfj7rw4q3hxe6m2ta" doc:"Id of the practitioner, room or site."`
	Start string `json:"start" maxLength:"40" example:"2026-12-24T00:00" doc:"A local time at the site (for a practitioner, in the organisation's time zone), or an instant with its offset."`
	End   string `json:"end" maxLength:"40" example:"2026-12-28T00:00" doc:"The first moment that it does not cover, in the same form."`
	Kind  string `json:"kind" enum:"holiday,training,absence,closure,maintenance"`
}

func enter(o *clinic.Office) web.Func[createIn[leaveBody], clinic.Entered] {
	return func(ctx context.Context, r web.Request, in *createIn[leaveBody]) (clinic.Entered, error) {
		b := in.Body
		return o.EnterLeave(ctx, r.By, r.Once, clinic.Wanted{Of: b.Of, Start: b.Start, End: b.End, Kind: b.Kind})
	}
}

type withdrawIn struct {
	web.Keyed
	ID string `path:"id"`
}

func withdraw(o *clinic.Office) web.Func[withdrawIn, struct{}] {
	return func(ctx context.Context, r web.Request, in *withdrawIn) (struct{}, error) {
		return struct{}{}, o.WithdrawLeave(ctx, r.By, r.Once, in.ID)
	}
}
