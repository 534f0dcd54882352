package main

import "almanac/shared/clinic"

type practitionerBody struct {
	Name     string           `json:"name" minLength:"1" maxLength:"200" example:"Dr Ada Example"`
	Sessions []clinic.Session `json:"sessions" maxItems:"100" doc:"When and where he or she works every week, on the site's clocks, in steps of five minutes."`
	Closed   bool             `json:"closed,omitempty" doc:"Sees nobody new."`
}

func (b practitionerBody) record(id string, version int64) clinic.Practitioner {
	return clinic.Practitioner{ID: id, Name: b.Name, Sessions: b.Sessions, Closed: b.Closed, Version: version}
}
