package access

import "slices"

// Permission is one thing that can be done, as noun.verb. The same word names the action in the event item.
type Permission string

// The permissions.
const (
	OrganisationCreate  Permission = "organisation.create"
	OrganisationChange  Permission = "organisation.change"
	ConfigurationRead   Permission = "configuration.read"
	SiteCreate          Permission = "site.create"
	SiteChange          Permission = "site.change"
	RoomCreate          Permission = "room.create"
	RoomChange          Permission = "room.change"
	ServiceCreate       Permission = "service.create"
	ServiceChange       Permission = "service.change"
	PractitionerCreate  Permission = "practitioner.create"
	PractitionerChange  Permission = "practitioner.change"
	StaffRead           Permission = "staff.read"
	StaffCreate         Permission = "staff.create"
	StaffChange         Permission = "staff.change"
	LeaveEnter          Permission = "leave.enter"
	LeaveWithdraw       Permission = "leave.withdraw"
	PatientCreate       Permission = "patient.create"
	PatientRead         Permission = "patient.read"
	PatientChange       Permission = "patient.change"
	PatientAppointments Permission = "patient.appointments"
	PatientSearch       Permission = "patient.search"
	PatientCompare      Permission = "patient.compare"
	PatientMerge        Permission = "patient.merge"
	PatientUnmerge      Permission = "patient.unmerge"
	PatientExport       Permission = "patient.export"
	PatientAudit        Permission = "patient.audit"
	RepresentativeAdd   Permission = "representative.add"
	RepresentativeEnd   Permission = "representative.end"
	RelationshipList    Permission = "relationship.list"
	RelationshipMake    Permission = "relationship.make"
	RelationshipClaim   Permission = "relationship.claim"
	RelationshipEnd     Permission = "relationship.end"
	GlassBreak          Permission = "glass.break"
	AlertList           Permission = "alert.list"
	AlertReview         Permission = "alert.review"
	NumberTrace         Permission = "number.trace"
	NumberReview        Permission = "number.review"
	NumberObject        Permission = "number.object"
	NumberSettle        Permission = "number.settle"
	ConsentTextCreate   Permission = "consent-text.create"
	ConsentRead         Permission = "consent.read"
	ConsentGive         Permission = "consent.give"
	ConsentWithdraw     Permission = "consent.withdraw"
	DisclosureList      Permission = "disclosure.list"
	DisclosureEnter     Permission = "disclosure.enter"
	RecordViewGrant     Permission = "record-view.grant"
	RecordViewOpen      Permission = "record-view.open"
	RecordViewSettle    Permission = "record-view.settle"
	UploadCreate        Permission = "upload.create"
	UploadStart         Permission = "upload.start"
	UploadRead          Permission = "upload.read"
	UploadCarry         Permission = "upload.carry"
	KeyMake             Permission = "key.make"
	AvailabilityRead    Permission = "availability.read"
	HoldCreate          Permission = "hold.create"
	HoldRenew           Permission = "hold.renew"
	HoldRelease         Permission = "hold.release"
	AppointmentBook     Permission = "appointment.book"
	AppointmentMove     Permission = "appointment.move"
	AppointmentCancel   Permission = "appointment.cancel"
	AppointmentProgress Permission = "appointment.progress"
	AppointmentRead     Permission = "appointment.read"
	AppointmentList     Permission = "appointment.list"
	AppointmentHistory  Permission = "appointment.history"
	ConnectionRead      Permission = "connection.read"
	ConnectionMake      Permission = "connection.make"
	ConnectionRenew     Permission = "connection.renew"
	ConnectionEnd       Permission = "connection.end"
	ConnectionTend      Permission = "connection.tend"
	LoginProvision      Permission = "login.provision"
	VideoRead           Permission = "video.read"
	VideoEmail          Permission = "video.email"
	VideoStart          Permission = "video.start"
	VideoSync           Permission = "video.sync"
	VideoNote           Permission = "video.note"
	VideoErase          Permission = "video.erase"
	VideoVisit          Permission = "video.visit"
	TaskList            Permission = "task.list"
	TaskRaise           Permission = "task.raise"
	TaskDone            Permission = "task.done"
	MessageRead         Permission = "message.read"
	MessageSend         Permission = "message.send"
)

// Sensitive tells whether using the permission to read must leave an event before the answer leaves.
func (p Permission) Sensitive() bool {
	switch p { //nolint:exhaustive // a list of the few that are
	case PatientRead, PatientSearch, PatientCompare, PatientExport, PatientAudit, PatientAppointments,
		AppointmentRead, AppointmentList, AppointmentHistory, MessageRead, VideoRead,
		RelationshipList, AlertList, NumberReview, ConsentRead, DisclosureList, RecordViewOpen:
		return true
	default:
		return false
	}
}

// Related tells whether using the permission on a patient asks for a relationship with that patient besides the role:
// a booking, a referral, a care team, or a claim with its reason.
func (p Permission) Related() bool {
	switch p { //nolint:exhaustive // a list of those that reach into a patient's record
	case PatientRead, PatientChange, PatientCompare, PatientMerge, PatientUnmerge, PatientExport, PatientAppointments,
		RepresentativeAdd, RepresentativeEnd, RelationshipList, RelationshipMake, RelationshipEnd,
		NumberTrace, NumberObject, ConsentRead, ConsentGive, ConsentWithdraw,
		DisclosureList, DisclosureEnter, RecordViewGrant, RecordViewOpen:
		return true
	default:
		return false
	}
}

// Lasting tells whether the relationship that Related asks for must be one that lasts: by the diary, a registration, a
// referral or a care team. Using these permissions opens the record for longer than a claim or an emergency counts, or
// to others than raised its alert.
func (p Permission) Lasting() bool {
	switch p { //nolint:exhaustive // a list of those that let somebody in
	case RelationshipMake, RepresentativeAdd, PatientMerge, PatientUnmerge:
		return true
	default:
		return false
	}
}

// Role is a named set of permissions that an organisation gives to its staff, or that a job of ours has.
type Role string

// The roles. Operator is given by the log-in's scope, never by an organisation; the last ones are jobs.
const (
	Receptionist   Role = "receptionist"
	Clinician      Role = "clinician"
	Manager        Role = "manager"
	PrivacyOfficer Role = "privacy-officer"
	Operator       Role = "operator"
	EmailDispatch  Role = "email-dispatch"
	PDSLookup      Role = "pds-lookup"
	PatientUpload  Role = "patient-upload"
	Keeper         Role = "keeper"        // makes an organisation's first key
	Renewer        Role = "renewer"       // keeps connected accounts usable, whoever asks
	VideoRooms     Role = "video-rooms"   // brings rooms into agreement with the diary, and what they tell into it
	VideoVisitor   Role = "video-visitor" // shows patients their own video visit, by their link
)

// StaffRoles lists the roles that an organisation may give.
func StaffRoles() []Role { return []Role{Receptionist, Clinician, Manager, PrivacyOfficer} }

// allows is the permission matrix: one row a role, read from top to bottom.
func (r Role) allows(p Permission) bool {
	switch r { //nolint:exhaustive // the roles of people; works has those of jobs
	case Manager:
		return managing(p)
	case Receptionist:
		return frontDesk(p)
	case Clinician:
		return clinical(p)
	case PrivacyOfficer:
		return oversight(p)
	case Operator:
		return p == OrganisationCreate
	}
	return r.works(p)
}

// works is the permission matrix of jobs.
func (r Role) works(p Permission) bool {
	switch r { //nolint:exhaustive // the roles of jobs
	case EmailDispatch:
		return p == MessageSend
	case PDSLookup:
		return slices.Contains([]Permission{NumberSettle, RecordViewSettle, PatientRead}, p)
	case PatientUpload:
		return slices.Contains([]Permission{UploadCarry, PatientCreate, PatientRead, PatientSearch}, p)
	case Keeper:
		return p == KeyMake
	case Renewer:
		return slices.Contains([]Permission{ConnectionMake, ConnectionRenew, ConnectionTend, TaskRaise}, p)
	case VideoRooms:
		return slices.Contains([]Permission{
			VideoSync, VideoNote, VideoErase, VideoRead, ConnectionRenew, ConnectionTend, ConnectionEnd, TaskRaise,
			TaskDone, AppointmentRead, AppointmentMove, AppointmentCancel,
		}, p)
	case VideoVisitor:
		return slices.Contains([]Permission{VideoVisit, VideoRead}, p)
	}
	return false
}

// managing is all that people do.
func managing(p Permission) bool { return p != OrganisationCreate && !ofJobs(p) }

// ofJobs are what no person does.
func ofJobs(p Permission) bool {
	switch p { //nolint:exhaustive // a list of what jobs alone may do
	case MessageSend, NumberSettle, RecordViewSettle, UploadCarry, KeyMake,
		ConnectionRenew, ConnectionTend, VideoSync, VideoNote, VideoErase, VideoVisit, TaskRaise:
		return true
	default:
		return false
	}
}

// frontDesk is what everybody who works with patients does.
func frontDesk(p Permission) bool {
	switch p { //nolint:exhaustive // a list of what the front desk may do
	case ConfigurationRead, AvailabilityRead,
		PatientCreate, PatientSearch, PatientRead, PatientChange, PatientCompare, PatientAppointments,
		RepresentativeAdd, RepresentativeEnd,
		RelationshipList, RelationshipMake, RelationshipClaim, RelationshipEnd,
		NumberTrace, NumberReview, NumberObject,
		ConsentRead, ConsentGive, ConsentWithdraw, DisclosureList, DisclosureEnter,
		HoldCreate, HoldRenew, HoldRelease,
		AppointmentBook, AppointmentMove, AppointmentCancel, AppointmentProgress,
		AppointmentRead, AppointmentList, AppointmentHistory,
		LeaveEnter, LeaveWithdraw, MessageRead,
		ConnectionRead, ConnectionMake, ConnectionEnd, VideoRead, VideoEmail, VideoStart, TaskList, TaskDone:
		return true
	default:
		return false
	}
}

// clinical is what somebody does who treats patients.
func clinical(p Permission) bool {
	switch p { //nolint:exhaustive // what differs from the front desk
	case GlassBreak, RecordViewGrant, RecordViewOpen, PatientExport:
		return true
	case PatientCreate:
		return false
	default:
		return frontDesk(p)
	}
}

// oversight is what a privacy officer does: look at who looked, without looking at the patients.
func oversight(p Permission) bool {
	switch p { //nolint:exhaustive // a list of what oversight needs
	case ConfigurationRead, StaffRead, AlertList, AlertReview, PatientAudit,
		RelationshipList, RelationshipEnd, RelationshipClaim:
		return true
	default:
		return false
	}
}
