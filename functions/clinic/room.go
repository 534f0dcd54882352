package main

import "almanac/shared/clinic"

type roomBody struct {
	SiteID   string `json:"siteId" example:"sit_01kc4z7v8wfj7rw4q3hxe6m2ta"`
	Kind     string `json:"kind" enum:"room,device"`
	Name     string `json:"name" minLength:"1" maxLength:"200" example:"Treatment room 2"`
	Capacity int    `json:"capacity,omitempty" minimum:"1" maximum:"20" default:"1" doc:"How many appointments it can serve at once."`
	Closed   bool   `json:"closed,omitempty" doc:"Closed for good: nothing new is booked in it."`
}

func (b roomBody) record(id string, version int64) clinic.Room {
	return clinic.Room{
		ID: id, SiteID: b.SiteID, Kind: b.Kind, Name: b.Name, Capacity: b.Capacity, Closed: b.Closed, Version: version,
	}
}
