package clinic

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Membership is what a change of staff is answered with: the answer is kept for repeats, so it says nothing of the
// person beyond the identity provider's opaque subject.
type Membership struct {
	Subject string `json:"subject"`
	Version int64  `json:"version"`
}

// ETagVersion is the version that an ETag tells.
func (m Membership) ETagVersion() int64 { return m.Version }

// Path is the record's address.
func (m Membership) Path() string { return "/v1/staff/" + url.PathEscape(m.Subject) }

func staff(s *Snapshot) map[string]Staff { return s.Staff }

// AllStaff lists the staff by name, those who left included.
func (o *Office) AllStaff(ctx context.Context, by access.Caller) ([]Staff, error) {
	return list(ctx, o, by, staff)
}

// Staff gives one member of staff.
func (o *Office) Staff(ctx context.Context, by access.Caller, subject string) (Staff, error) {
	return find(ctx, o, by, subject, staff)
}

// CreateStaff adds a member of staff. Somebody who was one before is fault.Conflict "exists": change the record.
func (o *Office) CreateStaff(
	ctx context.Context, by access.Caller, once access.Once, s Staff,
) (Membership, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Membership{}, err
	}
	var c Check
	s = s.check(&c, "", snap)
	if err := c.Err(); err != nil {
		return Membership{}, err
	}
	s.Version = 1
	m := Membership{Subject: s.Subject, Version: s.Version}
	return m, o.write(ctx, by, once, edit{
		action: access.StaffCreate, event: event.Event{Name: event.StaffCreated}, target: s.Subject, answer: m,
		put: []table.Item{{Key: o.table.For(by).Staff(s.Subject), Value: s, New: true}},
	})
}

// ChangeStaff replaces a member of staff by s, whose Version is that of the caller's copy. It counts from that
// person's next request on. Taking the role from the last manager is fault.Conflict "last_manager".
func (o *Office) ChangeStaff(
	ctx context.Context, by access.Caller, once access.Once, s Staff,
) (Membership, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Membership{}, err
	}
	was, err := current(snap.Staff, s.Subject, s.Version)
	if err != nil {
		return Membership{}, err
	}
	var c Check
	s = s.check(&c, "", snap)
	if err := c.Err(); err != nil {
		return Membership{}, err
	}
	// The snapshot is the one that the write rests on: of two managers who dismiss each other at once, the later one
	// is judged again, by then without the role.
	if was.manages() && !s.manages() && !othersManage(snap, s.Subject) {
		return Membership{}, fault.New(fault.Conflict, "last_manager",
			"This is the organisation's last manager. Make somebody else a manager first.")
	}
	s.Version++
	m := Membership{Subject: s.Subject, Version: s.Version}
	return m, o.write(ctx, by, once, edit{
		action: access.StaffChange, event: event.Event{Name: event.StaffChanged}, target: s.Subject, answer: m,
		put: []table.Item{{Key: o.table.For(by).Staff(s.Subject), Value: s, Version: was.Version}},
	})
}

func (s Staff) manages() bool { return !s.Left && slices.Contains(s.Roles, access.Manager) }

func othersManage(snap *Snapshot, but string) bool {
	for subject, s := range snap.Staff {
		if subject != but && s.manages() {
			return true
		}
	}
	return false
}

// check checks a member of staff; where the person works must be set up already.
func (s Staff) check(c *Check, under string, snap *Snapshot) Staff {
	if !subject(s.Subject) {
		c.Refuse("wrong_format", under+"/subject",
			"Must be the subject that the log-in's tokens carry: 1 to 128 printable ASCII characters.")
	}
	s.Name = c.Name(under+"/name", s.Name)
	if s.Email == "" {
		c.Refuse("required", under+"/email", "Must be given.")
	}
	s.Email = c.Email(under+"/email", s.Email)
	s.JobRole = c.Line(under+"/jobRole", s.JobRole, 1, maxName)
	s.Roles = append([]access.Role{}, s.Roles...)
	all := make([]string, 0, len(access.StaffRoles()))
	for _, r := range access.StaffRoles() {
		all = append(all, string(r))
	}
	seen := map[access.Role]bool{}
	for i, r := range s.Roles {
		at := under + "/roles/" + strconv.Itoa(i)
		if seen[r] {
			c.Refuse("not_unique", at, "Stands there twice.")
		}
		seen[r] = true
		c.Choice(at, string(r), all...)
	}
	allKnown(c, under+"/siteIds", s.SiteIDs, 0, maxSitesOfStaff, snap.Sites)
	if s.PractitionerID != "" {
		known(c, under+"/practitionerId", s.PractitionerID, snap.Practitioners)
	}
	if s.SDSUserID != "" && (len(s.SDSUserID) != sdsDigits || !digits(s.SDSUserID)) {
		c.Refuse("wrong_format", under+"/sdsUserId", "Must be the twelve digits of the smartcard.")
	}
	return s
}

const (
	maxSubject      = 128
	maxSitesOfStaff = 100
	sdsDigits       = 12
)

// subject tells whether s can be a person's subject here. It becomes part of keys and of an address, so it holds
// nothing that parts them; and it is none of our ids, the name of a job or a part of a key, so that a person's events
// are never filed with something else's.
func subject(s string) bool {
	_, err := id.Raw(s)
	return s != "" && len(s) <= maxSubject && strings.Trim(s, ".") != "" && err != nil &&
		!strings.HasPrefix(s, "job:") && s != "CONF" &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || r == '/' })
}
