// Public serves the pages of patients, who have no log-in: the link to a video visit.
package main

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/page"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

//go:embed visit.html
var sheet string

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	origins := app.Must(zoom.JoinOrigins(app.Must(a.Zoom()).API))
	s := video.New(video.Parts{
		Table: a.Table, Keeper: app.Must(a.Keeper()), Directory: a.Directory, Now: a.Now, ID: a.ID,
	})
	a.Warm(ctx)
	// The limits go by the computer's own clock: one that people set would let requests through at once, or none for
	// years.
	v := serving(s, a.Table.Buckets(time.Now), origins, a.Now)
	lambda.Start(edge(a.Log, a.Now).Serve(v.routes()))
}

// serving makes the pages of visits.
func serving(s *video.Service, b *table.Buckets, origins []string, now func() time.Time) visits {
	return visits{
		as:      func(org string) access.Caller { return access.System(org, string(access.VideoVisitor)) },
		visitor: s.Visitor, join: s.Join, take: b.Take, origins: origins, now: now, sheet: page.NewSheet(sheet),
	}
}

// edge is what the pages share.
func edge(log *slog.Logger, now func() time.Time) page.Edge {
	return page.Edge{
		Log: log, Now: now,
		Lost: []string{
			"Check that you opened the whole link. If you typed or copied it, compare it with the email that you got.",
			"If it still does not work, phone or email your clinic and ask for a new link.",
		},
		Help: "If your appointment is about to begin, phone your clinic.",
	}
}
