package main

import "almanac/shared/clinic"

type serviceBody struct {
	Name            string            `json:"name" minLength:"1" maxLength:"200" example:"New patient consultation"`
	Minutes         int               `json:"minutes" minimum:"5" maximum:"480" multipleOf:"5" example:"30" doc:"With both buffers at most 480."`
	BufferBefore    int               `json:"bufferBefore,omitempty" minimum:"0" maximum:"475" multipleOf:"5" doc:"Minutes kept free before."`
	BufferAfter     int               `json:"bufferAfter,omitempty" minimum:"0" maximum:"475" multipleOf:"5" doc:"Minutes kept free after."`
	Step            int               `json:"step" minimum:"5" maximum:"240" multipleOf:"5" example:"15" doc:"Minutes between the starts that are offered."`
	LeadMinutes     int               `json:"leadMinutes,omitempty" minimum:"0" maximum:"576000" doc:"The least notice."`
	HorizonDays     int               `json:"horizonDays" minimum:"1" maximum:"400" example:"180" doc:"How far ahead it can be booked."`
	Mode            string            `json:"mode" enum:"in-person,video,telephone"`
	Needs           []clinic.Need     `json:"needs,omitempty" maxItems:"8" doc:"The rooms and devices that it takes besides the practitioner."`
	PractitionerIDs []string          `json:"practitionerIds" maxItems:"200" doc:"Who offers it."`
	Questions       []clinic.Question `json:"questions,omitempty" maxItems:"20" doc:"Asked before each booking: who gives an answer that excludes is not booked."`
	Closed          bool              `json:"closed,omitempty" doc:"Not offered any more."`
}

func (b serviceBody) record(id string, version int64) clinic.Service {
	return clinic.Service{
		ID: id, Name: b.Name, Minutes: b.Minutes, BufferBefore: b.BufferBefore, BufferAfter: b.BufferAfter,
		Step: b.Step, LeadMinutes: b.LeadMinutes, HorizonDays: b.HorizonDays, Mode: b.Mode, Needs: b.Needs,
		PractitionerIDs: b.PractitionerIDs, Questions: b.Questions, Closed: b.Closed, Version: version,
	}
}
