package main

import (
	"context"

	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutRepresenting = "Somebody who books or asks on the patient's behalf, and what was seen to show that the " +
	"person may. It counts from now until the end of the last day, or until it is ended. A booking names the " +
	"representative by id; who it is stands in the patient's record alone."

type representativeBody struct {
	Relationship string        `json:"relationship" enum:"parent,guardian,local-authority,spouse-or-partner,child,sibling,other-relative,carer,friend,attorney,deputy,advocate" doc:"What the person is to the patient."`
	Name         personBody    `json:"name"`
	Contacts     []contactBody `json:"contacts,omitempty" maxItems:"20"`
	May          []string      `json:"may" minItems:"1" maxItems:"2" enum:"book,ask" doc:"Book, move and cancel; or ask about bookings."`
	Evidence     evidenceBody  `json:"evidence"`
	Until        string        `json:"until,omitempty" maxLength:"10" example:"2027-03-31" doc:"The last day, such as that before a child comes of age."`
}

type personBody struct {
	Prefix []string `json:"prefix,omitempty" maxItems:"5" maxLength:"35"`
	Given  []string `json:"given,omitempty" maxItems:"5" maxLength:"35" example:"[\"Robin\"]"`
	Family string   `json:"family,omitempty" maxLength:"35" example:"Example" doc:"Family or given may be missing, not both."`
	Suffix []string `json:"suffix,omitempty" maxItems:"5" maxLength:"35"`
}

type evidenceBody struct {
	Kind      string `json:"kind" enum:"patients-word,written-authority,birth-certificate,parental-responsibility,power-of-attorney,court-order"`
	SeenOn    string `json:"seenOn" minLength:"10" maxLength:"10" example:"2026-11-21"`
	Reference string `json:"reference,omitempty" maxLength:"100" doc:"Such as the number of a registered power of attorney."`
}

func (b representativeBody) representative() patient.Representative {
	n := b.Name
	return patient.Representative{
		Relationship: b.Relationship, May: b.May, Contacts: contacts(b.Contacts),
		Name:     patient.Name{Prefix: n.Prefix, Given: n.Given, Family: n.Family, Suffix: n.Suffix},
		Evidence: patient.Evidence{Kind: b.Evidence.Kind, SeenOn: b.Evidence.SeenOn, Reference: b.Evidence.Reference},
	}
}

type representIn struct {
	web.Keyed
	ID   string `path:"id"`
	Body representativeBody
}

func represent(s *patient.Service) web.Func[representIn, patient.Represented] {
	return func(ctx context.Context, r web.Request, in *representIn) (patient.Represented, error) {
		return s.AddRepresentative(ctx, r.By, r.Once, in.ID, in.Body.representative(), in.Body.Until)
	}
}

type endRepresentativeIn struct {
	web.Keyed
	ID             string `path:"id"`
	Representative string `path:"representative"`
}

func endRepresentative(s *patient.Service) web.Func[endRepresentativeIn, patient.Represented] {
	return func(ctx context.Context, r web.Request, in *endRepresentativeIn) (patient.Represented, error) {
		return s.EndRepresentative(ctx, r.By, r.Once, in.ID, in.Representative)
	}
}
