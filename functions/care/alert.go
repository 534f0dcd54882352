package main

import (
	"context"

	"almanac/shared/alert"
	"almanac/shared/web"
)

const (
	aboutAlerts = "Those that wait for a review, the oldest first, or those that were reviewed, the latest first. " +
		"The list may lag behind by a moment."
	aboutReviews = "Somebody else than the person whom the alert is about says whether the access was justified, or " +
		"that it needs an enquiry first. An alert is to be reviewed within 72 hours."
)

type alertsIn struct {
	State string `query:"state" enum:"open,reviewed" default:"open" doc:"Those in enquiry are among the open ones."`
	web.Paged
}

// Subject is nobody in particular: the event of the read stands with the organisation.
func (*alertsIn) Subject() string { return "" }

func alerts(s *alert.Service) web.Func[alertsIn, web.Page[alert.Alert]] {
	return func(ctx context.Context, r web.Request, in *alertsIn) (web.Page[alert.Alert], error) {
		all, next, err := s.List(ctx, r.By, alert.State(in.State), in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}

type alertIn struct {
	ID      string `path:"id" maxLength:"40"`
	patient string
}

// Subject is the patient whom the alert is about; the alert itself as long as that is not known.
func (in *alertIn) Subject() string {
	if in.patient == "" {
		return in.ID
	}
	return in.patient
}

// References names the alert.
func (in *alertIn) References() map[string]string { return map[string]string{alert.Ref: in.ID} }

// Basis is nothing: oversight needs no relationship.
func (*alertIn) Basis() string { return "" }

func readAlert(s *alert.Service) web.Func[alertIn, alert.Alert] {
	return func(ctx context.Context, r web.Request, in *alertIn) (alert.Alert, error) {
		a, err := s.Get(ctx, r.By, in.ID)
		in.patient = a.PatientID
		return a, err
	}
}

type reviewIn struct {
	web.Keyed
	web.Matched
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Outcome string `json:"outcome" enum:"justified,not-justified,needs-enquiry"`
		Note    string `json:"note,omitempty" maxLength:"500" doc:"One line. It is sealed with the patient's record."`
	}
}

func review(s *alert.Service) web.Func[reviewIn, alert.Standing] {
	return func(ctx context.Context, r web.Request, in *reviewIn) (alert.Standing, error) {
		return s.Review(ctx, r.By, r.Once, in.ID, r.Version,
			alert.Verdict{Outcome: in.Body.Outcome, Note: in.Body.Note})
	}
}
