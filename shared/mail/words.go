package mail

import (
	"fmt"
	"html"
	"strings"
	"unicode"

	"almanac/shared/wall"
)

// content is what a mail says, before it is plain text or HTML.
type content struct {
	Subject, Greeting, Lead string
	Facts                   []fact
	Notes                   []string
	Signature               []string
}

// fact is one line of the appointment's particulars. One that is a link is an address of ours.
type fact struct {
	Label, Value string
	Link         bool
}

func (l Letter) content() content {
	day, place := wall.Date(l.Start), l.place()
	c := content{
		Greeting:  "Hello,",
		Facts:     []fact{{Label: "When", Value: wall.When(l.Start, l.End)}, place},
		Signature: []string{l.Site.Name},
	}
	c.Facts = append(c.Facts, l.call()...)
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
	case Invited:
		c.Subject, c.Lead = "Your video appointment on "+day, "This is the link to your video appointment."
		c.Notes = []string{
			"Open the link when it is time. It stays right if the appointment is moved.",
			"The link is for you alone: please do not pass it on.",
			"The attached file puts the appointment into your calendar.",
		}
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

// call says with whom the video visit is and where it opens. Without a link there is no word of either: that of the
// practitioner's is in the mail only because whoever has the mail reads it on the page that the link opens.
func (l Letter) call() []fact {
	if l.Link == "" || l.Kind == Cancelled {
		return nil
	}
	link := fact{Label: "Link", Value: l.Link, Link: true}
	if l.Practitioner == "" {
		return []fact{link}
	}
	return []fact{{Label: "With", Value: l.Practitioner}, link}
}

// place says where the appointment is, or that there is nowhere to go.
func (l Letter) place() fact {
	switch {
	case l.Mode == Video:
		return fact{Label: "How", Value: "by video call"}
	case l.Mode == Telephone:
		return fact{Label: "How", Value: "by telephone"}
	case l.Site.Address == "":
		return fact{Label: "Where", Value: l.Site.Name}
	}
	return fact{Label: "Where", Value: l.Site.Name + ", " + l.Site.Address}
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

// html writes the content as HTML, every word of it escaped. An element's text is the one context there is, but for the
// address of a link, which is ours and quoted; html/template, which knows the others, would make the function's zip a
// fifth larger. The mail loads nothing from elsewhere and has no style beyond the reader's own, but that a link, one
// word of some eighty letters, is broken where the window ends.
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
		if f.Link {
			write("", f.Label, `: <a href="`, f.Value, `" style="`+breaking+`">`, f.Value, "</a><br>\n")
			continue
		}
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

// breaking lets a word break anywhere; the second is for readers of mail that do not know the first.
const breaking = "overflow-wrap: anywhere; word-break: break-word"

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
