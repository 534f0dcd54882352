package main

import (
	"context"

	"almanac/shared/clinic"
	"almanac/shared/web"
)

const aboutFounding = "For the operator of this installation. The organisation's id must then be put into the " +
	"log-in's claim of its people: the first manager's, and everybody's whom a manager adds."

type organisationBody struct {
	Name string `json:"name" minLength:"1" maxLength:"200" example:"Harbour Street Practice"`
	Zone string `json:"timeZone" maxLength:"64" example:"Europe/London" doc:"IANA time zone, for all that concerns no site."`
	// Optional, so that a client that knows nothing of it can change the name; what is left out is switched off.
	NHS clinic.NHS `json:"nhs,omitzero" doc:"How the organisation works with NHS services. What is left out is off."`
}

type foundBody struct {
	Name    string      `json:"name" minLength:"1" maxLength:"200" example:"Harbour Street Practice"`
	Zone    string      `json:"timeZone" maxLength:"64" example:"Europe/London" doc:"IANA time zone, for all that concerns no site."`
	Manager managerBody `json:"manager" doc:"The first member of staff, as a manager."`
}

type managerBody struct {
	Subject string `json:"subject" minLength:"1" maxLength:"128" example:"8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708" doc:"The subject (sub) that the person's tokens carry."`
	Name    string `json:"name" minLength:"1" maxLength:"200" example:"Priya Example"`
	Email   string `json:"email" minLength:"3" maxLength:"254" example:"priya@example.org"`
	JobRole string `json:"jobRole" minLength:"1" maxLength:"200" example:"Practice manager"`
}

func found(o *clinic.Office) web.Func[createIn[foundBody], clinic.Organisation] {
	return func(ctx context.Context, r web.Request, in *createIn[foundBody]) (clinic.Organisation, error) {
		m := in.Body.Manager
		return o.Found(ctx, r.By, r.Once, clinic.Organisation{Name: in.Body.Name, Zone: in.Body.Zone},
			clinic.Staff{Subject: m.Subject, Name: m.Name, Email: m.Email, JobRole: m.JobRole})
	}
}

func organisation(o *clinic.Office) web.Func[struct{}, clinic.Organisation] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (clinic.Organisation, error) {
		return o.Organisation(ctx, r.By)
	}
}

type reformIn struct {
	web.Keyed
	web.Matched
	Body organisationBody
}

func reform(o *clinic.Office) web.Func[reformIn, clinic.Organisation] {
	return func(ctx context.Context, r web.Request, in *reformIn) (clinic.Organisation, error) {
		return o.ChangeOrganisation(ctx, r.By, r.Once,
			clinic.Organisation{Name: in.Body.Name, Zone: in.Body.Zone, NHS: in.Body.NHS, Version: r.Version})
	}
}
