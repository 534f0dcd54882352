package mail

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	request = "REQUEST"
	cancel  = "CANCEL"
)

// calendar writes the letter's appointment as an iCalendar object (RFC 5545, RFC 5546) and gives its method. Times are
// UTC, so that no reader's table of zones is needed. The UID is the appointment's id, unique all over the world as
// RFC 7986 wants it, so that a later letter with a higher SEQUENCE changes the same entry.
func calendar(l Letter, from string) (method, text string) { //nolint:nonamedreturns // two strings: which is which
	method, status := request, "CONFIRMED"
	if l.Kind == Cancelled {
		method, status = cancel, "CANCELLED"
	}
	organiser := from
	if l.Site.Email != "" {
		organiser = l.Site.Email
	}
	var c strings.Builder
	var link string
	if l.Link != "" && l.Kind != Cancelled {
		link = "URL:" + l.Link // a URI is written as it is (RFC 5545, 3.8.4.6)
	}
	for _, property := range []string{
		"BEGIN:VCALENDAR",
		"VERSION:2.0",
		"PRODID:-//Almanac//Almanac//EN",
		"METHOD:" + method,
		"BEGIN:VEVENT",
		"UID:" + l.Appointment,
		"SEQUENCE:" + strconv.FormatInt(l.Sequence, 10),
		"DTSTAMP:" + utc(l.At),
		"DTSTART:" + utc(l.Start),
		"DTEND:" + utc(l.End),
		"SUMMARY:" + escape("Appointment at "+l.Site.Name),
		"LOCATION:" + escape(l.place().Value),
		"STATUS:" + status,
		"ORGANIZER" + called(l.Site.Name) + ":" + mailto(organiser),
		// The appointment is agreed already: no reader need ask for an answer, and none would be read.
		"ATTENDEE" + called(l.To.Name) + ";PARTSTAT=ACCEPTED;RSVP=FALSE:" + mailto(l.To.Email),
		link,
		"CLASS:PRIVATE",
		"END:VEVENT",
		"END:VCALENDAR",
	} {
		if property != "" {
			fold(&c, property)
		}
	}
	return method, c.String()
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// escape writes a text value (RFC 5545, 3.3.11). Line breaks were taken out before.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `;`, `\;`, `,`, `\,`).Replace(text)
}

// called gives the parameter with somebody's name. Its value may hold anything but a double quote (RFC 5545, 3.2).
func called(name string) string {
	if name == "" {
		return ""
	}
	return `;CN="` + strings.ReplaceAll(name, `"`, "'") + `"`
}

// mailto writes an address as a URI (RFC 6068): what means something in a URI is written in hexadecimal.
func mailto(address string) string {
	var b strings.Builder
	b.WriteString("mailto:")
	for i := range len(address) {
		c := address[i]
		if notHost(rune(c)) && !strings.ContainsRune("@!$'*+_~", rune(c)) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// widest is the most bytes that a content line may have (RFC 5545, 3.1).
const widest = 75

// fold writes a content line, broken where it is too long, but never within a character.
func fold(c *strings.Builder, line string) {
	room := widest
	for _, r := range line {
		if n := utf8.RuneLen(r); n > room {
			c.WriteString("\r\n ")
			room = widest - 1
		}
		c.WriteRune(r)
		room -= utf8.RuneLen(r)
	}
	c.WriteString("\r\n")
}
