package main

import "almanac/shared/clinic"

type siteBody struct {
	Name    string           `json:"name" minLength:"1" maxLength:"200" example:"Harbour Street"`
	Address string           `json:"address,omitempty" maxLength:"500" example:"1 Harbour Street, Testford TE1 1ST"`
	Email   string           `json:"email,omitempty" maxLength:"254" example:"desk@example.org"`
	Phone   string           `json:"phone,omitempty" maxLength:"30" example:"020 7946 0123" doc:"A UK number, or one with + and the country's code. Kept in E.164."`
	Zone    string           `json:"timeZone" maxLength:"64" example:"Europe/London" doc:"IANA time zone; all hours here are on its clocks."`
	Hours   []clinic.Opening `json:"openingHours" maxItems:"100" doc:"Nothing is offered outside them. Times in steps of five minutes."`
	Closed  bool             `json:"closed,omitempty" doc:"Closed for good: nothing new is booked here."`
}

func (b siteBody) record(id string, version int64) clinic.Site {
	return clinic.Site{
		ID: id, Name: b.Name, Address: b.Address, Email: b.Email, Phone: b.Phone, Zone: b.Zone, Hours: b.Hours,
		Closed: b.Closed, Version: version,
	}
}
