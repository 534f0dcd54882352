// Clinic serves over HTTP what an organisation sets up, its staff and leave, and its patients.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/clinic"
	"almanac/shared/patient"
)

func main() {
	a, err := app.New(context.Background())
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	office := clinic.New(a.Table, a.Directory, a.Now, a.ID)
	lambda.Start(a.Edge().Serve(routes(office, patient.New(a.Table, a.Now, a.ID))))
}
