package clinic

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/table"
)

func sites(s *Snapshot) map[string]Site { return s.Sites }

// Sites lists the sites by name.
func (o *Office) Sites(ctx context.Context, by access.Caller) ([]Site, error) {
	return list(ctx, o, by, sites)
}

// Site gives one site.
func (o *Office) Site(ctx context.Context, by access.Caller, id string) (Site, error) {
	return find(ctx, o, by, id, sites)
}

// CreateSite adds a site. Its id and version are given here.
func (o *Office) CreateSite(ctx context.Context, by access.Caller, once access.Once, s Site) (Site, error) {
	s, err := s.checked()
	if err != nil {
		return Site{}, err
	}
	s.ID, s.Version = o.newID("sit"), 1
	return s, o.write(ctx, by, once, edit{
		action: access.SiteCreate, event: event.Event{Name: event.SiteCreated}, target: s.ID, answer: s,
		put: []table.Item{{Key: o.table.For(by).Site(s.ID), Value: s, New: true}},
	})
}

// ChangeSite replaces a site by s, whose Version is that of the caller's copy. Appointments that fall outside new
// opening hours stay as they are.
func (o *Office) ChangeSite(ctx context.Context, by access.Caller, once access.Once, s Site) (Site, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Site{}, err
	}
	was, err := current(snap.Sites, s.ID, s.Version)
	if err != nil {
		return Site{}, err
	}
	if s, err = s.checked(); err != nil {
		return Site{}, err
	}
	s.Version++
	return s, o.write(ctx, by, once, edit{
		action: access.SiteChange, event: event.Event{Name: event.SiteChanged}, target: s.ID, answer: s,
		put: []table.Item{{Key: o.table.For(by).Site(s.ID), Value: s, Version: was.Version}},
	})
}

func (s Site) checked() (Site, error) {
	var c Check
	s.Name = c.Name("/name", s.Name)
	s.Address = c.Line("/address", s.Address, 0, maxAddress)
	s.Email = c.Email("/email", s.Email)
	s.Phone = c.Phone("/phone", s.Phone)
	c.zone(s.Zone)
	s.Hours = append([]Opening{}, s.Hours...) // a list, if an empty one, in the table and in the answer
	c.week("/openingHours", s.Hours)
	return s, c.Err()
}
