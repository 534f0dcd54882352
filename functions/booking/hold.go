package main

import (
	"context"

	"almanac/shared/booking"
	"almanac/shared/web"
)

type wishBody struct {
	ServiceID      string   `json:"serviceId"`
	SiteID         string   `json:"siteId"`
	PractitionerID string   `json:"practitionerId"`
	PatientID      string   `json:"patientId,omitempty"`
	Start          string   `json:"start" maxLength:"40" example:"2026-11-23T09:30" doc:"A local time at the site (2026-11-23T09:30) or an instant with its offset."`
	RoomIDs        []string `json:"roomIds,omitempty" maxItems:"5" doc:"The rooms to take; leave out to let the diary choose."`
}

func (b wishBody) wish() booking.Wish {
	return booking.Wish{
		ServiceID: b.ServiceID, SiteID: b.SiteID, PractitionerID: b.PractitionerID, PatientID: b.PatientID,
		Start: b.Start, RoomIDs: b.RoomIDs,
	}
}

type holdIn struct {
	web.Keyed
	Body wishBody
}

func hold(s *booking.Service) web.Func[holdIn, booking.Hold] {
	return func(ctx context.Context, r web.Request, in *holdIn) (booking.Hold, error) {
		return s.Hold(ctx, r.By, r.Once, in.Body.wish())
	}
}

type renewIn struct {
	web.Keyed
	web.Matched
	ID string `path:"id" maxLength:"40"`
}

func renew(s *booking.Service) web.Func[renewIn, booking.Hold] {
	return func(ctx context.Context, r web.Request, in *renewIn) (booking.Hold, error) {
		return s.Renew(ctx, r.By, r.Once, in.ID, r.Version)
	}
}

func release(s *booking.Service) web.Func[renewIn, struct{}] {
	return func(ctx context.Context, r web.Request, in *renewIn) (struct{}, error) {
		return struct{}{}, s.Release(ctx, r.By, r.Once, in.ID, r.Version)
	}
}
