// Pds-lookup finds patients' NHS numbers, and keeps them in step with the NHS's register of patients. Booking never
// waits for it.
package main

import (
	"context"
	"log"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/event"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/queue"
	"almanac/shared/seal"
)

func main() {
	a, err := app.New(context.Background())
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	key, err := a.SealKey()
	if err != nil {
		log.Fatal(err)
	}
	keeper := seal.New(a.Config("KMS"), key, a.Table, a.Now)
	w := worker{
		table:   a.Table,
		numbers: nhs.New(a.Table, patient.New(a.Table, keeper, a.Now, a.ID), keeper, a.Directory, a.Now, a.ID),
		now:     a.Now,
	}
	if w.register, err = register(a); err != nil {
		log.Fatal(err)
	}
	if w.privacy, err = newPrivacy(a, keeper, w.register, time.Now); err != nil {
		log.Fatal(err)
	}
	lambda.Start(queue.Each(a.Log, event.PDS, access.PDSLookup, w.work, event.Asked))
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
