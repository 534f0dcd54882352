package booking

import (
	"context"
	"slices"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Wish is a time that somebody asks for.
type Wish struct {
	ServiceID      string
	SiteID         string
	PractitionerID string
	PatientID      string // may be empty for a hold
	// Start is an RFC 3339 instant, or a local time at the site without an offset.
	Start string
	// RoomIDs are the rooms to take; empty leaves the choice to the diary.
	RoomIDs []string
	Asked   // for an appointment only
}

// plan is a wish that was understood: what it would claim, and the rule that judges it.
type plan struct {
	question
	start   table.Tick
	patient string
	rooms   []string // the rooms asked for
	lanes   []string // what to claim, one for each need
	avoid   []string // lanes that were found taken, without reading
}

// grasp resolves the wish against the configuration. What cannot be meant at all is fault.Invalid with every field
// that is wrong.
func (s *Service) grasp(snap *clinic.Snapshot, w Wish) (plan, error) {
	var wrong []fault.Detail
	service, ok := snap.Services[w.ServiceID]
	wrong = unknown(wrong, ok, w.ServiceID, "/serviceId", "There is no such service.")
	site, ok := snap.Sites[w.SiteID]
	wrong = unknown(wrong, ok, w.SiteID, "/siteId", "There is no such site.")
	practitioner, ok := snap.Practitioners[w.PractitionerID]
	wrong = unknown(wrong, ok, w.PractitionerID, "/practitionerId", "There is no such practitioner.")
	for _, r := range w.RoomIDs {
		_, ok := snap.Rooms[r]
		wrong = unknown(wrong, ok, r, "/roomIds", "There is no such room.")
	}
	if len(wrong) == 0 && !needed(service, w.RoomIDs) {
		wrong = append(wrong, fault.Detail{
			Code: "room_not_needed", Message: "The service has no use for all of these rooms.", Pointer: "/roomIds",
		})
	}
	start, detail := wall.Field(w.Start, "/start", snap.Zone(w.SiteID), table.TickLength)
	if detail != nil {
		wrong = append(wrong, *detail)
	}
	if len(wrong) > 0 {
		return plan{}, invalid(wrong...)
	}
	p := plan{
		question: question{snap: snap, service: service, site: site, practitioner: practitioner, now: s.now()},
		start:    table.TickOf(start), patient: w.PatientID, rooms: w.RoomIDs,
	}
	p.over = around(p)
	return p, nil
}

// needed tells whether the service can have a use for every room: what is asked for is never dropped silently.
func needed(service clinic.Service, rooms []string) bool {
	return len(rooms) <= len(service.Needs) && !slices.ContainsFunc(rooms, func(room string) bool {
		return !slices.ContainsFunc(service.Needs, func(n clinic.Need) bool { return slices.Contains(n.AnyOf, room) })
	})
}

// around is the ticks that a plan can touch.
func around(p plan) table.Span {
	return table.Span{
		From: p.start - ticksOf(p.service.BufferBefore),
		To:   p.start + ticksOf(p.service.Minutes) + ticksOf(p.service.BufferAfter),
	}
}

// unknown notes an id that names nothing, or is missing.
func unknown(wrong []fault.Detail, ok bool, value, pointer, message string) []fault.Detail {
	switch {
	case ok:
		return wrong
	case value == "":
		return append(wrong, fault.Detail{Code: "required", Message: "Must be given.", Pointer: pointer})
	}
	return append(wrong, fault.Detail{Code: "unknown_id", Message: message, Pointer: pointer})
}

func invalid(details ...fault.Detail) *fault.Error {
	return fault.New(fault.Invalid, "invalid", "The request cannot be carried out as it stands.", details...)
}

// unclaimed judges the plan by the configuration alone, without reading what is claimed, and chooses lanes: those of
// the rooms asked for, or the first that fit. Its reasons are not all there are.
func (p *plan) unclaimed() []fault.Detail {
	p.busy, p.question.patient = nil, nil
	return p.judge()
}

// judge tells every reason why the plan cannot be, or chooses its lanes.
func (p *plan) judge() []fault.Detail {
	r := p.rule()
	why, needs := r.why(p.start), r.needs
	if len(p.rooms) > 0 {
		needs = only(needs, p.rooms)
	}
	if fits(needs, r.full(p.start), &p.lanes) || slices.ContainsFunc(why, aboutRooms) {
		return why
	}
	return append(why, reason(RoomBusy, "The rooms asked for are not free then, or do not serve.", ""))
}

func aboutRooms(d fault.Detail) bool { return d.Code == RoomBusy }

func only(needs [][]lane, rooms []string) [][]lane {
	out := make([][]lane, len(needs))
	for i, lanes := range needs {
		for _, l := range lanes {
			for _, r := range rooms {
				if roomsOf([]string{l.key})[0] == r {
					out[i] = append(out[i], l)
				}
			}
		}
	}
	return out
}

// look reads everything that is claimed around the plan: the practitioner's, the rooms' and the patient's time.
func (s *Service) look(ctx context.Context, by access.Caller, p *plan) error {
	c := s.table.For(by)
	busy, err := fetch(ctx, c, p.resources(), p.over)
	if err != nil {
		return err
	}
	p.busy = busy
	if p.patient == "" {
		return nil
	}
	diary, err := c.DiaryOf(ctx, p.patient)
	if err != nil {
		return err
	}
	p.question.patient = &diary
	return nil
}

// resources are the practitioner and every lane that could serve a need.
func (q question) resources() []string {
	out := []string{q.practitioner.ID}
	seen := map[string]bool{}
	for _, lanes := range q.lanes() {
		for _, l := range lanes {
			if !seen[l.key] {
				seen[l.key] = true
				out = append(out, l.key)
			}
		}
	}
	return out
}

// refuse reads what is claimed and gives the refusal with every reason there is. Should nothing stand in the way any
// more, it is nil, and the plan has its lanes.
func (s *Service) refuse(ctx context.Context, by access.Caller, p *plan) error {
	if err := s.look(ctx, by, p); err != nil {
		return err
	}
	if why := p.judge(); len(why) > 0 {
		return table.TimeTaken(why...)
	}
	return nil
}

// tries is how often a claim that another one beat is made again with other rooms.
const tries = 4

// claim judges the plan by configuration, lets write claim it, and when something was taken looks again: with
// another room if one is free, or with every reason why not.
func (s *Service) claim(ctx context.Context, by access.Caller, p *plan, write func() error) error {
	if why := p.unclaimed(); len(why) > 0 {
		if err := s.refuse(ctx, by, p); err != nil {
			return err
		}
	}
	var err error
	for attempt := range tries {
		err = write()
		if !isTaken(err) {
			return err
		}
		if attempt == 0 && p.elsewhere(err) {
			continue
		}
		if err := s.refuse(ctx, by, p); err != nil {
			return err
		}
	}
	return err
}

// elsewhere chooses other rooms when nothing but rooms of the diary's own choice was taken: the refusal itself says
// which, so a busy room costs one more try and no reading. It tells whether there are any.
func (p *plan) elsewhere(err error) bool {
	details := fault.Of(err).Details
	if len(details) == 0 || len(p.rooms) > 0 || p.busy != nil {
		return false
	}
	for _, d := range details {
		if !slices.Contains(p.lanes, d.Resource) {
			return false
		}
		p.avoid = append(p.avoid, d.Resource)
	}
	r := p.rule()
	for i, lanes := range r.needs {
		r.needs[i] = slices.DeleteFunc(lanes, func(l lane) bool { return slices.Contains(p.avoid, l.key) })
	}
	return fits(r.needs, r.full(p.start), &p.lanes)
}

func isTaken(err error) bool {
	return fault.Is(err, fault.Conflict) && fault.Of(err).Code == table.TimeTaken().Code
}
