package main

import (
	"context"

	"almanac/shared/upload"
	"almanac/shared/web"
)

const aboutFiles = "A file has up to 100,000 patients and 100,000,000 bytes, in UTF-8, with or without a byte order " +
	"mark; a line has up to 65,536 bytes.\n\ncsv: RFC 4180, parted by commas, semicolons or tabs, " +
	"whichever the header uses. The header names the columns, in any order: family, given and birthDate " +
	"must be there, localId, nhsNumber, sex (male, female, other, unknown, or the first letter), " +
	"addressLine1 to addressLine5, postcode, phone, email and practiceOdsCode may. An unknown " +
	"column is refused. localId is your own number: it is not kept.\n\nfhir-ndjson: one Patient of FHIR " +
	"R4 (UK Core) in JSON on each line."

type createIn struct {
	web.Keyed
	Body struct {
		Format string `json:"format" enum:"csv,fhir-ndjson"`
		Dates  string `json:"dates,omitempty" enum:"YYYY-MM-DD,DD/MM/YYYY" doc:"How a CSV writes dates; YYYY-MM-DD if left out. It is not guessed."`
		Bytes  int64  `json:"bytes" minimum:"1" maximum:"100000000" doc:"The file's size."`
		SHA256 string `json:"sha256" minLength:"64" maxLength:"64" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" doc:"The file's SHA-256 in hexadecimal: no other bytes are taken."`
	}
}

func create(s *upload.Service) web.Func[createIn, upload.Receipt] {
	return func(ctx context.Context, r web.Request, in *createIn) (upload.Receipt, error) {
		return s.Create(ctx, r.By, r.Once, upload.Wish{
			Format: in.Body.Format, Dates: in.Body.Dates, Bytes: in.Body.Bytes, SHA256: in.Body.SHA256,
		})
	}
}
