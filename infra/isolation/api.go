package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"almanac/infra/cfn"
)

// route is one operation of the API, as its OpenAPI document has it.
type route struct {
	row             string // "GET /v1/sites/{id}"
	method, pattern string
	names           []string // of the parameters in the path, in order
	keyed, matched  bool     // needs Idempotency-Key, If-Match
	body            bool
	success         int
}

// reads tells whether the route is for reading only.
func (r route) reads() bool { return r.method == http.MethodGet }

// begins tells whether the parameter is the first one of the path.
func (r route) begins(name string) bool { return len(r.names) > 0 && name == r.names[0] }

// at fills the path's parameters in.
func (r route) at(values []string) string {
	path := r.pattern
	for i, name := range r.names {
		path = strings.Replace(path, "{"+name+"}", values[i], 1)
	}
	return path
}

// operation is what is needed of an operation in the document.
type operation struct {
	Parameters []struct {
		Name     string `json:"name"`
		In       string `json:"in"`
		Required bool   `json:"required"`
	} `json:"parameters"`
	Body      json.RawMessage            `json:"requestBody"`
	Responses map[string]json.RawMessage `json:"responses"`
}

func (o operation) route(method, pattern string) route {
	r := route{
		row: method + " " + pattern, method: method, pattern: pattern, body: len(o.Body) > 0, success: http.StatusOK,
	}
	for part := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			r.names = append(r.names, strings.TrimSuffix(name, "}"))
		}
	}
	for _, p := range o.Parameters {
		switch p.In + " " + p.Name {
		case "header Idempotency-Key":
			r.keyed = p.Required
		case "header If-Match":
			r.matched = p.Required
		}
	}
	if _, ok := o.Responses[strconv.Itoa(http.StatusSeeOther)]; ok {
		r.success = http.StatusSeeOther
	}
	for status := range o.Responses {
		if n, err := strconv.Atoi(status); err == nil && n < http.StatusMultipleChoices {
			r.success = n
		}
	}
	return r
}

// readRoutes reads the document that infra/apidocs makes.
func readRoutes(root string) ([]route, error) {
	file := filepath.Join(root, "functions", "docs", "openapi.json")
	text, err := os.ReadFile(file) //nolint:gosec // of the repository
	if err != nil {
		return nil, err
	}
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var out []route
	for pattern, operations := range document.Paths {
		for method, o := range operations {
			out = append(out, o.route(strings.ToUpper(method), pattern))
		}
	}
	slices.SortFunc(out, func(a, b route) int { return strings.Compare(a.row, b.row) })
	return out, nil
}

// unlike compares what is documented with what the template serves, with what the policy judges, and with what can be
// asked for here. Each difference is a finding: a route that nobody tests may do anything.
func unlike(documented []route, served []string, judged policy, made makers) []string {
	var out []string
	known := map[string]bool{}
	for _, r := range documented {
		known[r.row] = true
		if !slices.Contains(served, r.row) {
			out = append(out, r.row+" is documented and not served")
		}
		if _, ok := judged[r.row]; !ok {
			out = append(out, r.row+" is documented and the policy does not know it")
		}
		if _, ok := made[r.row]; !ok && r.body {
			out = append(out, r.row+" is documented and nothing here asks for it")
		}
	}
	for _, row := range served {
		if !known[row] {
			out = append(out, row+" is served and not documented")
		}
	}
	for row := range judged {
		if !slices.Contains(served, row) {
			out = append(out, row+" is in the policy and not served")
		}
	}
	slices.Sort(out)
	return out
}

// served lists the routes of the template.
func served(t *cfn.Template) []string {
	var out []string
	for _, f := range t.Functions {
		for _, r := range f.Routes {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}
