package access

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
	MessageRead         Permission = "message.read"
	MessageSend         Permission = "message.send"
)

// Sensitive tells whether using the permission to read must leave an event before the answer leaves.
func (p Permission) Sensitive() bool {
	switch p { //nolint:exhaustive // a list of the few that are
	case PatientRead, PatientAppointments, AppointmentRead, AppointmentList, AppointmentHistory, MessageRead:
		return true
	default:
		return false
	}
}

// Role is a named set of permissions that an organisation gives to its staff, or that a job of ours has.
type Role string

// The roles. Operator is given by the log-in's scope, never by an organisation; the last ones are jobs.
const (
	Receptionist  Role = "receptionist"
	Clinician     Role = "clinician"
	Manager       Role = "manager"
	Operator      Role = "operator"
	EmailDispatch Role = "email-dispatch"
)

// StaffRoles lists the roles that an organisation may give.
func StaffRoles() []Role { return []Role{Receptionist, Clinician, Manager} }

// allows is the permission matrix: one row a role, read from top to bottom.
func (r Role) allows(p Permission) bool {
	switch r {
	case Manager:
		return p != OrganisationCreate && p != MessageSend
	case Receptionist:
		return frontDesk(p)
	case Clinician:
		return frontDesk(p) && p != PatientCreate
	case Operator:
		return p == OrganisationCreate
	case EmailDispatch:
		return p == MessageSend
	}
	return false
}

func frontDesk(p Permission) bool {
	switch p { //nolint:exhaustive // a list of what the front desk may do
	case ConfigurationRead, AvailabilityRead,
		PatientCreate, PatientRead, PatientChange, PatientAppointments,
		HoldCreate, HoldRenew, HoldRelease,
		AppointmentBook, AppointmentMove, AppointmentCancel, AppointmentProgress,
		AppointmentRead, AppointmentList, AppointmentHistory,
		LeaveEnter, LeaveWithdraw, MessageRead:
		return true
	default:
		return false
	}
}
