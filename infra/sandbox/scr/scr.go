// Package scr is a stand-in for two sources of a patient's record: the NHS Summary Care Record (find the current
// record, read it, tell of an access without permission, set the permission), and a small GP record. Rule: only what
// the real one would show is shown, so a patient's no, a stale reference and a restricted patient can be met, and what
// comes back is as untrustworthy as anything from outside: one record has scripts in its text.
package scr

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/pds"
)

// The paths below which the two APIs are served.
const (
	Base   = "/summary-care-record/FHIR/R4"
	GPBase = "/gp-record"
)

// The permissions a record can have.
const (
	Ask = "Ask" // the patient is asked each time
	No  = "No"  // the patient has opted out
	Yes = "Yes" // given once under an older rule, to be treated as Ask
)

const (
	publicBase = "https://api.service.nhs.uk" + Base
	nhsNumber  = "https://fhir.nhs.uk/Id/nhs-number"
	snomed     = "http://snomed.info/sct"
	summary    = "196981000000101" // General Practice Summary
	permission = "https://fhir.nhs.uk/CodeSystem/SCR-ACSPermission"
)

// Config says which service the stand-in plays.
type Config struct {
	Gateway *apim.Gateway // required
	People  *pds.Server   // required: who there is, and who is restricted or dead now
	Now     func() time.Time
}

// Server is the stand-in. Its methods are safe for use from several goroutines.
type Server struct {
	gateway *apim.Gateway
	people  *pds.Server
	now     func() time.Time
	api, gp http.Handler

	mu      sync.Mutex
	records map[string]*Record // by NHS number
	alerts  []Alert
}

// Record is one patient's summary.
type Record struct {
	ID         string // UUID of the record as it is now; a new upload gets a new one
	Replaces   string // UUID of the one before
	Permission string // Ask, No or Yes
	At         time.Time
	Hostile    bool // its text has scripts and the like, which must not reach anybody's browser
}

// New returns a stand-in ready to serve. Everybody with a current practice has a record; see Permit for the
// permissions they start with.
func New(c Config) (*Server, error) {
	if c.Gateway == nil || c.People == nil {
		return nil, fmt.Errorf("%w: no gateway or no people", apim.ErrConfig)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{gateway: c.Gateway, people: c.People, now: c.Now, records: map[string]*Record{}}
	for _, p := range c.People.Everybody() {
		if p.Practice.ODS != "" && p.SupersededBy == "" {
			s.put(p.Number)
		}
	}
	for who, permission := range map[pds.Who]string{pds.Plain: Yes, pds.NoLabel: No} {
		if r, ok := s.records[who.Number()]; ok {
			r.Permission = permission
		}
	}
	for who, change := range map[pds.Who]func(*Record){
		pds.Letters: func(r *Record) { r.Hostile = true },
		pds.Survivor: func(r *Record) {
			r.Replaces = derived(*r, "before")
		},
	} {
		if r, ok := s.records[who.Number()]; ok {
			change(r)
		}
	}
	s.api = c.Gateway.Handler("scr", s.route)
	s.gp = c.Gateway.Handler("gp", s.routeGP)
	return s, nil
}

// ServeHTTP serves the Summary Care Record below Base and GP data below GPBase.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, GPBase+"/") {
		s.gp.ServeHTTP(w, r)
		return
	}
	s.api.ServeHTTP(w, r)
}

// put gives somebody a record whose UUID follows from the number, so that it is the same in each run.
func (s *Server) put(number string) {
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte("scr "+number))
	s.records[number] = &Record{ID: strings.ToUpper(id.String()), Permission: Ask, At: s.now().AddDate(0, -2, 0)}
}

// Record returns somebody's record as it is now.
func (s *Server) Record(number string) (Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[number]
	if !ok {
		return Record{}, false
	}
	return *r, true
}

// Permit sets somebody's permission: Ask, No or Yes. Somebody without a record gets one. At the start it is Ask, but
// Yes for pds.Plain and No for pds.NoLabel.
func (s *Server) Permit(number, permission string) error {
	if !slices.Contains([]string{Ask, No, Yes}, permission) {
		return fmt.Errorf("%w: permission %q", apim.ErrConfig, permission)
	}
	if _, ok := s.people.Person(number); !ok {
		return fmt.Errorf("%w: nobody has this number", apim.ErrConfig)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[number] == nil {
		s.put(number)
	}
	s.records[number].Permission = permission
	return nil
}

// Renew replaces somebody's record, as an upload by the practice does: a UUID read before is stale from now on.
func (s *Server) Renew(number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.records[number]; r != nil {
		r.Replaces, r.ID, r.At = r.ID, strings.ToUpper(uuid.NewString()), s.now()
	}
}

// Requests returns what the two APIs were asked, oldest first.
func (s *Server) Requests() []apim.Request { return s.gateway.Requests("scr", "gp") }

// route tells what a request asks for.
func (s *Server) route(r *http.Request) apim.Operation {
	path := strings.TrimPrefix(r.URL.Path, Base)
	op := apim.Operation{Name: "unknown", Pattern: Base + "/…", Do: refuseAll(http.StatusBadRequest,
		"not-supported", "Unsupported path or method")}
	switch r.Method + " " + path {
	case "GET /DocumentReference":
		op = apim.Operation{Name: "document", Number: patientIn(r, "patient"), Do: s.document}
	case "GET /Bundle":
		op = apim.Operation{Name: "bundle", Do: s.bundle}
		op.Number = patientIn(r, "composition.subject:Patient.identifier")
	case "POST /Bundle":
		op = apim.Operation{Name: "upload", Do: refuseAll(http.StatusForbidden, "forbidden",
			"Uploading is for the patient's own practice")}
	case "POST /AuditEvent":
		op = apim.Operation{Name: "audit", Do: s.audit}
	case "POST /$setPermission":
		op = apim.Operation{Name: "permission", Do: s.setPermission}
	}
	if op.Pattern == "" {
		op.Pattern = Base + path
	}
	return op
}

// patientIn is the NHS number in a query, for the record of requests and for faults.
func patientIn(r *http.Request, name string) string {
	number, _ := strings.CutPrefix(r.URL.Query().Get(name), nhsNumber+"|")
	return number
}

func refuseAll(status int, kind, text string) func(*http.Request) apim.Answer {
	return func(*http.Request) apim.Answer { return refuse(status, kind, text) }
}

// refuse is an error as this API words it: a text and no coding.
func refuse(status int, kind, text string) apim.Answer {
	return apim.Outcome(status, apim.Issue{Type: kind, Text: text})
}

func badValue(format string, args ...any) apim.Answer {
	return refuse(http.StatusBadRequest, "value", fmt.Sprintf(format, args...))
}

// document answers GET /DocumentReference: which record is the current one, and may it be read.
func (s *Server) document(r *http.Request) apim.Answer {
	q := r.URL.Query()
	number, a, ok := patient(q, "patient")
	if !ok {
		return a
	}
	for name, only := range map[string]string{"type": snomed + "|" + summary, "_sort": "date", "_count": "1"} {
		if q.Has(name) && !slices.Equal(q[name], []string{only}) {
			return badValue("Invalid value - %s in field '%s'", q.Get(name), name)
		}
	}
	for name := range q {
		if !slices.Contains([]string{"patient", "type", "_sort", "_count"}, name) {
			return badValue("Unknown parameter '%s'", name)
		}
	}
	record, ok := s.Visible(number)
	if !ok {
		return apim.Answer{Status: http.StatusOK, Body: searchset(s.now())}
	}
	found := searchset(s.now(), documentOf(record, number)...)
	found["total"] = 1
	return apim.Answer{Status: http.StatusOK, Body: found}
}

// patient reads the NHS number in a parameter.
func patient(q url.Values, name string) (string, apim.Answer, bool) {
	number, ok := strings.CutPrefix(q.Get(name), nhsNumber+"|")
	if !ok || len(q[name]) != 1 || !pds.GoodNumber(number) {
		return "", badValue("Invalid value - %s in field '%s'", q.Get(name), name), false
	}
	return number, apim.Answer{}, true
}

// Visible gives the record that a request can find: whose location is protected has none here.
func (s *Server) Visible(number string) (Record, bool) {
	p, known := s.people.Person(number)
	record, ok := s.Record(number)
	open := p.Security == "" || p.Security == "U"
	return record, ok && known && open && !p.Hidden && !p.Invalidated && p.SupersededBy == ""
}

// bundle answers GET /Bundle: the record itself. A UUID that is not the current one of this patient finds nothing.
func (s *Server) bundle(r *http.Request) apim.Answer {
	q := r.URL.Query()
	number, a, ok := patient(q, "composition.subject:Patient.identifier")
	if !ok {
		return a
	}
	id := q.Get("composition.identifier")
	if _, err := uuid.Parse(id); err != nil || len(id) != 36 || len(q) != 2 || len(q["composition.identifier"]) != 1 {
		return badValue("Invalid value - %s in field 'composition.identifier'", id)
	}
	record, ok := s.Visible(number)
	switch {
	case !ok || !strings.EqualFold(id, record.ID):
		return apim.Answer{Status: http.StatusOK, Body: searchset(s.now())}
	case record.Permission == No:
		return apim.NotPermitted()
	}
	p, _ := s.people.Person(number)
	return apim.Answer{Status: http.StatusOK, Body: searchset(s.now(), recordOf(record, p)...)}
}
