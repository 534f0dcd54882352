package main

import (
	"context"
	"strings"

	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutDuplicates = "Patients who may be the same person, and why, those with most reasons first. Twins, who " +
	"share all but their given names, are not among them. Compare the records before you merge any."

type duplicatesIn struct {
	ID    string `path:"id"`
	found []string
}

// Subject is the patient whose record is compared.
func (d *duplicatesIn) Subject() string { return d.ID }

// References are the patients whom the comparison showed.
func (d *duplicatesIn) References() map[string]string {
	if len(d.found) == 0 {
		return nil
	}
	return map[string]string{"found": strings.Join(d.found, " ")}
}

// Basis is that of the request.
func (*duplicatesIn) Basis() string { return "" }

func duplicates(s *patient.Service) web.Func[duplicatesIn, web.Page[patient.Duplicate]] {
	return func(ctx context.Context, r web.Request, in *duplicatesIn) (web.Page[patient.Duplicate], error) {
		all, err := s.Duplicates(ctx, r.By, in.ID)
		in.found = nil
		for _, d := range all {
			in.found = append(in.found, d.ID)
		}
		return web.NewPage(all, ""), err
	}
}
