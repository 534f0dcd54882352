// Uploads serves over HTTP the files of patients: where to put them, starting them, and what became of each line.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/file"
	"almanac/shared/gate"
	"almanac/shared/upload"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	bucket := app.Must(a.UploadBucket())
	s := upload.New(a.Table, file.New(a.Config("S3"), bucket, a.Now), a.Now, a.ID)
	lambda.Start(gate.Edge(ctx, a).Serve(routes(s)))
}

func routes(s *upload.Service) web.Routes {
	return web.Routes{
		"POST /v1/uploads": web.Do(access.UploadCreate, "Announce a file of patients", create(s)).Created().
			Describe(aboutFiles),
		"GET /v1/uploads":      web.Do(access.UploadRead, "List the uploads", list(s)),
		"GET /v1/uploads/{id}": web.Do(access.UploadRead, "Read an upload", get(s)).Describe(aboutSending),
		"POST /v1/uploads/{id}/start": web.Do(access.UploadStart, "Start an upload's run", start(s)).
			Describe(aboutRuns),
		"GET /v1/uploads/{id}/report": web.Do(access.UploadRead, "Get an upload's report", report(s)).
			Describe(aboutReports),
	}
}
