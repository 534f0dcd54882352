package main

import (
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/infra/browser"
	"almanac/shared/video"
)

var screenshots = flag.String("screenshots", "", "a folder for pictures of every page")

func picture(name string) string {
	if *screenshots == "" {
		return ""
	}
	return filepath.Join(*screenshots, strings.ReplaceAll(name, " ", "-")+".png")
}

func start(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start(t.Context())
	if errors.Is(err, browser.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// Every page, as a phone and as a computer shows it, by day and by night: nothing for axe, for the policy or for the
// console to complain of, nothing too wide or too small, and nothing loaded from anywhere.
func TestBrowser(t *testing.T) {
	b := start(t)
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t)
			path := "/v/" + w.good
			s.set(w)
			site := w.serve(t)
			for name, v := range map[string]browser.Visit{
				"phone": {}, "phone dark": {Dark: true}, "computer": {Width: 1280, Height: 800},
				"small": {Width: 320, Height: 480, Dark: true, NoScript: true},
			} {
				v.URL, v.Axe, v.Screenshot = site.URL+path, v.Width == 0, picture(s.name+" "+name) // wider, the elements are the same
				r, err := b.Open(v)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range r.Faults() {
					if s.status < 400 || !strings.Contains(f, "Failed to load resource") { // the status, in Chromium's words
						t.Errorf("%s: %s", name, f)
					}
				}
				if r.Title != s.title || r.Status != max(s.status, http.StatusOK) {
					t.Errorf("%s: %d %q", name, r.Status, r.Title)
				}
				if want := []string{"GET " + site.URL + path}; !slices.Equal(r.Requests, want) {
					t.Errorf("%s: asked for %q", name, r.Requests)
				}
				if r.Bytes > 10<<10 {
					t.Errorf("%s: %d bytes", name, r.Bytes)
				}
			}
		})
	}
}

// The button leads to the call, by keyboard alone and without scripts, and the policy lets it.
func TestBrowserJoins(t *testing.T) {
	b := start(t)
	call := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>Call</title>" + r.Referer()))
	}))
	defer call.Close()
	w := newWorld(t)
	w.clock, w.to, w.origins = now().Add(20*time.Minute), call.URL+"/j/93412345678?pwd=PlantedPasscode", []string{call.URL}
	site := w.serve(t)
	for _, v := range []browser.Visit{{}, {NoScript: true}} {
		v.URL, v.Steps = site.URL+"/v/"+w.good, []browser.Step{{Click: "Join the video call"}}
		r, err := b.Open(v)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL != w.to || r.Title != "Call" || strings.Contains(r.Text, "/v/") || len(r.Faults()) > 0 {
			t.Errorf("came to %+v", r)
		}
	}
	// Where the page is older than the state, the button shows the new one.
	w.inv.Cancelled = false
	site.Config.Handler = changing(site.Config.Handler, func() { w.inv.Cancelled = true })
	r, err := b.Open(browser.Visit{
		URL: site.URL + "/v/" + w.good, Steps: []browser.Step{{Click: "Join the video call"}}, Axe: true,
		Screenshot: picture("pressed too late"),
	})
	if err != nil || r.Status != http.StatusConflict || r.Title != "Your video appointment was cancelled" {
		t.Errorf("%+v, %v", r, err)
	}
}

// A policy that does not name where the call is stops the button: if it stopped doing so, the test above would say
// nothing.
func TestBrowserStopped(t *testing.T) {
	b := start(t)
	call := httptest.NewServer(http.NotFoundHandler())
	defer call.Close()
	w := newWorld(t)
	w.clock, w.to, w.origins = now().Add(20*time.Minute), call.URL+"/j/1", []string{call.URL}
	site := w.serve(t)
	next := site.Config.Handler
	site.Config.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(narrowed{out}, r)
	})
	r, err := b.Open(browser.Visit{
		URL: site.URL + "/v/" + w.good, Steps: []browser.Step{{Click: "Join the video call"}}, Timeout: 2000,
	})
	if err == nil && strings.HasPrefix(r.URL, call.URL) {
		t.Errorf("the policy let the button through: %+v", r)
	}
}

// narrowed takes the way to the call out of the policy.
type narrowed struct{ http.ResponseWriter }

func (n narrowed) WriteHeader(status int) {
	h := n.Header()
	policy, _, _ := strings.Cut(h.Get("Content-Security-Policy"), " http://")
	h.Set("Content-Security-Policy", policy)
	n.ResponseWriter.WriteHeader(status)
}

// changing changes something after each answer.
func changing(h http.Handler, change func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		change()
	})
}

// A page with as much on it as can be, and names as long as they come, fits a small phone.
func TestBrowserHostile(t *testing.T) {
	b := start(t)
	for name, text := range map[string]string{
		"long": "Dr " + strings.Repeat("Wolfeschlegelsteinhausenbergerdorff", 6), "markup": `<script>alert(1)</script><b>"'&amp;`,
		"right to left": "د. أمارا أوكافور",
	} {
		w := newWorld(t)
		w.clock, w.inv.Moved, w.inv.HostThere = now().Add(20*time.Minute), true, false
		w.inv.Organisation, w.inv.Practitioner = text, text
		w.inv.Site = video.Contact{Name: text, Phone: "020 7946 0123 " + text, Email: strings.Repeat("a", 60) + "@riverside.example"}
		site := w.serve(t)
		for _, v := range []browser.Visit{{Width: 320, Height: 480}, {Width: 1280, Height: 800, Dark: true}} {
			v.URL, v.Axe, v.Screenshot = site.URL+"/v/"+w.good, true, picture("hostile "+name)
			r, err := b.Open(v)
			if err != nil {
				t.Fatal(err)
			}
			if f := r.Faults(); len(f) > 0 {
				t.Errorf("%s: %q", name, f)
			}
			if !strings.Contains(r.Text, text) {
				t.Errorf("%s: shown as %s", name, r.Text)
			}
		}
	}
}
