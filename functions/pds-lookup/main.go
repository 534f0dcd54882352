// Pds-lookup finds patients' NHS numbers, and keeps them in step with the NHS's register of patients. Booking never
// waits for it.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/event"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/visibility"
)

func main() {
	a := app.Must(app.New(context.Background()))
	keeper := app.Must(a.Keeper())
	w := worker{
		table:   a.Table,
		numbers: nhs.New(a.Table, patient.New(a.Table, keeper, a.Now, a.ID), keeper, a.Directory, a.Now, a.ID),
		now:     a.Now, register: app.Must(register(a)),
	}
	w.privacy = app.Must(newPrivacy(a, keeper, w.register, time.Now))
	lambda.Start(visibility.Edge(a).Each(event.PDS, access.PDSLookup, w.work, event.Asked))
}

// register makes the client of the NHS's register; none where this installation is not connected to it.
func register(a *app.App) (*pds.Client, error) {
	set, err := a.NHS()
	if err != nil || set.PDS == "" {
		return nil, err
	}
	pace := a.Table.Pace("pds", time.Now)
	return pds.New(pds.Settings{
		URL: set.PDS, TokenURL: set.Token, APIKey: set.APIKey, KID: set.Kid, Now: a.Now,
		Sign: pds.KeyOf(a.Config("KMS"), set.SignKey, a.Now), Pace: pace.Wait, Hold: pace.Hold,
	})
}
