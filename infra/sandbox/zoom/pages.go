package zoom

import (
	_ "embed" // for the pages
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/infra/sandbox"
)

//go:embed pages.html
var pages string

// shown is how many webhooks and requests the page lists.
const shown = 40

func (s *Server) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.show)
	mux.HandleFunc("GET /s/{meeting}", s.startPage)
	mux.HandleFunc("GET /j/{meeting}", s.joinPage)
	mux.HandleFunc("POST /add-fault", s.addFault)
	mux.HandleFunc("POST /clear-faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Faults.Clear()
		s.EventFaults.Clear()
		sandbox.Back(w, "./#faults")
	})
}

// row is one meeting on the page.
type row struct {
	Meeting

	HostName, JoinURL string
	People            []Participant
}

// show is the page of what Zoom users see and do.
func (s *Server) show(w http.ResponseWriter, _ *http.Request) {
	users, names := s.Users(), map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name()
	}
	var rows []row
	for _, m := range slices.Backward(s.Meetings("")) {
		r := row{Meeting: m, HostName: names[m.Host]}
		r.JoinURL = "j/" + strconv.FormatInt(m.ID, 10) + "?pwd=" + m.Pwd + ".1"
		if n := len(m.Instances); n > 0 {
			r.People = m.Instances[n-1].People
		}
		rows = append(rows, r)
	}
	deliveries, requests := s.Deliveries(), s.Requests()
	deliveries, requests = deliveries[max(0, len(deliveries)-shown):], requests[max(0, len(requests)-shown):]
	slices.Reverse(deliveries)
	slices.Reverse(requests)
	type user struct {
		User

		Linked, Installed bool
	}
	var people []user
	for _, u := range users {
		people = append(people, user{u, s.Linked("", u.ID), s.Linked(Admin, u.ID)})
	}
	s.page(w, http.StatusOK, "show", object{
		"Title": "Zoom on your computer", "Users": people, "Meetings": rows, "Deliveries": deliveries,
		"Requests": requests, "Faults": append(s.Faults.List(), s.EventFaults.List()...), "Hook": s.Hook("").URL,
		"Valid": s.Valid(""), "Kinds": append(kinds(), sandbox.Slow), "EventKinds": eventKinds(), "On": Operations(),
	})
}

// startPage is where a start_url leads: opening it starts the meeting.
func (s *Server) startPage(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("meeting"), 10, 64)
	s.mu.Lock()
	z, ok := s.zaks[digest(r.URL.Query().Get("zak"))]
	ok = ok && z.meeting == id && s.config.Now().Before(z.expires)
	s.mu.Unlock()
	if !ok {
		s.page(w, http.StatusForbidden, "problem", object{
			"Title": "This start link has expired", "Root": "../",
			"Text": "Start the meeting again from where you came.",
		})
		return
	}
	if err := s.Start(id); err != nil {
		s.page(w, http.StatusConflict, "problem", object{
			"Title": "The meeting cannot be started", "Text": err.Error(), "Root": "../",
		})
		return
	}
	m, _ := s.Meeting(id)
	s.page(w, http.StatusOK, "host", object{
		"Title": "Meeting started", "Meeting": m, "People": m.Instances[len(m.Instances)-1].People, "Root": "../",
	})
}

// joinPage is where a join_url leads: opening it joins, once for every opening. With ?me= it only looks.
func (s *Server) joinPage(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("meeting"), 10, 64)
	q := r.URL.Query()
	m, ok := s.Meeting(id)
	switch {
	case !ok || m.Trashed || m.Erased:
		s.page(w, http.StatusNotFound, "problem", object{
			"Title": "This meeting link is invalid", "Text": "The meeting does not exist, or was deleted (3,001).",
			"Root": "../",
		})
		return
	case strings.TrimSuffix(q.Get("pwd"), ".1") != m.Pwd:
		s.page(w, http.StatusForbidden, "problem", object{
			"Title": "The passcode is wrong", "Text": "Ask the host for a new link.", "Root": "../",
		})
		return
	}
	p, err := s.present(m, q.Get("me"))
	if err != nil {
		p, err = s.Join(id, Guest{Name: q.Get("uname"), SignedIn: q.Get("as")})
	}
	if err != nil {
		s.page(w, http.StatusConflict, "problem", object{
			"Title": "You cannot join", "Text": err.Error(), "Root": "../",
		})
		return
	}
	s.page(w, http.StatusOK, "guest", object{
		"Title": map[string]string{
			InMeeting: "You have joined the meeting", InWaitingRoom: "Please wait for the host to let you in",
			BeforeHost: "Please wait for the host to start this meeting", Gone: "You have left the meeting",
		}[p.State],
		"Meeting": m, "Me": p, "Root": "../",
	})
}

// present finds who joined before.
func (s *Server) present(m Meeting, uuid string) (Participant, error) {
	for _, i := range slices.Backward(m.Instances) {
		for _, p := range i.People {
			if p.UUID == uuid {
				return p, nil
			}
		}
	}
	return Participant{}, errors.New("not here before")
}

// addFault takes the form for a fault; programs send JSON to /dev/faults and /dev/event-faults.
func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	fault, err := sandbox.FormFault(w, r)
	list := s.Faults
	if slices.Contains(eventKinds(), fault.Kind) {
		list = s.EventFaults
	}
	if err == nil {
		err = list.Add(fault)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sandbox.Back(w, "./#faults")
}

// page renders one of the templates in pages.html.
func (s *Server) page(w http.ResponseWriter, status int, name string, data object) {
	where := london()
	if data["Root"] == nil {
		data["Root"] = ""
	}
	sandbox.Page(w, status, pages, name, template.FuncMap{
		"when":  func(t time.Time) string { return t.In(where).Format("Mon 2 January 2006, 15:04 MST") },
		"input": func(t time.Time) string { return t.In(where).Format("2006-01-02T15:04") },
		"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"people": func(m Meeting, list []Participant, root string) object {
			return object{"Meeting": m, "People": list, "Root": root, "Back": "../#m" + strconv.FormatInt(m.ID, 10)}
		},
		"has":   slices.Contains[[]string, string],
		"times": sandbox.Times,
		"last": func(d Delivery) Try {
			if len(d.Tries) == 0 {
				return Try{}
			}
			return d.Tries[len(d.Tries)-1]
		},
	}, data)
}
