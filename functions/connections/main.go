// Connections serves over HTTP the accounts at Zoom that people connect, the one of the clinic, and the page that Zoom
// sends people back to.
package main

import (
	"context"
	_ "embed"
	"log"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/connection"
	"almanac/shared/gate"
	"almanac/shared/page"
	"almanac/shared/seal"
	"almanac/shared/task"
	"almanac/shared/web"
)

//go:embed result.html
var sheet string

func main() {
	ctx := context.Background()
	a, err := app.New(ctx)
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	key, err := a.SealKey()
	if err != nil {
		log.Fatal(err)
	}
	set, err := a.Zoom()
	if err != nil {
		log.Fatal(err)
	}
	z, err := connection.NewZoom(connection.Settings{
		API: set.API, OAuth: set.OAuth, ClientID: set.ClientID, Secret: set.Secret,
		AdminID: set.AdminID, AdminSecret: set.AdminSecret, PublicURL: set.PublicURL,
		Table: a.Table, Keeper: seal.New(a.Config("KMS"), key, a.Table, a.Now), Directory: a.Directory,
		Log: a.Log, Now: a.Now, Clock: time.Now, ID: a.ID,
		Job:   func(org string) access.Caller { return access.System(org, string(access.Renewer)) },
		Raise: task.New(a.Table, a.Now).OfAccount,
	})
	if err != nil {
		log.Fatal(err)
	}
	a.Warm(ctx)
	edge := web.Edge{
		Log: a.Log, Now: a.Now, OrganisationClaim: a.OrganisationClaim(), Gate: gate.New(a.Directory, a.Table),
	}
	lambda.Start(serve(edge.Serve(routes(z)), pages(a.Log, a.Now).Serve(page.Routes{
		"GET " + connection.CallbackPath: callback(z.Complete, page.NewSheet(sheet)),
	})))
}

// serve gives each request to its edge: the page has no log-in.
func serve(api web.Handler, pages page.Handler) web.Handler {
	return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if ev.RawPath == connection.CallbackPath {
			return pages(ctx, ev)
		}
		return api(ctx, ev)
	}
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
			end(z, connection.Admin)),
		"POST /v1/staff/{subject}/zoom-user": web.Do(access.LoginProvision, "Make a Zoom log-in",
			provision(z)).Tag("Connections").Describe(aboutProvision),
	}
}

// pages is what the page says where nothing else can be said.
func pages(log *slog.Logger, now func() time.Time) page.Edge {
	return page.Edge{
		Log: log, Now: now,
		Lost: []string{"There is nothing at this address. Open Almanac, and connect Zoom in your profile."},
		Help: "If it happens again, tell whoever looks after Almanac at your clinic.",
	}
}
