package main

import (
	"testing"

	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/web"
)

// desk is a staffed clinic and this function in front of it.
type desk struct{ *clinictest.Desk }

func newDesk(t *testing.T) *desk {
	t.Helper()
	h := clinictest.New(t)
	return &desk{clinictest.NewDesk(h.Found(t), process(h, h.Directory))}
}

// process is one instance of the function: each has a directory of its own, so what one has cached another has not.
func process(h *clinictest.House, d *clinic.Directory) web.Handler {
	edge := h.Edge()
	edge.Gate.Caller = d.Caller
	return edge.Serve(routes(clinic.New(h.Table, d, h.Clock.Now, id.New)))
}

func (d *desk) another() web.Handler {
	return process(d.House, clinic.NewDirectory(d.Table, d.Clock.Now))
}

type object = clinictest.Body

const (
	staffName  = "Sam Marker-Staff"
	staffEmail = "sam.marker@example.org"
)

func markers() []string { return []string{staffName, staffEmail} }

func (d *desk) siteBody() object {
	return object{
		"name": "Harbour Street", "timeZone": "Europe/London", "email": "desk@example.org", "phone": "020 7946 0123",
		"openingHours": []object{{"day": "monday", "opens": "08:00", "closes": "12:00"}, {"day": "monday", "opens": "12:00", "closes": "24:00"}},
	}
}

func (d *desk) roomBody() object {
	return object{"siteId": d.Site.ID, "kind": "room", "name": "Room 9", "capacity": 2}
}

func (d *desk) serviceBody() object {
	return object{
		"name": "Check-up", "minutes": 30, "bufferAfter": 5, "step": 15, "horizonDays": 90, "mode": "in-person",
		"needs": []object{{"anyOf": []string{d.Rooms[0].ID}}}, "practitionerIds": []string{d.Practitioners[0].ID},
	}
}

func (d *desk) practitionerBody() object {
	return object{"name": "Dr C", "sessions": []object{{"siteId": d.Site.ID, "day": "tuesday", "opens": "09:00", "closes": "17:00"}}}
}

func staffObject() object {
	return object{"name": staffName, "email": staffEmail, "jobRole": "Receptionist", "roles": []string{"receptionist"}}
}

func (d *desk) leaveBody() object {
	return object{"of": d.Practitioners[0].ID, "start": "2027-01-05T00:00", "end": "2027-01-06T00:00", "kind": "holiday"}
}

func organisationObject() object {
	return object{
		"name": "New clinic", "timeZone": "Europe/London",
		"manager": object{"subject": "first-manager", "name": staffName, "email": staffEmail, "jobRole": "Manager"},
	}
}
