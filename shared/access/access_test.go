package access_test

import (
	"slices"
	"testing"

	"almanac/shared/access"
)

func TestZeroCallerMayDoNothing(t *testing.T) {
	if (access.Caller{}).Can(access.ConfigurationRead) {
		t.Error("the zero Caller may read")
	}
	if access.NewCaller("", "someone", access.StaffRoles(), 1).Can(access.ConfigurationRead) {
		t.Error("a caller without an organisation may read")
	}
}

func TestMatrix(t *testing.T) {
	may := func(p access.Permission, roles ...access.Role) bool {
		return access.NewCaller("org", "someone", roles, 1).Can(p)
	}
	for _, c := range []struct {
		permission access.Permission
		roles      []access.Role // of the staff's, those that have it
	}{
		{access.AppointmentBook, []access.Role{access.Receptionist, access.Clinician, access.Manager}},
		{access.PatientCreate, []access.Role{access.Receptionist, access.Manager}},
		{access.StaffChange, []access.Role{access.Manager}},
		{access.SiteChange, []access.Role{access.Manager}},
		{access.OrganisationCreate, nil},
		{access.MessageSend, nil},
	} {
		for _, role := range access.StaffRoles() {
			if got, want := may(c.permission, role), slices.Contains(c.roles, role); got != want {
				t.Errorf("a %s may %s: %v, want %v", role, c.permission, got, want)
			}
		}
	}
	if may(access.AppointmentBook, "nonsense") || may(access.AppointmentBook) {
		t.Error("an unknown role, or none, may book")
	}
	if may(access.PatientRead, access.Operator) || !may(access.OrganisationCreate, access.Operator) {
		t.Error("an operator founds organisations and does nothing else")
	}
}

func TestSystemHasNoStanding(t *testing.T) {
	job := access.System("org", "email-dispatch")
	if job.Standing() != 0 || job.Person() != "job:email-dispatch" {
		t.Errorf("a job is %+v", job)
	}
	if job.Can(access.AppointmentBook) || !job.Can(access.MessageSend) {
		t.Error("a job may do its own work only")
	}
}

func TestCallerKeepsItsRoles(t *testing.T) {
	c := access.NewCaller("org", "someone", []access.Role{access.Clinician}, 1)
	c.Roles()[0] = access.Manager
	if c.Can(access.StaffChange) {
		t.Error("roles were changed through what Roles gave")
	}
}
