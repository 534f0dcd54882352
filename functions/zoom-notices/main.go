// Zoom-notices brings what happened at Zoom into the diary and into the log of each visit.
package main

import (
	"context"
	"log"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/connection"
	"almanac/shared/seal"
	"almanac/shared/visits"
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
	set, err := a.Zoom()
	if err != nil {
		log.Fatal(err)
	}
	of, err := visits.New(connection.Settings{
		API: set.API, OAuth: set.OAuth, ClientID: set.ClientID, Secret: set.Secret,
		AdminID: set.AdminID, AdminSecret: set.AdminSecret, PublicURL: set.PublicURL,
		Table: a.Table, Keeper: seal.New(a.Config("KMS"), key, a.Table, a.Now), Directory: a.Directory,
		Log: a.Log, Now: a.Now, Clock: time.Now, ID: a.ID,
	}, access.System)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(notices(a.Log, apps{own: set.ClientID, admin: set.AdminID}, of.Zoom.Store, of.Visits))
}
