// Zoom-notices brings what happened at Zoom into the diary and into the log of each visit.
package main

import (
	"context"
	"log"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/booking"
	"almanac/shared/connection"
	"almanac/shared/seal"
	"almanac/shared/task"
	"almanac/shared/video"
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
	keeper, tasks := seal.New(a.Config("KMS"), key, a.Table, a.Now), task.New(a.Table, a.Now)
	as := func(job access.Role) func(org string) access.Caller {
		return func(org string) access.Caller { return access.System(org, string(job)) }
	}
	z, err := connection.NewZoom(connection.Settings{
		API: set.API, OAuth: set.OAuth, ClientID: set.ClientID, Secret: set.Secret, PublicURL: set.PublicURL,
		Table: a.Table, Keeper: keeper, Directory: a.Directory, Log: a.Log, Now: a.Now, Clock: time.Now, ID: a.ID,
		Job: as(access.Renewer), Raise: tasks.OfAccount,
	})
	if err != nil {
		log.Fatal(err)
	}
	visits := video.New(video.Parts{
		Table: a.Table, Keeper: keeper, Directory: a.Directory, Provider: z.Rooms, Accounts: z.Accounts(),
		Diary: booking.New(a.Table, a.Directory, a.Now, a.ID), Job: as(access.VideoRooms), Now: a.Now, ID: a.ID,
		Raise: tasks.OfVisit,
	})
	lambda.Start(notices(a.Log, apps{own: set.ClientID, admin: set.AdminID}, visits))
}
