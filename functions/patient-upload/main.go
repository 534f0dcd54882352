// Patient-upload takes files of patients in, line by line. A run that does not end in time goes on in another
// invocation.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/event"
	"almanac/shared/file"
	"almanac/shared/patient"
	"almanac/shared/queue"
	"almanac/shared/seal"
	"almanac/shared/upload"
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
	bucket, err := a.UploadBucket()
	if err != nil {
		log.Fatal(err)
	}
	patients := patient.New(a.Table, seal.New(a.Config("KMS"), key, a.Table, a.Now), a.Now, a.ID)
	if a.IssuedNumbersOnly() {
		patients = patients.IssuedOnly()
	}
	r := upload.NewRunner(a.Table, file.New(a.Config("S3"), bucket, a.Now), patients, a.Now, a.ID)
	lambda.Start(queue.Each(a.Log, event.Upload, access.PatientUpload, r.Carry))
}
