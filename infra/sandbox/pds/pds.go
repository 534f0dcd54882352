// Package pds is a stand-in for the NHS Personal Demographics Service in application-restricted mode: one patient by
// NHS number, the single match of a search, related people; nothing is ever written. Rule: everybody in it is invented,
// with numbers of the test range 999, and every outcome the real service has can be met.
package pds

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"almanac/infra/sandbox/apim"
)

// Base is the path below which the API is served.
const Base = "/personal-demographics/FHIR/R4"

// ErrPerson is wrapped by the errors about a person that cannot be added or changed.
var ErrPerson = errors.New("invented person")

// Config says which service the stand-in plays.
type Config struct {
	Gateway *apim.Gateway    // required
	People  []Person         // nil: People()
	Now     func() time.Time // nil: the real clock
}

// Server is the stand-in. Its methods are safe for use from several goroutines.
type Server struct {
	gateway *apim.Gateway
	now     func() time.Time
	handler http.Handler

	mu     sync.Mutex
	people map[string]*Person // by NHS number
	order  []string           // the numbers, as added
}

// New returns a stand-in ready to serve.
func New(c Config) (*Server, error) {
	if c.Gateway == nil {
		return nil, fmt.Errorf("%w: no gateway", apim.ErrConfig)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.People == nil {
		c.People = People()
	}
	s := &Server{gateway: c.Gateway, now: c.Now, people: map[string]*Person{}}
	for _, p := range c.People {
		if err := s.Add(p); err != nil {
			return nil, err
		}
	}
	s.handler = c.Gateway.Handler("pds", s.route)
	return s, nil
}

// ServeHTTP serves the API below Base.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Requests returns what this API was asked, oldest first.
func (s *Server) Requests() []apim.Request { return s.gateway.Requests("pds") }

// AskedAbout returns the requests that named this NHS number in their path. A test of an objection finds none after it.
func (s *Server) AskedAbout(number string) []apim.Request {
	return slices.DeleteFunc(s.Requests(), func(r apim.Request) bool { return r.Number != number })
}

// route tells what a request asks for. Paths are taken apart by hand, because each wrong one has its own error.
func (s *Server) route(r *http.Request) apim.Operation {
	op := s.resource(r.URL.Path)
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost, http.MethodPatch:
		op.Name, op.Do = strings.ToLower(r.Method), always(forbiddenMethod(r.Method))
	default:
		op.Name, op.Do = strings.ToLower(r.Method), always(apim.Unsupported("UNSUPPORTED_SERVICE"))
	}
	return op
}

// resource tells what a path leads to.
func (s *Server) resource(path string) apim.Operation {
	path, ours := strings.CutPrefix(path, Base+"/")
	parts := strings.Split(path, "/")
	op := apim.Operation{Name: "unknown", Pattern: Base + "/…", Do: always(apim.Unsupported("UNSUPPORTED_REQUEST"))}
	switch {
	case !ours:
	case parts[0] == "Coverage":
		op.Name, op.Pattern, op.Do = "coverage", Base+"/Coverage", always(forbiddenCoverage())
	case parts[0] != "Patient":
	case len(parts) == 1:
		op.Name, op.Pattern, op.Do = "search", Base+"/Patient", s.search
	case len(parts) == 2:
		op.Name, op.Pattern, op.Number, op.Do = "get", Base+"/Patient/{number}", parts[1], s.get
	case len(parts) == 3 && parts[2] == "RelatedPerson":
		op.Name, op.Pattern, op.Number = "related", Base+"/Patient/{number}/RelatedPerson", parts[1]
		op.Do = s.related
	}
	return op
}

func always(a apim.Answer) func(*http.Request) apim.Answer {
	return func(*http.Request) apim.Answer { return a }
}

func forbiddenMethod(method string) apim.Answer {
	display := "Cannot update resource without Healthcare Worker access token"
	if method == http.MethodPatch {
		display = "Cannot update resource with Application Restricted access token"
	}
	return apim.Forbidden("forbidden", "INVALID_METHOD", display,
		"Your app has insufficient permissions to use this method. Please contact support.")
}

func forbiddenCoverage() apim.Answer {
	return apim.Forbidden("forbidden", "ACCESS_DENIED", "Access Denied - Forbidden",
		"Your app has insufficient permissions to access this resource. Please contact support.")
}

// get answers GET /Patient/{number}.
func (s *Server) get(r *http.Request) apim.Answer {
	p, a, ok := s.look(numberIn(r))
	if !ok {
		return a
	}
	return apim.Answer{
		Status: http.StatusOK, Body: p.resource(), Header: http.Header{"Etag": {fmt.Sprintf(`W/"%d"`, p.Version)}},
	}
}

// related answers GET /Patient/{number}/RelatedPerson.
func (s *Server) related(r *http.Request) apim.Answer {
	p, a, ok := s.look(numberIn(r))
	if !ok {
		return a
	}
	var entries []any
	if p.open() { // who is close to a restricted patient would tell where to look
		for n, one := range p.Related {
			id := fmt.Sprintf("%s%02d", "R5077B", n+1)
			entries = append(entries, map[string]any{
				"fullUrl":  publicBase + "/Patient/" + p.Number + "/RelatedPerson/" + id,
				"resource": one.resource(id, p.Number),
			})
		}
	}
	return apim.Answer{Status: http.StatusOK, Body: s.bundle(entries)}
}

func numberIn(r *http.Request) string {
	rest := strings.TrimPrefix(r.URL.Path, Base+"/Patient/")
	number, _, _ := strings.Cut(rest, "/")
	return number
}

// look finds the person a number leads to, following those that superseded it, or tells the error.
func (s *Server) look(number string) (Person, apim.Answer, bool) {
	if !GoodNumber(number) {
		return Person{}, apim.Outcome(http.StatusBadRequest, apim.Issue{
			Type: "value", Code: "INVALID_RESOURCE_ID",
			Display: "Resource Id is invalid",
		}), false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[number]
	for hops := 0; p != nil && p.SupersededBy != "" && hops < len(s.order); hops++ {
		p = s.people[p.SupersededBy]
	}
	switch {
	case p != nil && p.Invalidated:
		return Person{}, apim.Outcome(http.StatusNotFound, apim.Issue{
			Type: "processing", Code: "INVALIDATED_RESOURCE",
			Display: "Resource that has been marked as invalid was requested - " +
				"invalid resources cannot be retrieved",
		}), false
	case p == nil || p.Hidden:
		return Person{}, apim.Outcome(http.StatusNotFound, apim.Issue{
			Severity: "information", Type: "not-found",
			Code: "RESOURCE_NOT_FOUND", Display: "Resource not found",
		}), false
	}
	return p.clone(), apim.Answer{}, true
}
