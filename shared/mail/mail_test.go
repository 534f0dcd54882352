package mail_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	gomail "github.com/wneessen/go-mail"

	"almanac/shared/fault"
	"almanac/shared/mail"
)

const from = "bookings@mail.example.org"

func london(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func letter(t *testing.T) mail.Letter {
	t.Helper()
	start := time.Date(2026, 11, 23, 9, 30, 0, 0, london(t))
	return mail.Letter{
		ID: "evt_01m7yq1we0ev5b9ts55c7j3qdp", Kind: mail.Booked, Appointment: "apt_01m5hf4bd8es8r65rzyjka792g",
		To: mail.Person{Name: "Mary O'Neill-Łukasz", Email: "mary@patient.example"}, Organisation: "Elm Group",
		Site: mail.Place{
			Name: "Elm Road Surgery", Address: "1 Elm Road\nLondon, N1 1AA", Email: "hello@elm.example", Phone: "020 7946 0000",
		},
		Mode: "in-person", Start: start, End: start.Add(30 * time.Minute), At: start.AddDate(0, 0, -7),
	}
}

// opened is a mail taken apart by the standard library, not by what wrote it.
type opened struct {
	header          netmail.Header
	text, html, cal string
	calType         string
}

func write(t *testing.T, l mail.Letter) opened {
	t.Helper()
	w, err := mail.NewWriter(from)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Write(l)
	if err != nil {
		t.Fatal(err)
	}
	if p.To != l.To.Email {
		t.Errorf("it goes to %q", p.To)
	}
	if _, err := gomail.EMLToMsgFromReader(bytes.NewReader(p.Raw)); err != nil {
		t.Errorf("go-mail cannot read it: %v", err)
	}
	return open(t, p.Raw)
}

func open(t *testing.T, raw []byte) opened {
	t.Helper()
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("the mail cannot be read: %v\n%s", err, raw)
	}
	o := opened{header: msg.Header}
	o.parts(t, msg.Header.Get("Content-Type"), msg.Body)
	return o
}

func (o *opened) parts(t *testing.T, contentType string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		t.Fatalf("%q: %v", contentType, err)
	}
	r := multipart.NewReader(body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		o.part(t, part)
	}
}

func (o *opened) part(t *testing.T, part *multipart.Part) {
	t.Helper()
	contentType := part.Header.Get("Content-Type")
	kind, _, _ := strings.Cut(contentType, ";")
	switch kind {
	case "multipart/alternative":
		o.parts(t, contentType, part)
	case "text/plain", "text/html":
		b, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		if kind == "text/plain" {
			o.text = text
		} else {
			o.html = text
		}
	case "text/calendar":
		b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil {
			t.Fatal(err)
		}
		o.cal, o.calType = string(b), contentType
	default:
		t.Fatalf("an unexpected part: %q", contentType)
	}
}

func (o opened) decoded(t *testing.T, name string) string {
	t.Helper()
	if n := len(o.header[name]); n != 1 {
		t.Fatalf("%d headers %s", n, name)
	}
	text, err := new(mime.WordDecoder).DecodeHeader(o.header.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// event reads the calendar with a library that had no part in writing it.
func (o opened) event(t *testing.T) (*ics.Calendar, *ics.VEvent) {
	t.Helper()
	c, err := ics.ParseCalendar(strings.NewReader(o.cal))
	if err != nil {
		t.Fatalf("the calendar cannot be read: %v\n%s", err, o.cal)
	}
	if len(c.Events()) != 1 {
		t.Fatalf("%d events\n%s", len(c.Events()), o.cal)
	}
	return c, c.Events()[0]
}

func property(c interface {
	GetProperty(componentProperty ics.ComponentProperty) *ics.IANAProperty
}, p ics.ComponentProperty,
) string {
	if got := c.GetProperty(p); got != nil {
		return got.Value
	}
	return ""
}

func TestWrite(t *testing.T) {
	for _, x := range []struct {
		kind                          mail.Kind
		subject, lead, method, status string
	}{
		{mail.Booked, "Your appointment on Monday 23 November 2026", "Your appointment is booked.", "REQUEST", "CONFIRMED"},
		{mail.Moved, "Your appointment is now on Monday 23 November 2026", "This is the new time.", "REQUEST", "CONFIRMED"},
		{mail.Cancelled, "Your appointment on Monday 23 November 2026 is cancelled", "has been cancelled.", "CANCEL", "CANCELLED"},
	} {
		t.Run(string(x.kind), func(t *testing.T) {
			l := letter(t)
			l.Kind, l.Sequence = x.kind, 3
			o := write(t, l)
			for name, want := range map[string]string{
				"From": `"Elm Road Surgery" <bookings@mail.example.org>`, "Reply-To": `"Elm Road Surgery" <hello@elm.example>`,
				"Subject": x.subject, "Auto-Submitted": "auto-generated", "Message-Id": "<evt_01m7yq1we0ev5b9ts55c7j3qdp@mail.example.org>",
				"Date": "Mon, 16 Nov 2026 09:30:00 +0000", "Content-Language": "en-GB",
			} {
				if got := o.decoded(t, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if to, err := o.header.AddressList("To"); err != nil || len(to) != 1 || to[0].Name != l.To.Name || to[0].Address != l.To.Email {
				t.Errorf("To is %v, %v", to, err)
			}
			for _, want := range []string{
				"Dear Mary O'Neill-Łukasz,\n", x.lead, "Monday 23 November 2026, 9:30am to 10am\n",
				"Where: Elm Road Surgery, 1 Elm Road, London, N1 1AA\n", "020 7946 0000", "\nElm Road Surgery\nElm Group\nReference: apt_01m5hf4bd8es8r65rzyjka792g\n",
			} {
				if !strings.Contains(o.text, want) {
					t.Errorf("the text lacks %q:\n%s", want, o.text)
				}
			}
			for _, want := range []string{
				"<p>Dear Mary O&#39;Neill-Łukasz,</p>", x.lead, "<strong>Monday 23 November 2026, 9:30am to 10am</strong>", `lang="en-GB"`,
			} {
				if !strings.Contains(o.html, want) {
					t.Errorf("the HTML lacks %q:\n%s", want, o.html)
				}
			}
			if strings.Contains(o.html, "http") || strings.Contains(o.html, "src=") {
				t.Errorf("the HTML loads or links to something:\n%s", o.html)
			}
			c, e := o.event(t)
			if len(c.CalendarProperties) != 3 || !strings.Contains(o.calType, "method="+x.method) || !strings.Contains(o.cal, "METHOD:"+x.method+"\r\n") {
				t.Errorf("%s\n%s", o.calType, o.cal)
			}
			for p, want := range map[ics.ComponentProperty]string{
				ics.ComponentPropertyUniqueId: l.Appointment, ics.ComponentPropertySequence: "3", "STATUS": x.status,
				ics.ComponentPropertyDtStart: "20261123T093000Z", ics.ComponentPropertyDtEnd: "20261123T100000Z",
				ics.ComponentPropertyDtstamp: "20261116T093000Z", ics.ComponentPropertySummary: "Appointment at Elm Road Surgery",
				ics.ComponentPropertyOrganizer: "mailto:hello@elm.example", ics.ComponentPropertyAttendee: "mailto:mary@patient.example",
			} {
				if got := property(e, p); got != want {
					t.Errorf("%s is %q, want %q", p, got, want)
				}
			}
			if got := property(e, ics.ComponentPropertyLocation); ics.FromText(got) != "Elm Road Surgery, 1 Elm Road, London, N1 1AA" {
				t.Errorf("LOCATION is %q", got)
			}
		})
	}

	t.Run("with no more than must be", func(t *testing.T) {
		l := letter(t)
		l.To.Name, l.Site.Address, l.Site.Email, l.Site.Phone, l.Site.Name = "", "", "", "", ""
		o := write(t, l)
		if o.header.Get("Reply-To") != "" || o.decoded(t, "From") != `"Elm Group" <bookings@mail.example.org>` {
			t.Errorf("%v", o.header)
		}
		if !strings.HasPrefix(o.text, "Hello,\n") || !strings.Contains(o.text, "do not reply") || strings.Count(o.text, "Elm Group") != 2 {
			t.Errorf("%s", o.text)
		}
		if _, e := o.event(t); property(e, ics.ComponentPropertyOrganizer) != "mailto:"+from {
			t.Errorf("%s", o.cal)
		}
	})

	t.Run("by video and by telephone there is nowhere to go", func(t *testing.T) {
		for mode, want := range map[string]string{mail.Video: "How: by video call\n", mail.Telephone: "How: by telephone\n"} {
			l := letter(t)
			l.Mode = mode
			if o := write(t, l); !strings.Contains(o.text, want) || strings.Contains(o.text, "1 Elm Road") {
				t.Errorf("%s:\n%s", mode, o.text)
			}
		}
	})

	t.Run("what means something in a calendar means nothing in a name", func(t *testing.T) {
		l := letter(t)
		l.Site.Name, l.To.Name = `Elm, Oak; "Ash": Beech`, `Mary "May": Oak; Elm`
		for _, want := range []string{
			"\r\nSUMMARY:Appointment at Elm\\, Oak\\; \"Ash\": Beech\r\n", "\r\nORGANIZER;CN=\"Elm, Oak; 'Ash': Beech\":mailto:", "\r\nATTENDEE;CN=\"Mary 'May': Oak; Elm\";",
		} {
			if o := write(t, l); !strings.Contains(strings.ReplaceAll(o.cal, "\r\n ", ""), want) {
				t.Errorf("the calendar lacks %q:\n%s", want, o.cal)
			}
		}
	})

	t.Run("the same letter is the same mail but for its boundaries", func(t *testing.T) {
		a, b := write(t, letter(t)), write(t, letter(t))
		if a.text != b.text || a.html != b.html || a.cal != b.cal || a.decoded(t, "Message-Id") != b.decoded(t, "Message-Id") {
			t.Error("they differ")
		}
	})
}

// The times that people read and the instants that calendars read, around every kind of clock change.
func TestWriteTimes(t *testing.T) {
	for _, x := range []struct{ start, end, says, calStart string }{
		{"2026-11-23T09:30:00Z", "2026-11-23T10:00:00Z", "Monday 23 November 2026, 9:30am to 10am", "20261123T093000Z"},
		{"2027-07-05T11:00:00Z", "2027-07-05T11:30:00Z", "Monday 5 July 2027, midday to 12:30pm", "20270705T110000Z"},
		{"2027-07-05T16:45:00Z", "2027-07-05T17:00:00Z", "Monday 5 July 2027, 5:45pm to 6pm", "20270705T164500Z"},
		{"2027-07-05T22:30:00Z", "2027-07-05T23:00:00Z", "Monday 5 July 2027, 11:30pm to Tuesday 6 July 2027, midnight", "20270705T223000Z"},
		// Clocks go forward at 1:00 GMT on 28 March 2027 and back at 2:00 BST on 31 October 2027.
		{"2027-03-28T00:45:00Z", "2027-03-28T01:15:00Z", "Sunday 28 March 2027, 12:45am (GMT) to 2:15am (BST)", "20270328T004500Z"},
		{"2027-03-28T14:00:00Z", "2027-03-28T14:30:00Z", "Sunday 28 March 2027, 3pm (BST) to 3:30pm (BST)", "20270328T140000Z"},
		{"2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z", "Sunday 31 October 2027, 1:30am (BST) to 1am (GMT)", "20271031T003000Z"},
		{"2027-10-31T01:30:00Z", "2027-10-31T02:00:00Z", "Sunday 31 October 2027, 1:30am (GMT) to 2am (GMT)", "20271031T013000Z"},
		{"2027-03-27T09:00:00Z", "2027-03-27T09:30:00Z", "Saturday 27 March 2027, 9am to 9:30am", "20270327T090000Z"},
		{"2027-03-29T08:00:00Z", "2027-03-29T08:30:00Z", "Monday 29 March 2027, 9am to 9:30am", "20270329T080000Z"},
	} {
		t.Run(x.start, func(t *testing.T) {
			l := letter(t)
			l.Start, l.End = instant(t, x.start), instant(t, x.end)
			o := write(t, l)
			if !strings.Contains(o.text, "When: "+x.says+"\n") || !strings.Contains(o.html, ">"+x.says+"<") {
				t.Errorf("it does not say %q:\n%s", x.says, o.text)
			}
			if _, e := o.event(t); property(e, ics.ComponentPropertyDtStart) != x.calStart {
				t.Errorf("DTSTART is %s", property(e, ics.ComponentPropertyDtStart))
			}
		})
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.In(london(t))
}

// On all days from 2020 to 2040 on which London's clocks change, whatever is read off the mail is the same instant.
func TestWriteEveryClockChange(t *testing.T) {
	z, days := london(t), 0
	w, err := mail.NewWriter(from)
	if err != nil {
		t.Fatal(err)
	}
	for day := time.Date(2020, 1, 1, 0, 0, 0, 0, z); day.Year() <= 2040; day = day.AddDate(0, 0, 1) {
		if day.AddDate(0, 0, 1).Sub(day) == 24*time.Hour {
			continue
		}
		days++
		for minutes := 0; minutes <= 240; minutes += 15 {
			l := letter(t)
			l.Start = day.Add(time.Duration(minutes) * time.Minute)
			l.End = l.Start.Add(20 * time.Minute)
			p, err := w.Write(l)
			if err != nil {
				t.Fatal(err)
			}
			o := open(t, p.Raw)
			_, e := o.event(t)
			if got, err := e.GetStartAt(); err != nil || !got.Equal(l.Start) {
				t.Fatalf("%v reads %v, %v", l.Start, got, err)
			}
			zone, _ := l.Start.Zone()
			if !strings.Contains(o.text, l.Start.Format("Monday 2 January 2006, ")) || !strings.Contains(o.text, " ("+zone+") to ") {
				t.Fatalf("%v: %s", l.Start, o.text)
			}
		}
	}
	if days != 42 {
		t.Fatalf("%d clock changes, want 42", days)
	}
}

func TestWriteRefusesAddresses(t *testing.T) {
	w, err := mail.NewWriter(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", " ", "mary", "mary@", "@patient.example", "mary@localhost", "mary@patient.example\r\nBcc: eve@evil.example",
		"mary@patient.example, eve@evil.example", "Mary <mary@patient.example>", "<mary@patient.example>", "mary@patient.example ",
		"\"mary eve\"@patient.example", "mary(eve)@patient.example", "märy@patient.example", "mary@pätient.example", "mary@patient..example",
		"mary@[127.0.0.1]", "mary@patient_x.example", "mary\x00@patient.example", "mary@patient.example\n", strings.Repeat("m", 65) + "@patient.example",
		"m@" + strings.Repeat("a.", 130) + "example", "group: mary@patient.example;", "=?utf-8?q?mary?=@patient.example, eve@evil.example",
	} {
		l := letter(t)
		l.To.Email = bad
		if _, err := w.Write(l); !fault.Is(err, fault.Invalid) || fault.Of(err).Code != "bad_address" || strings.Contains(err.Error(), "mary") {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := mail.NewWriter(bad); err == nil {
			t.Errorf("mail is sent from %q", bad)
		}
		l = letter(t) // a site's address that is no good is left out
		l.Site.Email = bad
		if o := write(t, l); o.header.Get("Reply-To") != "" || strings.Contains(o.text, "reply to this email:") {
			t.Errorf("%q as the site's: %v", bad, o.header)
		}
	}
	for _, good := range []string{
		"mary@patient.example", "m.o'neill+x@sub.patient.example", "a-b_c@x-y.example", "a?b&c=d#e%20/f@patient.example", "{a|b}^`~!$*@patient.example",
	} {
		l := letter(t)
		l.To.Email = good
		_, e := write(t, l).event(t)
		uri, err := url.Parse(property(e, ics.ComponentPropertyAttendee))
		if err != nil || uri.Scheme != "mailto" || uri.RawQuery != "" || uri.Fragment != "" {
			t.Fatalf("%s: %v, %v", good, uri, err)
		}
		if got, err := url.PathUnescape(uri.Opaque); err != nil || got != good {
			t.Errorf("%s is %q, %v", good, got, err)
		}
	}
}

// With whom a visit is stands in a mail beside its link alone, and not in that of a cancellation.
func TestWriteWithWhom(t *testing.T) {
	for _, c := range []struct {
		kind mail.Kind
		link string
		with bool
	}{
		{mail.Invited, "https://clinic.example/v/AZLV", true},
		{mail.Moved, "https://clinic.example/v/AZLV", true},
		{mail.Moved, "", false},
		{mail.Booked, "", false},
		{mail.Cancelled, "https://clinic.example/v/AZLV", false},
	} {
		l := letter(t)
		l.Kind, l.Link, l.Practitioner = c.kind, c.link, "Dr Ana\r\nOkafor"
		o := write(t, l)
		if c.with != strings.Contains(o.text, "\nWith: Dr Ana, Okafor\nLink: "+c.link+"\n") || strings.Contains(o.html, "Okafor") != c.with ||
			strings.Contains(o.cal, "Okafor") {
			t.Errorf("%s with the link %q: %s\n%s", c.kind, c.link, o.text, o.html)
		}
	}
}

// Nothing that somebody typed becomes a header, a recipient, markup or a calendar property.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{
		"Mary\r\nBcc: eve@evil.example", "Mary\r\n\r\n<h1>x", "\"><script>alert(1)</script>", "a\x00b\x7f", "END:VEVENT\nBEGIN:VALARM", "\\;,:\"",
		"\u202eevil\u2066", "=?utf-8?q?Bcc:=0D=0Ax?=", strings.Repeat("ł", 300), strings.Repeat("x", 2000), "\xff\xfe", "{{.To}}", "\\E\u030c0", "\\", "\u2028line\u0085line", "",
	} {
		f.Add(s, s, s)
	}
	tags := strings.Fields("<p> </p> <strong> </strong> <br> <head> </head> <title> </title> <body> </body> </html>")
	tags = append(tags, "<!DOCTYPE html>", `<html lang="en-GB">`, `<meta charset="utf-8">`, `<meta name="format-detection" content="telephone=no">`)
	const link = "https://clinic.example/v/AZLV"
	tags = append(tags, `<a href="`+link+`" style="overflow-wrap: anywhere; word-break: break-word">`, "</a>")
	f.Fuzz(func(t *testing.T, name, site, address string) {
		l := letter(t)
		l.Link, l.Practitioner = link, name
		l.To.Name, l.Site.Name, l.Site.Address, l.Organisation, l.Site.Phone = name, site, address, site, address
		o := write(t, l)
		var names []string
		for n := range o.header {
			names = append(names, n)
		}
		slices.Sort(names)
		want := []string{
			"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To",
			"X-Auto-Response-Suppress",
		}
		if !slices.Equal(names, want) {
			t.Fatalf("headers %v", names)
		}
		for _, h := range []string{"From", "To", "Reply-To"} {
			if list, err := o.header.AddressList(h); err != nil || len(list) != 1 {
				t.Fatalf("%s: %v, %v", h, list, err)
			}
		}
		for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(o.html, -1) {
			if !slices.Contains(tags, tag) {
				t.Fatalf("markup that is not ours: %s\n%s", tag, o.html)
			}
		}
		c, e := o.event(t)
		if len(c.Components) != 1 || len(e.Components) != 0 || len(e.Properties) != 12 {
			t.Fatalf("%d components, %d properties\n%s", len(e.Components), len(e.Properties), o.cal)
		}
		for line := range strings.Lines(o.cal) {
			if len(strings.TrimSuffix(line, "\r\n")) > 75 || !strings.HasSuffix(line, "\r\n") {
				t.Fatalf("a line of the calendar is too long or not ended: %q", line)
			}
		}
	})
}

func TestLettersPrintAsRedacted(t *testing.T) {
	w, err := mail.NewWriter(from)
	if err != nil {
		t.Fatal(err)
	}
	l := letter(t)
	p, err := w.Write(l)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "x", slog.Any("l", l), slog.Any("p", p), slog.Any("r", &p))
	all := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %v %s", l, l, l, l, p, &p, p, []mail.Letter{l}, log.String())
	if strings.Contains(all, "patient.example") || strings.Contains(all, "Mary") || strings.Contains(all, "From:") {
		t.Error(all)
	}
}
