// Patient-upload takes files of patients in, line by line. A run that does not end in time goes on in another
// invocation.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/event"
	"almanac/shared/file"
	"almanac/shared/patient"
	"almanac/shared/upload"
	"almanac/shared/visibility"
)

func main() {
	a := app.Must(app.New(context.Background()))
	bucket := app.Must(a.UploadBucket())
	patients := patient.New(a.Table, app.Must(a.Keeper()), a.Now, a.ID)
	if a.IssuedNumbersOnly() {
		patients = patients.IssuedOnly()
	}
	r := upload.NewRunner(a.Table, file.New(a.Config("S3"), bucket, a.Now), patients, a.Now, a.ID)
	lambda.Start(visibility.Edge(a).Each(event.Upload, access.PatientUpload, r.Carry))
}
