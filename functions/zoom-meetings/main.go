// Zoom-meetings brings the rooms of video visits into agreement with the diary, and looks after the accounts that they
// are in.
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
	"almanac/shared/event"
	"almanac/shared/queue"
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
	keeper := seal.New(a.Config("KMS"), key, a.Table, a.Now)
	as := func(job access.Role) func(org string) access.Caller {
		return func(org string) access.Caller { return access.System(org, string(job)) }
	}
	z, err := connection.NewZoom(connection.Settings{
		API: set.API, OAuth: set.OAuth, ClientID: set.ClientID, Secret: set.Secret,
		AdminID: set.AdminID, AdminSecret: set.AdminSecret, PublicURL: set.PublicURL,
		Table: a.Table, Keeper: keeper, Directory: a.Directory, Log: a.Log, Now: a.Now, Clock: time.Now, ID: a.ID,
		Job: as(access.Renewer), Raise: task.New(a.Table, a.Now).OfAccount,
	})
	if err != nil {
		log.Fatal(err)
	}
	visits := video.New(video.Parts{
		Table: a.Table, Keeper: keeper, Directory: a.Directory, Provider: z.Rooms, Accounts: z.Accounts(),
		Diary: booking.New(a.Table, a.Directory, a.Now, a.ID), Job: as(access.VideoRooms), Now: a.Now, ID: a.ID,
		Raise: task.New(a.Table, a.Now).OfVisit,
	})
	lambda.Start(queue.Each(a.Log, event.Video, access.VideoRooms, work(visits)))
}
