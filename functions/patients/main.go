// Patients serves over HTTP the patients' records: who they are, who acts for them, and their NHS numbers.
package main

import (
	"context"
	"maps"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/gate"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	keeper := app.Must(a.Keeper())
	s := patient.New(a.Table, keeper, a.Now, a.ID)
	if a.IssuedNumbersOnly() {
		s = s.IssuedOnly()
	}
	lambda.Start(gate.Edge(ctx, a).Serve(routes(s, nhs.New(a.Table, s, keeper, a.Directory, a.Now, a.ID))))
}

func routes(s *patient.Service, n *nhs.Service) web.Routes {
	all := web.Routes{
		"POST /v1/patients": web.Do(access.PatientCreate, "Register a patient", register(s)).Created().
			Describe(aboutRegistering),
		"GET /v1/patients/{id}": web.Do(access.PatientRead, "Read a patient", get(s)).Describe(aboutReading),
		"PUT /v1/patients/{id}": web.Do(access.PatientChange, "Change a patient", change(s)).Describe(aboutChanging),

		"POST /v1/patients/search": web.Do(access.PatientSearch, "Search for patients", search(s)).
			Describe(aboutSearching),
		"GET /v1/patients/{id}/duplicates": web.Do(access.PatientCompare, "List possible duplicates", duplicates(s)).
			Describe(aboutDuplicates),
		"POST /v1/patients/{id}/merge": web.Do(access.PatientMerge, "Merge a patient's record into another",
			merge(s)).Describe(aboutMerging),
		"POST /v1/patients/{id}/unmerge": web.Do(access.PatientUnmerge, "Take back a merge", unmerge(s)).
			Describe(aboutUnmerging),
		"POST /v1/patients/{id}/exports": web.Do(access.PatientExport, "Export a patient's record", export(s)).
			Describe(aboutExporting),

		"POST /v1/patients/{id}/representatives": web.Do(access.RepresentativeAdd, "Add a representative",
			represent(s)).Created().Describe(aboutRepresenting),
		"DELETE /v1/patients/{id}/representatives/{representative}": web.Do(access.RepresentativeEnd,
			"End a representative", endRepresentative(s)).NoContent(),
	}
	maps.Copy(all, numberRoutes(n))
	return all
}
