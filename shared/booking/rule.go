package booking

import (
	"slices"
	"time"

	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Reasons for which a time is not free.
const (
	TooSoon              = "too_soon"
	TooFar               = "too_far"
	OutsideOpeningHours  = "outside_opening_hours"
	SiteClosed           = "site_closed"
	PractitionerNotThere = "practitioner_not_working"
	PractitionerOnLeave  = "practitioner_on_leave"
	PractitionerBusy     = "practitioner_busy"
	PractitionerDoesNot  = "practitioner_does_not_offer"
	ServiceClosed        = "service_closed"
	RoomBusy             = "room_busy"
	PatientBusy          = "patient_busy"
)

// check is one condition that a start must meet.
type check struct {
	detail fault.Detail
	broken func(start table.Tick) bool
}

// rule judges starts for one service with one practitioner at one site. What lists the free times and what explains
// a refused one walk through the same checks.
type rule struct {
	service clinic.Service
	checks  []check
	needs   [][]lane
	length  table.Tick
	before  table.Tick
	after   table.Tick
}

// lane is one place of a room or device: one that can be used n times over has n of them.
type lane struct {
	key  string
	busy mask // claimed, or the room is closed or on leave
}

// question is what a rule is made for.
type question struct {
	snap         *clinic.Snapshot
	service      clinic.Service
	site         clinic.Site
	practitioner clinic.Practitioner
	over         table.Span // the ticks that matter, buffers included
	now          time.Time
	// timely leaves out lead time and horizon, for a time that was held while it met them.
	timely bool
	// own is the record whose claims do not count, because they are about to be moved; zero if none.
	own [16]byte
	// busy is what is claimed, by practitioner id or lane; patient is the patient's diary.
	busy    map[string]table.Occupancy
	patient *table.Occupancy
	// opened caches the site's opening mask and dates between the rules of one search.
	opened *openings
}

type openings struct {
	dates       []date
	mask        mask
	first, last string // the local dates asked for
}

func newOpenings(site clinic.Site, zone *time.Location, over table.Span) *openings {
	o := &openings{dates: datesOf(over, zone), mask: newMask(over)}
	opening(o.mask, o.dates, site.Hours)
	return o
}

func (q question) rule() rule {
	if q.opened == nil {
		q.opened = newOpenings(q.site, q.snap.Zone(q.site.ID), q.over)
	}
	r := rule{
		service: q.service,
		length:  ticksOf(q.service.Minutes),
		before:  ticksOf(q.service.BufferBefore), after: ticksOf(q.service.BufferAfter),
	}
	r.needs = q.lanes()
	r.checks = slices.Concat(q.timeChecks(), q.placeChecks(r), q.personChecks(r), q.roomChecks(&r))
	return r
}

func ticksOf(n int) table.Tick { return table.Tick(minutes(n) / table.TickLength) }

func (r rule) core(start table.Tick) table.Span { return table.Span{From: start, To: start + r.length} }

func (r rule) full(start table.Tick) table.Span {
	return table.Span{From: start - r.before, To: start + r.length + r.after}
}

// free tells whether the time can be booked.
func (r rule) free(start table.Tick) bool {
	for _, c := range r.checks {
		if c.broken(start) {
			return false
		}
	}
	return true
}

// why lists every reason for which the time cannot be booked; none when it is free.
func (r rule) why(start table.Tick) []fault.Detail {
	var out []fault.Detail
	for _, c := range r.checks {
		if c.broken(start) {
			out = append(out, c.detail)
		}
	}
	return out
}

func (q question) timeChecks() []check {
	var out []check
	if q.service.Closed {
		out = append(out, check{reason(ServiceClosed, "This service is not offered any more.", q.service.ID), always})
	}
	if !slices.Contains(q.service.PractitionerIDs, q.practitioner.ID) || q.practitioner.Closed {
		out = append(out, check{
			reason(PractitionerDoesNot, "This practitioner does not offer the service.", q.practitioner.ID), always,
		})
	}
	if q.timely {
		return out
	}
	first := table.SpanOf(q.now, q.now.Add(minutes(q.service.LeadMinutes))).To
	if q.service.LeadMinutes == 0 {
		first = table.TickOf(q.now) // the step that is running may still be booked: somebody stands at the desk
	}
	last := table.TickOf(q.now.Add(time.Duration(q.service.HorizonDays) * 24 * time.Hour))
	return append(out,
		check{
			reason(TooSoon, "It is in the past, or sooner than this service can be booked.", ""),
			func(s table.Tick) bool { return s < first },
		},
		check{reason(TooFar, "It is further ahead than this service can be booked.", ""), func(s table.Tick) bool {
			return s > last
		}})
}

func always(table.Tick) bool { return true }

func (q question) placeChecks(r rule) []check {
	closures := q.leave(q.site.ID)
	out := []check{
		{reason(OutsideOpeningHours, "It is outside the site's opening hours.", q.site.ID), func(s table.Tick) bool {
			return !q.opened.mask.all(r.core(s))
		}},
		{reason(SiteClosed, "The site is closed then.", q.site.ID), func(s table.Tick) bool {
			return q.site.Closed || closures.any(r.core(s))
		}},
	}
	return out
}

func (q question) personChecks(r rule) []check {
	working := newMask(q.over)
	opening(working, q.opened.dates, sessionHours(q.practitioner, q.site.ID))
	leave, busy := q.leave(q.practitioner.ID), q.occupied(q.busy[q.practitioner.ID])
	out := []check{
		{
			reason(PractitionerNotThere, "The practitioner does not work here then.", q.practitioner.ID),
			func(s table.Tick) bool { return !working.all(r.core(s)) },
		},
		{
			reason(PractitionerOnLeave, "The practitioner is on leave then.", q.practitioner.ID),
			func(s table.Tick) bool { return leave.any(r.core(s)) },
		},
		{
			reason(PractitionerBusy, "The practitioner is busy then.", q.practitioner.ID),
			func(s table.Tick) bool { return busy.any(r.full(s)) },
		},
	}
	if q.patient != nil {
		diary := q.occupied(*q.patient)
		out = append(out, check{
			reason(PatientBusy, "The patient has another appointment then.", ""),
			func(s table.Tick) bool { return diary.any(r.core(s)) },
		})
	}
	return out
}

func (q question) roomChecks(r *rule) []check {
	if len(r.needs) == 0 {
		return nil
	}
	needs, core := r.needs, *r
	return []check{{
		reason(RoomBusy, "No room or device that the service needs is free then.", ""),
		func(s table.Tick) bool { return !fits(needs, core.full(s), nil) },
	}}
}

// fits tells whether every need can have a lane of its own that is free over the span, and puts them into *chosen. It
// is a bipartite matching by augmenting paths (Kuhn), so that many rooms for many needs cost no more than their
// product.
func fits(needs [][]lane, over table.Span, chosen *[]string) bool {
	holder := map[string]int{} // by lane, the need that has it
	for i := range needs {
		if !place(needs, i, over, holder, map[string]bool{}) {
			return false
		}
	}
	if chosen != nil {
		*chosen = make([]string, len(needs))
		for key, i := range holder {
			(*chosen)[i] = key
		}
	}
	return true
}

// place finds a lane for need i, letting needs that were placed before move to another one of theirs.
func place(needs [][]lane, i int, over table.Span, holder map[string]int, seen map[string]bool) bool {
	for _, l := range needs[i] {
		if seen[l.key] || l.busy.any(over) {
			continue
		}
		seen[l.key] = true
		if j, held := holder[l.key]; !held || place(needs, j, over, holder, seen) {
			holder[l.key] = i
			return true
		}
	}
	return false
}

// lanes lists, for each need of the service, the places of its rooms at the site. Practitioners begin at different
// rooms of the list, so that each comes back to the same one and two who are booked at once seldom ask for the same.
func (q question) lanes() [][]lane {
	out := make([][]lane, 0, len(q.service.Needs))
	at := max(0, slices.Index(q.service.PractitionerIDs, q.practitioner.ID))
	for _, need := range q.service.Needs {
		var lanes []lane
		for i := range need.AnyOf {
			roomID := need.AnyOf[(at+i)%len(need.AnyOf)]
			room, ok := q.snap.Rooms[roomID]
			if !ok || room.SiteID != q.site.ID || room.Closed {
				continue
			}
			away := q.leave(room.ID)
			for _, key := range room.Lanes() {
				busy := q.occupied(q.busy[key])
				for i, w := range away.words {
					busy.words[i] |= w
				}
				lanes = append(lanes, lane{key, busy})
			}
		}
		out = append(out, lanes)
	}
	return out
}

// roomsOf gives the rooms that lanes are places of.
func roomsOf(lanes []string) []string {
	out := make([]string, len(lanes))
	for i, l := range lanes {
		out[i] = clinic.RoomOfLane(l)
	}
	return out
}

// leave is when the person or place is away.
func (q question) leave(of string) mask {
	m := newMask(q.over)
	for _, l := range q.snap.Leave {
		if l.Of == of {
			m.set(table.SpanOf(l.Start, l.End))
		}
	}
	return m
}

func (q question) occupied(o table.Occupancy) mask {
	m := newMask(q.over)
	for _, t := range o.Taken {
		if t.Counts(q.now) && (q.own == [16]byte{} || !t.HeldBy(q.own)) {
			m.set(table.Span{From: t.Tick, To: t.Tick + 1})
		}
	}
	return m
}

func reason(code, message, resource string) fault.Detail {
	return fault.Detail{Code: code, Message: message, Resource: resource}
}

// rawOf gives the bytes of an id of ours; the zero bytes for none.
func rawOf(s string) [16]byte {
	raw, err := id.Raw(s)
	if err != nil {
		return [16]byte{}
	}
	return raw
}
