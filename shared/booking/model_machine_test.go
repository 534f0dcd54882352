package booking_test

import (
	"slices"
	"strings"
	"time"

	"almanac/shared/booking"
	"almanac/shared/clinic"
)

// The model of the diary: a list of who has what, from when to when, judged by walking through
// all that matters, five minutes at a time. It is written from the rules alone, not from the product's code.

// model is the clinic as a person would keep it on paper.
type model struct {
	zone     *time.Location
	site     clinic.Site
	services []clinic.Service
	people   []clinic.Practitioner
	places   []clinic.Room
	away     []clinic.Leave
	now      time.Time
	records  []*record
	open     map[opened]bool // what was read off the wall already
}

// opened is five minutes of somebody's week.
type opened struct {
	whose string
	at    int64
}

// record is an appointment or a hold, whether or not it still counts.
type record struct {
	id, practitioner, patient string
	hold                      bool
	service                   clinic.Service
	start                     time.Time
	lanes                     []string // the places of rooms that it has, as the table names them
	made, until               time.Time
	status                    booking.Status
	version                   int64
	gone                      bool // released, or booked
	left                      bool // the patient's diary, once it was over
}

// wanted is a time that somebody asks for.
type wanted struct {
	service      clinic.Service
	practitioner clinic.Practitioner
	patient      string
	start        time.Time
	rooms        []string
	own          *record // what is to be moved or booked, whose time does not count
	timely       bool
}

// interval is a stretch of time, its end not included.
type interval struct{ from, to time.Time }

func (i interval) meets(o interval) bool { return i.from.Before(o.to) && o.from.Before(i.to) }

func after(t time.Time, minutes int) time.Time { return t.Add(time.Duration(minutes) * time.Minute) }

func core(s clinic.Service, start time.Time) interval {
	return interval{start, after(start, s.Minutes)}
}

func full(s clinic.Service, start time.Time) interval {
	return interval{after(start, -s.BufferBefore), after(start, s.Minutes+s.BufferAfter)}
}

// counts tells whether the record keeps others out of practitioner and rooms, and inDiary whether out of the patient.
func (m *model) counts(r *record) bool {
	if r.hold {
		return !r.gone && !m.now.After(r.until)
	}
	return r.status != booking.Cancelled
}

func (m *model) inDiary(r *record) bool { return m.counts(r) && !r.hold && !r.left }

// needed tells whether each room asked for could be given.
func (m *model) needed(w wanted) bool {
	for _, room := range w.rooms {
		serves := false
		for _, n := range w.service.Needs {
			serves = serves || slices.Contains(n.AnyOf, room)
		}
		if !serves {
			return false
		}
	}
	return len(w.rooms) <= len(w.service.Needs)
}

// reasons lists every reason against what is wanted, sorted.
func (m *model) reasons(w wanted) []string {
	var out []string
	against := func(code string, yes bool) {
		if yes {
			out = append(out, code)
		}
	}
	s, body, whole := w.service, core(w.service, w.start), full(w.service, w.start)
	against(booking.ServiceClosed, s.Closed)
	against(booking.PractitionerDoesNot, !slices.Contains(s.PractitionerIDs, w.practitioner.ID) || w.practitioner.Closed)
	if !w.timely {
		first := after(m.now, s.LeadMinutes)
		if s.LeadMinutes == 0 {
			first = m.now.Truncate(5 * time.Minute)
		}
		against(booking.TooSoon, w.start.Before(first))
		against(booking.TooFar, w.start.After(m.now.Add(time.Duration(s.HorizonDays)*24*time.Hour)))
	}
	var sessions []clinic.Opening
	for _, each := range w.practitioner.Sessions {
		if each.SiteID == m.site.ID {
			sessions = append(sessions, each.Opening)
		}
	}
	against(booking.OutsideOpeningHours, !m.within(body, m.site.ID, m.site.Hours))
	against(booking.PractitionerNotThere, !m.within(body, w.practitioner.ID, sessions))
	against(booking.SiteClosed, m.onLeave(m.site.ID, body) || m.site.Closed)
	against(booking.PractitionerOnLeave, m.onLeave(w.practitioner.ID, body))
	busy, elsewhere := false, false
	for _, r := range m.records {
		if r == w.own || !m.counts(r) {
			continue
		}
		busy = busy || r.practitioner == w.practitioner.ID && full(r.service, r.start).meets(whole)
		elsewhere = elsewhere || m.inDiary(r) && r.patient == w.patient && core(r.service, r.start).meets(body)
	}
	against(booking.PractitionerBusy, busy)
	against(booking.PatientBusy, elsewhere)
	against(booking.RoomBusy, !m.fits(w, s.Needs, nil))
	slices.Sort(out)
	return out
}

// within walks through the interval and reads the clock on the wall.
func (m *model) within(i interval, whose string, hours []clinic.Opening) bool {
	for t := i.from; t.Before(i.to); t = after(t, 5) {
		key := opened{whose, t.Unix()}
		is, known := m.open[key]
		if !known {
			local := t.In(m.zone)
			clock, day := local.Format("15:04"), strings.ToLower(local.Weekday().String())
			is = slices.ContainsFunc(hours, func(o clinic.Opening) bool {
				return o.Day == day && o.Opens <= clock && clock < o.Closes
			})
			m.open[key] = is
		}
		if !is {
			return false
		}
	}
	return true
}

func (m *model) onLeave(of string, i interval) bool {
	return slices.ContainsFunc(m.away, func(l clinic.Leave) bool {
		return l.Of == of && interval{l.Start, l.End}.meets(i)
	})
}

// fits tells whether each need can have a free place of its own.
func (m *model) fits(w wanted, needs []clinic.Need, used []string) bool {
	if len(needs) == 0 {
		return true
	}
	for _, lane := range m.lanes(needs[0], w.rooms) {
		if !slices.Contains(used, lane) && m.laneFree(lane, w) && m.fits(w, needs[1:], append(slices.Clone(used), lane)) {
			return true
		}
	}
	return false
}

// lanes are the places that serve a need: a room that two can use at once has two.
func (m *model) lanes(need clinic.Need, asked []string) []string {
	var out []string
	for _, room := range m.places {
		if !slices.Contains(need.AnyOf, room.ID) || len(asked) > 0 && !slices.Contains(asked, room.ID) {
			continue
		}
		out = append(out, room.ID)
		if room.Capacity == 2 {
			out = append(out, room.ID+"~02")
		}
	}
	return out
}

func (m *model) laneFree(lane string, w wanted) bool {
	room, _, _ := strings.Cut(lane, "~")
	whole := full(w.service, w.start)
	if m.onLeave(room, whole) {
		return false
	}
	return !slices.ContainsFunc(m.records, func(r *record) bool {
		return r != w.own && m.counts(r) && slices.Contains(r.lanes, lane) && full(r.service, r.start).meets(whole)
	})
}

// serves tells whether the places could be given to what was wanted: each was free, and each need has one.
func (m *model) serves(w wanted, lanes []string) bool {
	if len(lanes) != len(w.service.Needs) {
		return false
	}
	for _, l := range lanes {
		if !m.laneFree(l, w) {
			return false
		}
	}
	return m.matched(w, w.service.Needs, lanes)
}

func (m *model) matched(w wanted, needs []clinic.Need, left []string) bool {
	if len(needs) == 0 {
		return true
	}
	for i, lane := range left {
		if slices.Contains(m.lanes(needs[0], w.rooms), lane) &&
			m.matched(w, needs[1:], slices.Delete(slices.Clone(left), i, i+1)) {
			return true
		}
	}
	return false
}

// starts lists the starts of a local date in the service's steps from the date's first instant on.
func (m *model) starts(date string, s clinic.Service) []time.Time {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil
	}
	var out []time.Time
	first := time.Time{}
	for t := day.Add(-15 * time.Hour); t.Before(day.Add(40 * time.Hour)); t = t.Add(5 * time.Minute) {
		if t.In(m.zone).Format(time.DateOnly) != date {
			continue
		}
		if first.IsZero() {
			first = t
		}
		if int(t.Sub(first)/time.Minute)%s.Step == 0 {
			out = append(out, t)
		}
	}
	return out
}

// follows is the life of an appointment.
func (m *model) follows(from, to booking.Status) bool {
	const life = "booked>confirmed booked>arrived booked>did-not-attend confirmed>arrived confirmed>did-not-attend " +
		"arrived>in-progress arrived>completed arrived>did-not-attend in-progress>completed did-not-attend>arrived"
	return slices.Contains(strings.Fields(life), string(from)+">"+string(to))
}
