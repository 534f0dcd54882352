// Email-dispatch sends patients the mails about their appointments, and privacy officers those about alerts, each once,
// and keeps the ledger of them.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/mail"
	"almanac/shared/patient"
	"almanac/shared/video"
	"almanac/shared/visibility"
)

func main() {
	a := app.Must(app.New(context.Background()))
	settings := app.Must(a.Mail())
	writer := app.Must(mail.NewWriter(settings.From))
	keeper := app.Must(a.Keeper())
	d := dispatcher{
		table: a.Table, directory: a.Directory, patients: patient.New(a.Table, keeper, a.Now, a.ID), now: a.Now,
		ledger: delivery.New(a.Table, a.Now, a.ID), writer: writer,
		post:  mail.NewPost(a.Config("SESV2"), settings.ConfigurationSet),
		links: video.Links{Table: a.Table, Keeper: keeper}, public: a.PublicURL(),
	}
	lambda.Start(visibility.Edge(a).Each(event.Email, access.EmailDispatch, d.dispatch))
}
