package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/web"
)

type visit struct {
	ID           string    `json:"id" readOnly:"true" pattern:"^apt_[0-9a-z]{26}$"`
	Practitioner string    `json:"practitioner" doc:"Who sees the patient."`
	Start        time.Time `json:"start" doc:"When it begins."`
	Note         string    `json:"note,omitempty" maxLength:"200" example:"Don't ring"`
	Status       string    `json:"status" enum:"booked,arrived" readOnly:"true"`
	Rooms        []place   `json:"rooms,omitempty" maxItems:"3"`
	Version      int64     `json:"version" readOnly:"true"`
}

type place struct {
	Room  string           `json:"room"`
	Hours map[string]hours `json:"hours,omitempty"`
}

type hours struct {
	From string `json:"from" pattern:"^[0-2][0-9]:[0-5][05]$" patternDescription:"a time of day in steps of five minutes" example:"09:00"`
}

func (v visit) ETagVersion() int64 { return v.Version }
func (v visit) Path() string       { return "/v1/visits/" + v.ID }

type bookIn struct {
	web.Keyed
	Body visit
}

type moveIn struct {
	web.Keyed
	web.Matched
	ID   string `path:"id" doc:"The visit's id." example:"apt_01kc4z7v8wfj7rw4q3hxe6m2ta"`
	Body visit
}

type listIn struct {
	Date  time.Time `query:"date" timeFormat:"2006-01-02" required:"true" doc:"A day at the site."`
	Limit int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func booking() web.Routes {
	return web.Routes{
		"POST /v1/visits": web.Do(access.AppointmentBook, "Book a visit",
			func(context.Context, web.Request, *bookIn) (visit, error) { return visit{}, nil }).Created().
			Describe("The time is claimed in the same step, or nothing is done."),
		"POST /v1/visits/{id}/move": web.Do(access.AppointmentMove, "Move a visit",
			func(context.Context, web.Request, *moveIn) (visit, error) { return visit{}, nil }),
		"GET /v1/visits": web.Do(access.AvailabilityRead, "List visits",
			func(context.Context, web.Request, *listIn) (web.Page[visit], error) { return web.Page[visit]{}, nil }),
	}
}

type site struct {
	ID   string `json:"id"`
	Zone string `json:"zone" example:"Europe/London"`
}

func clinic() web.Routes {
	return web.Routes{
		"GET /v1/sites": web.Do(access.ConfigurationRead, "List sites",
			func(context.Context, web.Request, *struct{}) (web.Page[site], error) { return web.Page[site]{}, nil }),
	}
}

// newRoot makes a repository of two functions with their documents.
func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if keep := os.Getenv("APIDOCS_KEEP"); keep != "" {
		root = keep // to look at the page in a browser
	}
	if err := os.MkdirAll(filepath.Join(root, "functions", "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, routes := range map[string]web.Routes{"booking": booking(), "clinic": clinic()} {
		doc, err := web.OpenAPI(name, routes)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, root, name, doc)
	}
	return root
}

func mustWrite(t *testing.T, root, function string, doc []byte) {
	t.Helper()
	folder := filepath.Join(root, "functions", function)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "openapi.json"), doc, 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "functions", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPage(t *testing.T) {
	root := newRoot(t)
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	page := mustRead(t, root, "index.html")
	for _, want := range []string{
		"Book a visit", "Move a visit", "List sites", "/v1/healthz"[3:], "The time is claimed in the same step",
		`&#34;id&#34;: &#34;sit_01kc`, `&#34;from&#34;: &#34;09:00&#34;`, "At least 1; at most 200; 50 if left out.",
		"in steps of five minutes", "Needs no log-in", "At most 200 characters", `href="#type-Place"`,
		`Don&#39;\&#39;&#39;t ring`, "?date=2026-11-23", "/v1/visits/apt_01kc4z7v8wfj7rw4q3hxe6m2ta/move", "appointment.book",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, c := range web.Codes() {
		if !strings.Contains(page, `id="`+web.Anchor(c.Code)+`"`) {
			t.Errorf("the page does not describe %s", c.Code)
		}
	}
	for _, never := range []string{"<script", "<link", "<img", "src=", "@import", "url(", `="http`, `="//`, " style=", "ZgotmplZ", "&lt;no value"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	var ids []string
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if slices.Contains(ids, m[1]) {
			t.Errorf("two elements have the id %s", m[1])
		}
		ids = append(ids, m[1])
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(ids, m[1]) {
			t.Errorf("a link leads to %s, which is not there", m[1])
		}
	}
}

// Every chapter of the API's documentation says what it is about, and is named in words.
func TestChapters(t *testing.T) {
	d := mustMerge(t)
	for _, tag := range d.Tags {
		if tag.Description == "" {
			t.Errorf("the chapter %q has no introduction: give it one in merge.go, chapters", tag.Name)
		}
		if strings.Contains(tag.Name, "-") {
			t.Errorf("the chapter %q is not named in words", tag.Name)
		}
	}
}

// Every example shows what a value may look like: none is just "text".
func TestExamples(t *testing.T) {
	d := mustMerge(t)
	none := map[string]bool{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			for _, s := range []*schema{op.Body.schema(), success(op).schema()} {
				var v any
				if err := json.Unmarshal([]byte(d.example(s, false)), &v); err != nil {
					t.Fatalf("the example of %s: %v", op.Summary, err)
				}
				plain(v, "", op.Summary, none)
			}
			if strings.Contains(d.curl(method, path, op), "="+unknown) {
				none["the query of "+op.Summary] = true
			}
		}
	}
	for _, where := range slices.Sorted(maps.Keys(none)) {
		t.Errorf("%s has no example: give it a tag, or a line in sample.go", where)
	}
}

// plain notes the fields of which nothing is shown.
func plain(v any, field, where string, none map[string]bool) {
	switch v := v.(type) {
	case string:
		if v == unknown {
			none[field+" of "+where] = true
		}
	case []any:
		for _, one := range v {
			plain(one, field, where, none)
		}
	case map[string]any:
		for name, one := range v {
			plain(one, name, where, none)
		}
	}
}

// mustMerge makes the document of the repository's own functions.
func mustMerge(t *testing.T) *document {
	t.Helper()
	parts, err := readParts(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	merged, err := merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(merged, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// What is answered by a page, or leads elsewhere, is shown as an answer and not as a refusal; a cookie that is set is
// kept in a jar and brought along from there.
func TestOwnPages(t *testing.T) {
	d := mustMerge(t)
	for _, c := range []struct {
		method, path, says, curl string
		status, others           int
		word                     string
	}{
		{"GET", "/v/{token}", "The page.", "/v/AZ", http.StatusOK, 4, "a page"},
		{"GET", "/v/{token}/join", "To the page of the link.", "/join\"", http.StatusSeeOther, 0, ""},
		{"POST", "/v/{token}/join", "To the room.", "-X POST", http.StatusSeeOther, 4, ""},
		{"GET", "/zoom/callback", "It is connected, or the person did not want that.", "-b jar", http.StatusOK, 4, "a page"},
		{"POST", "/zoom/events", "It is taken; the answer to endpoint.url_validation is as Zoom asks for it.", "x-zm-signature: v0=", http.StatusOK, 3, ""},
		{"POST", "/v1/connections/zoom", "", "-c jar", http.StatusOK, 11, ""},
		{"GET", "/v1/connections", "", "Authorization", http.StatusOK, 7, ""},
	} {
		op := d.operation(c.method, c.path, d.Paths[c.path][strings.ToLower(c.method)])
		if op.Success.Status.Code != c.status || op.Success.Status.Says != c.says || len(op.Refusals) != c.others || op.Success.Type.Word != c.word {
			t.Errorf("%s %s is answered %+v, or %+v", c.method, c.path, op.Success, op.Refusals)
		}
		if !strings.Contains(op.Curl, c.curl) || c.curl == "Authorization" && strings.Contains(op.Curl, "jar") {
			t.Errorf("%s %s is asked by %s", c.method, c.path, op.Curl)
		}
		for _, r := range op.Refusals {
			if r.Code < 400 || op.Own && !strings.HasSuffix(r.Says, ".") {
				t.Errorf("%s %s is refused with %+v", c.method, c.path, r)
			}
		}
	}
}

// A list of codes in a description is shown as one, and stands for the list of allowed values.
func TestExplained(t *testing.T) {
	d := document{}
	f := d.field("why", &schema{
		Type: kinds{"string"}, Enum: []any{"a", "b"}, MaxLength: new(int),
		Description: "Why.\n\n- `a`: the one - `really`\n- `b`: the other",
	}, false)
	if want := [][2]string{{"a", "the one - `really`"}, {"b", "the other"}}; f.Text != "Why." || !slices.Equal(f.Codes, want) || len(f.Rules) != 1 {
		t.Errorf("%+v", f)
	}
	if text, codes := explained("Why.\n- a"); text != "Why.\n- a" || codes != nil {
		t.Errorf("%q %v", text, codes)
	}
}

// Where values are listed and explained, all of them are.
func TestExplainedValues(t *testing.T) {
	d, n := mustMerge(t), 0
	for name, s := range d.Components.Schemas {
		for field, p := range s.Properties {
			_, codes := explained(p.Description)
			if len(codes) == 0 || len(p.Enum) == 0 {
				continue
			}
			n++
			for _, c := range codes {
				if !slices.Contains(p.Enum, any(c[0])) {
					t.Errorf("%s of %s is explained and cannot be %s", c[0], name, field)
				}
			}
			if len(codes) != len(p.Enum) {
				t.Errorf("%s of %s can be %v, and explained are %v", field, name, p.Enum, codes)
			}
		}
	}
	if n == 0 {
		t.Error("no field is explained")
	}
}

// An example holds all that is required, and of a list of values one.
func TestExamplesKeepTheRules(t *testing.T) {
	d := mustMerge(t)
	for name, s := range d.Components.Schemas {
		var got map[string]any
		if json.Unmarshal([]byte(d.example(&schema{Ref: "#/components/schemas/" + name}, false)), &got) != nil {
			continue // a list, or a text
		}
		for field, p := range s.Properties {
			value, there := got[field]
			if !there && slices.Contains(s.Required, field) {
				t.Errorf("the example of %s lacks %s", name, field)
			}
			if word, ok := value.(string); ok && len(p.Enum) > 0 && !slices.Contains(p.Enum, any(word)) {
				t.Errorf("%s of the example of %s is %q, want one of %v", field, name, word, p.Enum)
			}
		}
	}
}

// No example says one thing in one field and another in the next.
func TestExamplesAgree(t *testing.T) {
	d := mustMerge(t)
	for name, without := range map[string][]string{
		"View": {"why", "triedAgain"}, "Task": {"doneAt", "doneBy"}, "Connected": {"why", "missing", "note"},
		"Happening": {"start", "minutes"}, "Appointment": {"cancelReason"}, "Alert": {"findings"}, "Delivery": {"reason"},
	} {
		text := d.example(&schema{Ref: "#/components/schemas/" + name}, false)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) < 4 {
			t.Fatalf("%s: %s, %v", name, text, err)
		}
		for _, field := range without {
			if _, ok := got[field]; ok || d.Components.Schemas[name].Properties[field] == nil {
				t.Errorf("%s of the example of %s: %s", field, name, text)
			}
		}
	}
	var view struct {
		State    string
		Provider struct{ Update, Events bool }
	}
	if err := json.Unmarshal([]byte(d.example(&schema{Ref: "#/components/schemas/View"}, false)), &view); err != nil ||
		view.State != "ready" || !view.Provider.Update || !view.Provider.Events {
		t.Errorf("%+v, %v", view, err)
	}
	if text := d.example(&schema{Ref: "#/components/schemas/Delivery"}, false); !strings.Contains(text, `"state": "done"`) {
		t.Errorf("what was handed over is %s", text) // a sample goes before the first of a list
	}
}

func TestCheck(t *testing.T) {
	root := newRoot(t)
	if err := run(root, true); err == nil {
		t.Error("missing files pass the check")
	}
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Errorf("files just made fail the check: %v", err)
	}
	changed := clinic()
	changed["GET /v1/rooms"] = web.Do(access.ConfigurationRead, "List rooms",
		func(context.Context, web.Request, *struct{}) (web.Page[site], error) { return web.Page[site]{}, nil })
	doc, err := web.OpenAPI("clinic", changed)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, root, "clinic", doc)
	err = run(root, true)
	if err == nil || !strings.Contains(err.Error(), "openapi.json is out of date") || !strings.Contains(err.Error(), "index.html is out of date") {
		t.Errorf("drift is reported as %v", err)
	}
}

func TestMergeRefuses(t *testing.T) {
	document := func(path, id, schema string) []byte {
		return []byte(`{"components":{"schemas":{"Thing":` + schema + `}},"paths":{"` + path + `":{"get":{"operationId":"` + id + `","tags":["T"]}}}}`)
	}
	cases := map[string]struct {
		second []byte
		want   string
	}{
		"two meanings of a name": {document("/b", "b", `{"type":"string"}`), "component schemas/Thing is one thing in a and another in b"},
		"two of one address":     {document("/a", "b", `{}`), "path /a get is one thing in a and another in b"},
		"two of one summary":     {document("/b", "a", `{}`), "same operationId a"},
		"no JSON":                {[]byte(`{`), "b: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := merge(map[string][]byte{"a": document("/a", "a", `{}`), "b": c.second})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := readParts(t.TempDir()); err == nil {
		t.Error("a repository without documents passes")
	}
}
