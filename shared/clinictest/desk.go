package clinictest

import (
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/web"
)

// Desk is a clinic with a function in front of it, asked over its real routes.
type Desk struct {
	*Clinic
	Serve   web.Handler
	members map[string]string // one subject for each set of roles
}

// NewDesk puts a function in front of a clinic.
func NewDesk(c *Clinic, serve web.Handler) *Desk {
	return &Desk{Clinic: c, Serve: serve, members: map[string]string{}}
}

// Must sends a request that has to be answered with the status.
func (d *Desk) Must(tb testing.TB, status int, r Request) events.APIGatewayV2HTTPResponse {
	tb.Helper()
	return Must(tb, d.Serve, status, r)
}

// Refused sends a request that has to be refused so, and gives the refusal.
func (d *Desk) Refused(tb testing.TB, status int, code string, r Request) web.Problem {
	tb.Helper()
	p := Read[web.Problem](tb, d.Must(tb, status, r))
	if p.Code != code {
		tb.Fatalf("%s %s: refused with %s, want %s", r.RequestContext.HTTP.Method, r.RawPath, p.Code, code)
	}
	return p
}

// Member gives somebody with exactly these roles, the same person each time.
func (d *Desk) Member(tb testing.TB, roles ...access.Role) string {
	tb.Helper()
	key := fmt.Sprint(roles)
	if d.members[key] == "" {
		d.members[key] = d.NewStaff(tb, roles...)
	}
	return d.members[key]
}

// Exercised is a request for Exercise: it asks for the permission, and succeeds. The stranger is another clinic.
func (d *Desk) Exercised(
	tb testing.TB, stranger *Clinic, permission access.Permission, r Request, markers ...string,
) Exercised {
	tb.Helper()
	return Exercised{
		Serve: d.Serve, Event: r, Permission: permission,
		As:       func(roles ...access.Role) Claims { return ClaimsOf(d.Org, d.Member(tb, roles...)) },
		Stranger: func() Claims { return ClaimsOf(stranger.Org, Manager) },
		Log:      d.Log.String, Markers: markers,
	}
}

// NewStaff adds a member of staff with the roles straight to the table, and gives the subject.
func (c *Clinic) NewStaff(tb testing.TB, roles ...access.Role) string {
	tb.Helper()
	return c.Employ(tb, clinic.Staff{Roles: roles})
}

// Employ adds a member of staff straight to the table, under a name of no meaning, and gives the subject, which nobody
// takes for one of Almanac's ids.
func (c *Clinic) Employ(tb testing.TB, s clinic.Staff) string {
	tb.Helper()
	s.Subject, s.Name, s.Email, s.JobRole = id.New("sub")+"x", "Staff", "staff@example.org", "Staff"
	c.Change(tb, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, New: true}}
	})
	return s.Subject
}

// SetNHS changes how the organisation works with the NHS.
func (c *Clinic) SetNHS(tb testing.TB, set clinic.NHS) {
	tb.Helper()
	k := c.Table.For(access.System(c.Org, "test"))
	var org clinic.Organisation
	if err := k.Get(tb.Context(), k.Organisation(), &org); err != nil {
		tb.Fatalf("read the organisation: %v", err)
	}
	org.NHS = set
	c.Change(tb, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Organisation(), Value: org, Version: org.Version}}
	})
}

// NewSite adds another site, like the first, and gives its id.
func (c *Clinic) NewSite(tb testing.TB) string {
	tb.Helper()
	s := c.Site
	s.ID, s.Name = id.New("sit"), "Another site"
	c.Change(tb, func(k table.Clinic) []table.Item { return []table.Item{{Key: k.Site(s.ID), Value: s, New: true}} })
	return s.ID
}

// Elsewhere is the clinic as another process has it, which has read nothing yet.
func (c *Clinic) Elsewhere() *Clinic {
	house, other := *c.House, *c
	house.Directory = clinic.NewDirectory(c.Table, c.Clock.Now)
	other.House = &house
	return &other
}
