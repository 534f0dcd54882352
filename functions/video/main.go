// Video serves appointments' video visits over HTTP: how they stand, the patient's link, and the way in for the host.
package main

import (
	"context"
	"log"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/connection"
	"almanac/shared/gate"
	"almanac/shared/seal"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/visits"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a, err := app.New(ctx)
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
		API: set.API, OAuth: set.OAuth, ClientID: set.ClientID, Secret: set.Secret, PublicURL: set.PublicURL,
		Table: a.Table, Keeper: seal.New(a.Config("KMS"), key, a.Table, a.Now), Directory: a.Directory,
		Log: a.Log, Now: a.Now, Clock: time.Now, ID: a.ID,
	}, access.System)
	if err != nil {
		log.Fatal(err)
	}
	a.Warm(ctx)
	edge := web.Edge{
		Log: a.Log, Now: a.Now, OrganisationClaim: a.OrganisationClaim(), Gate: gate.New(a.Directory, a.Table),
	}
	lambda.Start(edge.Serve(routes(of.Visits, task.New(a.Table, a.Now))))
}

func routes(s *video.Service, t *task.Service) web.Routes {
	return web.Routes{
		"GET /v1/appointments/{id}/video": web.Do(access.VideoRead, "Read an appointment's video visit",
			show(s)).Tag(chapter).Describe(aboutShow),
		"POST /v1/appointments/{id}/video/email": web.Do(access.VideoEmail, "E-mail the link to a video visit",
			email(s)).Tag(chapter).Describe(aboutEmail),
		"POST /v1/appointments/{id}/video/start": web.Do(access.VideoStart, "Start a video call",
			start(s)).Tag(chapter).Describe(aboutStart),

		"GET /v1/tasks": web.Do(access.TaskList, "List the tasks",
			tasks(t)).Describe(aboutTasks),
		"POST /v1/tasks/{id}/done": web.Do(access.TaskDone, "Do a task",
			done(t)).Describe(aboutDone),
	}
}

// chapter is where the documentation has all of this.
const chapter = "Video visits"
