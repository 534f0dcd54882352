package video

import (
	"context"
	"slices"
	"time"

	"almanac/shared/fault"
	"almanac/shared/table"
)

// longestMeeting is how long a meeting is taken to last whose end nobody told.
const longestMeeting = 24 * time.Hour

// maxSessions is of how many meetings in a room is remembered whether they go on: notices come late and in any order.
const maxSessions = 8

// session is what is known of one meeting in a room. It stands in the room's row, so that what a notice comes to does
// not depend on how long the log is by then.
type session struct {
	ID    string    `dynamodbav:"id"`
	First time.Time `dynamodbav:"at"` // that anything is known of it
	Began bool      `dynamodbav:"beg,omitempty"`
	Ended bool      `dynamodbav:"end,omitempty"`
	// Start and End are those that were read at the provider, as long as nobody told them: the log has them.
	Start time.Time `dynamodbav:"s,omitempty"`
	End   time.Time `dynamodbav:"e,omitempty"`
}

// ofSession tells whether a kind says something of whether a meeting is under way.
func (k Kind) ofSession() bool {
	return k == MeetingBegan || k == MeetingEnded || k == Joined || k == Admitted
}

// in gives what is known of a meeting, and its place; -1 where nothing is.
func (p Placing) in(id string) (session, int) {
	i := slices.IndexFunc(p.Sessions, func(x session) bool { return x.ID == id })
	if i < 0 {
		return session{ID: id}, i
	}
	return p.Sessions[i], i
}

// with is the row with what an entry says of its meeting.
func (p Placing) with(e Happening) Placing {
	if e.Session == "" || !e.Kind.ofSession() {
		return p
	}
	x, i := p.in(e.Session)
	if i < 0 || e.At.Before(x.First) {
		x.First = e.At
	}
	var read time.Time
	if e.Looked {
		read = e.At
	}
	switch e.Kind { //nolint:exhaustive // the others are of no session
	case MeetingBegan:
		x.Began, x.Start = true, read
	case MeetingEnded:
		x.Ended, x.End = true, read
	default:
		x.Began = true
	}
	p.Sessions = slices.Clone(p.Sessions)
	if i < 0 {
		p.Sessions = append(p.Sessions, x)
	} else {
		p.Sessions[i] = x
	}
	slices.SortFunc(p.Sessions, session.compare)
	p.Sessions = p.Sessions[max(0, len(p.Sessions)-maxSessions):]
	return p
}

// compare puts the later one last; two of one instant come in the same order each time.
func (x session) compare(o session) int {
	if n := x.First.Compare(o.First); n != 0 {
		return n
	}
	if x.ID < o.ID {
		return -1
	}
	return 1
}

// underway tells whether a meeting is under way, by what was told of the room, in whatever order it came and whatever
// of it is missing: the last meeting that is known to have begun, by its beginning or by somebody's being in it, has no
// end on record, and the provider has not said since that there is none.
func (p Placing) underway(now time.Time) bool {
	if len(p.Sessions) == 0 {
		return false
	}
	last := p.Sessions[len(p.Sessions)-1]
	return !last.Ended && now.Before(last.First.Add(longestMeeting)) && last.First.After(p.Idle)
}

// near is how far the time of a notice may be from the one that is read afterwards.
const near = 2 * time.Second

// looked finds, of what was read at the provider afterwards, the entry that a notice turns out to have been about.
func (p Placing) looked(ctx context.Context, c table.Clinic, e Happening) (Happening, bool, error) {
	if !p.Filled {
		return Happening{}, false, nil
	}
	var found Happening
	switch x, _ := p.in(e.Session); {
	case e.Kind == Joined || e.Kind == Left:
		return p.stay(ctx, c, e)
	case e.Kind == MeetingBegan && !x.Start.IsZero():
		found.At = x.Start
	case e.Kind == MeetingEnded && !x.End.IsZero():
		found.At = x.End
	default:
		return found, false, nil
	}
	found.Kind, found.Source, found.Room, found.Session = e.Kind, e.Source, e.Room, e.Session
	err := c.Get(ctx, found.key(c, p.AppointmentID), &found)
	return found, err == nil, ignore(err)
}

// stay finds somebody's coming or going: the same one's, or of the same side at about the same time, and of several
// the one of the same second first.
func (p Placing) stay(ctx context.Context, c table.Clinic, e Happening) (Happening, bool, error) {
	all, err := between(ctx, c, p.AppointmentID, e.At.Add(-near), e.At.Add(near))
	var best Happening
	for _, x := range all {
		if x.Looked && x.alike(e) && (best.Kind == "" || x.closer(best, e)) {
			best = x
		}
	}
	return best, best.Kind != "", err
}

// alike tells whether two entries can be about the same, as far as kind and side say.
func (e Happening) alike(o Happening) bool {
	return e.Kind == o.Kind && e.Room == o.Room && e.Session == o.Session && e.As == o.As
}

// closer tells whether an entry fits a notice better than another one does.
func (e Happening) closer(than, to Happening) bool {
	if a, b := e.Participant == to.Participant, than.Participant == to.Participant; a != b {
		return a
	}
	second := to.At.Truncate(time.Second)
	if a, b := e.At.Equal(second), than.At.Equal(second); a != b {
		return a
	}
	return e.At.Sub(to.At).Abs() < than.At.Sub(to.At).Abs()
}

// pageOfLog is how many entries are read at once.
const pageOfLog = 100

// between reads the entries of a time.
func between(ctx context.Context, c table.Clinic, appointment string, from, until time.Time) ([]Happening, error) {
	// A key of a log begins with its time: what comes after the bare one is of that time, or later.
	stamp := func(t time.Time) string { return table.VisitLogs + t.UTC().Format(logTime) }
	var out []Happening
	for after, end := stamp(from), stamp(until)+"~"; ; {
		rows, next, err := c.UnderPage(ctx, c.Visit(appointment), table.VisitLogs, after, pageOfLog, false)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.SK > end {
				return out, nil
			}
			var e Happening
			if err := row.Decode(&e); err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		if after = next; after == "" {
			return out, nil
		}
	}
}

// logTime is how the key of an entry gives its time.
const logTime = "2006-01-02T15:04:05.000Z"

// standing reads an entry where it stands already; its Version is zero where it does not.
func (e Happening) standing(ctx context.Context, c table.Clinic, appointment string) (Happening, error) {
	var x Happening
	err := c.Get(ctx, e.key(c, appointment), &x)
	if fault.Is(err, fault.NotFound) {
		return Happening{}, nil
	}
	return x, err
}
