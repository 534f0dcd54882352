package zoom

import (
	"fmt"
	"slices"
	"time"
)

// Change is what a Zoom user changes in the portal.
type Change struct {
	Start   *time.Time
	Minutes *int
	Topic   *string
	Agenda  *string
}

// ours finds a meeting for an act, and its host. The caller holds the lock.
func (s *Server) ours(id int64) (*Meeting, *User, error) {
	m, ok := s.meeting(id)
	if !ok {
		return nil, nil, fmt.Errorf("%w: there is no such meeting, or it is deleted", ErrAct)
	}
	host, ok := s.user(m.Host)
	if !ok {
		return nil, nil, fmt.Errorf("%w: the host is gone", ErrAct)
	}
	return m, host, nil
}

// Schedule makes a meeting in Zoom's own portal, and returns it.
func (s *Server) Schedule(user string, c Change) (Meeting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, err := s.mustUser(user)
	if err != nil {
		return Meeting{}, err
	}
	m := s.newMeeting(host, "web_portal", s.config.Now())
	c.apply(m)
	s.settle(m)
	s.meetingCreated(m, host)
	return m.clone(), nil
}

func (c Change) apply(m *Meeting) {
	if c.Start != nil {
		m.Start, m.Ended = c.Start.UTC().Truncate(time.Second), false
	}
	set(&m.Minutes, c.Minutes)
	set(&m.Topic, c.Topic)
	set(&m.Agenda, c.Agenda)
}

// Edit changes a meeting in the portal. It counts against no limit, and a start may be in the past.
func (s *Server) Edit(id int64, c Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, host, err := s.ours(id)
	if err != nil {
		return err
	}
	before := m.clone()
	c.apply(m)
	s.meetingUpdated(&before, m, host)
	return nil
}

// Delete deletes a meeting in the portal; for ever means that it cannot be recovered.
func (s *Server) Delete(id int64, forever bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, host, err := s.ours(id)
	switch {
	case err != nil:
		return err
	case m.Status == Started:
		return fmt.Errorf("%w: the meeting runs", ErrAct)
	}
	event := "meeting.deleted"
	if m.Trashed, m.Erased = true, forever; forever {
		event = "meeting.permanently_deleted"
	}
	s.meetingGone(event, m, host)
	return nil
}

// Recover brings a deleted meeting back.
func (s *Server) Recover(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := slices.IndexFunc(s.meetings, func(m *Meeting) bool { return m.ID == id && m.Trashed && !m.Erased })
	if n < 0 {
		return fmt.Errorf("%w: there is no such deleted meeting", ErrAct)
	}
	m := s.meetings[n]
	host, ok := s.user(m.Host)
	if !ok {
		return fmt.Errorf("%w: the host is gone", ErrAct)
	}
	m.Trashed = false
	s.meetingGone("meeting.recovered", m, host)
	return nil
}

// Start lets the host start a meeting: it runs, the host is in it. Those who waited for the host come in, unless there
// is a waiting room. Started again it gets a new UUID. A host runs one meeting at a time.
func (s *Server) Start(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, host, err := s.ours(id)
	switch {
	case err != nil:
		return err
	case m.Status == Started:
		return nil
	case slices.ContainsFunc(s.meetings, func(o *Meeting) bool { return o.Host == m.Host && o.Status == Started }):
		return fmt.Errorf("%w: the host has another meeting in progress", ErrAct)
	}
	now := s.config.Now().UTC()
	waiting := []Participant{}
	if n := len(m.Instances); n > 0 && m.Instances[n-1].Start.IsZero() {
		waiting = m.Instances[n-1].People // they came before the host
		m.Instances = m.Instances[:n-1]
	} else if n > 0 {
		m.UUID = newUUID()
	}
	m.Status, m.Ended = Started, false
	m.Instances = append(m.Instances, Instance{UUID: m.UUID, Start: now})
	s.meetingRuns("meeting.started", m, time.Time{})
	s.enter(m, Participant{Name: host.Name(), Email: host.Email, User: host.ID}, now)
	for _, p := range waiting {
		if p.State != Gone {
			s.enter(m, p, now)
		}
	}
	return nil
}

// End ends a meeting for everybody.
func (s *Server) End(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _, err := s.ours(id)
	switch {
	case err != nil:
		return err
	case m.Status != Started:
		return fmt.Errorf("%w: the meeting does not run", ErrAct)
	}
	s.end(m, s.config.Now())
	return nil
}

func (s *Server) end(m *Meeting, now time.Time) {
	i := &m.Instances[len(m.Instances)-1]
	for n := range i.People {
		s.goes(m, &i.People[n], now, "ended the meeting.<br> Reason: Host ended the meeting.")
	}
	i.End, m.Status, m.Ended = now.UTC(), Waiting, true
	s.meetingRuns("meeting.ended", m, i.End)
}
