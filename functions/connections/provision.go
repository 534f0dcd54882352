package main

import (
	"context"

	"almanac/shared/connection"
	"almanac/shared/web"
)

const aboutProvision = "Has Zoom invite a member of staff, at the address that the staff record has, to a log-in in " +
	"the clinic's Zoom account. One that is there is left as it is: Almanac never changes or deletes a Zoom user. " +
	"Whoever has one then connects it in the profile."

type provisionIn struct {
	web.Keyed
	Of   string `path:"subject"`
	Body struct {
		Licensed bool `json:"licensed" doc:"Give the user one of the account's licences: meetings of others end after 40 minutes."`
	}
}

func provision(z connection.Zoom) web.Func[provisionIn, connection.Login] {
	return func(ctx context.Context, r web.Request, in *provisionIn) (connection.Login, error) {
		return z.Provision(ctx, r.By, r.Once, in.Of, in.Body.Licensed)
	}
}
