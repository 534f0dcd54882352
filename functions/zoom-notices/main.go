// Zoom-notices brings what happened at Zoom into the diary and into the log of each visit.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/visibility"
	"almanac/shared/visits"
)

func main() {
	a := app.Must(app.New(context.Background()))
	set := app.Must(a.Zoom())
	of := visits.Of(a)
	lambda.Start(notices(visibility.Edge(a), apps{own: set.ClientID, admin: set.AdminID}, of.Zoom.Store, of.Visits))
}
