// Sharing serves over HTTP what patients agreed to, what left the house about them, and views of records that other
// organisations hold.
package main

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/consent"
	"almanac/shared/disclosure"
	"almanac/shared/gate"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/recordview"
	"almanac/shared/scr"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	keeper := app.Must(a.Keeper())
	s := services{
		consents:    consent.New(a.Table, keeper, a.Now, a.ID),
		disclosures: disclosure.New(a.Table, keeper, a.Now, a.ID),
		views: recordview.New(recordview.Settings{
			Table: a.Table, Keys: keeper, Patients: patient.New(a.Table, keeper, a.Now, a.ID), Directory: a.Directory,
			Sources: app.Must(sources(a)), Now: a.Now, NewID: a.ID,
		}),
	}
	lambda.Start(gate.Edge(ctx, a).Serve(routes(s)))
}

// sources are the records that this installation can get: none where it is not connected to the NHS.
func sources(a *app.App) (map[recordview.Kind]recordview.Source, error) {
	set, err := a.NHS()
	if err != nil || set.SCR == "" && set.GP == "" {
		return nil, err
	}
	// Only its tokens are wanted here, which the services share; it may do without an address of its own.
	register, err := pds.New(pds.Settings{
		URL: cmp.Or(set.PDS, set.Token), TokenURL: set.Token, APIKey: set.APIKey, KID: set.Kid, Now: a.Now,
		Sign: pds.KeyOf(a.Config("KMS"), set.SignKey, a.Now),
		Pace: a.Table.Pace("pds", time.Now).Wait, Hold: a.Table.Pace("pds", time.Now).Hold,
	})
	if err != nil {
		return nil, err
	}
	return connect(set.SCR, set.GP, scr.Settings{
		Token: register.Another, Pace: a.Table.Pace("scr", time.Now).Wait,
	})
}

// services are what the routes call.
type services struct {
	consents    *consent.Service
	disclosures *disclosure.Service
	views       *recordview.Service
}

func routes(s services) web.Routes {
	return web.Routes{
		"GET /v1/consent-texts": web.Do(access.ConfigurationRead, "List consent texts", texts(s.consents)),
		"POST /v1/consent-texts": web.Do(access.ConsentTextCreate, "Add a consent text", addText(s.consents)).Created().
			Describe(aboutTexts),

		"GET /v1/patients/{id}/consents": web.Do(access.ConsentRead, "List a patient's consents", consents(s.consents)).
			Describe(aboutConsents),
		"POST /v1/patients/{id}/consents": web.Do(access.ConsentGive, "Record a consent", give(s.consents)).Created(),
		"POST /v1/patients/{id}/consents/{consent}/withdraw": web.Do(access.ConsentWithdraw, "Withdraw a consent",
			withdraw(s.consents)).Describe(aboutWithdrawing),

		"GET /v1/patients/{id}/disclosures": web.Do(access.DisclosureList, "List what was disclosed about a patient",
			disclosures(s.disclosures)).Describe(aboutDisclosures),
		"POST /v1/patients/{id}/disclosures": web.Do(access.DisclosureEnter, "Enter a disclosure",
			enter(s.disclosures)).Created(),

		"POST /v1/patients/{id}/record-views": web.Do(access.RecordViewGrant, "Ask for a view of a shared record",
			grant(s.views)).Created().Describe(aboutGranting),
		"GET /v1/patients/{id}/record-views/{view}": web.Do(access.RecordViewOpen, "Open a view of a shared record",
			open(s.views)).Describe(aboutOpening),
	}
}
