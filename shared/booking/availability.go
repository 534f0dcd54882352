package booking

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Search asks for free times.
type Search struct {
	ServiceID string
	SiteID    string
	// PractitionerIDs are those to look at; empty means all who offer the service.
	PractitionerIDs []string
	// PatientID, where given, leaves out times at which the patient is elsewhere.
	PatientID string
	From, To  string // local dates, both included
	// Explain lists the starts that are not free as well, each with every reason.
	Explain bool
}

// Slot is a time that can be booked as it stands.
type Slot struct {
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	LocalStart string    `json:"localStart" example:"2026-11-23T09:30"`
	// RoomIDs are rooms and devices that are free then; booking may name them or leave the choice to the diary.
	RoomIDs []string `json:"roomIds,omitempty"`
}

// Refused is a run of neighbouring starts that are not free for the same reasons.
type Refused struct {
	Start      time.Time      `json:"start"`
	LocalStart string         `json:"localStart"`
	Last       time.Time      `json:"last" doc:"The last start of the run; the same as start where it is only one."`
	LocalLast  string         `json:"localLast"`
	Reasons    []fault.Detail `json:"reasons"`
}

// PractitionerDay is one practitioner's day in the answer.
type PractitionerDay struct {
	PractitionerID string `json:"practitionerId"`
	Date           string `json:"date"`
	Slots          []Slot `json:"slots"`
	// WhyNone lists the reasons that the day's starts have in common or among them, when none is free.
	WhyNone []fault.Detail `json:"whyNone,omitempty"`
	Refused []Refused      `json:"refused,omitempty"`
}

const (
	// MaxSearchDays is the longest search, a month.
	MaxSearchDays = 31
	// MaxSearchPractitioners is how many practitioners one search looks at.
	MaxSearchPractitioners = 50
)

// Availability lists free times by practitioner and day. It reads one query for each practitioner and for each room
// or device the service can use, however long the span, and computes the rest.
func (s *Service) Availability(ctx context.Context, by access.Caller, q Search) ([]PractitionerDay, error) {
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, err
	}
	base, who, err := s.searched(snap, q)
	if err != nil {
		return nil, err
	}
	c := s.table.For(by)
	if q.PatientID != "" {
		diary, err := s.diary(ctx, by, q.PatientID)
		if err != nil {
			return nil, err
		}
		base.patient = &diary
	}
	resources := base.resources()[1:]
	for _, p := range who {
		resources = append(resources, p.ID)
	}
	if base.busy, err = fetch(ctx, c, resources, base.over); err != nil {
		return nil, err
	}
	var out []PractitionerDay
	left := maxEntries
	for _, prc := range who {
		base.practitioner = prc
		days := base.days(q.Explain)
		for _, d := range days {
			left -= 1 + len(d.Slots) + len(d.WhyNone)
			for _, r := range d.Refused {
				left -= 1 + len(r.Reasons)
			}
		}
		if left < 0 {
			return nil, invalid(fault.Detail{
				Code: "too_many", Message: "This search has too many answers: ask for fewer days or practitioners.",
				Pointer: "/to",
			})
		}
		out = append(out, days...)
	}
	return out, nil
}

// maxEntries bounds an answer to what one reply can carry: 6 MB (AWS Lambda quotas), at up to 200 bytes an entry.
const maxEntries = 25_000

// diary reads when a patient is elsewhere, for an answer that will tell; so it notes that it was read, first.
func (s *Service) diary(ctx context.Context, by access.Caller, patient string) (table.Occupancy, error) {
	if !by.Can(access.PatientAppointments) {
		return table.Occupancy{}, fault.New(fault.Denied, "denied", "You may not see a patient's appointments.")
	}
	c := s.table.For(by)
	diary, err := c.DiaryOf(ctx, patient)
	if err != nil {
		return table.Occupancy{}, err
	}
	return diary, c.Note(ctx, access.PatientAppointments, patient, event.Event{Name: event.RecordRead})
}

// fetch reads what is claimed on each resource: one query each, several at a time.
func fetch(
	ctx context.Context, c table.Clinic, resources []string, over table.Span,
) (map[string]table.Occupancy, error) {
	type answer struct {
		resource string
		got      table.Occupancy
		err      error
	}
	answers := make(chan answer, len(resources))
	gate := make(chan struct{}, queriesAtOnce)
	for _, r := range resources {
		go func() {
			gate <- struct{}{}
			got, err := c.Days(ctx, r, over)
			<-gate
			answers <- answer{r, got, err}
		}()
	}
	var failed error
	busy := make(map[string]table.Occupancy, len(resources))
	for range resources {
		a := <-answers
		if a.err != nil {
			failed = a.err
		}
		busy[a.resource] = a.got
	}
	return busy, failed
}

// queriesAtOnce bounds the connections that one search opens.
const queriesAtOnce = 8

// searched resolves a search against the configuration.
func (s *Service) searched(snap *clinic.Snapshot, q Search) (question, []clinic.Practitioner, error) {
	var wrong []fault.Detail
	service, ok := snap.Services[q.ServiceID]
	wrong = unknown(wrong, ok, q.ServiceID, "/serviceId", "There is no such service.")
	site, ok := snap.Sites[q.SiteID]
	wrong = unknown(wrong, ok, q.SiteID, "/siteId", "There is no such site.")
	if q.PatientID != "" {
		wrong = unknown(wrong, id.Valid(q.PatientID, "pat"), q.PatientID, "/patientId", "There is no such patient.")
	}
	ids := q.PractitionerIDs
	if len(ids) == 0 {
		ids = service.PractitionerIDs
	}
	var who []clinic.Practitioner
	for _, p := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		prc, ok := snap.Practitioners[p]
		wrong = unknown(wrong, ok, p, "/practitionerId", "There is no such practitioner.")
		who = append(who, prc)
	}
	if len(who) > MaxSearchPractitioners {
		wrong = append(wrong, fault.Detail{
			Code: "too_many", Message: "One search can look at 50 practitioners.", Pointer: "/practitionerId",
		})
	}
	zone := snap.Zone(q.SiteID)
	over, details := searchSpan(q.From, q.To, zone)
	if wrong = append(wrong, details...); len(wrong) > 0 {
		return question{}, nil, invalid(wrong...)
	}
	// Claims around midnight reach into the first and last day.
	over.From -= ticksOf(service.BufferBefore)
	over.To += ticksOf(service.Minutes + service.BufferAfter)
	base := question{snap: snap, service: service, site: site, over: over, now: s.now()}
	base.opened = newOpenings(site, zone, over)
	base.opened.first, base.opened.last = q.From, q.To
	return base, who, nil
}

func searchSpan(from, to string, zone *time.Location) (table.Span, []fault.Detail) {
	var wrong []fault.Detail
	date := func(text, pointer string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil || d.Year() < 2000 || d.Year() > 2099 {
			wrong = append(wrong, fault.Detail{
				Code: "malformed_date", Message: "Write a date as 2026-11-23.", Pointer: pointer,
			})
		}
		return d
	}
	a, b := date(from, "/from"), date(to, "/to")
	if len(wrong) == 0 && (b.Before(a) || b.Sub(a) > (MaxSearchDays-1)*24*time.Hour) {
		wrong = append(wrong, fault.Detail{
			Code: "span_out_of_range", Message: "Search from a date to the same or a later one, 31 days at the most.",
			Pointer: "/to",
		})
	}
	start, _ := wall.Day(a, zone)
	_, end := wall.Day(b, zone)
	return table.SpanOf(start, end), wrong
}

// days lists one practitioner's days. Starts are offered from midnight on in the service's steps.
func (q question) days(explain bool) []PractitionerDay {
	r := q.rule()
	step := max(1, ticksOf(q.service.Step))
	var out []PractitionerDay
	for _, d := range q.opened.dates {
		name := d.start.Format(time.DateOnly)
		if name < q.opened.first || name > q.opened.last {
			continue
		}
		day := PractitionerDay{PractitionerID: q.practitioner.ID, Date: name, Slots: []Slot{}}
		for start := d.span.From; start < d.span.To; start += step {
			switch {
			case r.free(start):
				day.Slots = append(day.Slots, r.slot(start, d.start.Location()))
			case explain:
				day.Refused = r.refuse(day.Refused, start, step, d.start.Location())
			}
		}
		if len(day.Slots) == 0 {
			day.WhyNone = r.whyNone(d, step)
		}
		out = append(out, day)
	}
	return out
}

func (r rule) slot(start table.Tick, zone *time.Location) Slot {
	at := start.Time().In(zone)
	s := Slot{Start: at, End: (start + r.length).Time().In(zone), LocalStart: at.Format(localLayout)}
	var lanes []string
	if fits(r.needs, r.full(start), &lanes) && len(lanes) > 0 {
		s.RoomIDs = roomsOf(lanes)
	}
	return s
}

// refuse adds a start that is not free to the list: to its last run, if the start follows it for the same reasons.
func (r rule) refuse(list []Refused, start, step table.Tick, zone *time.Location) []Refused {
	at, why := start.Time().In(zone), r.why(start)
	if n := len(list) - 1; n >= 0 && list[n].Last.Equal((start - step).Time()) && same(list[n].Reasons, why) {
		list[n].Last, list[n].LocalLast = at, at.Format(localLayout)
		return list
	}
	local := at.Format(localLayout)
	return append(list, Refused{Start: at, LocalStart: local, Last: at, LocalLast: local, Reasons: why})
}

func same(a, b []fault.Detail) bool {
	return slices.EqualFunc(a, b, func(x, y fault.Detail) bool { return x.Code == y.Code && x.Resource == y.Resource })
}

// whyNone says why a whole day has nothing: the reasons that stand against every start of it, or, when no single one
// does, those that stand against the starts within opening and working hours.
func (r rule) whyNone(d date, step table.Tick) []fault.Detail {
	var common, met []fault.Detail
	for _, c := range r.checks {
		broken, starts := 0, 0
		for start := d.span.From; start < d.span.To; start += step {
			starts++
			if c.broken(start) {
				broken++
			}
		}
		if broken == starts {
			common = append(common, c.detail)
		}
		if broken > 0 {
			met = append(met, c.detail)
		}
	}
	if len(common) > 0 {
		return common
	}
	return slices.DeleteFunc(met, func(d fault.Detail) bool {
		return d.Code == OutsideOpeningHours || d.Code == PractitionerNotThere
	})
}
