package clinic

import (
	"context"
	"strconv"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/table"
)

// How a service is given.
const (
	InPerson  = "in-person"
	Video     = "video"
	Telephone = "telephone"
)

// Limits of a service. The longest claim with its buffers is what one condition can check (table.MaxClaimTicks).
const (
	maxMinutes       = 480
	maxStep          = 240
	maxHorizon       = 400
	maxNeeds         = 8
	maxRoomsOfNeed   = 50
	maxPractitioners = 200
	minutesOfDay     = 24 * 60
	maxQuestions     = 20
	maxOptions       = 20
	maxQuestion      = 300
	maxCode          = 40
)

func services(s *Snapshot) map[string]Service { return s.Services }

// Services lists the services by name.
func (o *Office) Services(ctx context.Context, by access.Caller) ([]Service, error) {
	return list(ctx, o, by, services)
}

// Service gives one service.
func (o *Office) Service(ctx context.Context, by access.Caller, id string) (Service, error) {
	return find(ctx, o, by, id, services)
}

// CreateService adds a service. Its id and version are given here.
func (o *Office) CreateService(ctx context.Context, by access.Caller, once access.Once, s Service) (Service, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Service{}, err
	}
	if s, err = s.checked(snap); err != nil {
		return Service{}, err
	}
	s.ID, s.Version = o.newID("svc"), 1
	return s, o.write(ctx, by, once, edit{
		action: access.ServiceCreate, event: event.Event{Name: event.ServiceCreated}, target: s.ID, answer: s,
		put: []table.Item{{Key: o.table.For(by).Service(s.ID), Value: s, New: true}},
	})
}

// ChangeService replaces a service by s, whose Version is that of the caller's copy. What is booked keeps the length
// it was booked with.
func (o *Office) ChangeService(ctx context.Context, by access.Caller, once access.Once, s Service) (Service, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Service{}, err
	}
	was, err := current(snap.Services, s.ID, s.Version)
	if err != nil {
		return Service{}, err
	}
	if s, err = s.checked(snap); err != nil {
		return Service{}, err
	}
	s.Version++
	return s, o.write(ctx, by, once, edit{
		action: access.ServiceChange, event: event.Event{Name: event.ServiceChanged}, target: s.ID, answer: s,
		put: []table.Item{{Key: o.table.For(by).Service(s.ID), Value: s, Version: was.Version}},
	})
}

func (s Service) checked(snap *Snapshot) (Service, error) {
	var c Check
	s.Name = c.Name("/name", s.Name)
	c.number("/minutes", s.Minutes, grain, maxMinutes, grain)
	c.number("/bufferBefore", s.BufferBefore, 0, maxMinutes, grain)
	c.number("/bufferAfter", s.BufferAfter, 0, maxMinutes, grain)
	// Each is bounded before they are added, so that no sum overflows.
	if c.Err() == nil && s.BufferBefore+s.Minutes+s.BufferAfter > maxMinutes {
		c.Refuse("too_large", "/minutes", "Too long with its buffers: the greatest is "+strconv.Itoa(maxMinutes)+".")
	}
	c.number("/step", s.Step, grain, maxStep, grain)
	c.number("/horizonDays", s.HorizonDays, 1, maxHorizon, 1)
	c.number("/leadMinutes", s.LeadMinutes, 0, maxHorizon*minutesOfDay, 1)
	if c.Err() == nil && s.LeadMinutes > s.HorizonDays*minutesOfDay {
		c.Refuse("too_large", "/leadMinutes", "More notice than the horizon leaves: nothing could be booked.")
	}
	c.Choice("/mode", s.Mode, InPerson, Video, Telephone)
	s.Needs = append([]Need{}, s.Needs...)
	if c.Count("/needs", len(s.Needs), 0, maxNeeds) {
		for i, n := range s.Needs {
			allKnown(&c, "/needs/"+strconv.Itoa(i)+"/anyOf", n.AnyOf, 1, maxRoomsOfNeed, snap.Rooms)
		}
	}
	s.PractitionerIDs = append([]string{}, s.PractitionerIDs...)
	allKnown(&c, "/practitionerIds", s.PractitionerIDs, 0, maxPractitioners, snap.Practitioners)
	s.Questions = c.questions("/questions", s.Questions)
	return s, c.Err()
}
