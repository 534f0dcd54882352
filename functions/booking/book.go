package main

import (
	"context"

	"almanac/shared/booking"
	"almanac/shared/fault"
	"almanac/shared/web"
)

type bookIn struct {
	web.Keyed
	Body bookBody
}

type bookBody struct {
	HoldID         string           `json:"holdId,omitempty" doc:"Turns this hold into the appointment; then only patientId, onBehalf and answers go with it."`
	ServiceID      string           `json:"serviceId,omitempty"`
	SiteID         string           `json:"siteId,omitempty"`
	PractitionerID string           `json:"practitionerId,omitempty"`
	PatientID      string           `json:"patientId"`
	Start          string           `json:"start,omitempty" maxLength:"40" example:"2026-11-23T09:30" doc:"A local time at the site (2026-11-23T09:30) or an instant with its offset."`
	RoomIDs        []string         `json:"roomIds,omitempty" maxItems:"5" doc:"The rooms to take; leave out to let the diary choose."`
	OnBehalf       *onBehalf        `json:"onBehalf,omitempty" doc:"Who books for the patient, where it is not the patient."`
	Answers        []booking.Answer `json:"answers,omitempty" maxItems:"20" doc:"One to each of the service's questions."`
}

type onBehalf struct {
	RepresentativeID string `json:"representativeId" minLength:"1" maxLength:"40" doc:"One of the patient's representatives, who may book."`
}

func (b bookBody) asked() booking.Asked {
	asked := booking.Asked{Answers: b.Answers}
	if b.OnBehalf != nil {
		asked.OnBehalf = b.OnBehalf.RepresentativeID
	}
	return asked
}

func book(s *booking.Service) web.Func[bookIn, booking.Appointment] {
	return func(ctx context.Context, r web.Request, in *bookIn) (booking.Appointment, error) {
		b := in.Body
		if b.HoldID == "" {
			return s.Book(ctx, r.By, r.Once, booking.Wish{
				ServiceID: b.ServiceID, SiteID: b.SiteID, PractitionerID: b.PractitionerID, PatientID: b.PatientID,
				Start: b.Start, RoomIDs: b.RoomIDs, Asked: b.asked(),
			})
		}
		if b.ServiceID != "" || b.SiteID != "" || b.PractitionerID != "" || b.Start != "" || len(b.RoomIDs) > 0 {
			return booking.Appointment{}, fault.New(fault.Invalid, "hold_and_wish",
				"A hold already says what is booked: send only holdId, patientId, onBehalf and answers.")
		}
		return s.BookHeld(ctx, r.By, r.Once, b.HoldID, b.PatientID, b.asked())
	}
}
