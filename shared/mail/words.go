package mail

import (
	"fmt"
	"html"
	"strings"
	"time"
	"unicode"
)

// content is what a mail says, before it is plain text or HTML.
type content struct {
	Subject, Greeting, Lead string
	Facts                   []fact
	Notes                   []string
	Signature               []string
}

// fact is one line of the appointment's particulars.
type fact struct{ Label, Value string }

func (l Letter) content() content {
	day, place := date(l.Start), l.place()
	c := content{
		Greeting:  "Hello,",
		Facts:     []fact{{"When", when(l.Start, l.End)}, place},
		Signature: []string{l.Site.Name},
	}
	if l.To.Name != "" {
		c.Greeting = "Dear " + l.To.Name + ","
	}
	late := "If you cannot come, please tell us as early as you can: %s."
	switch l.Kind {
	case Moved:
		c.Subject, c.Lead = "Your appointment is now on "+day, "Your appointment has been moved. This is the new time."
		c.Notes = []string{
			"Any earlier message about this appointment no longer applies.",
			"The attached file changes the appointment in your calendar.",
		}
	case Cancelled:
		c.Subject, c.Lead = "Your appointment on "+day+" is cancelled", "Your appointment has been cancelled."
		c.Facts[0].Label = "It was on"
		c.Notes = []string{"The attached file removes the appointment from your calendar."}
		late = "To book another appointment, %s."
	case Booked:
		fallthrough
	default:
		c.Subject, c.Lead = "Your appointment on "+day, "Your appointment is booked."
		c.Notes = []string{"The attached file adds the appointment to your calendar."}
	}
	if reach := l.reach(); reach != "" {
		c.Notes = append(c.Notes, fmt.Sprintf(late, reach))
	} else {
		c.Notes = append(c.Notes, "Please do not reply to this email: nobody reads the replies.")
	}
	if l.Organisation != l.Site.Name && l.Organisation != "" {
		c.Signature = append(c.Signature, l.Organisation)
	}
	c.Signature = append(c.Signature, "Reference: "+l.Appointment)
	return c
}

// place says where the appointment is, or that there is nowhere to go.
func (l Letter) place() fact {
	switch {
	case l.Mode == Video:
		return fact{"How", "by video call"}
	case l.Mode == Telephone:
		return fact{"How", "by telephone"}
	case l.Site.Address == "":
		return fact{"Where", l.Site.Name}
	}
	return fact{"Where", l.Site.Name + ", " + l.Site.Address}
}

// reach says how to reach the clinic, or nothing.
func (l Letter) reach() string {
	switch {
	case l.Site.Phone != "" && l.Site.Email != "":
		return "phone " + l.Site.Phone + " or reply to this email"
	case l.Site.Phone != "":
		return "phone " + l.Site.Phone
	case l.Site.Email != "":
		return "reply to this email"
	}
	return ""
}

func (c content) text() string {
	var b strings.Builder
	b.WriteString(c.Greeting + "\n\n" + c.Lead + "\n\n")
	for _, f := range c.Facts {
		b.WriteString(f.Label + ": " + f.Value + "\n")
	}
	b.WriteString("\n" + strings.Join(c.Notes, "\n") + "\n\n" + strings.Join(c.Signature, "\n") + "\n")
	return b.String()
}

// html writes the content as HTML, every word of it escaped. There are only elements without attributes, so an
// element's text is the one context there is; html/template, which knows the others, would make the function's zip a
// fifth larger. The mail loads nothing from elsewhere and has no style beyond the reader's own.
func (c content) html() string {
	var b strings.Builder
	write := func(parts ...string) { // markup and words in turns
		for i, part := range parts {
			if i%2 == 1 {
				part = html.EscapeString(part)
			}
			b.WriteString(part)
		}
	}
	write(`<!DOCTYPE html>
<html lang="en-GB">
<head><meta charset="utf-8"><meta name="format-detection" content="telephone=no"><title>`, c.Subject, `</title></head>
<body>
<p>`, c.Greeting, `</p>
<p>`, c.Lead, `</p>
<p>`)
	for _, f := range c.Facts {
		write("", f.Label, ": <strong>", f.Value, "</strong><br>\n")
	}
	write("</p>\n")
	for _, n := range c.Notes {
		write("<p>", n, "</p>\n")
	}
	write("<p>")
	for _, s := range c.Signature {
		write("", s, "<br>\n")
	}
	write("</p>\n</body>\n</html>\n")
	return b.String()
}

func date(t time.Time) string { return t.Format("Monday 2 January 2006") }

// when says from when to when, as the NHS service manual writes dates and times: weekday and month in full, "9:30am",
// "midday". On the days when the clocks change it names the time that is in force, which is not plain then.
func when(start, end time.Time) string {
	from, until := clock(start), clock(end)
	if changes(start) || changes(end) {
		from, until = from+" "+zone(start), until+" "+zone(end)
	}
	if date(start) == date(end) {
		return date(start) + ", " + from + " to " + until
	}
	return date(start) + ", " + from + " to " + date(end) + ", " + until
}

// clock writes a time of day.
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

// changes tells whether the clocks change on the day of t, where t is.
func changes(t time.Time) bool {
	y, m, d := t.Date()
	_, before := time.Date(y, m, d, 0, 0, 0, 0, t.Location()).Zone()
	_, after := time.Date(y, m, d+1, 0, 0, 0, 0, t.Location()).Zone()
	return before != after
}

// zone names the time in force: "(BST)", or by its distance from UTC where it has no name.
func zone(t time.Time) string {
	name, _ := t.Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		name = "UTC" + name
	}
	return "(" + name + ")"
}

// printable drops characters that control the text around them, bidirectional overrides included, and makes every
// kind of space a plain one. A backslash becomes a slash: net/mail writes a name with one and a letter beyond ASCII in
// a way that it cannot read itself, and readers of calendars disagree on what it means in a name.
func printable(r rune) rune {
	switch {
	case r == '\\':
		return '/'
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), strings.ContainsRune("\u200b\ufeff\ufffd", r):
		return -1
	}
	return r
}
