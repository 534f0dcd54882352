package zoom

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// about is the user that a path names: "me" is the token's owner.
func (s *Server) about(c *call) (*User, answer, bool) {
	name := c.r.PathValue("user")
	if name == "me" {
		return c.owner, answer{}, true
	}
	u, ok := s.user(name)
	if !ok || u.Removed || u.AccountID != c.owner.AccountID {
		return nil, refuse(http.StatusNotFound, 1001, "User does not exist: "+name+"."), false
	}
	return u, answer{}, true
}

// mine is the meeting that a path names, if the token's owner is its host.
func (s *Server) mine(c *call) (*Meeting, answer, bool) {
	text := c.r.PathValue("meeting")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return nil, refuse(http.StatusBadRequest, 300,
			"The value that you entered for the Meeting ID field is invalid. Enter a valid value and try again."), false
	}
	m, ok := s.meeting(id)
	if !ok {
		return nil, missing(text), false
	}
	host, ok := s.user(m.Host)
	switch {
	case !ok || host.AccountID != c.owner.AccountID:
		return nil, missing(text), false
	case host.ID != c.owner.ID && c.token.app != Admin:
		return nil, refuse(http.StatusBadRequest, 3003, "You are not the meeting host."), false
	}
	return m, answer{}, true
}

func missing(id string) answer {
	return refuse(http.StatusNotFound, 3001, "Meeting does not exist: "+id+".")
}

// get is GET /meetings/{id}.
func (s *Server) get(c *call) answer {
	m, a, ok := s.mine(c)
	if !ok {
		return a
	}
	host, _ := s.user(m.Host)
	return answer{status: http.StatusOK, body: s.whole(m, host, c.now)}
}

// remove is DELETE /meetings/{id}.
func (s *Server) remove(c *call) answer {
	m, a, ok := s.mine(c)
	switch {
	case !ok:
		return a
	case m.Status == Started:
		return refuse(http.StatusBadRequest, 3002, "Sorry, you cannot delete this meeting since it is in progress.")
	case m.Ended:
		return refuse(http.StatusBadRequest, 3007, "Sorry, you cannot delete this meeting since it has ended.")
	}
	m.Trashed = true
	s.meetingGone("meeting.deleted", m, c.owner)
	return answer{status: http.StatusNoContent}
}

// changeStatus is PUT /meetings/{id}/status.
func (s *Server) changeStatus(c *call) answer {
	var b struct {
		Action string `json:"action"`
	}
	if a, ok := c.decode(&b); !ok {
		return a
	}
	switch b.Action {
	case "end":
		m, a, ok := s.mine(c)
		if !ok {
			return a
		}
		if m.Status != Started {
			return refuse(http.StatusBadRequest, 3061, "Meeting does not belong to you or is not in progress.")
		}
		s.end(m, c.now)
	case "recover":
		id, _ := strconv.ParseInt(c.r.PathValue("meeting"), 10, 64)
		n := slices.IndexFunc(s.meetings, func(m *Meeting) bool {
			return m.ID == id && m.Trashed && !m.Erased && m.Host == c.owner.ID
		})
		if n < 0 {
			return missing(c.r.PathValue("meeting"))
		}
		s.meetings[n].Trashed = false
		s.meetingGone("meeting.recovered", s.meetings[n], c.owner)
	default:
		return invalid(fieldError{"action", "Invalid field."})
	}
	return answer{status: http.StatusNoContent}
}

// listPage is where a next_page_token goes on.
type listPage struct {
	of      string // user, type and page size
	from    int
	expires time.Time
}

// list is GET /users/{user}/meetings.
func (s *Server) list(c *call) answer {
	host, a, ok := s.about(c)
	if !ok {
		return a
	}
	q := c.r.URL.Query()
	kind, size := q.Get("type"), 30
	if kind == "" {
		kind = "scheduled"
	}
	if text := q.Get("page_size"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 300 {
			return invalid(fieldError{"page_size", "Invalid field."})
		}
		size = n
	}
	if !slices.Contains([]string{"scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings"}, kind) {
		return invalid(fieldError{"type", "Invalid field."})
	}
	found := s.listed(host, kind, c.now)
	if n := slices.Index(found, s.newest(host)); c.fault == StaleList && n >= 0 {
		found = slices.Delete(found, n, n+1)
	}
	cut, next, a, ok := s.turn(c, host.ID+kind+strconv.Itoa(size), q.Get("next_page_token"), len(found), size)
	if !ok {
		return a
	}
	meetings := []object{}
	for _, m := range found[cut:min(cut+size, len(found))] {
		meetings = append(meetings, s.summary(m))
	}
	return answer{status: http.StatusOK, body: object{
		"page_size": size, "total_records": len(found), "next_page_token": next, "meetings": meetings,
	}}
}

func (s *Server) newest(host *User) *Meeting {
	for _, m := range slices.Backward(s.meetings) {
		if m.Host == host.ID {
			return m
		}
	}
	return nil
}

// listed are the host's meetings of a kind, the first to start first. Those that are scheduled are all, past ones too;
// upcoming ones include those that run. Zoom does not say whether one that has not begun at its time is upcoming.
func (s *Server) listed(host *User, kind string, now time.Time) []*Meeting {
	var found []*Meeting
	for _, m := range s.meetings {
		until := m.Start
		if s.config.UpcomingToEnd {
			until = until.Add(time.Duration(m.Minutes) * time.Minute)
		}
		over := m.Ended || !until.After(now)
		live := m.Status == Started
		fits := map[string]bool{
			"scheduled": true, "live": live, "upcoming": live || !over, "upcoming_meetings": !live && !over,
			"previous_meetings": over && !live,
		}[kind]
		if m.Host == host.ID && !m.Trashed && !m.Erased && fits {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b *Meeting) int { return a.Start.Compare(b.Start) })
	return found
}

// turn says where a page begins, and makes the token of the next one.
func (s *Server) turn(c *call, of, token string, all, size int) (int, string, answer, bool) {
	from := 0
	if token != "" {
		p, ok := s.pages[token]
		if !ok || p.of != of || !c.now.Before(p.expires) {
			return 0, "", refuse(http.StatusBadRequest, 300, "The next page token is invalid or expired."), false
		}
		from = min(p.from, all)
	}
	if from+size >= all {
		return from, "", answer{}, true
	}
	next := secret()[:32]
	s.pages[next] = listPage{of, from + size, c.now.Add(pageLife)}
	return from, next, answer{}, true
}

// instance is the running of a meeting that a path names by number (the last one that ended) or by UUID. A UUID that
// begins with a slash or has two of them must be encoded twice.
func (s *Server) instance(c *call) (*Meeting, Instance, answer, bool) {
	name := c.r.PathValue("meeting")
	if strings.HasPrefix(name, "/") || strings.Contains(name, "//") {
		return nil, Instance{}, missing(name), false
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	for _, m := range s.meetings {
		if m.Host != c.owner.ID {
			continue
		}
		for _, i := range slices.Backward(m.Instances) {
			if (i.UUID == name || strconv.FormatInt(m.ID, 10) == name) && !i.End.IsZero() {
				return m, i, answer{}, true
			}
		}
	}
	return nil, Instance{}, missing(name), false
}

// past is GET /past_meetings/{id}.
func (s *Server) past(c *call) answer {
	m, i, a, ok := s.instance(c)
	if !ok {
		return a
	}
	total, count := 0, 0
	for _, p := range i.stays() {
		if !p.waiting {
			total, count = total+int(p.leave.Sub(p.join).Minutes()), count+1
		}
	}
	return answer{status: http.StatusOK, body: object{
		"id": m.ID, "uuid": i.UUID, "host_id": m.Host, "topic": m.Topic, "type": m.Type, "start_time": stamped(i.Start),
		"end_time": stamped(i.End), "duration": int(i.End.Sub(i.Start).Minutes()), "total_minutes": total,
		"participants_count": count, "user_name": c.owner.Name(), "user_email": c.owner.Email, "dept": "",
	}}
}

// attendance is GET /past_meetings/{id}/participants.
func (s *Server) attendance(c *call) answer {
	_, i, a, ok := s.instance(c)
	if !ok {
		return a
	}
	size := 30
	if _, err := fmt.Sscan(c.r.URL.Query().Get("page_size"), &size); err == nil && (size < 1 || size > 300) {
		return invalid(fieldError{"page_size", "Invalid field."})
	}
	if c.owner.Type != Licensed {
		return refuse(http.StatusBadRequest, 200, "Only available for Paid or ZMP account.")
	}
	all := i.stays()
	token := c.r.URL.Query().Get("next_page_token")
	from, next, a, ok := s.turn(c, i.UUID+strconv.Itoa(size), token, len(all), size)
	if !ok {
		return a
	}
	people := []object{}
	for _, p := range all[from:min(from+size, len(all))] {
		people = append(people, object{
			"id": p.User, "name": p.Name, "user_id": p.Key, "registrant_id": "", "user_email": p.Email,
			"join_time": stamped(p.join), "leave_time": stamped(p.leave),
			"duration": int(p.leave.Sub(p.join).Seconds()), "failover": false,
			"status":        map[bool]string{true: "in_waiting_room", false: "in_meeting"}[p.waiting],
			"internal_user": p.User != "",
		})
	}
	return answer{status: http.StatusOK, body: object{
		"page_size": size, "total_records": len(all), "next_page_token": next, "participants": people,
	}}
}

// stay is one entry of the list of who was there: somebody's being in the meeting, or before that in its waiting room.
type stay struct {
	Participant
	waiting     bool
	join, leave time.Time
}

func (i Instance) stays() []stay {
	var all []stay
	for _, p := range i.People {
		switch {
		case p.State == BeforeHost: // the host never let it in
			continue
		case !p.Waited.IsZero() && p.Join.IsZero():
			all = append(all, stay{p, true, p.Waited, p.Leave})
			continue
		case !p.Waited.IsZero():
			all = append(all, stay{p, true, p.Waited, p.Join})
		}
		all = append(all, stay{p, false, p.Join, p.Leave})
	}
	return all
}
