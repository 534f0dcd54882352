// Package access says who acts and what they may do. Its rule: a Caller is made by an edge alone, from what the
// gateway verified, and every read and write names one; the zero Caller may do nothing.
package access

import (
	"errors"
	"slices"
	"strings"
)

// ErrStanding says that the organisation's configuration or the caller's roles changed after they were read, so that
// the write was refused by the table. The web edge reads them afresh and asks again, once.
var ErrStanding = errors.New("standing changed")

// ErrDone says that a request with this idempotency key was already carried out; the first answer is on record.
var ErrDone = errors.New("already done under this key")

// Caller is the person or system job on whose authority something happens, within one organisation.
type Caller struct {
	org          string
	person       string
	roles        []Role
	standing     int64
	sites        []string
	practitioner string
	basis        string
}

// NewCaller makes the Caller of a verified person. Standing is the version of the organisation's configuration at
// which the roles were read: every write checks that it still holds.
func NewCaller(org, person string, roles []Role, standing int64) Caller {
	return Caller{org: org, person: person, roles: roles, standing: standing}
}

// System makes the Caller of a job of ours (a worker, a schedule) acting for one organisation.
func System(org, name string) Caller {
	return Caller{org: org, person: job + name, roles: []Role{Role(name)}}
}

// Working gives the caller with where the person works: the sites, none meaning every site of the organisation, and
// the practitioner in the diary that the person is, if any.
func (c Caller) Working(sites []string, practitioner string) Caller {
	c.sites, c.practitioner = slices.Clone(sites), practitioner
	return c
}

// Because gives the caller with the relationship to a patient that this access rests on, such as "booking": it stands
// in every event that the caller leaves.
func (c Caller) Because(basis string) Caller {
	c.basis = basis
	return c
}

// Basis is the relationship that the access rests on, or empty where none was asked for.
func (c Caller) Basis() string { return c.basis }

// Practitioner is the id of the practitioner that the person is, or empty.
func (c Caller) Practitioner() string { return c.practitioner }

// Sites lists where the person works; empty for somebody who works at every site of the organisation.
func (c Caller) Sites() []string { return slices.Clone(c.sites) }

// WorksAt tells whether the person works at the site.
func (c Caller) WorksAt(site string) bool { return len(c.sites) == 0 || slices.Contains(c.sites, site) }

// Job tells whether the caller is a job of ours and no person.
func (c Caller) Job() bool { return strings.HasPrefix(c.person, job) }

// job begins the name of every job. No person's subject begins so.
const job = "job:"

// Org is the id of the organisation whose records the caller works on.
func (c Caller) Org() string { return c.org }

// Person is the identity provider's subject of the person, or "job:" and the job's name.
func (c Caller) Person() string { return c.person }

// Roles lists the caller's roles.
func (c Caller) Roles() []Role { return slices.Clone(c.roles) }

// Standing is the configuration version at which the roles were read; zero for jobs, which have no membership.
func (c Caller) Standing() int64 { return c.standing }

// Can tells whether one of the caller's roles has the permission.
func (c Caller) Can(p Permission) bool {
	return c.org != "" && slices.ContainsFunc(c.roles, func(r Role) bool { return r.allows(p) })
}

// Once identifies a request that must be carried out only once: the client's Idempotency-Key and a hash of the whole
// request, so that another request under the same key is told apart. The zero Once is for writes by jobs that
// are idempotent by their own conditions.
type Once struct {
	Key         string
	Fingerprint [32]byte
}
