package main

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"almanac/shared/video"
)

// Whatever a clinic typed shows as it was typed: no page gets markup, an address or a rule of style from it.
func TestHostile(t *testing.T) {
	for _, evil := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title></style><script>`, `{{.Join}}`,
		`javascript:alert(1)`, `' onmouseover='alert(1)`, "\u202egnp.exe\x00\x1b[31m", strings.Repeat("Ü", 5000),
		`<!--`, `]]>`, "line\r\nrefresh: 0; url=https://evil.example",
	} {
		for _, s := range scenes() {
			w := newWorld(t)
			good := w.good
			s.set(w)
			honest := w.ask(t, "GET", "/v/"+good)
			w.inv.Organisation, w.inv.Practitioner = evil, evil
			w.inv.Site = video.Contact{Name: evil + "!", Phone: "020 7946 0123" + evil, Email: evil + "@example.org"}
			res := w.ask(t, "GET", "/v/"+good)
			if got, want := shape(res.Body), shape(honest.Body); !within(got, want) {
				t.Errorf("%s with %.20q: markup is\n%s\nnot\n%s", s.name, evil, got, want)
			}
			for name, value := range res.Headers {
				if value != honest.Headers[name] {
					t.Errorf("%s with %.20q: %s is %q", s.name, evil, name, value)
				}
			}
			if s.status == 0 && !strings.ContainsAny(evil, "\x00\r") && !strings.Contains(html.UnescapeString(res.Body), evil) {
				t.Errorf("%s: %.20q is not shown", s.name, evil)
			}
		}
	}
}

// shape is a page's markup without texts, values and the clinic's addresses.
func shape(body string) string {
	tags := regexp.MustCompile(`<[^>]*>`).FindAllString(body, -1)
	return regexp.MustCompile(`href="(tel|mailto):[^"]*"`).ReplaceAllString(strings.Join(tags, ""), `href="$1"`)
}

// within tells whether the markup is the same but for a way to reach the clinic that cannot be made a link.
func within(got, want string) bool {
	for _, part := range []string{`<li><a href="mailto"></a></li>`, `<li><a href="tel"></a></li>`} {
		if got == want {
			return true
		}
		want = strings.Replace(want, part, "", 1)
	}
	return got == want
}

// A clinic that has set up next to nothing has whole pages too.
func TestEmpty(t *testing.T) {
	for _, s := range scenes() {
		w := newWorld(t)
		good := w.good
		s.set(w)
		w.inv.Organisation, w.inv.Practitioner, w.inv.Site, w.inv.Told = "", "", video.Contact{}, time.Time{}
		res := w.ask(t, "GET", "/v/"+good)
		if want := max(s.status, 200); res.StatusCode != want {
			t.Errorf("%s: answered %d", s.name, res.StatusCode)
		}
		for _, never := range []string{"<header", "<footer", `class="reach"`, "<dd></dd>", "<p></p>", "<h2></h2>", "0001", "January"} {
			if strings.Contains(res.Body, never) {
				t.Errorf("%s: the page has %s", s.name, never)
			}
		}
	}
}

// A site whose zone is unknown has no page with a wrong time on it.
func TestUnknownZone(t *testing.T) {
	w := newWorld(t)
	w.inv.Zone = "Mars/Phobos"
	if res := w.ask(t, "GET", "/v/"+w.good); res.StatusCode != http.StatusInternalServerError || strings.Contains(res.Body, "Mars") {
		t.Errorf("answered %d: %s", res.StatusCode, text(res.Body))
	}
}

// Times are the site's, whatever the zone of the computer or the season, and named where they would be in doubt.
func TestTimes(t *testing.T) {
	for _, c := range []struct{ start, zone, says string }{
		{"2027-01-05T12:00:00Z", "Europe/London", "You can join from 11:50am on Tuesday 5 January 2027."},
		{"2027-07-05T23:05:00Z", "Europe/London", "You can join from 11:55pm on Monday 5 July 2027."},
		{"2027-07-05T11:10:00Z", "Europe/London", "You can join from midday on Monday 5 July 2027."},
		{"2027-10-31T01:10:00Z", "Europe/London", "You can join from 1am (GMT) on Sunday 31 October 2027."},
		{"2027-10-31T00:10:00Z", "Europe/London", "You can join from 1am (BST) on Sunday 31 October 2027."},
		{"2027-07-05T09:00:00Z", "America/New_York", "You can join from 4:50am on Monday 5 July 2027."},
	} {
		w := newWorld(t)
		start, err := time.Parse(time.RFC3339, c.start)
		if err != nil {
			t.Fatal(err)
		}
		w.inv.Start, w.inv.End, w.inv.Zone, w.clock = start, start.Add(20*time.Minute), c.zone, start.Add(-5*time.Hour)
		if says := text(w.ask(t, "GET", "/v/"+w.good).Body); !strings.Contains(says, c.says) {
			t.Errorf("%s: %s", c.start, says)
		}
	}
}
