package clinic

import (
	"cmp"
	"slices"
	"strconv"

	"almanac/shared/wall"
)

const (
	maxStretches = 100 // of a week: opening hours of a site, or sessions of a practitioner
	grain        = 5   // minutes; the diary's ticks
)

func weekdays() []string {
	return []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
}

// stretch is an Opening that was understood, and where it stands in what was sent.
type stretch struct {
	at          string
	opens, ends wall.Minutes
}

// week checks the stretches of a week: well-formed, each ending after it begins, no two at the same time. A
// practitioner's sessions are checked together whatever their site, because nobody is at two places at once.
func (c *Check) week(pointer string, openings []Opening) {
	if !c.Count(pointer, len(openings), 0, maxStretches) {
		return
	}
	byDay := map[string][]stretch{}
	for i, o := range openings {
		at := pointer + "/" + strconv.Itoa(i)
		c.Choice(at+"/day", o.Day, weekdays()...)
		opens, ok := c.clock(at+"/opens", o.Opens)
		ends, ok2 := c.clock(at+"/closes", o.Closes)
		switch {
		case !ok || !ok2:
		case opens >= ends:
			c.Refuse("ends_too_early", at+"/closes",
				"Must be after it opens; a night is two stretches, until 24:00 and from 00:00.")
		default:
			byDay[o.Day] = append(byDay[o.Day], stretch{at, opens, ends})
		}
	}
	for _, day := range weekdays() {
		c.apart(byDay[day])
	}
}

func (c *Check) apart(day []stretch) {
	slices.SortStableFunc(day, func(a, b stretch) int { return cmp.Compare(a.opens, b.opens) })
	var ends wall.Minutes // of all so far: a short stretch may stand within a long one
	for _, s := range day {
		if s.opens < ends {
			c.Refuse("overlaps", s.at, "Overlaps with another entry of the same day.")
		}
		ends = max(ends, s.ends)
	}
}

func (c *Check) clock(pointer, value string) (wall.Minutes, bool) {
	at, err := wall.ParseClock(value)
	switch {
	case err != nil:
		c.Refuse("wrong_format", pointer, "Must be a time of day, such as 09:30.")
	case at%grain != 0:
		c.Refuse("not_a_multiple", pointer, "Must be in steps of five minutes.")
	default:
		return at, true
	}
	return 0, false
}

// zone checks an IANA time zone by name. Names in small letters are files of the zone database for other purposes
// (posixrules, right/…), there on some machines and not on others.
func (c *Check) zone(name string) {
	if _, err := wall.Zone(name); err != nil || name[0] < 'A' || name[0] > 'Z' {
		c.Refuse("unknown_time_zone", "/timeZone", "Must be a time zone of the IANA database, such as Europe/London.")
	}
}
