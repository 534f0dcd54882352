// Fanout reads the table's stream and sends each committed event to the queues that its kind names.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/relay"
)

func main() {
	a, err := app.New(context.Background())
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	queues, err := a.Queues()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(fan(a.Log, relay.New(a.Config("SQS"), queues, a.Table.Outbox()), a.Now))
}
