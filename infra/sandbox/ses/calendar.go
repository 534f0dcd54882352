package ses

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Calendar is what an iCalendar attachment says, in short.
type Calendar struct {
	Method string  `json:"method"` // REQUEST, CANCEL, …
	Events []Event `json:"events"`
}

// Event is one VEVENT.
type Event struct {
	UID         string   `json:"uid"`
	Sequence    int      `json:"sequence"`
	Status      string   `json:"status,omitempty"`
	Summary     string   `json:"summary"`
	Start       string   `json:"start"` // RFC 3339; as written when it cannot be read
	End         string   `json:"end,omitempty"`
	When        string   `json:"when"` // for people, in the event's own zone, or London's when it is in UTC
	Location    string   `json:"location,omitempty"`
	Description string   `json:"description,omitempty"`
	Organiser   string   `json:"organiser,omitempty"`
	Attendees   []string `json:"attendees,omitempty"`
	URL         string   `json:"url,omitempty"`
	Alarms      int      `json:"alarms,omitempty"`
}

func (c Calendar) equal(o Calendar) bool {
	return c.Method == o.Method && slices.EqualFunc(c.Events, o.Events, func(a, b Event) bool {
		return a.UID == b.UID && a.Sequence == b.Sequence && a.Status == b.Status &&
			a.Start == b.Start && a.End == b.End
	})
}

// property is one content line of RFC 5545, 3.1.
type property struct {
	name   string
	params map[string]string
	value  string
}

// parseCalendar reads what it understands and passes over the rest. It is no judge of the format: the mailbox must be
// able to show a broken invitation too.
func parseCalendar(text string) Calendar {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text) // unfold
	var r calendarReader
	for line := range strings.SplitSeq(text, "\n") {
		r.read(parseProperty(line))
	}
	r.finish()
	return r.calendar
}

// calendarReader keeps where in a calendar it is.
type calendarReader struct {
	calendar   Calendar
	open       []string // the components it is in, the outermost first
	event      *Event   // the one it is in, or nil
	start, end property
}

func (r *calendarReader) read(p property) {
	switch p.name {
	case "BEGIN":
		r.open = append(r.open, p.value)
		if p.value == "VEVENT" {
			r.finish()
			r.event = &Event{}
		}
		return
	case "END":
		r.open = r.open[:max(0, len(r.open)-1)]
		if p.value == "VEVENT" {
			r.finish()
		}
		return
	}
	in := strings.Join(r.open[max(0, len(r.open)-1):], "")
	switch {
	case r.event == nil && p.name == "METHOD":
		r.calendar.Method = p.value
	case r.event != nil && in == "VEVENT":
		r.property(p)
	case r.event != nil && in == "VALARM" && p.name == "ACTION":
		r.event.Alarms++
	}
}

func (r *calendarReader) property(p property) {
	switch p.name {
	case "DTSTART":
		r.start = p
	case "DTEND":
		r.end = p
	default:
		r.event.set(p)
	}
}

// finish takes the event it is in, if any, into the calendar.
func (r *calendarReader) finish() {
	if r.event == nil {
		return
	}
	r.event.setTimes(r.start, r.end)
	r.calendar.Events = append(r.calendar.Events, *r.event)
	r.event, r.start, r.end = nil, property{}, property{}
}

func (e *Event) set(p property) {
	switch p.name {
	case "UID":
		e.UID = p.value
	case "SEQUENCE":
		if n, err := strconv.Atoi(p.value); err == nil {
			e.Sequence = n
		}
	case "STATUS":
		e.Status = p.value
	case "SUMMARY":
		e.Summary = unescape(p.value)
	case "LOCATION":
		e.Location = unescape(p.value)
	case "DESCRIPTION":
		e.Description = unescape(p.value)
	case "ORGANIZER":
		e.Organiser = p.who()
	case "ATTENDEE":
		e.Attendees = append(e.Attendees, p.who())
	case "URL":
		e.URL = p.value
	}
}

// who names a calendar user.
func (p property) who() string {
	address := p.value
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	if name := p.params["CN"]; name != "" {
		return name + " <" + address + ">"
	}
	return address
}

// parseProperty splits NAME;PARAM=value;…:value, minding quotes.
func parseProperty(line string) property {
	p := property{params: map[string]string{}}
	quoted := false
	var cuts []int
	colon := -1
	for n, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ';' && !quoted:
			cuts = append(cuts, n)
		case r == ':' && !quoted:
			colon = n
		}
		if colon >= 0 {
			break
		}
	}
	if colon < 0 {
		return p
	}
	p.value = line[colon+1:]
	cuts = append(cuts, colon)
	p.name = strings.ToUpper(line[:cuts[0]])
	for n := 1; n < len(cuts); n++ {
		key, value, _ := strings.Cut(line[cuts[n-1]+1:cuts[n]], "=")
		p.params[strings.ToUpper(key)] = strings.Trim(value, `"`)
	}
	return p
}

func unescape(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";").Replace(text)
}

func (e *Event) setTimes(start, end property) {
	from, day, err := start.time()
	if err != nil {
		e.Start, e.End, e.When = start.value, end.value, strings.TrimSpace(start.value+" "+end.value)
		return
	}
	e.Start = from.Format(time.RFC3339)
	until, _, err := end.time()
	if err != nil {
		until = from
	} else {
		e.End = until.Format(time.RFC3339)
	}
	e.When = span(from, until, day)
}

// time reads a DATE or DATE-TIME in UTC or with a zone, and tells whether it is a whole day.
func (p property) time() (time.Time, bool, error) {
	if p.params["VALUE"] == "DATE" || len(p.value) == 8 {
		t, err := time.Parse("20060102", p.value)
		if err != nil {
			return t, true, fmt.Errorf("date: %w", err)
		}
		return t, true, nil
	}
	zone := p.params["TZID"]
	if strings.HasSuffix(p.value, "Z") || zone == "" {
		zone = "UTC"
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("zone: %w", err)
	}
	t, err := time.ParseInLocation("20060102T150405", strings.TrimSuffix(p.value, "Z"), place)
	if err != nil {
		return t, false, fmt.Errorf("time: %w", err)
	}
	return t, false, nil
}

// span says from when to when in the words of the NHS service manual: "Wednesday 6 August 2018, 5:30pm to 6pm".
func span(from, until time.Time, day bool) string {
	const date = "Monday 2 January 2006"
	if day {
		if last := until.AddDate(0, 0, -1); last.After(from) { // DTEND is the day after
			return from.Format(date) + " to " + last.Format(date)
		}
		return from.Format(date) + ", all day"
	}
	from, until = inLondon(from), inLondon(until)
	zone := " (" + from.Format("MST") + ")"
	switch {
	case from.Equal(until):
		return from.Format(date) + ", " + clock(from) + zone
	case from.Format(date) == until.Format(date):
		return from.Format(date) + ", " + clock(from) + " to " + clock(until) + zone
	}
	return from.Format(date) + ", " + clock(from) + " to " + until.Format(date) + ", " + clock(until) + zone
}

// inLondon moves times in UTC to London, where the clinics are; others stay in the zone they name.
func inLondon(t time.Time) time.Time {
	if london, err := time.LoadLocation("Europe/London"); err == nil && t.Location() == time.UTC {
		return t.In(london)
	}
	return t
}

// clock writes a time of day for people.
func clock(t time.Time) string {
	switch {
	case t.Minute() == 0 && t.Hour() == 0:
		return "midnight"
	case t.Minute() == 0 && t.Hour() == 12:
		return "midday"
	case t.Minute() == 0:
		return t.Format("3pm")
	}
	return t.Format("3:04pm")
}
