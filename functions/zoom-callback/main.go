// Zoom-callback serves the page that Zoom sends people back to when they connect an account. It is no part of
// connections, which begins that: what makes pages and what serves the API would make one program too large.
package main

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/connection"
	"almanac/shared/page"
	"almanac/shared/visits"
)

//go:embed result.html
var sheet string

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	z := visits.Of(a).Zoom
	a.Warm(ctx)
	lambda.Start(edge(a.Log, a.Now).Serve(routes(z.Complete)))
}

func routes(complete completing) page.Routes {
	return page.Routes{"GET " + connection.CallbackPath: callback(complete, page.NewSheet(sheet))}
}

// edge is what the page says where nothing else can be said.
func edge(log *slog.Logger, now func() time.Time) page.Edge {
	return page.Edge{
		Log: log, Now: now,
		Lost: []string{"There is nothing at this address. Open Almanac, and connect Zoom in your profile."},
		Help: "If it happens again, tell whoever looks after Almanac at your clinic.",
	}
}
