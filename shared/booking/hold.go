package booking

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Hold keeps a time for somebody who has not decided yet. It ends by comparison with the clock: from the second after
// ExpiresAt on, its time is free, whether or not anything was cleaned up.
type Hold struct {
	ID             string    `json:"id" dynamodbav:"id"`
	ServiceID      string    `json:"serviceId" dynamodbav:"svc"`
	SiteID         string    `json:"siteId" dynamodbav:"sit"`
	PractitionerID string    `json:"practitionerId" dynamodbav:"prc"`
	RoomIDs        []string  `json:"roomIds" dynamodbav:"-"`
	PatientID      string    `json:"patientId,omitempty" dynamodbav:"pat,omitempty"`
	Start          time.Time `json:"start" dynamodbav:"start,unixtime"`
	End            time.Time `json:"end" dynamodbav:"end,unixtime"`
	TimeZone       string    `json:"timeZone" dynamodbav:"zone"`
	LocalStart     string    `json:"localStart" dynamodbav:"-" example:"2026-11-23T09:30"` // the site's wall clock
	CreatedAt      time.Time `json:"createdAt" dynamodbav:"made,unixtime"`
	ExpiresAt      time.Time `json:"expiresAt" dynamodbav:"until,unixtime"`
	Version        int64     `json:"version" dynamodbav:"v"`
	Lanes          []string  `json:"-" dynamodbav:"lanes,omitempty"`
	BufferBefore   int       `json:"-" dynamodbav:"bb,omitempty"`
	BufferAfter    int       `json:"-" dynamodbav:"ba,omitempty"`
}

const (
	// HoldFor is how long a hold lasts, and by how much it is renewed.
	HoldFor = 5 * time.Minute
	// HoldAtMost is how long a hold can be renewed for, from when it was made.
	HoldAtMost = 30 * time.Minute
	// holdKept is how long an expired hold's record stays, so that a late client is told what happened.
	holdKept = 24 * time.Hour
)

// ETagVersion is the version that an ETag tells.
func (h Hold) ETagVersion() int64 { return h.Version }

// Path is the hold's address.
func (h Hold) Path() string { return "/v1/holds/" + h.ID }

func (h Hold) shown(zone *time.Location) Hold {
	h.RoomIDs = roomsOf(h.Lanes)
	h.Start, h.End = h.Start.In(zone), h.End.In(zone)
	h.LocalStart = h.Start.Format(localLayout)
	h.CreatedAt, h.ExpiresAt = h.CreatedAt.UTC(), h.ExpiresAt.UTC()
	return h
}

func (h Hold) footprint() footprint {
	a := Appointment{ // without the patient, whose time nobody else competes for: expired holds would fill the diary
		ID: h.ID, PractitionerID: h.PractitionerID, Lanes: h.Lanes,
		Start: h.Start, End: h.End, BufferBefore: h.BufferBefore, BufferAfter: h.BufferAfter,
	}
	f := a.footprint()
	f.owner.Until = h.ExpiresAt
	return f
}

func (h Hold) wish() Wish {
	return Wish{
		ServiceID: h.ServiceID, SiteID: h.SiteID, PractitionerID: h.PractitionerID, PatientID: h.PatientID,
		Start: h.Start.UTC().Format(time.RFC3339), RoomIDs: roomsOf(h.Lanes),
	}
}

// Hold holds a free time for HoldFor. Errors as for Book.
func (s *Service) Hold(ctx context.Context, by access.Caller, once access.Once, w Wish) (Hold, error) {
	if w.PatientID != "" && !id.Valid(w.PatientID, "pat") {
		return Hold{}, invalid(fault.Detail{
			Code: "unknown_id", Message: "There is no such patient.", Pointer: "/patientId",
		})
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return Hold{}, err
	}
	p, err := s.grasp(snap, w)
	if err != nil {
		return Hold{}, err
	}
	if err := s.patientFree(ctx, by, &p); err != nil {
		return Hold{}, err
	}
	apt, zone := p.appointment(s.newID("hld")), snap.Zone(p.site.ID)
	now := s.now().UTC().Truncate(time.Second)
	h := Hold{
		ID: apt.ID, ServiceID: apt.ServiceID, SiteID: apt.SiteID, PractitionerID: apt.PractitionerID,
		PatientID: apt.PatientID, Start: apt.Start, End: apt.End, TimeZone: apt.TimeZone,
		BufferBefore: apt.BufferBefore, BufferAfter: apt.BufferAfter,
		CreatedAt: now, ExpiresAt: now.Add(HoldFor), Version: 1,
	}
	c := s.table.For(by)
	err = s.claim(ctx, by, &p, func() error {
		h.Lanes = p.lanes
		return c.Write(ctx, table.Change{
			Action: access.HoldCreate, Target: h.ID, Patient: h.PatientID, Once: once, Answer: h.shown(zone),
			Put:    []table.Item{{Key: c.Hold(h.ID), Value: h, New: true, Expires: h.ExpiresAt.Add(holdKept)}},
			Claims: exchange(footprint{}, h.footprint()),
			Event:  event.Event{Name: event.HoldCreated, Version: h.Version},
		})
	})
	if err != nil {
		return Hold{}, err
	}
	return h.shown(zone), nil
}

// patientFree looks at the patient of a hold, who is not claimed by it: somebody who exists, can be booked at all, and
// is not elsewhere then.
func (s *Service) patientFree(ctx context.Context, by access.Caller, p *plan) error {
	if p.patient == "" {
		return nil
	}
	diary, err := s.table.For(by).DiaryOf(ctx, p.patient)
	if err != nil {
		return err
	}
	if err := diary.Shut(p.patient); err != nil {
		return err
	}
	p.question.patient = &diary
	if why := p.judge(); len(why) > 0 {
		return s.refuse(ctx, by, p)
	}
	return nil
}

// held reads a hold that still counts. One that expired is fault.Conflict "hold_expired".
func (s *Service) held(ctx context.Context, by access.Caller, holdID string) (Hold, error) {
	var h Hold
	if err := s.table.For(by).Get(ctx, s.table.For(by).Hold(holdID), &h); err != nil {
		return Hold{}, err
	}
	if h.expired(s.now()) {
		return Hold{}, fault.New(fault.Conflict, "hold_expired", "This hold has run out. Look for the time again.")
	}
	return h, nil
}

// heldFor reads a hold that may be booked for the patient.
func (s *Service) heldFor(ctx context.Context, by access.Caller, holdID, patientID string) (Hold, error) {
	if !id.Valid(patientID, "pat") {
		return Hold{}, invalid(fault.Detail{
			Code: "unknown_id", Message: "There is no such patient.", Pointer: "/patientId",
		})
	}
	hold, err := s.held(ctx, by, holdID)
	if err == nil && hold.PatientID != "" && hold.PatientID != patientID {
		return Hold{}, fault.New(fault.Conflict, "held_for_another", "This time is held for another patient.")
	}
	return hold, err
}

func (h Hold) expired(now time.Time) bool { return h.ExpiresAt.Unix() < now.Unix() }

// Renew lets a hold last HoldFor from now, up to HoldAtMost from when it was made. version is the one the caller saw.
func (s *Service) Renew(
	ctx context.Context, by access.Caller, once access.Once, holdID string, version int64,
) (Hold, error) {
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return Hold{}, err
	}
	h, err := s.held(ctx, by, holdID)
	if err != nil {
		return Hold{}, err
	}
	zone, last := snap.Zone(h.SiteID), h.CreatedAt.Add(HoldAtMost)
	switch {
	case h.Version != version:
		return Hold{}, outdated()
	case !h.ExpiresAt.Before(last):
		return Hold{}, fault.New(fault.Conflict, "hold_at_its_end", "This hold cannot be renewed any further.")
	}
	until := s.now().UTC().Truncate(time.Second).Add(HoldFor)
	if until.After(last) {
		until = last
	}
	was := h.footprint()
	h.ExpiresAt, h.Version = until, version+1
	shown := h.shown(zone)
	if !by.WorksAt(h.SiteID) { // as in a practitioner's day
		shown.PatientID = ""
	}
	c := s.table.For(by)
	err = c.Write(ctx, table.Change{
		Action: access.HoldRenew, Target: h.ID, Patient: h.PatientID, Once: once, Answer: shown,
		Put:    []table.Item{{Key: c.Hold(h.ID), Value: h, Version: version, Expires: until.Add(holdKept)}},
		Claims: exchange(was, h.footprint()),
		Event:  event.Event{Name: event.HoldRenewed, Before: version, Version: h.Version},
	})
	if err != nil {
		return Hold{}, err
	}
	return shown, nil
}

// Release gives a held time back. A hold that has expired is only put away: its time may be somebody else's by now.
func (s *Service) Release(ctx context.Context, by access.Caller, once access.Once, holdID string, version int64) error {
	var h Hold
	c := s.table.For(by)
	if err := c.Get(ctx, c.Hold(holdID), &h); err != nil {
		return err
	}
	change := table.Change{
		Action: access.HoldRelease, Target: h.ID, Patient: h.PatientID, Once: once, Answer: struct{}{},
		Put:   []table.Item{{Key: c.Hold(h.ID), Delete: true, Version: version}},
		Event: event.Event{Name: event.HoldReleased, Before: version},
	}
	if !h.expired(s.now()) {
		change.Claims = exchange(h.footprint(), footprint{})
	}
	return c.Write(ctx, change)
}
