// Fanout reads the table's stream and sends each committed event to the queues that its kind names.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/relay"
)

func main() {
	a := app.Must(app.New(context.Background()))
	queues := app.Must(a.Queues())
	lambda.Start(fan(a.Log, relay.New(a.Config("SQS"), queues, a.Table.Outbox()), a.Now))
}
