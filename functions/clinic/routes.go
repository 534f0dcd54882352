package main

import (
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/web"
)

func routes(o *clinic.Office) web.Routes {
	const read = access.ConfigurationRead
	return web.Routes{
		"POST /v1/organisations": web.Do(access.OrganisationCreate, "Create an organisation", found(o)).Created().
			Describe(aboutFounding),
		"GET /v1/organisation": web.Do(read, "Read the organisation", organisation(o)).Tag("Organisation"),
		"PUT /v1/organisation": web.Do(access.OrganisationChange, "Change the organisation", reform(o)),
		"GET /v1/me":           web.Do(read, "Read what you may do", me(o)).Tag("Organisation"),

		"GET /v1/sites":      web.Do(read, "List the sites", list(o.Sites)),
		"POST /v1/sites":     web.Do(access.SiteCreate, "Create a site", create[siteBody](o.CreateSite)).Created(),
		"GET /v1/sites/{id}": web.Do(read, "Read a site", get(o.Site)),
		"PUT /v1/sites/{id}": web.Do(access.SiteChange, "Change a site", change[siteBody](o.ChangeSite)),

		"GET /v1/rooms":      web.Do(read, "List the rooms", list(o.Rooms)),
		"POST /v1/rooms":     web.Do(access.RoomCreate, "Create a room", create[roomBody](o.CreateRoom)).Created(),
		"GET /v1/rooms/{id}": web.Do(read, "Read a room", get(o.Room)),
		"PUT /v1/rooms/{id}": web.Do(access.RoomChange, "Change a room", change[roomBody](o.ChangeRoom)),

		"GET /v1/services": web.Do(read, "List the services", list(o.Services)),
		"POST /v1/services": web.Do(access.ServiceCreate, "Create a service",
			create[serviceBody](o.CreateService)).Created(),
		"GET /v1/services/{id}": web.Do(read, "Read a service", get(o.Service)),
		"PUT /v1/services/{id}": web.Do(access.ServiceChange, "Change a service", change[serviceBody](o.ChangeService)),

		"GET /v1/practitioners": web.Do(read, "List the practitioners", list(o.Practitioners)),
		"POST /v1/practitioners": web.Do(access.PractitionerCreate, "Create a practitioner",
			create[practitionerBody](o.CreatePractitioner)).Created(),
		"GET /v1/practitioners/{id}": web.Do(read, "Read a practitioner", get(o.Practitioner)),
		"PUT /v1/practitioners/{id}": web.Do(access.PractitionerChange, "Change a practitioner",
			change[practitionerBody](o.ChangePractitioner)),

		"GET /v1/staff": web.Do(access.StaffRead, "List the staff", list(o.AllStaff)),
		"POST /v1/staff": web.Do(access.StaffCreate, "Add a member of staff",
			create[newStaffBody](o.CreateStaff)).Created(),
		"GET /v1/staff/{id}": web.Do(access.StaffRead, "Read a member of staff", get(o.Staff)),
		"PUT /v1/staff/{id}": web.Do(access.StaffChange, "Change a member of staff",
			change[StaffBody](o.ChangeStaff)).Describe(aboutStaff),

		"GET /v1/leave":         web.Do(read, "List the leave", leaves(o)).Tag("Leave"),
		"POST /v1/leave":        web.Do(access.LeaveEnter, "Enter leave", enter(o)).Created().Describe(aboutLeave),
		"DELETE /v1/leave/{id}": web.Do(access.LeaveWithdraw, "Withdraw leave", withdraw(o)).NoContent(),
	}
}
