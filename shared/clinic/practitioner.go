package clinic

import (
	"context"
	"strconv"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/table"
)

func practitioners(s *Snapshot) map[string]Practitioner { return s.Practitioners }

// Practitioners lists the practitioners by name.
func (o *Office) Practitioners(ctx context.Context, by access.Caller) ([]Practitioner, error) {
	return list(ctx, o, by, practitioners)
}

// Practitioner gives one practitioner.
func (o *Office) Practitioner(ctx context.Context, by access.Caller, id string) (Practitioner, error) {
	return find(ctx, o, by, id, practitioners)
}

// CreatePractitioner adds a practitioner. The id and version are given here.
func (o *Office) CreatePractitioner(
	ctx context.Context, by access.Caller, once access.Once, p Practitioner,
) (Practitioner, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Practitioner{}, err
	}
	if p, err = p.checked(snap); err != nil {
		return Practitioner{}, err
	}
	p.ID, p.Version = o.newID("prc"), 1
	return p, o.write(ctx, by, once, edit{
		action: access.PractitionerCreate, event: event.Event{Name: event.PractitionerCreated}, target: p.ID, answer: p,
		put: []table.Item{{Key: o.table.For(by).Practitioner(p.ID), Value: p, New: true}},
	})
}

// ChangePractitioner replaces a practitioner by p, whose Version is that of the caller's copy. Appointments outside
// new sessions stay as they are.
func (o *Office) ChangePractitioner(
	ctx context.Context, by access.Caller, once access.Once, p Practitioner,
) (Practitioner, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Practitioner{}, err
	}
	was, err := current(snap.Practitioners, p.ID, p.Version)
	if err != nil {
		return Practitioner{}, err
	}
	if p, err = p.checked(snap); err != nil {
		return Practitioner{}, err
	}
	p.Version++
	return p, o.write(ctx, by, once, edit{
		action: access.PractitionerChange, event: event.Event{Name: event.PractitionerChanged}, target: p.ID, answer: p,
		put: []table.Item{{Key: o.table.For(by).Practitioner(p.ID), Value: p, Version: was.Version}},
	})
}

func (p Practitioner) checked(snap *Snapshot) (Practitioner, error) {
	var c Check
	p.Name = c.Name("/name", p.Name)
	p.Sessions = append([]Session{}, p.Sessions...)
	hours := make([]Opening, len(p.Sessions))
	for i, s := range p.Sessions {
		known(&c, "/sessions/"+strconv.Itoa(i)+"/siteId", s.SiteID, snap.Sites)
		hours[i] = s.Opening
	}
	c.week("/sessions", hours)
	return p, c.Err()
}
