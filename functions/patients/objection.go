package main

import (
	"context"

	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutObjecting = "The patient does not want the NHS number used. From the answer on it is not shown, found by, " +
	"exported or traced; what was to be decided about it is closed. Care goes on as before. Withdrawn by " +
	"DELETE, after which the number counts again once it was traced anew."

func enterObjection(s *nhs.Service) web.Func[ofNumberIn, patient.Receipt] {
	return func(ctx context.Context, r web.Request, in *ofNumberIn) (patient.Receipt, error) {
		return s.Object(ctx, r.By, r.Once, in.ID)
	}
}

func withdraw(s *nhs.Service) web.Func[ofNumberIn, patient.Receipt] {
	return func(ctx context.Context, r web.Request, in *ofNumberIn) (patient.Receipt, error) {
		return s.Withdraw(ctx, r.By, r.Once, in.ID)
	}
}
