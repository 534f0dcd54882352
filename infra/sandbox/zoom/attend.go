package zoom

import (
	"fmt"
	"strconv"
	"time"
)

// Guest is who joins. SignedIn is a Zoom user, or empty for somebody without a log-in.
type Guest struct{ Name, Email, SignedIn string }

// Join lets somebody follow the join_url: into the meeting, into its waiting room, or to wait for the host. Who joins
// twice is two participants.
func (s *Server) Join(id int64, g Guest) (Participant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _, err := s.ours(id)
	if err != nil {
		return Participant{}, err
	}
	p := Participant{Name: g.Name, Email: g.Email}
	if g.SignedIn != "" {
		u, err := s.mustUser(g.SignedIn)
		if err != nil {
			return Participant{}, err
		}
		p.User, p.Email = u.ID, u.Email
		if p.Name == "" {
			p.Name = u.Name()
		}
	}
	if p.Name == "" {
		p.Name = "Guest"
	}
	now := s.config.Now().UTC()
	if m.Status == Started {
		return s.enter(m, p, now), nil
	}
	if m.Settings["join_before_host"] == true {
		if len(m.Instances) > 0 {
			m.UUID = newUUID()
		}
		m.Status, m.Ended = Started, false
		m.Instances = append(m.Instances, Instance{UUID: m.UUID, Start: now})
		s.meetingRuns("meeting.started", m, time.Time{})
		return s.enter(m, p, now), nil
	}
	if n := len(m.Instances); n == 0 || !m.Instances[n-1].Start.IsZero() {
		if n > 0 {
			m.UUID = newUUID()
		}
		m.Instances = append(m.Instances, Instance{UUID: m.UUID})
	}
	i := &m.Instances[len(m.Instances)-1]
	p.UUID, p.Key, p.State, p.Join = newUUID(), s.newKey(), BeforeHost, now
	i.People = append(i.People, p)
	s.attends("participant_jbh_waiting", m, p, object{"date_time": stamped(now)})
	return p, nil
}

func (s *Server) newKey() string {
	return strconv.FormatInt(16_000_000+s.rng.Int64N(1_000_000_000), 10)
}

// enter puts a participant into the running meeting, or into its waiting room. The host never waits.
func (s *Server) enter(m *Meeting, p Participant, now time.Time) Participant {
	i := &m.Instances[len(m.Instances)-1]
	if p.UUID == "" {
		p.UUID, p.Key = newUUID(), s.newKey()
	}
	p.State, p.Join = InMeeting, now
	if m.Settings["waiting_room"] == true && p.User != m.Host {
		p.State, p.Waited, p.Join = InWaitingRoom, now, time.Time{}
	}
	i.People = append(i.People, p)
	if p.State == InWaitingRoom {
		s.attends("participant_joined_waiting_room", m, p, object{"date_time": stamped(now)})
	} else {
		s.attends("participant_joined", m, p, object{"join_time": stamped(now)})
	}
	return p
}

// person finds participants of the running instance, or of the one before it. The caller holds the lock.
func (s *Server) person(m *Meeting, uuid string) []*Participant {
	var found []*Participant
	if n := len(m.Instances); n > 0 {
		people := m.Instances[n-1].People
		for k := range people {
			if p := &people[k]; (uuid == "" || p.UUID == uuid) && p.State != Gone {
				found = append(found, p)
			}
		}
	}
	return found
}

// Admit lets a participant out of the waiting room into the meeting, or all of them for "".
func (s *Server) Admit(id int64, participant string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _, err := s.ours(id)
	if err != nil {
		return err
	}
	now, count := s.config.Now().UTC(), 0
	for _, p := range s.person(m, participant) {
		if p.State != InWaitingRoom {
			continue
		}
		count++
		p.State, p.Join = InMeeting, now
		s.attends("participant_admitted", m, *p, object{"date_time": stamped(now)})
		s.attends("participant_left_waiting_room", m, *p, object{"date_time": stamped(now)})
		s.attends("participant_joined", m, *p, object{"join_time": stamped(now)})
	}
	if count == 0 {
		return fmt.Errorf("%w: nobody like that is in the waiting room", ErrAct)
	}
	return nil
}

// Leave lets a participant leave.
func (s *Server) Leave(id int64, participant string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _, err := s.ours(id)
	if err != nil {
		return err
	}
	found := s.person(m, participant)
	if participant == "" || len(found) == 0 {
		return fmt.Errorf("%w: there is no such participant", ErrAct)
	}
	s.goes(m, found[0], s.config.Now(), "left the meeting.<br> Reason: "+found[0].Name+" left the meeting.")
	return nil
}

func (s *Server) goes(m *Meeting, p *Participant, now time.Time, reason string) {
	was := p.State
	if was == Gone {
		return
	}
	p.State, p.Leave = Gone, now.UTC()
	switch was {
	case InMeeting:
		s.attends("participant_left", m, *p, object{"leave_time": stamped(now), "leave_reason": p.Name + " " + reason})
	case InWaitingRoom:
		s.attends("participant_left_waiting_room", m, *p, object{"date_time": stamped(now)})
	}
}
