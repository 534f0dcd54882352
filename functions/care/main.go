// Care serves over HTTP who may see a patient's record: relationships, claims and emergencies, the alerts that these
// raise, and the log of who looked.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/app"
	"almanac/shared/care"
	"almanac/shared/gate"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	keeper := app.Must(a.Keeper())
	lambda.Start(gate.Edge(ctx, a).Serve(routes(
		care.New(a.Table, a.Directory, a.Now, a.ID), alert.New(a.Table, keeper, a.Now, a.ID))))
}

func routes(c *care.Service, a *alert.Service) web.Routes {
	return web.Routes{
		"GET /v1/patients/{id}/relationships": web.Do(access.RelationshipList, "List a patient's relationships",
			list(c)).Tag(chapter).Describe(aboutRelationships),
		"POST /v1/patients/{id}/relationships": web.Do(access.RelationshipMake, "Make a relationship",
			relate(c)).Created().Tag(chapter).Describe(aboutMaking),
		"DELETE /v1/patients/{id}/relationships/{relationship}": web.Do(access.RelationshipEnd, "End a relationship",
			end(c)).NoContent().Tag(chapter),
		"POST /v1/patients/{id}/claim": web.Do(access.RelationshipClaim, "Claim a relationship",
			claim(a)).Created().Tag(chapter).Describe(aboutClaims),
		"POST /v1/patients/{id}/break-glass": web.Do(access.GlassBreak, "Break the glass",
			breakGlass(a)).Created().Tag(chapter).Describe(aboutGlass),
		"GET /v1/patients/{id}/access-log": web.Do(access.PatientAudit, "List who used a patient's record",
			accessLog(c)).Tag(chapter).Describe(aboutLog),

		"GET /v1/alerts": web.Do(access.AlertList, "List the alerts",
			alerts(a)).Tag(chapter).Describe(aboutAlerts),
		"GET /v1/alerts/{id}": web.Do(access.AlertList, "Read an alert", readAlert(a)).Tag(chapter),
		"POST /v1/alerts/{id}/review": web.Do(access.AlertReview, "Review an alert",
			review(a)).Tag(chapter).Describe(aboutReviews),
	}
}

// chapter is where the documentation has all of this.
const chapter = "Access to records"
