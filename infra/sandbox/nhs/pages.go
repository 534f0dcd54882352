package nhs

import (
	_ "embed" // for the page
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/pds"
	"almanac/infra/sandbox/scr"
)

//go:embed pages.html
var page string

// shown is how many requests the page lists.
const shown = 60

// row is one person on the page.
type row struct {
	pds.Person

	Name, Shown, Outcome, Permission string
	Warn                             bool // the outcome is another than an open record
}

// show is the page: people, faults, requests. Its links are relative, as it may be served below another path.
func (s *Server) show(w http.ResponseWriter, _ *http.Request) {
	requests := s.Requests()
	all := len(requests)
	requests = requests[max(0, all-shown):]
	slices.Reverse(requests)
	var rows []row
	for _, p := range s.PDS.Everybody() {
		rows = append(rows, s.row(p))
	}
	funcs := template.FuncMap{
		"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"short":  func(id string) string { return id[:min(8, len(id))] },
		"times":  sandbox.Times,
		"tail":   tailOf,
		"status": func(n int) string { return strconv.Itoa(n) },
		"bad":    func(r apim.Request) bool { return r.Status == 0 || r.Status >= http.StatusBadRequest },
	}
	sandbox.Page(w, http.StatusOK, page, "pages", funcs, map[string]any{
		"People": rows, "Requests": requests, "All": all, "Refused": s.Refused(), "Faults": s.Faults.List(),
		"Kinds": append(apim.Kinds(), sandbox.Slow), "On": []string{
			"token", "get", "search", "related", "document", "bundle", "audit", "permission", "record",
			"pds", "scr", "gp",
		},
	})
}

// tailOf leaves out of a path what all paths of an API have.
func tailOf(pattern string) string {
	for _, base := range []string{pds.Base, scr.Base, scr.GPBase} {
		pattern = strings.TrimPrefix(pattern, base)
	}
	return pattern
}

func (s *Server) row(p pds.Person) row {
	r := row{Person: p, Name: "(no name)", Shown: spaced(p.Number), Outcome: "open record"}
	if len(p.Names) > 0 {
		r.Name = strings.TrimSpace(strings.Join(p.Names[0].Given, " ") + " " + p.Names[0].Family)
	}
	if record, ok := s.SCR.Visible(p.Number); ok {
		r.Permission = record.Permission
	}
	r.Warn = true
	switch {
	case p.Hidden:
		r.Outcome = "404 not found"
	case p.SupersededBy != "":
		r.Outcome = "leads to " + spaced(p.SupersededBy)
	case p.Invalidated:
		r.Outcome = "404 invalidated"
	case p.Security == "R" || p.Security == "V":
		r.Outcome = "restricted (" + p.Security + ")"
	case p.Death.Status == "1":
		r.Outcome = "dead, informal notice"
	case p.Death.Status == "2":
		r.Outcome = "dead, registrar's notice"
	case p.Death.Status == "U":
		r.Outcome = "death removed"
	default:
		r.Warn = false
	}
	return r
}

// spaced writes a number as it is to be shown: 3 3 4.
func spaced(number string) string {
	if len(number) != 10 {
		return number
	}
	return number[:3] + " " + number[3:6] + " " + number[6:]
}

// changes are what the buttons of a person do.
func (s *Server) changes() map[string]func(number string) error {
	permit := func(permission string) func(string) error {
		return func(number string) error { return s.SCR.Permit(number, permission) }
	}
	return map[string]func(string) error{
		"restrict":     s.PDS.Restrict,
		"open":         s.PDS.Unrestrict,
		"die":          func(number string) error { return s.PDS.Die(number, false) },
		"die-formally": func(number string) error { return s.PDS.Die(number, true) },
		"undie":        s.PDS.Undie,
		"renumber":     func(number string) error { _, err := s.PDS.Renumber(number); return err },
		"invalidate":   s.PDS.Invalidate,
		"move": func(number string) error {
			return s.PDS.Move(number, pds.Address{Lines: []string{"77 New Street", "Otterford"}, Postcode: "KB2 7NS"})
		},
		"ask": permit(scr.Ask), "no": permit(scr.No), "yes": permit(scr.Yes),
		"renew": func(number string) error { s.SCR.Renew(number); return nil },
	}
}

// change does one of changes: POST /people/{number}/{change}, from a button or from a program.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	number := r.PathValue("number")
	do, ok := s.changes()[r.PathValue("change")]
	if _, known := s.PDS.Person(number); !ok || !known {
		http.NotFound(w, r)
		return
	}
	if err := do(number); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sandbox.Back(w, "../../#p"+number)
}

// addFault takes the form for a fault; programs send JSON to /dev/faults.
func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	fault, err := sandbox.FormFault(w, r)
	fault.On = strings.ReplaceAll(fault.On, " ", "")
	if err == nil {
		err = s.Faults.Add(fault)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sandbox.Back(w, "./#faults")
}

func (s *Server) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.show)
	mux.HandleFunc("GET /style.css", sandbox.Style)
	mux.HandleFunc("POST /people/{number}/{change}", s.change)
	mux.HandleFunc("POST /add-fault", s.addFault)
	mux.HandleFunc("POST /clear-faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Faults.Clear()
		sandbox.Back(w, "./#faults")
	})
	mux.HandleFunc("POST /forget-requests", func(w http.ResponseWriter, _ *http.Request) {
		s.Forget()
		sandbox.Back(w, "./#requests")
	})
	mux.HandleFunc("POST /revoke-tokens", func(w http.ResponseWriter, _ *http.Request) {
		s.RevokeTokens()
		sandbox.Back(w, "./#faults")
	})
}
