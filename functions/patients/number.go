package main

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/nhs"
	"almanac/shared/web"
)

const (
	aboutNumber = "The number is shown as it is read aloud, with its status beside it; of somebody who objects to " +
		"its use it is not. Only a number of status 01 goes out to anybody. Steps are what the NHS was asked and " +
		"what came of it."
	aboutTracing = "The NHS is asked in the background, before all that nobody waits for. Read the number again to " +
		"see what came of it. A search that finds one person whose birth date, family name and given name or " +
		"postcode are the patient's gives the number; anything else is for a person to decide, and so is what " +
		"was found without a postcode to search by (no_postcode)."
)

// numberRoutes are the routes of NHS numbers.
func numberRoutes(s *nhs.Service) web.Routes {
	return web.Routes{
		"GET /v1/patients/{id}/nhs-number": web.Do(access.PatientRead, "Read how the NHS number stands", readNumber(s)).
			Describe(aboutNumber),
		"POST /v1/patients/{id}/nhs-number/trace": web.Do(access.NumberTrace, "Trace the NHS number", trace(s)).
			Describe(aboutTracing),
		"PUT /v1/patients/{id}/nhs-number/objection": web.Do(access.NumberObject,
			"Enter an objection to the NHS number", enterObjection(s)).Describe(aboutObjecting),
		"DELETE /v1/patients/{id}/nhs-number/objection": web.Do(access.NumberObject,
			"Withdraw the objection to the NHS number", withdraw(s)),

		"GET /v1/nhs-number-reviews": web.Do(access.NumberReview, "List the NHS number reviews", reviews(s)).
			Tag("NHS number reviews").Describe(aboutReviews),
		"GET /v1/nhs-number-reviews/{id}": web.Do(access.NumberReview, "Read an NHS number review", review(s)).
			Tag("NHS number reviews"),
		"POST /v1/nhs-number-reviews/{id}/decide": web.Do(access.NumberReview, "Decide an NHS number review",
			decide(s)).Tag("NHS number reviews").Describe(aboutDeciding),
	}
}

type numberIn struct {
	ID string `path:"id" maxLength:"40"`
}

// Subject is the patient whose number is read, for the event that the read leaves.
func (in *numberIn) Subject() string { return in.ID }

func readNumber(s *nhs.Service) web.Func[numberIn, nhs.NumberStanding] {
	return func(ctx context.Context, r web.Request, in *numberIn) (nhs.NumberStanding, error) {
		return s.Standing(ctx, r.By, in.ID)
	}
}

type ofNumberIn struct {
	web.Keyed
	ID string `path:"id" maxLength:"40"`
}

func trace(s *nhs.Service) web.Func[ofNumberIn, nhs.Requested] {
	return func(ctx context.Context, r web.Request, in *ofNumberIn) (nhs.Requested, error) {
		return s.Request(ctx, r.By, r.Once, in.ID)
	}
}
