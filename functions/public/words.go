package main

import (
	"cmp"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"

	"almanac/shared/video"
	"almanac/shared/wall"
)

// content is what a page says.
type content struct {
	Heading string
	Notice  []string
	Lead    []string
	Facts   []fact
	Join    string // where the button leads; empty without one
	Waits   bool   // for somebody, not for the time
	Again   *look
	Tips    bool
	Help    *help
	Now     bool // the clinic is to be contacted now: how comes before all else
	from    string
}

// fact is one line of the appointment's particulars.
type fact struct{ Label, Value string }

// look is how the page is asked for again.
type look struct{ Says, Now, Other, OtherSays string }

// help is how the clinic is reached.
type help struct {
	Heading      string
	Phone, Email *reach
}

type reach struct {
	Text string
	URL  template.URL
}

// patience is how long after the start of an appointment its call can begin without anything being wrong.
const patience = 10 * time.Minute

// speak finds the words of a state. They say when and by whom, never to whom or why.
func speak(s state, l link, inv video.Invitation, now time.Time) content {
	c := content{from: from(inv), Facts: facts(inv), Help: helpOf("If you need help", inv.Site), Tips: s.coming()}
	if s.coming() && inv.Moved {
		c.Notice = moved(inv)
	}
	switch s {
	case early:
		opens := inv.Start.Add(-opensBefore)
		c.Heading = "Your video appointment"
		if inv.Moved {
			c.Heading = "Your video appointment has moved"
		}
		c.Lead = []string{
			"It is too early to join. You can join from " + wall.At(opens) + " on " + wall.Date(opens) + ".",
		}
	case preparing:
		c.prepare(inv, now)
	case waiting, open:
		c.Heading, c.Join = "Join your video appointment", l.page()+"/join"
		c.invite(s, inv, now)
	case cancelled:
		c.Heading = "Your video appointment was cancelled"
		c.Lead = []string{"There is no call to join."}
		c.Help = helpOf("To book another appointment, or if you did not expect this", inv.Site)
		c.Facts[0].Label = "It was on"
	case over:
		c.Heading = "This video appointment is over"
		c.Lead = []string{"You can no longer join the call."}
		c.Help = helpOf("If you missed it or need another appointment", inv.Site)
		c.Facts[0].Label = "It was on"
	case expired:
		c.Heading, c.Facts = "This link has expired", nil
		c.Lead = []string{"It was for an appointment in the past. For a new appointment you get a new link."}
		c.Help = helpOf("If you have an appointment and no link for it", inv.Site)
	}
	return c
}

// prepare says that there is no call to go to, which can be for a moment or for good: nobody here knows, so it says
// until when to wait for one, and what to do then.
func (c *content) prepare(inv video.Invitation, now time.Time) {
	const button = "As soon as there is one, this page has a button to join it."
	c.Heading, c.Waits = "Your video call is not ready yet", true
	if now.Before(inv.Start) {
		c.Lead = []string{
			"There is no call to join yet. " + button,
			"If there is still none at " + wall.At(inv.Start) + ", when your appointment begins, contact the clinic.",
		}
		return
	}
	c.Heading = "Your video call is not ready"
	c.urge(inv)
	c.Lead = []string{
		"Your appointment was to begin at " + wall.At(inv.Start) + ", and there is no call to join.",
		"Contact the clinic now, and ask how you will be seen. " + button,
	}
}

// invite says whether the clinician is in the call, and until when to wait for that.
func (c *content) invite(s state, inv video.Invitation, now time.Time) {
	who := cmp.Or(inv.Practitioner, "The clinician")
	if s == open {
		c.Lead = []string{who + " has started the call."}
		return
	}
	c.Waits = true
	const join = " is not in the call at the moment. You can join now and wait in the call, or wait here."
	late := inv.Start.Add(patience)
	if now.Before(late) {
		c.Lead = []string{who + join, "If the call has not started by " + wall.At(late) + ", contact the clinic."}
		return
	}
	c.urge(inv)
	c.Lead = []string{
		who + join,
		"Your appointment was to begin at " + wall.At(inv.Start) +
			". If you have not been seen, contact the clinic now.",
	}
}

// urge puts first how the clinic is reached.
func (c *content) urge(inv video.Invitation) {
	c.Now, c.Tips = true, false
	c.Help = helpOf("Contact the clinic", inv.Site)
}

// moved says that the time is another one than the patient was told.
func moved(inv video.Invitation) []string {
	out := []string{"Your appointment has moved to " + wall.At(inv.Start) + " on " + wall.Date(inv.Start) + "."}
	if !inv.Told.IsZero() && inv.Told.Year() > 1 {
		out = append(out, "It was at "+wall.At(inv.Told)+" on "+wall.Date(inv.Told)+" when this link was sent. "+
			"The link stays right: you do not need a new one.")
	}
	return out
}

func facts(inv video.Invitation) []fact {
	out := []fact{{"When", wall.When(inv.Start, inv.End)}}
	if inv.Practitioner != "" {
		out = append(out, fact{"With", inv.Practitioner})
	}
	return append(out, fact{"How", "by video call"})
}

// from names the clinic: its place, and the organisation where the place's name does not have it already.
func from(inv video.Invitation) string {
	switch {
	case inv.Site.Name == "":
		return inv.Organisation
	case inv.Organisation == "", holds(inv.Site.Name, inv.Organisation):
		return inv.Site.Name
	case holds(inv.Organisation, inv.Site.Name):
		return inv.Organisation
	}
	return inv.Site.Name + ", " + inv.Organisation
}

// holds tells whether a name has another in it, word for word.
func holds(name, other string) bool {
	words := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsNumber(r)
		})
	}
	spaced := func(s string) string { return " " + strings.Join(words(s), " ") + " " }
	return name == other || len(words(other)) > 0 && strings.Contains(spaced(name), spaced(other))
}

// again says how the page is asked for again, and how that is changed.
func again(s state, l link, auto bool) *look {
	const off = "?refresh=off"
	when := "every minute"
	if s == early {
		when = "when it is time"
	}
	if auto {
		return &look{
			Says: "This page refreshes by itself " + when + ".", Now: l.page(),
			Other: l.page() + off, OtherSays: "Stop refreshing",
		}
	}
	return &look{
		Says: "This page does not refresh by itself.", Now: l.page() + off,
		Other: l.page(), OtherSays: "Refresh by itself " + when,
	}
}

// helpOf says how to reach the clinic; nothing where it cannot be reached.
func helpOf(heading string, site video.Contact) *help {
	h := &help{Heading: heading}
	if tel := dialled(site.Phone); tel != "" {
		h.Phone = &reach{site.Phone, template.URL("tel:" + tel)} //nolint:gosec // digits alone
	}
	if strings.Count(site.Email, "@") == 1 && !strings.ContainsAny(site.Email, "?&# ") {
		h.Email = &reach{site.Email, template.URL("mailto:" + url.PathEscape(site.Email))} //nolint:gosec // escaped
	}
	if h.Phone == nil && h.Email == nil {
		return nil
	}
	return h
}

// dialled is a telephone number as a telephone takes it.
func dialled(phone string) string {
	var out strings.Builder
	for i, r := range phone {
		if r >= '0' && r <= '9' || r == '+' && i == 0 {
			out.WriteRune(r)
		}
	}
	if out.Len() < 3 { //nolint:mnd // 999 is the shortest
		return ""
	}
	return out.String()
}
