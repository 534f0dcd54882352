// Zoom-webhook takes what Zoom tells: it checks who sent it, puts what is needed of it into a queue, and answers. It
// calls nobody else, so that Zoom has its answer long before the three seconds after which it tells it again.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/inbox"
)

func main() {
	a := app.Must(app.Bare(context.Background()))
	w := app.Must(a.ZoomWebhook())
	put := inbox.New(a.Config("SQS"), w.Queue).Put
	lambda.Start(door{log: a.Log, now: a.Now, secrets: w.Secrets, maxAge: w.MaxAge, put: put}.receive)
}
