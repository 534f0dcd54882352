// Video serves appointments' video visits over HTTP: how they stand, the patient's link, and the way in for the host.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/gate"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/visits"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	of := visits.Of(a)
	lambda.Start(gate.Edge(ctx, a).Serve(routes(of.Visits, of.Tasks)))
}

func routes(s *video.Service, t *task.Service) web.Routes {
	return web.Routes{
		"GET /v1/appointments/{id}/video": web.Do(access.VideoRead, "Read an appointment's video visit",
			show(s)).Tag(chapter).Describe(aboutShow),
		"GET /v1/appointments/{id}/video/log": web.Do(access.VideoRead, "List a video visit's log",
			history(s)).Tag(chapter).Describe(aboutLog),
		"POST /v1/appointments/{id}/video/email": web.Do(access.VideoEmail, "E-mail the link to a video visit",
			email(s)).Tag(chapter).Describe(aboutEmail),
		"POST /v1/appointments/{id}/video/start": web.Do(access.VideoStart, "Start a video call",
			start(s)).Tag(chapter).Describe(aboutStart),

		"GET /v1/tasks": web.Do(access.TaskList, "List the tasks",
			tasks(t)).Describe(aboutTasks),
		"GET /v1/tasks/{id}": web.Do(access.TaskList, "Read a task",
			one(t)).Describe(aboutTask),
		"POST /v1/tasks/{id}/done": web.Do(access.TaskDone, "Do a task",
			done(t)).Describe(aboutDone),
	}
}

// chapter is where the documentation has all of this.
const chapter = "Video visits"
