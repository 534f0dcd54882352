package almanac_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"almanac/infra/cfn"
)

// house is what the checks look at: the template and the files that must agree with it.
type house struct {
	text      string        // template.yaml
	template  *cfn.Template // nil if it does not parse
	functions []string      // folders under functions/
	events    map[string]string
	openAPI   string
	readme    string
	makefile  string
	runbook   string
	deploy    string
	config    string          // the source of shared/app, which alone reads the environment
	exercised map[string]bool // the functions whose tests call clinictest.Exercise
}

// check is one rule of the house. It answers with a sentence for each breach.
type check struct {
	name string
	find func(house) []string
}

func checks() []check {
	return []check{
		{"folders", folders},
		{"events", events},
		{"environment", environment},
		{"functions", functions},
		{"roles", roles},
		{"statements", statements},
		{"senders", senders},
		{"log groups", logGroups},
		{"API", api},
		{"routes", routes},
		{"OpenAPI", openAPI},
		{"queue mappings", queueMappings},
		{"stream mappings", streamMappings},
		{"schedules", schedules},
		{"queues", queues},
		{"table", table},
		{"key", key},
		{"alarms", alarms},
		{"runbook", runbook},
		{"residency", residency},
		{"deployment", deployment},
		{"README", readme},
	}
}

// TestLayout holds template.yaml, functions/, events/ and the documents together.
func TestLayout(t *testing.T) {
	h := loadHouse(t)
	if h.template == nil {
		t.Fatal(h.parse())
	}
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range c.find(h) {
				t.Error(p)
			}
		})
	}
}

// problems runs every check, as TestLayout does.
func (h house) problems() []string {
	if err := h.parse(); err != nil {
		return []string{err.Error()}
	}
	h.template, _ = parse(h.text)
	var all []string
	for _, c := range checks() {
		all = append(all, c.find(h)...)
	}
	return all
}

func (h house) parse() error {
	_, err := parse(h.text)
	return err
}

func parse(text string) (*cfn.Template, error) {
	return cfn.Parse([]byte(text), cfn.Values{Parameters: map[string]string{"MailFrom": "bookings@mail.example.org"}})
}

func loadHouse(t *testing.T) house {
	t.Helper()
	h := house{
		text: text(t, "template.yaml"), openAPI: text(t, "functions/docs/openapi.json"), readme: text(t, "README.md"),
		makefile: text(t, "Makefile"), runbook: text(t, "docs/runbook.md"),
		deploy: text(t, "docs/deploy.md"),
		events: map[string]string{}, exercised: map[string]bool{},
	}
	h.template, _ = parse(h.text)
	for _, path := range glob(t, "shared/app/*.go") {
		if !strings.HasSuffix(path, "_test.go") {
			h.config += text(t, path)
		}
	}
	for _, path := range glob(t, "functions/*/main.go") {
		h.functions = append(h.functions, filepath.Base(filepath.Dir(path)))
	}
	for _, path := range glob(t, "events/*") {
		h.events[filepath.Base(path)] = text(t, path)
	}
	for _, path := range glob(t, "functions/*/*_test.go") {
		if strings.Contains(text(t, path), "clinictest.Exercise") {
			h.exercised[filepath.Base(filepath.Dir(path))] = true
		}
	}
	return h
}

// text reads a file; one that is missing is reported and reads as empty, so that the other checks still run.
func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// folders: functions/ and template.yaml name the same functions, each built into its own folder.
func folders(h house) []string {
	var out []string
	declared := map[string]bool{}
	for _, f := range h.template.Functions {
		name := kebab(f.ID)
		declared[name] = true
		if f.CodeURI != "dist/"+name+"/" {
			out = append(out, fmt.Sprintf("%s: CodeUri is %q, not dist/%s/", f.ID, f.CodeURI, name))
		}
		if !slices.Contains(h.functions, name) {
			out = append(out, fmt.Sprintf("%s is in template.yaml, but functions/%s/main.go is missing", f.ID, name))
		}
		if len(f.Routes) > 0 && slices.ContainsFunc(f.Routes, private) && !h.exercised[name] {
			out = append(out, fmt.Sprintf("no test in functions/%s calls clinictest.Exercise", name))
		}
	}
	for _, name := range h.functions {
		if !declared[name] {
			out = append(out, fmt.Sprintf("functions/%s is not in template.yaml", name))
		}
	}
	return out
}

// kebab gives the folder's name for a logical ID: EmailDispatch becomes email-dispatch.
func kebab(id string) string {
	var b strings.Builder
	for i, r := range id {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// event is the little of a sample event that shows who sends it.
type event struct {
	RouteKey string `json:"routeKey"`
	Source   string `json:"source"`
	Records  []struct {
		Source string `json:"eventSource"`
	}
}

// events: each function has a sample event, each sample has a function, and it is of a kind that wakes that function.
func events(h house) []string {
	var out []string
	samples := map[string]int{}
	for _, file := range sorted(h.events) {
		name, rest, _ := strings.Cut(file, ".")
		if !strings.HasSuffix(rest, ".json") || strings.Count(rest, ".") != 1 {
			out = append(out, fmt.Sprintf("events/%s is not named <function>.<case>.json", file))
			continue
		}
		samples[name]++
		i := slices.IndexFunc(h.template.Functions, func(f cfn.Function) bool { return kebab(f.ID) == name })
		if i < 0 {
			out = append(out, fmt.Sprintf("events/%s: no function is called %s", file, name))
			continue
		}
		if p := wakes(h.template.Functions[i], h.events[file]); p != "" {
			out = append(out, fmt.Sprintf("events/%s: %s", file, p))
		}
	}
	for _, f := range h.template.Functions {
		if samples[kebab(f.ID)] == 0 {
			out = append(out, fmt.Sprintf("%s has no sample in events/", f.ID))
		}
	}
	return out
}

// wakes says why the event is not one that the function is woken by, or nothing.
func wakes(f cfn.Function, sample string) string {
	var e event
	if err := json.Unmarshal([]byte(sample), &e); err != nil {
		return err.Error()
	}
	switch {
	case len(f.Routes) > 0:
		if !slices.ContainsFunc(f.Routes, func(r cfn.Route) bool { return r.Key() == e.RouteKey }) {
			return fmt.Sprintf("%s has no route %q", f.ID, e.RouteKey)
		}
	case len(f.Schedules) > 0:
		if e.Source != "aws.scheduler" {
			return "not from the scheduler"
		}
	case len(e.Records) == 0:
		return "no records"
	}
	want := "aws:sqs"
	if len(f.Streams) > 0 {
		want = "aws:dynamodb"
	}
	for _, r := range e.Records {
		if r.Source != want {
			return fmt.Sprintf("a record from %q, not %q", r.Source, want)
		}
	}
	return ""
}

// environment: shared/app and the template name the same variables.
func environment(h house) []string {
	var out []string
	given := map[string]bool{}
	for _, f := range h.template.Functions {
		for _, name := range sorted(f.Env) {
			given[name] = true
			if !strings.Contains(h.config, `"`+name+`"`) {
				out = append(out, fmt.Sprintf("%s is given %s, which shared/app does not read", f.ID, name))
			}
		}
	}
	for _, m := range regexp.MustCompile(`"([A-Z]+(?:_[A-Z0-9]+)+)"`).FindAllStringSubmatch(h.config, -1) {
		name := m[1]
		if !given[name] && !strings.HasPrefix(name, "AWS_") && name != "ALMANAC_CLOCK_URL" {
			out = append(out, fmt.Sprintf("shared/app reads %s, which no function is given", name))
		}
	}
	return out
}

// openAPI: the committed document and the template name the same routes.
func openAPI(h house) []string {
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(h.openAPI), &doc); err != nil {
		return []string{"functions/docs/openapi.json: " + err.Error()}
	}
	var described []string
	for path, item := range doc.Paths {
		for method := range item {
			if verb := strings.ToUpper(method); slices.Contains(verbs(), verb) {
				described = append(described, verb+" "+path)
			}
		}
	}
	var declared, out []string
	for _, f := range h.template.Functions {
		for _, r := range f.Routes {
			declared = append(declared, r.Key())
			if strings.HasPrefix(r.Path, "/v1/") && r.Path != "/v1/openapi.json" && !slices.Contains(described, r.Key()) {
				out = append(out, fmt.Sprintf("%s is in template.yaml, but not in openapi.json", r.Key()))
			}
		}
	}
	for _, r := range described {
		if !slices.Contains(declared, r) {
			out = append(out, fmt.Sprintf("%s is in openapi.json, but not in template.yaml", r))
		}
	}
	return out
}

func verbs() []string { return []string{"GET", "POST", "PUT", "PATCH", "DELETE"} }

// deployment: docs/deploy.md explains every parameter of the template and every variable that it sets.
func deployment(h house) []string {
	var names, out []string
	for _, p := range h.template.Parameters {
		names = append(names, p.Name)
	}
	for _, f := range h.template.Functions {
		names = append(names, sorted(f.Env)...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !strings.Contains(h.deploy, "`"+name+"`") {
			out = append(out, "docs/deploy.md does not explain "+name)
		}
	}
	return out
}

const readmeLines = 150

// readme: the README is short, and the commands that it names exist.
func readme(h house) []string {
	var out []string
	if n := strings.Count(h.readme, "\n"); n > readmeLines {
		out = append(out, fmt.Sprintf("README.md has %d lines, more than %d", n, readmeLines))
	}
	for _, m := range regexp.MustCompile("(?m)(?:^(?: {4}|\\$ )?|`)make ([a-z][a-z-]*)").FindAllStringSubmatch(h.readme, -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `\s*:`).MatchString(h.makefile) {
			out = append(out, fmt.Sprintf("README.md names make %s, which the Makefile does not have", m[1]))
		}
	}
	return out
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
