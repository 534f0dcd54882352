package main

import (
	"context"
	"slices"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/web"
)

type self struct {
	Subject      string              `json:"subject" doc:"Your subject at the log-in."`
	Organisation clinic.Organisation `json:"organisation"`
	Roles        []access.Role       `json:"roles"`
	Permissions  []access.Permission `json:"permissions" doc:"All that your roles allow; x-permission names the one that an operation needs."`
}

func me(o *clinic.Office) web.Func[struct{}, self] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (self, error) {
		org, err := o.Organisation(ctx, r.By)
		if err != nil {
			return self{}, err
		}
		may := slices.DeleteFunc(permissions(), func(p access.Permission) bool { return !r.By.Can(p) })
		return self{Subject: r.By.Person(), Organisation: org, Roles: r.By.Roles(), Permissions: may}, nil
	}
}

// permissions lists all that there are; a test compares the list with the declarations.
func permissions() []access.Permission {
	return []access.Permission{
		access.OrganisationCreate, access.OrganisationChange, access.ConfigurationRead, access.SiteCreate,
		access.SiteChange, access.RoomCreate, access.RoomChange, access.ServiceCreate, access.ServiceChange,
		access.PractitionerCreate, access.PractitionerChange, access.StaffRead, access.StaffCreate,
		access.StaffChange, access.LeaveEnter, access.LeaveWithdraw, access.PatientCreate, access.PatientRead,
		access.PatientChange, access.PatientAppointments, access.PatientSearch, access.PatientCompare,
		access.PatientMerge, access.PatientUnmerge, access.PatientExport, access.PatientAudit,
		access.RepresentativeAdd, access.RepresentativeEnd, access.RelationshipList, access.RelationshipMake,
		access.RelationshipClaim, access.RelationshipEnd, access.GlassBreak, access.AlertList, access.AlertReview,
		access.NumberTrace, access.NumberReview, access.NumberObject, access.NumberSettle,
		access.ConsentTextCreate, access.ConsentRead, access.ConsentGive, access.ConsentWithdraw,
		access.DisclosureList, access.DisclosureEnter, access.RecordViewGrant, access.RecordViewOpen,
		access.RecordViewSettle, access.UploadCreate, access.UploadStart, access.UploadRead, access.UploadCarry,
		access.KeyMake, access.AvailabilityRead, access.HoldCreate, access.HoldRenew, access.HoldRelease,
		access.AppointmentBook, access.AppointmentMove, access.AppointmentCancel, access.AppointmentProgress,
		access.AppointmentRead, access.AppointmentList, access.AppointmentHistory, access.MessageRead,
		access.MessageSend, access.ConnectionRead, access.ConnectionMake, access.ConnectionRenew, access.ConnectionEnd,
		access.ConnectionTend, access.LoginProvision, access.VideoRead, access.VideoEmail, access.VideoStart,
		access.VideoSync, access.VideoNote, access.VideoErase, access.VideoVisit, access.TaskList, access.TaskRaise,
		access.TaskDone,
	}
}
