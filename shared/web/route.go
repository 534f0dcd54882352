package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// endpoint is a route with its pattern taken apart.
type endpoint struct {
	Route
	method   string
	pattern  string // the path with its {names}, which is all that a log may show of it
	segments []string
	built    func() *built
}

// built is what a route needs to decode a request; it is made when the route is first used.
type built struct {
	op       *huma.Operation
	registry huma.Registry
	body     *huma.Schema // nil where the route takes no body
	handle   func(huma.Context)
	paged    bool // it takes the next of a page as after in its query
}

// ofPatient begins the addresses of all that concerns one patient.
const ofPatient = "/v1/patients/{id}"

// newEndpoint takes a row of the route table apart. It panics on a row that is not "METHOD /path", and on a permission
// that asks for a relationship with a patient where the address names none.
func newEndpoint(row string, r Route) *endpoint {
	method, pattern, ok := strings.Cut(row, " ")
	if !ok || !strings.HasPrefix(pattern, "/") || r.register == nil {
		panic(fmt.Sprintf("web: %q is no route", row))
	}
	if r.permission.Related() && !strings.HasPrefix(pattern+"/", ofPatient+"/") {
		panic(fmt.Sprintf("web: %q names no patient, and %s asks for a relationship with one", row, r.permission))
	}
	e := &endpoint{Route: r, method: method, pattern: pattern, segments: strings.Split(pattern, "/")}
	e.built = sync.OnceValue(func() *built {
		a := &adapter{}
		api := newAPI(a)
		e.register(api, e.operation())
		b := &built{op: a.op, registry: api.OpenAPI().Components.Schemas, handle: a.handle}
		tighten(b.registry, b.op)
		b.paged = slices.ContainsFunc(a.op.Parameters, func(p *huma.Param) bool {
			return p.In == "query" && p.Name == paramAfter
		})
		if a.op.RequestBody != nil {
			b.body = a.op.RequestBody.Content[contentJSON].Schema
		}
		return b
	})
	return e
}

// operation is the part of the OpenAPI operation that follows from the row.
func (e *endpoint) operation() huma.Operation {
	return huma.Operation{Method: e.method, Path: e.pattern, MaxBodyBytes: maxBody + 1}
}

// tighten takes back huma's default that every list may be null, in place: the schemas are shared with validation.
func tighten(registry huma.Registry, op *huma.Operation) {
	for _, s := range registry.Map() {
		for _, p := range s.Properties {
			solid(p)
		}
	}
	for _, p := range op.Parameters {
		solid(p.Schema)
	}
}

func solid(s *huma.Schema) {
	for ; s != nil; s = s.Items {
		if s.Type == huma.TypeArray {
			s.Nullable = false
		}
	}
}

// router finds the endpoint of a request.
type router []*endpoint

func newRouter(routes Routes) router {
	r := make(router, 0, len(routes))
	for row, route := range routes {
		r = append(r, newEndpoint(row, route))
	}
	// Patterns with fewer names first, so that /v1/staff/me would win over /v1/staff/{id}.
	slices.SortFunc(r, func(a, b *endpoint) int {
		if n := strings.Count(a.pattern, "{") - strings.Count(b.pattern, "{"); n != 0 {
			return n
		}
		return strings.Compare(a.method+a.pattern, b.method+b.pattern)
	})
	return r
}

// find gives the endpoint and its path parameters; where only the method differs, the methods that there are.
func (r router) find(method, path string) (*endpoint, map[string]string, []string) {
	segments := strings.Split(path, "/")
	var allowed []string
	for _, e := range r {
		params, ok := e.match(segments)
		if !ok {
			continue
		}
		if e.method == method {
			return e, params, nil
		}
		allowed = append(allowed, e.method)
	}
	slices.Sort(allowed)
	return nil, nil, slices.Compact(allowed)
}

// match compares a path with the pattern. A parameter is 1 to 128 printable ASCII characters without a slash:
// every id is, and nothing else can be one.
func (e *endpoint) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(e.segments) {
		return nil, false
	}
	var params map[string]string
	for i, want := range e.segments {
		got := segments[i]
		if !strings.HasPrefix(want, "{") {
			if got != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got)
		if err != nil || !printable(value, 128) || strings.Contains(value, "/") {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[strings.Trim(want, "{}")] = value
	}
	return params, true
}

// printable tells whether s is 1 to most printable ASCII characters.
func printable(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
