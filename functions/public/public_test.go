package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/page"
	"almanac/shared/table"
	"almanac/shared/video"
)

func encode(parts ...[]byte) string {
	return base64.RawURLEncoding.EncodeToString(slices.Concat(parts...))
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// text is what a page says, without its markup.
func text(body string) string {
	body = regexp.MustCompile(`(?s)<(head|style)>.*?</(head|style)>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(body), " ")
}

// The sample events, which sam local invoke takes too, are of the good link.
func TestEvents(t *testing.T) {
	for name, want := range map[string]int{"public.show.json": http.StatusOK, "public.join.json": http.StatusSeeOther} {
		text, err := os.ReadFile(filepath.Join("..", "..", "events", name))
		if err != nil {
			t.Fatal(err)
		}
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(text, &ev); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		w.clock = now().Add(20 * time.Minute)
		if res, err := w.handler()(t.Context(), ev); err != nil || res.StatusCode != want {
			t.Errorf("%s: answered %d, %v", name, res.StatusCode, err)
		}
		if route := `"route":"` + ev.RouteKey + `"`; !strings.Contains(w.log.String(), route) {
			t.Errorf("%s: the log lacks %s: %s", name, route, w.log.String())
		}
	}
}

func TestShow(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t)
			good := w.good
			s.set(w)
			res := w.ask(t, "GET", "/v/"+good)
			want := s.status
			if want == 0 {
				want = http.StatusOK
			}
			if res.StatusCode != want || !strings.Contains(res.Body, "<title>"+s.title+"</title>") {
				t.Errorf("answered %d: %s", res.StatusCode, res.Body)
			}
			says := text(res.Body)
			for _, part := range s.says {
				if !strings.Contains(says, part) {
					t.Errorf("it does not say %q: %s", part, says)
				}
			}
			for _, part := range append(s.never, "PlantedPasscode", "zoom.us/j") {
				if strings.Contains(res.Body, part) {
					t.Errorf("it says %q", part)
				}
			}
			if got := strings.Contains(res.Body, "<button"); got != s.joins {
				t.Errorf("a button: %t", got)
			}
			if got := res.Headers["refresh"] != ""; got != s.waits {
				t.Errorf("refresh: %q", res.Headers["refresh"])
			}
			if n := strings.Count(res.Body, `class="reach"`); n > 1 {
				t.Errorf("it says %d times how the clinic is reached", n)
			}
			if w.joined != 0 {
				t.Error("looking at the page joined the call")
			}
		})
	}
}

// What every page and every refusal carries, and what no page has.
func TestHeaders(t *testing.T) {
	for _, s := range scenes() {
		for _, method := range []string{"GET", "POST", "PUT"} {
			w := newWorld(t)
			good := w.good
			s.set(w)
			path := "/v/" + good
			if method == "POST" {
				path += "/join"
			}
			res := w.ask(t, method, path)
			style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(res.Body)
			policy := res.Headers["content-security-policy"]
			if style != nil {
				sum := sha256.Sum256([]byte(style[1]))
				if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(policy, "style-src 'sha256-"+hash+"';") {
					t.Errorf("%s %s: the policy does not let the page's style through: %s", method, s.name, policy)
				}
			}
			form := "form-action 'none';"
			if strings.Contains(res.Body, "<form") {
				form = "form-action 'self' https://zoom.us https://*.zoom.us;"
			}
			for _, part := range []string{"default-src 'none';", form, "base-uri 'none';", "frame-ancestors 'none'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s %s: the policy lacks %q: %s", method, s.name, part, policy)
				}
			}
			for name, want := range map[string]string{
				"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
				"strict-transport-security": "max-age=31536000; includeSubDomains", "x-robots-tag": "noindex, nofollow, noarchive",
			} {
				if res.Headers[name] != want {
					t.Errorf("%s %s: %s is %q", method, s.name, name, res.Headers[name])
				}
			}
			for _, never := range []string{"<script", "<link", "<img", " style=", " onclick=", "http://", "http-equiv", "ZgotmplZ"} {
				if strings.Contains(res.Body, never) {
					t.Errorf("%s %s: the page has %s", method, s.name, never)
				}
			}
		}
	}
}

func TestJoin(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t)
			good := w.good
			s.set(w)
			res := w.ask(t, "POST", "/v/"+good+"/join")
			switch {
			case s.joins:
				if res.StatusCode != http.StatusSeeOther || res.Headers["location"] != joinURL || w.joined != 1 || res.Body != "" {
					t.Errorf("answered %d %v, joined %d times", res.StatusCode, res.Headers, w.joined)
				}
			case w.joined != 0 || res.Headers["location"] != "":
				t.Errorf("it joined: %v", res.Headers)
			case s.status == 0 || s.status == http.StatusGone:
				if res.StatusCode != http.StatusConflict || !strings.Contains(res.Body, "<title>"+s.title) {
					t.Errorf("answered %d: %s", res.StatusCode, text(res.Body))
				}
			case res.StatusCode != s.status:
				t.Errorf("answered %d: %s", res.StatusCode, text(res.Body))
			}
		})
	}
}

// A room that went while the page was open shows as one that is not ready; an address that leads elsewhere leads nowhere.
func TestJoinRefused(t *testing.T) {
	w := newWorld(t)
	w.clock = now().Add(20 * time.Minute)
	w.joinErr = fault.New(fault.Conflict, "room_ended", "Its meeting is over.")
	if res := w.ask(t, "POST", "/v/"+w.good+"/join"); res.StatusCode != http.StatusConflict ||
		!strings.Contains(res.Body, "there is no call to join") || res.Headers["refresh"] != "60; url=/v/"+w.good {
		t.Errorf("answered %d %v: %s", res.StatusCode, res.Headers, text(res.Body))
	}
	handle := w.visits()
	handle.join = func(context.Context, access.Caller, string) (string, error) { // cancelled while the button was pressed
		w.inv.Cancelled = true
		return "", fault.New(fault.Conflict, "appointment_cancelled", "This appointment was cancelled.")
	}
	if a, err := handle.enter(t.Context(), page.Request{Path: map[string]string{"token": w.good}}); err != nil ||
		a.Status != http.StatusConflict || a.State != string(cancelled) {
		t.Errorf("answered %d %s, %v", a.Status, a.State, err)
	}
	w.inv.Cancelled = false
	w.joinErr = fault.New(fault.Unavailable, "provider_unavailable", "Try again.")
	if res := w.ask(t, "POST", "/v/"+w.good+"/join"); res.StatusCode != http.StatusServiceUnavailable || res.Headers["retry-after"] == "" {
		t.Errorf("answered %d %v", res.StatusCode, res.Headers)
	}
	w.joinErr, w.to = nil, "https://zoom.us.evil.example/j/93412345678?pwd=PlantedPasscode"
	if res := w.ask(t, "POST", "/v/"+w.good+"/join"); res.StatusCode != http.StatusInternalServerError ||
		res.Headers["location"] != "" || strings.Contains(res.Body, "evil") {
		t.Errorf("answered %d %v", res.StatusCode, res.Headers)
	}
}

// What is no link, what never was one and what is another organisation's are answered alike, with the same work behind it.
func TestWrongLink(t *testing.T) {
	w := newWorld(t)
	first := w.ask(t, "GET", "/v/"+token(t, org, "AAAAAAAAAAAAAAAAAAAAAA"))
	if first.StatusCode != http.StatusNotFound {
		t.Fatalf("answered %d", first.StatusCode)
	}
	for name, path := range map[string]string{
		"foreign":         "/v/" + token(t, "org_01kajw1ca0e00800000006ywk8", secret),
		"short":           "/v/abc",
		"long":            "/v/" + strings.Repeat("A", 5000),
		"one bit more":    "/v/" + w.good[:42] + "B",
		"padded":          "/v/" + w.good + "=",
		"spaces":          "/v/%20" + w.good,
		"not text":        "/v/\xff\xfe\x00",
		"markup":          "/v/<script>alert(1)</script>", // two segments more
		"markup, escaped": "/v/<script>",
		"template":        "/v/{{.}}",
		"another path":    "/v/" + w.good + "/",
		"deeper":          "/v/" + w.good + "/join/now",
		"nothing":         "/v/",
	} {
		w.asked, w.took = nil, nil
		res := w.ask(t, "GET", path)
		if res.StatusCode != first.StatusCode || res.Body != first.Body || fmt.Sprint(res.Headers) != fmt.Sprint(first.Headers) {
			t.Errorf("%s: answered %d %v: %s", name, res.StatusCode, res.Headers, res.Body)
		}
		if strings.Count(path, "/") == 2 && path != "/v/" && (len(w.asked) != 1 || len(w.took) != 3) {
			t.Errorf("%s: asked for %q, counted %q", name, w.asked, w.took)
		}
		for _, asked := range w.asked {
			of, token, _ := strings.Cut(asked, " ")
			if !id.Valid(of, "org") || len(token) != len(w.good) || name != "foreign" && token != strings.Repeat("A", len(token)) {
				t.Errorf("%s: looked for %q", name, asked)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t)
	w.clock = now().Add(20 * time.Minute)
	if res := w.ask(t, "HEAD", "/v/"+w.good); res.StatusCode != http.StatusOK || res.Body != "" || res.Headers["content-type"] == "" {
		t.Errorf("HEAD: %d %v %q", res.StatusCode, res.Headers, res.Body)
	}
	for path, allow := range map[string]string{"/v/" + w.good: "GET, HEAD", "/v/" + w.good + "/join": "GET, HEAD, POST"} {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"} {
			if res := w.ask(t, method, path); res.StatusCode != http.StatusMethodNotAllowed || res.Headers["allow"] != allow {
				t.Errorf("%s %s: %d %v", method, path, res.StatusCode, res.Headers)
			}
		}
	}
	if res := w.ask(t, "POST", "/v/"+w.good); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST of the page: %d", res.StatusCode)
	}
	for _, method := range []string{"GET", "HEAD"} {
		if res := w.ask(t, method, "/v/"+w.good+"/join"); res.StatusCode != http.StatusSeeOther || res.Headers["location"] != "/v/"+w.good {
			t.Errorf("%s of the button's address: %d %v", method, res.StatusCode, res.Headers)
		}
	}
	body := func(n int, base64 bool) func(*events.APIGatewayV2HTTPRequest) {
		return func(ev *events.APIGatewayV2HTTPRequest) { ev.Body, ev.IsBase64Encoded = strings.Repeat("A", n), base64 }
	}
	if w.joined != 0 {
		t.Error("something other than the button joined")
	}
	for _, encoded := range []bool{false, true} {
		if res := w.ask(t, "POST", "/v/"+w.good+"/join", body(1<<20, encoded)); res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a body of a megabyte: %d", res.StatusCode)
		}
		if res := w.ask(t, "POST", "/v/"+w.good+"/join", body(100, encoded)); res.StatusCode != http.StatusSeeOther {
			t.Errorf("a body that means nothing: %d", res.StatusCode)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, name := range []string{"visit-address", "visit-link"} {
		w := newWorld(t)
		w.clock, w.full = now().Add(20*time.Minute), name
		for method, path := range map[string]string{"GET": "/v/" + w.good, "POST": "/v/" + w.good + "/join"} {
			res := w.ask(t, method, path)
			if res.StatusCode != http.StatusTooManyRequests || res.Headers["retry-after"] != "40" || len(w.asked) != 0 || w.joined != 0 {
				t.Errorf("%s %s: answered %d %v", name, method, res.StatusCode, res.Headers)
			}
		}
	}
	// However many wrong links of an organisation are tried, and whoever tries, its patients get in.
	w := newWorld(t)
	w.clock, w.full = now().Add(20*time.Minute), "visit-organisation"
	for method, path := range map[string]string{"GET": "/v/" + w.good, "POST": "/v/" + w.good + "/join"} {
		if res := w.ask(t, method, path); res.StatusCode == http.StatusTooManyRequests {
			t.Errorf("%s of a right link: answered %d", method, res.StatusCode)
		}
	}
	if w.joined != 1 || slices.Contains(w.took, "visit-organisation "+org) {
		t.Errorf("joined %d times, counted %q", w.joined, w.took)
	}
	for name, asked := range map[string]string{"none": "abc", "never was": token(t, org, "AAAAAAAAAAAAAAAAAAAAAA"), "refused": w.good} {
		if name == "refused" {
			w.err = fault.New(fault.Denied, "denied", "This organisation may not.")
		}
		w.took = nil
		res := w.ask(t, "GET", "/v/"+asked)
		if res.StatusCode != http.StatusTooManyRequests || res.Headers["retry-after"] != "40" || len(w.took) != 3 {
			t.Errorf("%s: answered %d %v, counted %q", name, res.StatusCode, res.Headers, w.took)
		}
		w.err = nil
	}
	// An address that is over its limit does not use up what others may ask for, and only the gateway says whose it is.
	w = newWorld(t)
	w.full = "visit-address"
	w.ask(t, "GET", "/v/"+w.good, func(ev *events.APIGatewayV2HTTPRequest) {
		ev.Headers = map[string]string{"x-forwarded-for": "198.51.100.9", "forwarded": "for=198.51.100.9", "x-real-ip": "198.51.100.9"}
	})
	if len(w.took) != 1 || w.took[0] != "visit-address 192.0.2.17" {
		t.Errorf("counted %q", w.took)
	}
	for address, want := range map[string]string{
		"192.0.2.17": "192.0.2.17", "::ffff:192.0.2.17": "192.0.2.17", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "nonsense": "nonsense", "": "",
	} {
		if got := network(address); got != want {
			t.Errorf("%q counts as %q", address, got)
		}
	}
	if b := (table.Bucket{Most: mostOfLink}); b.Most < 3*int(time.Minute/every) {
		t.Error("a page that waits on three screens is over the limit")
	}
}

// Who must not be interrupted turns the refreshing off, and on again.
func TestRefresh(t *testing.T) {
	w := newWorld(t)
	w.clock, w.inv.HostThere = now().Add(20*time.Minute), false
	on := w.ask(t, "GET", "/v/"+w.good)
	if on.Headers["refresh"] != "60; url=/v/"+w.good || !strings.Contains(on.Body, `href="/v/`+w.good+`?refresh=off"`) {
		t.Errorf("on: %v %s", on.Headers, text(on.Body))
	}
	off := w.ask(t, "GET", "/v/"+w.good, func(ev *events.APIGatewayV2HTTPRequest) { ev.RawQueryString = "refresh=off" })
	if off.Headers["refresh"] != "" || !strings.Contains(off.Body, "does not refresh by itself") || !strings.Contains(off.Body, `href="/v/`+w.good+`"`) {
		t.Errorf("off: %v %s", off.Headers, text(off.Body))
	}
	w.clock = now().Add(-5 * time.Minute)
	if early := w.ask(t, "GET", "/v/"+w.good); early.Headers["refresh"] != "600; url=/v/"+w.good {
		t.Errorf("ten minutes before it opens: %v", early.Headers)
	}
}

// The boundaries of the states, to the second.
func TestJudge(t *testing.T) {
	inv := typical()
	for at, want := range map[time.Duration]state{
		-opensBefore - time.Second: early, -opensBefore: open,
		90*time.Minute - time.Second: open, 90 * time.Minute: over,
		30*time.Minute + keptFor - time.Second: over, 30*time.Minute + keptFor: expired,
	} {
		if got := judge(inv, inv.Start.Add(at)); got != want {
			t.Errorf("%s from the start: %s, want %s", at, got, want)
		}
	}
	inv.Cancelled = true
	if got := judge(inv, inv.End.Add(keptFor)); got != expired {
		t.Errorf("a cancelled visit of long ago: %s", got)
	}
}

func TestLeads(t *testing.T) {
	origins := []string{"https://zoom.us", "https://*.zoom.us", "http://127.0.0.1:8083", "http://plain.example"}
	for to, want := range map[string]bool{
		joinURL: true, "https://zoom.us/j/1": true, "https://a.b.zoom.us/j/1": true, "http://127.0.0.1:8083/j/1": true,
		"http://zoom.us/j/1": false, "https://zoom.us.evil.example/j/1": false, "https://evilzoom.us/j/1": false,
		"https://zoom.us@evil.example/": false, "https://evil.example/zoom.us": false, "//zoom.us/j/1": false, "/j/1": false,
		"javascript:alert(1)": false, "https://zoom.us\\@evil.example/": false, "https://zoom.us:444/j/1": false,
		"https://.zoom.us/j/1": false, "http://127.0.0.1:8084/j/1": false, "http://plain.example/": false, "": false,
		"https://zoom.us/\r\nSet-Cookie: a=b": false,
	} {
		if got := leads(origins, to); got != want {
			t.Errorf("%q: %t", to, got)
		}
	}
}

// The head of the page names the clinic once, whichever of its two names has the other in it.
func TestClinicsName(t *testing.T) {
	for _, c := range [][3]string{
		{"Willow Clinic, Elm Road", "Willow Clinic", "Willow Clinic, Elm Road"},
		{"Elm Road (WILLOW CLINIC)", "Willow Clinic", "Elm Road (WILLOW CLINIC)"},
		{"Elm Road", "Elm Road Practice", "Elm Road Practice"},
		{"Willow Clinics", "Willow Clinic", "Willow Clinics, Willow Clinic"},
		{"Elm Road", "Willow Clinic", "Elm Road, Willow Clinic"},
		{"Willow Clinic", "Willow Clinic", "Willow Clinic"},
		{"<>", "!", "<>, !"},
		{"", "Willow Clinic", "Willow Clinic"},
		{"Elm Road", "", "Elm Road"},
	} {
		if got := from(video.Invitation{Site: video.Contact{Name: c[0]}, Organisation: c[1]}); got != c[2] {
			t.Errorf("%q of %q is called %q", c[0], c[1], got)
		}
	}
}
