package main

import (
	"context"

	"almanac/shared/care"
	"almanac/shared/web"
)

const (
	aboutRelationships = "A record opens only to who has a part in the patient's care: by an appointment, booked or " +
		"up to three months ago, with the person or at a site where the person works; by having registered the " +
		"patient, for a week; by a referral, a care team, a claim or an emergency. Who watches over access needs " +
		"none to see this list."
	aboutMaking = "A referral relates everybody who works at a site, for a year if nothing else is said; a care team " +
		"relates one member of staff until somebody ends it. A claim or an emergency is not enough for making either."
)

type listIn struct {
	ID string `path:"id" maxLength:"40"`
}

// Subject is the patient whose relationships are listed.
func (in *listIn) Subject() string { return in.ID }

func list(s *care.Service) web.Func[listIn, web.Page[care.Relationship]] {
	return func(ctx context.Context, r web.Request, in *listIn) (web.Page[care.Relationship], error) {
		all, err := s.List(ctx, r.By, in.ID)
		return web.NewPage(all, ""), err
	}
}

type relateIn struct {
	web.Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Kind     string `json:"kind" enum:"referral,care-team"`
		SiteID   string `json:"siteId,omitempty" maxLength:"40" doc:"Of a referral: the site that the patient was referred to."`
		Referrer string `json:"referrer,omitempty" maxLength:"12" example:"A81001" doc:"Of a referral: the ODS code of who referred the patient."`
		Subject  string `json:"subject,omitempty" maxLength:"128" doc:"Of a care team: the member of staff."`
		Until    string `json:"until,omitempty" format:"date" doc:"The last date, at most five years ahead."`
	}
}

func relate(s *care.Service) web.Func[relateIn, care.Term] {
	return func(ctx context.Context, r web.Request, in *relateIn) (care.Term, error) {
		return s.Make(ctx, r.By, r.Once, in.ID, care.Wish{
			Kind: care.Kind(in.Body.Kind), SiteID: in.Body.SiteID, Referrer: in.Body.Referrer,
			Subject: in.Body.Subject, Until: in.Body.Until,
		})
	}
}

type endIn struct {
	web.Keyed
	ID           string `path:"id" maxLength:"40"`
	Relationship string `path:"relationship" maxLength:"40"`
}

func end(s *care.Service) web.Func[endIn, care.Term] {
	return func(ctx context.Context, r web.Request, in *endIn) (care.Term, error) {
		return s.End(ctx, r.By, r.Once, in.ID, in.Relationship)
	}
}
