package main

import (
	"context"

	"almanac/shared/booking"
	"almanac/shared/gate"
	"almanac/shared/web"
)

type moveIn struct {
	web.Keyed
	web.Matched
	gate.Appointment
	Body struct {
		Start          string   `json:"start" maxLength:"40" example:"2026-11-24T14:00" doc:"A local time at the site or an instant with its offset."`
		PractitionerID string   `json:"practitionerId,omitempty" doc:"Another practitioner; left out, the same one."`
		SiteID         string   `json:"siteId,omitempty" doc:"Another site; left out, the same one."`
		RoomIDs        []string `json:"roomIds,omitempty" maxItems:"5"`
	}
}

func move(s *booking.Service) web.Func[moveIn, booking.Appointment] {
	return func(ctx context.Context, r web.Request, in *moveIn) (booking.Appointment, error) {
		return in.Found(s.Move(ctx, r.By, r.Once, in.ID, r.Version, booking.Wish{
			Start: in.Body.Start, PractitionerID: in.Body.PractitionerID, SiteID: in.Body.SiteID,
			RoomIDs: in.Body.RoomIDs,
		}))
	}
}

type cancelIn struct {
	web.Keyed
	web.Matched
	gate.Appointment
	Body struct {
		Reason string `json:"reason" enum:"patient_request,clinic_request,booked_in_error"`
	}
}

func cancel(s *booking.Service) web.Func[cancelIn, booking.Appointment] {
	return func(ctx context.Context, r web.Request, in *cancelIn) (booking.Appointment, error) {
		return in.Found(s.Cancel(ctx, r.By, r.Once, in.ID, r.Version, in.Body.Reason))
	}
}

type progressIn struct {
	web.Keyed
	web.Matched
	gate.Appointment
	Body struct {
		Status string `json:"status" enum:"confirmed,arrived,in-progress,completed,did-not-attend"`
	}
}

func progress(s *booking.Service) web.Func[progressIn, booking.Appointment] {
	return func(ctx context.Context, r web.Request, in *progressIn) (booking.Appointment, error) {
		return in.Found(s.Progress(ctx, r.By, r.Once, in.ID, r.Version, booking.Status(in.Body.Status)))
	}
}
