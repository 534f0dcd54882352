// Clinic serves over HTTP what an organisation sets up, its staff and leave.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/app"
	"almanac/shared/clinic"
	"almanac/shared/gate"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	office := clinic.New(a.Table, a.Directory, a.Now, a.ID)
	lambda.Start(gate.Edge(ctx, a).Serve(routes(office)))
}
