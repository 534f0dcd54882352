// Connections serves over HTTP the accounts at Zoom that people connect, and the one of the clinic. The page that Zoom
// sends them back to is zoom-callback's.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/connection"
	"almanac/shared/gate"
	"almanac/shared/visits"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	lambda.Start(gate.Edge(ctx, a).Serve(routes(visits.Of(a).Zoom)))
}

func routes(z connection.Zoom) web.Routes {
	return web.Routes{
		"GET /v1/connections": web.Do(access.ConnectionRead, "List your connections",
			list(z)).Describe(aboutList),
		"POST /v1/connections/zoom": web.Do(access.ConnectionMake, "Connect your Zoom account",
			begin(z, connection.Own)).Describe(aboutBegin),
		"DELETE /v1/connections/zoom": web.Do(access.ConnectionEnd, "Disconnect your Zoom account",
			end(z, connection.Own)).Describe(aboutEnd),
		"POST /v1/connections/zoom-admin": web.Do(access.LoginProvision, "Connect the clinic's Zoom account",
			begin(z, connection.Admin)).Describe(aboutAdmin),
		"DELETE /v1/connections/zoom-admin": web.Do(access.LoginProvision, "Disconnect the clinic's Zoom account",
			end(z, connection.Admin)).Describe(aboutEndAdmin),
		"POST /v1/staff/{subject}/zoom-user": web.Do(access.LoginProvision, "Make a Zoom log-in",
			provision(z)).Tag("Connections").Describe(aboutProvision),
	}
}
