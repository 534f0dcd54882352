package booking

import (
	"strings"
	"time"

	"almanac/shared/clinic"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// dates are local dates, as midnights in UTC, each with the instants at which it begins and ends in a zone.
type date struct {
	weekday string
	span    table.Span
	regular bool // 24 hours long: a wall clock minute is always as far from midnight as it reads
	start   time.Time
}

// datesOf lists the local dates that a span touches.
func datesOf(over table.Span, zone *time.Location) []date {
	first := over.From.Time().In(zone)
	d := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, time.UTC)
	var out []date
	for {
		start, end := wall.Day(d, zone)
		if table.TickOf(start) >= over.To {
			return out
		}
		out = append(out, date{
			weekday: strings.ToLower(d.Weekday().String()),
			span:    table.SpanOf(start, end), regular: end.Sub(start) == 24*time.Hour, start: start,
		})
		d = d.AddDate(0, 0, 1)
	}
}

// opening sets the ticks at which the hours are open.
func opening(m mask, dates []date, hours []clinic.Opening) {
	for _, h := range hours {
		opens, err1 := wall.ParseClock(h.Opens)
		closes, err2 := wall.ParseClock(h.Closes)
		if err1 != nil || err2 != nil {
			continue // the clinic API lets none in
		}
		for _, d := range dates {
			if d.weekday != h.Day {
				continue
			}
			if d.regular {
				m.set(table.Span{From: d.span.From + ticks(opens), To: d.span.From + ticks(closes)})
				continue
			}
			d.irregular(m, opens, closes)
		}
	}
}

func ticks(m wall.Minutes) table.Tick {
	return table.Tick(time.Duration(m) * time.Minute / table.TickLength)
}

// irregular walks through a day on which the clocks change: a tick is open when the wall clock reads so.
func (d date) irregular(m mask, opens, closes wall.Minutes) {
	for t := d.span.From; t < d.span.To; t++ {
		at := t.Time().In(d.start.Location())
		if clock := wall.Minutes(at.Hour()*60 + at.Minute()); opens <= clock && clock < closes {
			m.set(table.Span{From: t, To: t + 1})
		}
	}
}

func sessionHours(p clinic.Practitioner, site string) []clinic.Opening {
	var out []clinic.Opening
	for _, s := range p.Sessions {
		if s.SiteID == site {
			out = append(out, s.Opening)
		}
	}
	return out
}
