package main

import (
	"context"

	"almanac/shared/upload"
	"almanac/shared/web"
)

const aboutRuns = "First with dryRun set: every line is read and compared with the records, nothing is registered, " +
	"and the report says what would be. Then without it, for the very same file. A patient who is there " +
	"already, by the NHS number or by names and birth date where postcode, telephone and e-mail address do " +
	"not speak against it, is matched and left as it is: the same file twice changes nothing. Where nobody " +
	"can tell, the line is refused as a possible_duplicate. A run goes on by itself; read the upload " +
	"to see how far it is."

type startIn struct {
	web.Keyed
	web.Matched
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		DryRun bool `json:"dryRun"`
	}
}

func start(s *upload.Service) web.Func[startIn, upload.Receipt] {
	return func(ctx context.Context, r web.Request, in *startIn) (upload.Receipt, error) {
		return s.Start(ctx, r.By, r.Once, in.ID, r.Version, in.Body.DryRun)
	}
}
