// Clinic serves over HTTP what an organisation sets up, its staff and leave.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/clinic"
	"almanac/shared/gate"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a, err := app.New(ctx)
	if err != nil {
		log.Fatal(err) // stops the deployment at its first cold start
	}
	office := clinic.New(a.Table, a.Directory, a.Now, a.ID)
	a.Warm(ctx)
	edge := web.Edge{
		Log: a.Log, Now: a.Now, OrganisationClaim: a.OrganisationClaim(), Gate: gate.New(a.Directory, a.Table),
	}
	lambda.Start(edge.Serve(routes(office)))
}
