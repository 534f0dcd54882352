// Zoom-webhook takes what Zoom tells: it checks who sent it, puts what is needed of it into a queue, and answers. It
// calls nobody else, so that Zoom has its answer long before the three seconds after which it tells it again.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/inbox"
)

func main() {
	a, err := app.Bare(context.Background())
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	secrets, queue, err := a.ZoomWebhook()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(door{log: a.Log, now: a.Now, secrets: secrets, put: inbox.New(a.Config("SQS"), queue).Put}.receive)
}
