// Zoom-meetings brings the rooms of video visits into agreement with the diary, and looks after the accounts that they
// are in.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/event"
	"almanac/shared/visibility"
	"almanac/shared/visits"
)

func main() {
	a := app.Must(app.New(context.Background()))
	of := visits.Of(a)
	lambda.Start(visibility.Edge(a).Each(event.Video, access.VideoRooms, work(of.Zoom.Store, of.Visits)))
}
