package main

import (
	"cmp"
	"context"

	"almanac/shared/booking"
	"almanac/shared/delivery"
	"almanac/shared/table"
	"almanac/shared/web"
)

// About is embedded in the input of all that concerns one appointment, and gets the appointment once it is known, so
// that the event of a read or a denial stands in its patient's access log. It is exported because only then does
// embedding it count for the API framework.
type About struct {
	ID  string `path:"id" maxLength:"40"`
	apt booking.Appointment
}

// Subject is the patient whose appointment it is; the appointment itself as long as the patient is not known.
func (a *About) Subject() string { return cmp.Or(a.apt.PatientID, a.ID) }

// References names the appointment, for an event that stands with its patient.
func (a *About) References() map[string]string {
	if a.apt.PatientID == "" {
		return nil
	}
	return map[string]string{"appointment": a.ID}
}

// Basis is what the access to the appointment rests on.
func (a *About) Basis() string { return a.apt.Basis }

// found keeps the appointment that was read or changed, or that was denied.
func (a *About) found(apt booking.Appointment, err error) (booking.Appointment, error) {
	a.apt = apt
	return apt, err
}

type oneIn struct{ About }

func get(s *booking.Service) web.Func[oneIn, booking.Appointment] {
	return func(ctx context.Context, r web.Request, in *oneIn) (booking.Appointment, error) {
		return in.found(s.Get(ctx, r.By, in.ID))
	}
}

func history(s *booking.Service) web.Func[oneIn, web.Page[booking.Step]] {
	return func(ctx context.Context, r web.Request, in *oneIn) (web.Page[booking.Step], error) {
		apt, err := in.found(s.Get(ctx, r.By, in.ID))
		if err != nil {
			return web.Page[booking.Step]{}, err
		}
		steps, err := s.History(ctx, r.By, apt)
		return web.NewPage(steps, ""), err
	}
}

func messages(s *booking.Service, t *table.Table) web.Func[oneIn, web.Page[delivery.Delivery]] {
	return func(ctx context.Context, r web.Request, in *oneIn) (web.Page[delivery.Delivery], error) {
		apt, err := in.found(s.Get(ctx, r.By, in.ID))
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
	ID    string `path:"id" maxLength:"40"`
	After string `query:"after" maxLength:"300" doc:"The next of the page before: for the same person and request, within an hour."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// Subject is the patient whose appointments are listed.
func (in *ofPatientIn) Subject() string { return in.ID }

func ofPatient(s *booking.Service) web.Func[ofPatientIn, web.Page[booking.Appointment]] {
	return func(ctx context.Context, r web.Request, in *ofPatientIn) (web.Page[booking.Appointment], error) {
		all, next, err := s.OfPatient(ctx, r.By, in.ID, in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}
