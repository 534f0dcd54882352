package browser_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"almanac/infra/browser"
)

func start(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start(t.Context())
	if errors.Is(err, browser.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return b
}

const sound = `<!DOCTYPE html><html lang="en"><head><title>Sound</title><link rel="icon" href="data:,"></head><body><main>
<h1>Sound</h1><form method="post" action="/next"><p><label for="n">Name</label> <input id="n" name="n"></p>
<p><button style="min-height:44px;min-width:44px">Go on</button></p></form></main></body></html>`

// Whatever is wrong with a page is found: if this test is green, so is not every page.
func TestFaults(t *testing.T) {
	b := start(t)
	for name, c := range map[string]struct{ from, to, policy, want string }{
		"nothing":             {"", "", "", ""},
		"contrast":            {"<h1>", `<h1 style="opacity:0.3">`, "", "contrast (serious)"},
		"a field unnamed":     {`<label for="n">`, `<label>`, "", "axe: label"},
		"no language":         {` lang="en"`, "", "", "axe: html-has-lang"},
		"refresh by markup":   {"<head>", `<head><meta http-equiv="refresh" content="30">`, "", "axe: meta-refresh"},
		"a script's error":    {"</main>", "</main><script>nothing.there()</script>", "", "console: ReferenceError"},
		"stopped by a policy": {"", "", "default-src 'none'; img-src data:", "console: Applying inline style violates"},
		"too wide":            {"<h1>", `<h1 style="width:500px">`, "", "wider than the window"},
		"too small":           {"min-height:44px", "height:20px;padding:0", "", "too small"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.policy != "" {
					w.Header().Set("Content-Security-Policy", c.policy)
				}
				_, _ = w.Write([]byte(strings.Replace(sound, c.from, c.to, 1)))
			}))
			defer s.Close()
			r, err := b.Open(browser.Visit{URL: s.URL, Axe: true})
			if err != nil {
				t.Fatal(err)
			}
			field := func(f string) bool { return strings.Contains(f, "pressed") && strings.Contains(f, `""`) }
			faults := slices.DeleteFunc(r.Faults(), field) // the field of the sample is small
			switch {
			case c.want == "" && len(faults) > 0:
				t.Errorf("a sound page has faults: %q", faults)
			case c.want != "" && !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, c.want) }):
				t.Errorf("not found among %q", faults)
			}
		})
	}
}

// A visit does what a person does, and says where that led.
func TestOpen(t *testing.T) {
	b := start(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte("<title>Next</title><p>Hello " + r.PostFormValue("n")))
			return
		}
		_, _ = w.Write([]byte(sound))
	}))
	defer s.Close()
	picture := filepath.Join(t.TempDir(), "page.png")
	for _, noScript := range []bool{false, true} {
		r, err := b.Open(browser.Visit{
			URL: s.URL, NoScript: noScript, Screenshot: picture,
			Steps: []browser.Step{{Fill: "Name", With: "Mary"}, {Key: "Tab"}, {Click: "Go on"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.URL != s.URL+"/next" || r.Status != http.StatusConflict || r.Title != "Next" || r.Text != "Hello Mary" {
			t.Errorf("%+v", r)
		}
		if !slices.Contains(r.Requests, "POST "+s.URL+"/next") {
			t.Errorf("requests are %q", r.Requests)
		}
	}
	if _, err := b.Open(browser.Visit{URL: s.URL, Timeout: 200, Steps: []browser.Step{{Click: "Not there"}}}); err == nil {
		t.Error("a button that is not there was pressed")
	}
	if _, err := b.Open(browser.Visit{URL: "http://almanac.example/"}); err == nil {
		t.Error("the world outside was asked")
	}
	if r, err := b.Open(browser.Visit{URL: s.URL}); err != nil || r.Title != "Sound" {
		t.Errorf("after that: %+v, %v", r, err)
	}
}
