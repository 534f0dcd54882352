package main

import (
	"context"

	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutRegistering = "Everything about the patient is sealed under a key of the patient's own. Somebody who may " +
	"be registered already is refused with possible_duplicate: look at the records named, and send the same request " +
	"with a fresh key and their ids in notDuplicateOf if it is somebody else. An NHS number belongs to one record. " +
	"Who registers a patient may go on with the record for seven days. The answer does not repeat what was sent."

type registerBody struct {
	PatientBody
	NotDuplicateOf []string `json:"notDuplicateOf,omitempty" maxItems:"20" doc:"Ids of patients whom you looked at: somebody else."`
}

type registerIn struct {
	web.Keyed
	Body registerBody
}

func register(s *patient.Service) web.Func[registerIn, patient.Receipt] {
	return func(ctx context.Context, r web.Request, in *registerIn) (patient.Receipt, error) {
		return s.Create(ctx, r.By, r.Once, in.Body.record("", 0), in.Body.NotDuplicateOf...)
	}
}
