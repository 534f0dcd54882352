package main

import (
	"context"

	"almanac/shared/patient"
	"almanac/shared/web"
)

type patientBody struct {
	Name      string `json:"name" minLength:"1" maxLength:"200" example:"Alex Example"`
	Email     string `json:"email,omitempty" maxLength:"254" example:"alex@example.org"`
	Phone     string `json:"phone,omitempty" maxLength:"30" example:"07700 900123" doc:"A UK number, or one with + and the country's code. Kept in E.164."`
	BirthDate string `json:"birthDate" minLength:"10" maxLength:"10" example:"1975-11-21"`
}

func (b patientBody) record(id string, version int64) patient.Patient {
	return patient.Patient{
		ID: id, Name: b.Name, Email: b.Email, Phone: b.Phone, BirthDate: b.BirthDate, Version: version,
	}
}

type patientIn struct {
	ID string `path:"id"`
}

// Subject is the patient whose record is read, for the event that the read leaves.
func (p *patientIn) Subject() string { return p.ID }

func readPatient(s *patient.Service) web.Func[patientIn, patient.Patient] {
	return func(ctx context.Context, r web.Request, in *patientIn) (patient.Patient, error) {
		return s.Get(ctx, r.By, in.ID)
	}
}
