package main

import (
	"context"

	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutChanging = "Replaces what was entered; leave out what is no longer so. What the NHS's register said of " +
	"addresses, contacts, practice and death stays as it is, and need not be sent back. A number that is replaced or " +
	"left out goes into the history; with an objection standing, the number is neither shown nor changed."

type changeIn struct {
	web.Keyed
	web.Matched
	ID   string `path:"id"`
	Body PatientBody
}

func change(s *patient.Service) web.Func[changeIn, patient.Receipt] {
	return func(ctx context.Context, r web.Request, in *changeIn) (patient.Receipt, error) {
		return s.Change(ctx, r.By, r.Once, in.Body.record(in.ID, r.Version))
	}
}
