package main

import (
	"context"

	"almanac/shared/booking"
	"almanac/shared/web"
)

type searchIn struct {
	ServiceID       string   `query:"serviceId" required:"true"`
	SiteID          string   `query:"siteId" required:"true"`
	PractitionerIDs []string `query:"practitionerId" maxItems:"50" doc:"Those to look at, separated by commas; all who offer the service if left out."`
	PatientID       string   `query:"patientId" doc:"Leaves out times at which this patient is elsewhere."`
	From            string   `query:"from" required:"true" format:"date" doc:"First date, local to the site."`
	To              string   `query:"to" required:"true" format:"date" doc:"Last date, at most 31 days in all."`
	Explain         bool     `query:"explain" doc:"Also list each start that is not free, with every reason."`
}

type searchOut struct {
	Days []booking.PractitionerDay `json:"days"`
}

func search(s *booking.Service) web.Func[searchIn, searchOut] {
	return func(ctx context.Context, r web.Request, in *searchIn) (searchOut, error) {
		days, err := s.Availability(ctx, r.By, booking.Search{
			ServiceID: in.ServiceID, SiteID: in.SiteID, PractitionerIDs: in.PractitionerIDs, PatientID: in.PatientID,
			From: in.From, To: in.To, Explain: in.Explain,
		})
		return searchOut{Days: days}, err
	}
}
