// Public serves the pages of patients, who have no log-in: the link to a video visit.
package main

import (
	"context"
	_ "embed"
	"log"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/page"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

//go:embed visit.html
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
	z, err := a.Zoom()
	if err != nil {
		log.Fatal(err)
	}
	origins, err := zoom.JoinOrigins(z.API)
	if err != nil {
		log.Fatal(err)
	}
	s := video.New(video.Parts{
		Table: a.Table, Keeper: seal.New(a.Config("KMS"), key, a.Table, a.Now), Directory: a.Directory,
		Now: a.Now, ID: a.ID,
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
