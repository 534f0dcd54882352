package main

import (
	"almanac/shared/access"
	"almanac/shared/clinic"
)

const aboutStaff = "It counts from the person's next request on. The last manager cannot lose the role or leave. " +
	"The answer does not repeat what was sent; read the record for it."

// StaffBody is exported because only then does embedding it count for the API framework.
type StaffBody struct {
	Name           string        `json:"name" minLength:"1" maxLength:"200" example:"Sam Example"`
	Email          string        `json:"email" minLength:"3" maxLength:"254" example:"sam@example.org"`
	JobRole        string        `json:"jobRole" minLength:"1" maxLength:"200" example:"Receptionist"`
	Roles          []access.Role `json:"roles" maxItems:"4" enum:"receptionist,clinician,manager,privacy-officer" doc:"None takes all rights away."`
	SiteIDs        []string      `json:"siteIds,omitempty" maxItems:"100" doc:"Where the person works: it decides whose records the roles reach. None means every site."`
	PractitionerID string        `json:"practitionerId,omitempty" doc:"The practitioner that the person is, if any: whoever meets that practitioner is the person's patient."`
	SDSUserID      string        `json:"sdsUserId,omitempty" maxLength:"12" example:"555021935107" doc:"The person's id in the NHS's Spine directory, as on the smartcard. Needed to open NHS records in an emergency."`
	Left           bool          `json:"left,omitempty" doc:"May do nothing from the next request on."`
}

func (b StaffBody) record(id string, version int64) clinic.Staff {
	return clinic.Staff{
		Subject: id, Name: b.Name, Email: b.Email, JobRole: b.JobRole, Roles: b.Roles,
		SiteIDs: b.SiteIDs, PractitionerID: b.PractitionerID, SDSUserID: b.SDSUserID, Left: b.Left,
		Version: version,
	}
}

type newStaffBody struct {
	Subject string `json:"subject" minLength:"1" maxLength:"128" example:"8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708" doc:"The subject (sub) that the person's tokens carry."`
	StaffBody
}

func (b newStaffBody) record(string, int64) clinic.Staff { return b.StaffBody.record(b.Subject, 0) }
