// Email-dispatch sends patients the mails about their appointments, and privacy officers those about alerts, each once,
// and keeps the ledger of them.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/mail"
	"almanac/shared/patient"
	"almanac/shared/queue"
	"almanac/shared/seal"
	"almanac/shared/video"
)

func main() {
	a, err := app.New(context.Background())
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	settings, err := a.Mail()
	if err != nil {
		log.Fatal(err)
	}
	writer, err := mail.NewWriter(settings.From)
	if err != nil {
		log.Fatal(err)
	}
	key, err := a.SealKey()
	if err != nil {
		log.Fatal(err)
	}
	keeper := seal.New(a.Config("KMS"), key, a.Table, a.Now)
	d := dispatcher{
		table: a.Table, directory: a.Directory, patients: patient.New(a.Table, keeper, a.Now, a.ID), now: a.Now,
		ledger: delivery.New(a.Table, a.Now, a.ID), writer: writer,
		post:  mail.NewPost(a.Config("SESV2"), settings.ConfigurationSet),
		links: video.Links{Table: a.Table, Keeper: keeper}, public: a.PublicURL(),
	}
	lambda.Start(queue.Each(a.Log, event.Email, access.EmailDispatch, d.dispatch))
}
