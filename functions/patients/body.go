package main

import "almanac/shared/patient"

// PatientBody is what can be entered of a patient. It is exported because only then does embedding it count for the
// API framework.
type PatientBody struct {
	Names       []nameBody    `json:"names" minItems:"1" maxItems:"20" doc:"One of them the usual one."`
	BirthDate   string        `json:"birthDate,omitempty" maxLength:"10" example:"1975-11-21" doc:"As much of it as is known: 1975, 1975-11 or 1975-11-21."`
	Sex         string        `json:"sex,omitempty" enum:"male,female,other,unknown" doc:"Unknown where nothing is sent."`
	Addresses   []addressBody `json:"addresses,omitempty" maxItems:"20"`
	Contacts    []contactBody `json:"contacts,omitempty" maxItems:"20" doc:"Messages go to the first e-mail address that counts."`
	Practice    *practiceBody `json:"practice,omitempty" doc:"The GP practice."`
	NHSNumber   string        `json:"nhsNumber,omitempty" maxLength:"32" example:"999 000 0018" doc:"Ten digits, with or without spaces. It counts as told, not verified, until it was traced."`
	Death       *deathBody    `json:"death,omitempty" doc:"Sent when the patient died; left out again when that was wrong."`
	Alerts      []alertBody   `json:"alerts,omitempty" maxItems:"20" doc:"What whoever meets the patient should know first."`
	BookingNote string        `json:"bookingNote,omitempty" maxLength:"1000" example:"Prefers afternoons."`
}

type nameBody struct {
	Use    string   `json:"use" enum:"usual,temp,nickname,old,maiden"`
	Prefix []string `json:"prefix,omitempty" maxItems:"5" maxLength:"35" example:"[\"Ms\"]"`
	Given  []string `json:"given,omitempty" maxItems:"5" maxLength:"35" example:"[\"Alex\"]" doc:"In order. One entry may hold several words, as in John Paul."`
	Family string   `json:"family,omitempty" maxLength:"35" example:"Example" doc:"Family or given may be missing, not both."`
	Suffix []string `json:"suffix,omitempty" maxItems:"5" maxLength:"35"`
	Start  string   `json:"start,omitempty" maxLength:"10" example:"2001-06-30"`
	End    string   `json:"end,omitempty" maxLength:"10" example:"2031-12-31" doc:"The last day it counts."`
}

type addressBody struct {
	Use      string   `json:"use" enum:"home,temp,billing,work"`
	Lines    []string `json:"lines,omitempty" maxItems:"5" maxLength:"100" example:"[\"1 Harbour Street\"]"`
	Postcode string   `json:"postcode,omitempty" maxLength:"12" example:"ZZ99 3VZ" doc:"A UK postcode, with or without the space. ZZ99 3VZ stands for no fixed abode, ZZ99 3WZ for not known."`
	Start    string   `json:"start,omitempty" maxLength:"10" example:"2024-01-31"`
	End      string   `json:"end,omitempty" maxLength:"10" example:"2031-12-31" doc:"The last day it counts."`
}

type contactBody struct {
	System string `json:"system" enum:"phone,email,sms" doc:"SMS is a number that text messages may be sent to."`
	Value  string `json:"value" minLength:"1" maxLength:"254" example:"07700 900123" doc:"A telephone number, UK or with + and the country's code, kept in E.164; or an e-mail address."`
	Use    string `json:"use,omitempty" enum:"home,work,mobile,temp"`
	Start  string `json:"start,omitempty" maxLength:"10" example:"2024-01-31"`
	End    string `json:"end,omitempty" maxLength:"10" example:"2031-12-31" doc:"The last day it counts."`
}

type practiceBody struct {
	ODSCode string `json:"odsCode" minLength:"3" maxLength:"10" example:"A81001"`
	Start   string `json:"start,omitempty" maxLength:"10" example:"2024-01-31"`
	End     string `json:"end,omitempty" maxLength:"10" example:"2031-12-31"`
}

type deathBody struct {
	On     string `json:"on,omitempty" maxLength:"10" example:"2026-11-20" doc:"As much of the date as is known."`
	Status string `json:"status,omitempty" enum:"informal,formal" doc:"Formal once the registrar was told; informal where nothing is sent."`
}

type alertBody struct {
	Kind  string `json:"kind" enum:"access-need,allergy,communication,safeguarding,safety,other"`
	Text  string `json:"text" minLength:"1" maxLength:"200" example:"Needs step-free access."`
	Start string `json:"start,omitempty" maxLength:"10" example:"2024-01-31"`
	End   string `json:"end,omitempty" maxLength:"10" example:"2031-12-31" doc:"The last day it counts."`
}

// record is the record of what was entered.
func (b PatientBody) record(id string, version int64) patient.Patient {
	p := patient.Patient{
		ID: id, Version: version, BirthDate: b.BirthDate, Sex: b.Sex, BookingNote: b.BookingNote,
		Contacts: contacts(b.Contacts),
	}
	for _, n := range b.Names {
		p.Names = append(p.Names, n.name())
	}
	for _, a := range b.Addresses {
		p.Addresses = append(p.Addresses, patient.Address{
			Use: a.Use, Lines: a.Lines, Postcode: a.Postcode, Start: a.Start, End: a.End,
		})
	}
	for _, a := range b.Alerts {
		p.Alerts = append(p.Alerts, patient.Alert{Kind: a.Kind, Text: a.Text, Start: a.Start, End: a.End})
	}
	if b.Practice != nil {
		p.Practice = &patient.Practice{ODSCode: b.Practice.ODSCode, Start: b.Practice.Start, End: b.Practice.End}
	}
	if b.NHSNumber != "" {
		p.Number = &patient.Number{Value: b.NHSNumber}
	}
	if b.Death != nil {
		p.Death = &patient.Death{On: b.Death.On, Status: b.Death.Status}
	}
	return p
}

func (n nameBody) name() patient.Name {
	return patient.Name{
		Use: n.Use, Prefix: n.Prefix, Given: n.Given, Family: n.Family, Suffix: n.Suffix, Start: n.Start, End: n.End,
	}
}

func contacts(bodies []contactBody) []patient.Contact {
	out := make([]patient.Contact, 0, len(bodies))
	for _, k := range bodies {
		out = append(out, patient.Contact{System: k.System, Value: k.Value, Use: k.Use, Start: k.Start, End: k.End})
	}
	return out
}
