// Booking serves the diary over HTTP: availability, holds, appointments and what became of their messages.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/booking"
	"almanac/shared/gate"
	"almanac/shared/table"
	"almanac/shared/web"
)

func main() {
	ctx := context.Background()
	a := app.Must(app.New(ctx))
	s := booking.New(a.Table, a.Directory, a.Now, a.ID)
	lambda.Start(gate.Edge(ctx, a).Serve(routes(s, a.Table)))
}

func routes(s *booking.Service, t *table.Table) web.Routes {
	return web.Routes{
		"GET /v1/availability":      web.Do(access.AvailabilityRead, "List free times", search(s)),
		"POST /v1/holds":            web.Do(access.HoldCreate, "Hold a time", hold(s)).Created(),
		"POST /v1/holds/{id}/renew": web.Do(access.HoldRenew, "Renew a hold", renew(s)),
		"DELETE /v1/holds/{id}":     web.Do(access.HoldRelease, "Release a hold", release(s)).NoContent(),

		"POST /v1/appointments":             web.Do(access.AppointmentBook, "Book an appointment", book(s)).Created(),
		"GET /v1/appointments/{id}":         web.Do(access.AppointmentRead, "Read an appointment", get(s)),
		"POST /v1/appointments/{id}/move":   web.Do(access.AppointmentMove, "Move an appointment", move(s)),
		"POST /v1/appointments/{id}/cancel": web.Do(access.AppointmentCancel, "Cancel an appointment", cancel(s)),
		"POST /v1/appointments/{id}/status": web.Do(access.AppointmentProgress, "Set an appointment's status",
			progress(s)),
		"GET /v1/appointments/{id}/history": web.Do(access.AppointmentHistory, "List an appointment's history",
			history(s)),
		"GET /v1/appointments/{id}/messages": web.Do(access.MessageRead, "List an appointment's messages",
			messages(s, t)),

		"GET /v1/practitioners/{id}/appointments": web.Do(access.AppointmentList, "List a practitioner's day", day(s)),
		"GET /v1/patients/{id}/appointments": web.Do(access.PatientAppointments, "List a patient's bookings",
			ofPatient(s)),
	}
}
