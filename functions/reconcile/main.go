// Reconcile finds, every five minutes, what was committed but not told, and which connected accounts are to be looked
// after, and tells the queues.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/relay"
	"almanac/shared/schedule"
)

func main() {
	a := app.Must(app.New(context.Background()))
	queues := app.Must(a.Queues())
	// The age of an event is read from its id, which has the system's time, wherever the clock in use may stand.
	r := relay.New(a.Config("SQS"), queues, a.Table.Outbox())
	job := func(org string) access.Caller { return access.System(org, string(access.VideoRooms)) }
	lambda.Start(schedule.Run(a.Log, sweep(a.Log, r, time.Now, func(ctx context.Context) (tended, error) {
		return tend(ctx, a.Table, job, a.Now())
	})))
}
