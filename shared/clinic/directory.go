package clinic

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Snapshot is an organisation's whole configuration as it was at one version. It is shared and never changed.
type Snapshot struct {
	Version       int64
	Organisation  Organisation
	Sites         map[string]Site
	Rooms         map[string]Room
	Services      map[string]Service
	Practitioners map[string]Practitioner
	Staff         map[string]Staff
	Leave         []Leave // that has not ended by the day before it was read
	zones         map[string]*time.Location
}

// Zone is the time zone of a site. An unknown site is in UTC.
func (s *Snapshot) Zone(site string) *time.Location {
	if z := s.zones[s.Sites[site].Zone]; z != nil {
		return z
	}
	return time.UTC
}

// Home is the time zone of the organisation itself.
func (s *Snapshot) Home() *time.Location {
	zone, err := wall.Zone(s.Organisation.Zone)
	if err != nil {
		return time.UTC // unreachable: the zone was checked
	}
	return zone
}

// Directory keeps the configurations that this process has read. It is safe for concurrent use.
type Directory struct {
	table *table.Table
	now   func() time.Time

	mu    sync.Mutex
	known map[string]*Snapshot
}

// NewDirectory makes an empty Directory over the table.
func NewDirectory(t *table.Table, now func() time.Time) *Directory {
	return &Directory{table: t, now: now, known: map[string]*Snapshot{}}
}

// Now is the time by the directory's clock.
func (d *Directory) Now() time.Time { return d.now() }

// reader is the job on whose authority configuration is read before it is known who asks.
const reader = "directory"

// maxKnown bounds the memory of a process that serves very many organisations.
const maxKnown = 200

// Caller tells who a subject is to an organisation: its roles, where it works, and the standing at which both were
// read. Unless fresh is
// set, what is cached is good enough, because a write checks it. A subject who is no member, or has left, is
// fault.Denied; so is one of an organisation that does not exist.
func (d *Directory) Caller(ctx context.Context, org, subject string, fresh bool) (access.Caller, error) {
	snap, err := d.snapshot(ctx, org, fresh)
	if fault.Is(err, fault.NotFound) {
		return access.Caller{}, notMember()
	}
	if err != nil {
		return access.Caller{}, err
	}
	staff, ok := snap.Staff[subject]
	switch {
	case ok && !staff.Left:
	case !fresh: // no write will check a refusal, so an old copy may not decide it: perhaps the person has joined since
		return d.Caller(ctx, org, subject, true)
	default:
		return access.NewCaller(org, subject, nil, snap.Version), notMember()
	}
	by := access.NewCaller(org, subject, staff.Roles, snap.Version)
	return by.Working(staff.SiteIDs, staff.PractitionerID), nil
}

func notMember() error {
	return fault.New(fault.Denied, "not_a_member", "You are not a member of this organisation.")
}

// Snapshot gives the configuration that the caller's standing rests on.
func (d *Directory) Snapshot(ctx context.Context, by access.Caller) (*Snapshot, error) {
	if snap := d.kept(by.Org()); snap != nil && snap.Version == by.Standing() {
		return snap, nil
	}
	return d.snapshot(ctx, by.Org(), true)
}

// kept gives the cached snapshot of an organisation, or nil.
func (d *Directory) kept(org string) *Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[org]
}

func (d *Directory) snapshot(ctx context.Context, org string, fresh bool) (*Snapshot, error) {
	snap := d.kept(org)
	clinic := d.table.For(access.System(org, reader))
	if snap != nil {
		if !fresh {
			return snap, nil
		}
		version, err := clinic.Standing(ctx)
		if err != nil {
			return nil, err
		}
		if version == snap.Version {
			return snap, nil
		}
	}
	snap, err := d.read(ctx, clinic)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxKnown {
		clear(d.known)
	}
	d.known[org] = snap
	return snap, nil
}

func (d *Directory) read(ctx context.Context, clinic table.Clinic) (*Snapshot, error) {
	conf, err := clinic.Configuration(ctx, d.now().AddDate(0, 0, -1))
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		Version: conf.Version,
		Sites:   map[string]Site{}, Rooms: map[string]Room{}, Services: map[string]Service{},
		Practitioners: map[string]Practitioner{}, Staff: map[string]Staff{}, zones: map[string]*time.Location{},
	}
	for _, row := range conf.Rows {
		if err := s.add(row); err != nil {
			return nil, err
		}
	}
	for _, site := range s.Sites {
		zone, err := wall.Zone(site.Zone)
		if err != nil {
			return nil, fmt.Errorf("site %s: %w", site.ID, err)
		}
		s.zones[site.Zone] = zone
	}
	return s, nil
}

func (s *Snapshot) add(row table.Row) error {
	kind, _, _ := strings.Cut(row.SK, "#")
	switch kind {
	case "ORG":
		return row.Decode(&s.Organisation)
	case "SIT":
		return keep(row, s.Sites, func(v Site) string { return v.ID })
	case "ROO":
		return keep(row, s.Rooms, func(v Room) string { return v.ID })
	case "SVC":
		return keep(row, s.Services, func(v Service) string { return v.ID })
	case "PRC":
		return keep(row, s.Practitioners, func(v Practitioner) string { return v.ID })
	case "STF":
		return keep(row, s.Staff, func(v Staff) string { return v.Subject })
	case "LEV":
		var l Leave
		if err := row.Decode(&l); err != nil {
			return err
		}
		s.Leave = append(s.Leave, l)
	}
	return nil // an item kind of a later version: not this code's business
}

func keep[T any](row table.Row, into map[string]T, key func(T) string) error {
	var v T
	if err := row.Decode(&v); err != nil {
		return err
	}
	into[key(v)] = v
	return nil
}
