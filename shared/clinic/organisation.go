package clinic

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Organisation gives the caller's organisation.
func (o *Office) Organisation(ctx context.Context, by access.Caller) (Organisation, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Organisation{}, err
	}
	return snap.Organisation, nil
}

// Found makes a new organisation, the one that the caller's is to be, with its first manager: without one nobody
// could ever add staff.
func (o *Office) Found(
	ctx context.Context, by access.Caller, once access.Once, org Organisation, first Staff,
) (Organisation, error) {
	var c Check
	org.Name = c.Name("/name", org.Name)
	c.zone(org.Zone)
	first.Roles, first.Left = []access.Role{access.Manager}, false
	first = first.check(&c, "/manager", &Snapshot{}) // nothing is set up yet
	if err := c.Err(); err != nil {
		return Organisation{}, err
	}
	org.ID, org.Version, first.Version = by.Org(), 1, 1
	clinic := o.table.For(by)
	return org, o.write(ctx, by, once, edit{
		action: access.OrganisationCreate, target: org.ID, answer: org, found: true,
		event: event.Event{Name: event.OrganisationCreated, Refs: map[string]string{"manager": first.Subject}},
		put: []table.Item{
			{Key: clinic.Organisation(), Value: org, New: true},
			{Key: clinic.Staff(first.Subject), Value: first, New: true},
		},
	})
}

// ChangeOrganisation replaces the organisation's own data by org, whose Version is that of the caller's copy.
func (o *Office) ChangeOrganisation(
	ctx context.Context, by access.Caller, once access.Once, org Organisation,
) (Organisation, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Organisation{}, err
	}
	if snap.Organisation.Version != org.Version {
		return Organisation{}, stale()
	}
	var c Check
	org.Name = c.Name("/name", org.Name)
	c.zone(org.Zone)
	org.NHS = org.NHS.check(&c, "/nhs")
	if err := c.Err(); err != nil {
		return Organisation{}, err
	}
	was := org.Version
	org.ID, org.Version = by.Org(), was+1
	return org, o.write(ctx, by, once, edit{
		action: access.OrganisationChange, event: event.Event{Name: event.OrganisationChanged},
		target: org.ID, answer: org,
		put: []table.Item{{Key: o.table.For(by).Organisation(), Value: org, Version: was}},
	})
}

func stale() error {
	return fault.New(fault.Stale, "stale", "This was changed by somebody else in the meantime. Look again.")
}
