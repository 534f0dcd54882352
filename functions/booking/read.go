package main

import (
	"context"

	"almanac/shared/booking"
	"almanac/shared/delivery"
	"almanac/shared/gate"
	"almanac/shared/table"
	"almanac/shared/web"
)

type oneIn struct{ gate.Appointment }

func get(s *booking.Service) web.Func[oneIn, booking.Appointment] {
	return func(ctx context.Context, r web.Request, in *oneIn) (booking.Appointment, error) {
		return in.Found(s.Get(ctx, r.By, in.ID))
	}
}

func history(s *booking.Service) web.Func[oneIn, web.Page[booking.Step]] {
	return func(ctx context.Context, r web.Request, in *oneIn) (web.Page[booking.Step], error) {
		apt, err := in.Found(s.Get(ctx, r.By, in.ID))
		if err != nil {
			return web.Page[booking.Step]{}, err
		}
		steps, err := s.History(ctx, r.By, apt)
		return web.NewPage(steps, ""), err
	}
}

func messages(s *booking.Service, t *table.Table) web.Func[oneIn, web.Page[delivery.Delivery]] {
	return func(ctx context.Context, r web.Request, in *oneIn) (web.Page[delivery.Delivery], error) {
		apt, err := in.Found(s.Get(ctx, r.By, in.ID))
		if err != nil {
			return web.Page[delivery.Delivery]{}, err
		}
		all, err := delivery.List(ctx, t, r.By, apt.ID)
		return web.NewPage(all, ""), err
	}
}

type dayIn struct {
	ID   string `path:"id" maxLength:"40"`
	Date string `query:"date" required:"true" format:"date" doc:"A date, local to the organisation."`
}

// Subject is the practitioner whose day is listed.
func (in *dayIn) Subject() string { return in.ID }

func day(s *booking.Service) web.Func[dayIn, web.Page[booking.Appointment]] {
	return func(ctx context.Context, r web.Request, in *dayIn) (web.Page[booking.Appointment], error) {
		all, err := s.Day(ctx, r.By, in.ID, in.Date)
		return web.NewPage(all, ""), err
	}
}

type ofPatientIn struct {
	ID string `path:"id" maxLength:"40"`
	web.Paged
}

// Subject is the patient whose appointments are listed.
func (in *ofPatientIn) Subject() string { return in.ID }

func ofPatient(s *booking.Service) web.Func[ofPatientIn, web.Page[booking.Appointment]] {
	return func(ctx context.Context, r web.Request, in *ofPatientIn) (web.Page[booking.Appointment], error) {
		all, next, err := s.OfPatient(ctx, r.By, in.ID, in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}
