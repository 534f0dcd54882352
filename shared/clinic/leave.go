package clinic

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Kinds of leave. They say what a colleague may know, never why somebody is ill.
const (
	LeaveHoliday     = "holiday"
	LeaveTraining    = "training"
	LeaveAbsence     = "absence"
	LeaveClosure     = "closure"
	LeaveMaintenance = "maintenance"
)

// LeaveKinds lists the kinds of leave.
func LeaveKinds() []string {
	return []string{LeaveHoliday, LeaveTraining, LeaveAbsence, LeaveClosure, LeaveMaintenance}
}

const (
	maxLeaveDays = 366
	maxAheadDays = 3 * 366
)

// Wanted is leave as somebody asks for it. Start and End are RFC 3339 instants, or local times without an offset at
// the site concerned; for a practitioner, in the organisation's time zone.
type Wanted struct {
	Of         string
	Start, End string
	Kind       string
}

// Entered is leave with the appointments that it cuts across, soonest first. They stay booked: to move or to cancel
// them is for a person to decide.
type Entered struct {
	Leave
	Affected []string `json:"affected" doc:"Ids of the appointments from now on that this leave cuts across, soonest first."`
}

// Leaves lists the leave that is not over, soonest first; of narrows it to one practitioner, room or site, which must
// exist.
func (o *Office) Leaves(ctx context.Context, by access.Caller, of string) ([]Leave, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, err
	}
	if _, ok := snap.zoneOf(of); of != "" && !ok {
		return nil, notFound()
	}
	var out []Leave
	for _, l := range snap.Leave {
		if l.End.After(o.now()) && (of == "" || l.Of == of) {
			zone, _ := snap.zoneOf(l.Of)
			l.Start, l.End = l.Start.In(zone), l.End.In(zone)
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Leave) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// EnterLeave enters leave of a practitioner or a room, or the closure of a site, and tells which appointments it cuts
// across. The list is complete: it is read after the commit, the commit raised the configuration version, and every
// booking checks in its own transaction that the version it was judged by still stands. So a booking either was
// committed before, and is read, or is judged again with the leave in force.
func (o *Office) EnterLeave(ctx context.Context, by access.Caller, once access.Once, w Wanted) (Entered, error) {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return Entered{}, err
	}
	l, err := o.understood(snap, w)
	if err != nil {
		return Entered{}, err
	}
	l.ID, l.Version = o.newID("lev"), 1
	// What a repeat of the request is answered with has to be known before the commit. It differs from the list below
	// only if an appointment was booked or cancelled in the milliseconds between.
	before, err := o.affected(ctx, by, snap, l)
	if err != nil {
		return Entered{}, err
	}
	err = o.write(ctx, by, once, edit{
		action: access.LeaveEnter, target: l.ID, answer: Entered{l, before},
		event: event.Event{Name: event.LeaveEntered, Refs: map[string]string{"of": l.Of}},
		put:   []table.Item{{Key: o.table.For(by).Leave(l.ID, l.End), Value: l, New: true}},
	})
	if err != nil {
		return Entered{}, err
	}
	after, err := o.affected(ctx, by, snap, l)
	if err != nil {
		return Entered{}, err
	}
	return Entered{l, after}, nil
}

// WithdrawLeave takes leave back that is not over. Leave never changes, so there is no older copy of it to refuse.
func (o *Office) WithdrawLeave(ctx context.Context, by access.Caller, once access.Once, id string) error {
	snap, err := o.dir.Snapshot(ctx, by)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(snap.Leave, func(l Leave) bool { return l.ID == id && l.End.After(o.now()) })
	if i < 0 {
		return notFound()
	}
	l := snap.Leave[i]
	return o.write(ctx, by, once, edit{
		action: access.LeaveWithdraw, target: l.ID, answer: struct{}{},
		event: event.Event{Name: event.LeaveWithdrawn, Refs: map[string]string{"of": l.Of}},
		put:   []table.Item{{Key: o.table.For(by).Leave(l.ID, l.End), Version: l.Version, Delete: true}},
	})
}

// zoneOf is the time zone that the record's leave is told in, and whether there is such a record.
func (s *Snapshot) zoneOf(of string) (*time.Location, bool) {
	if _, ok := s.Sites[of]; ok {
		return s.Zone(of), true
	}
	if room, ok := s.Rooms[of]; ok {
		return s.Zone(room.SiteID), true
	}
	zone, err := wall.Zone(s.Organisation.Zone)
	if err != nil {
		zone = time.UTC
	}
	_, ok := s.Practitioners[of]
	return zone, ok
}

func (o *Office) understood(snap *Snapshot, w Wanted) (Leave, error) {
	var c Check
	c.Choice("/kind", w.Kind, LeaveKinds()...)
	zone, ok := snap.zoneOf(w.Of)
	if !ok {
		c.Refuse("unknown_id", "/of", "There is no such practitioner, room or site.")
	}
	start, ok := c.instant("/start", w.Start, zone)
	end, ok2 := c.instant("/end", w.End, zone)
	if now := o.now(); ok && ok2 {
		switch {
		case !start.Before(end):
			c.Refuse("ends_too_early", "/end", "Must be after the start.")
		case !end.After(now):
			c.Refuse("in_the_past", "/end", "Is over already.")
		case end.After(start.AddDate(0, 0, maxLeaveDays)):
			c.Refuse("too_long", "/end", "Longer than a year: close the record instead.")
		case start.After(now.AddDate(0, 0, maxAheadDays)):
			c.Refuse("too_large", "/start", "More than three years ahead.")
		}
	}
	return Leave{Of: w.Of, Start: start, End: end, Kind: w.Kind}, c.Err()
}

// instant reads a time to five minutes, which is the diary's grain.
func (c *Check) instant(pointer, text string, zone *time.Location) (time.Time, bool) {
	at, wrong := wall.Field(text, pointer, zone, table.TickLength)
	if wrong != nil {
		c.Refuse(wrong.Code, pointer, wrong.Message, wrong.Choices...)
	}
	return at, wrong == nil
}

// booked is what affected reads of an appointment; the names are booking's.
type booked struct {
	ID    string    `dynamodbav:"id"`
	Site  string    `dynamodbav:"sit"`
	Start time.Time `dynamodbav:"start,unixtime"`
	End   time.Time `dynamodbav:"end,unixtime"`
}

// affected lists the appointments, from now on, that the leave cuts across, soonest first.
func (o *Office) affected(ctx context.Context, by access.Caller, snap *Snapshot, l Leave) ([]string, error) {
	from := l.Start
	if now := o.now(); now.After(from) {
		from = now
	}
	clinic := o.table.For(by)
	ids, err := claimants(ctx, clinic, resources(snap, l.Of), table.SpanOf(from, l.End))
	if err != nil {
		return nil, err
	}
	keys := make([]table.Key, len(ids))
	for i, each := range ids {
		keys[i] = clinic.Appointment(each)
	}
	found, err := table.GetAll[booked](ctx, clinic, keys)
	if err != nil {
		return nil, err
	}
	_, isRoom := snap.Rooms[l.Of]
	_, isSite := snap.Sites[l.Of]
	found = slices.DeleteFunc(found, func(b booked) bool {
		switch {
		case isRoom: // a room is needed over the buffers as well
			return false
		case isSite && b.Site != l.Of:
			return true
		}
		return !b.Start.Before(l.End) || !b.End.After(from)
	})
	slices.SortFunc(found, func(a, b booked) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	out := make([]string, len(found))
	for i, b := range found {
		out[i] = b.ID
	}
	return out, nil
}

// resources are those whose days show what leave cuts across. A site's appointments are found with the practitioners,
// all of them: somebody whose sessions moved elsewhere may still have appointments there.
func resources(snap *Snapshot, of string) []string {
	if room, ok := snap.Rooms[of]; ok {
		room.Capacity = maxCapacity // it may have been lowered since something was booked
		return room.Lanes()
	}
	if _, ok := snap.Sites[of]; !ok {
		return []string{of}
	}
	var all []string
	for each := range snap.Practitioners {
		all = append(all, each)
	}
	return all
}

const parallelReads = 8

// claimants gives the ids of the appointments that hold any tick of the span on any of the resources. Each resource
// takes one query, whatever the span.
func claimants(ctx context.Context, clinic table.Clinic, resources []string, span table.Span) ([]string, error) {
	type day struct {
		held []string
		err  error
	}
	days := make(chan day)
	slots := make(chan struct{}, parallelReads)
	for _, r := range resources {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			occupancy, err := clinic.Days(ctx, r, span)
			days <- day{holders(occupancy, span), err}
		}()
	}
	var ids []string
	var err error
	for range resources {
		d := <-days
		ids = append(ids, d.held...)
		err = errors.Join(err, d.err)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// holders gives the appointments that hold ticks of the span. Days are read whole, and a claim tells whose it is at its
// first tick of each day, so what began before the span is known.
func holders(o table.Occupancy, span table.Span) []string {
	taken := slices.DeleteFunc(slices.Clone(o.Taken), func(t table.Tenure) bool { return !t.Firm })
	slices.SortFunc(taken, func(a, b table.Tenure) int { return int(a.Tick - b.Tick) })
	var out []string
	var last *table.Tenure
	for i, t := range taken {
		if t.First {
			last = &taken[i]
		}
		if last != nil && t.HeldBy(last.ID) && t.Tick >= span.From && t.Tick < span.To {
			out = append(out, id.Format("apt", last.ID))
		}
	}
	return slices.Compact(out)
}
