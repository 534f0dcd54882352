package main

import (
	"context"

	"almanac/shared/alert"
	"almanac/shared/web"
)

const (
	aboutClaims = "For who needs a record without having a part in the patient's care so far. It counts for 24 " +
		"hours, for this person and this patient alone, and raises an alert that a privacy officer reviews. Asked " +
		"again while it counts, it gives the same one. " + aboutPassing
	aboutGlass = "For an emergency. It counts for 30 minutes, for this person and this patient alone, and raises an " +
		"alert that a privacy officer reviews. Asked again while it counts, it gives the same one. " + aboutPassing
	aboutPassing = "It opens the record for reading and for the care at hand, and nothing that would outlast it: who " +
		"makes relationships, merges records or names representatives needs a relationship that lasts."
)

type claimIn struct {
	web.Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Reason string `json:"reason" enum:"new-referral,covering-colleague,patient-contact,results-or-letters,administration,complaint-or-enquiry,other"`
		Note   string `json:"note,omitempty" maxLength:"500" doc:"One line; required with other. It is sealed with the patient's record."`
	}
}

func claim(s *alert.Service) web.Func[claimIn, alert.Granted] {
	return func(ctx context.Context, r web.Request, in *claimIn) (alert.Granted, error) {
		return s.Claim(ctx, r.By, r.Once, in.ID, alert.Plea{Reason: in.Body.Reason, Note: in.Body.Note})
	}
}

type glassIn struct {
	web.Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Reason string `json:"reason" enum:"life-at-risk,urgent-treatment,cannot-consent,safeguarding,other"`
		Note   string `json:"note,omitempty" maxLength:"500" doc:"One line; required with other. It is sealed with the patient's record."`
	}
}

func breakGlass(s *alert.Service) web.Func[glassIn, alert.Granted] {
	return func(ctx context.Context, r web.Request, in *glassIn) (alert.Granted, error) {
		return s.BreakGlass(ctx, r.By, r.Once, in.ID, alert.Plea{Reason: in.Body.Reason, Note: in.Body.Note})
	}
}
