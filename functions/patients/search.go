package main

import (
	"context"
	"strings"

	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutSearching = "At least one field besides after and limit; all that are given must agree. A name is the " +
	"beginning of a family name, a given name, or both in any order, without regard to capitals, accents, " +
	"hyphens and apostrophes; former names count. Names that are exactly what was asked for come first. A page " +
	"may hold fewer than limit, even none, while there is a next: go on until there is none. Somebody whose " +
	"whereabouts are protected is not found by telephone, e-mail or postcode, and somebody who objects to the " +
	"use of the NHS number not by that. Nothing of a search stands in an address, and each leaves an entry in " +
	"the audit trail that names those it found."

type searchIn struct {
	Body struct {
		Name      string `json:"name,omitempty" maxLength:"200" example:"smi jo"`
		BirthDate string `json:"birthDate,omitempty" maxLength:"10" example:"1975-11-21" doc:"YYYY-MM-DD, or as much of it as is known."`
		NHSNumber string `json:"nhsNumber,omitempty" maxLength:"32" example:"999 000 0018"`
		Phone     string `json:"phone,omitempty" maxLength:"30" example:"07700 900123"`
		Email     string `json:"email,omitempty" maxLength:"254" example:"alex@example.org"`
		Postcode  string `json:"postcode,omitempty" maxLength:"12" example:"TE1 1ST" doc:"A whole one."`
		After     string `json:"after,omitempty" maxLength:"1000" doc:"The next of the page before."`
		Limit     int    `json:"limit,omitempty" minimum:"1" maximum:"20" default:"20"`
	}
	found []string
	org   string
}

// Subject is the organisation, among whose patients the search looks.
func (in *searchIn) Subject() string { return in.org }

// References are the patients whom the search showed.
func (in *searchIn) References() map[string]string {
	if len(in.found) == 0 {
		return nil
	}
	return map[string]string{"found": strings.Join(in.found, " ")}
}

// Basis is none: a search asks for no relationship.
func (*searchIn) Basis() string { return "" }

func search(s *patient.Service) web.Func[searchIn, web.Page[patient.Found]] {
	return func(ctx context.Context, r web.Request, in *searchIn) (web.Page[patient.Found], error) {
		b := in.Body
		in.org, in.found = r.By.Org(), nil
		found, next, err := s.Search(ctx, r.By, patient.Query{
			Name: b.Name, BirthDate: b.BirthDate, NHSNumber: b.NHSNumber, Phone: b.Phone, Email: b.Email,
			Postcode: b.Postcode, After: b.After, Limit: b.Limit,
		})
		for _, f := range found {
			in.found = append(in.found, f.ID)
		}
		return web.NewPage(found, next), err
	}
}
