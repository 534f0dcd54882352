package zoom

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// What a meeting's Status can be.
const (
	Waiting = "waiting"
	Started = "started"
)

// Where a Participant is.
const (
	InMeeting     = "joined"
	InWaitingRoom = "waiting"
	BeforeHost    = "before-host"
	Gone          = "left"
)

// Meeting is a meeting of the stand-in.
type Meeting struct {
	ID        int64          `json:"id"`
	UUID      string         `json:"uuid"` // of the instance that runs, ran last, or will run
	Host      string         `json:"host_id"`
	Topic     string         `json:"topic"`
	Agenda    string         `json:"agenda"`
	Type      int            `json:"type"`
	Start     time.Time      `json:"start"`
	Minutes   int            `json:"minutes"`
	Timezone  string         `json:"timezone"`
	Passcode  string         `json:"passcode"`
	Pwd       string         `json:"pwd"` // in the join_url; another passcode makes another
	Created   time.Time      `json:"created"`
	Source    string         `json:"source"` // open_api or web_portal
	Settings  map[string]any `json:"settings"`
	Status    string         `json:"status"`
	Ended     bool           `json:"ended"`   // it ran, and has not started again
	Trashed   bool           `json:"trashed"` // deleted, can be recovered
	Erased    bool           `json:"erased"`  // deleted for ever
	Instances []Instance     `json:"instances"`
}

// Instance is one running of a meeting.
type Instance struct {
	UUID   string        `json:"uuid"`
	Start  time.Time     `json:"start"`
	End    time.Time     `json:"end"` // zero: it runs
	People []Participant `json:"people"`
}

// Participant is one joining of a meeting: who joins again is another.
type Participant struct {
	UUID  string `json:"uuid"`
	Key   string `json:"key"` // user_id of webhooks
	Name  string `json:"name"`
	Email string `json:"email"`
	User  string `json:"user"` // Zoom user, or "" when not signed in
	State string `json:"state"`
	// Waited is when it came into the waiting room, Join when it was let into the meeting; zero: it was not.
	Waited time.Time `json:"waited"`
	Join   time.Time `json:"join"`
	Leave  time.Time `json:"leave"`
}

// Meetings returns the meetings of a host, or all for "", deleted ones too, oldest first.
func (s *Server) Meetings(host string) []Meeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.user(host); ok {
		host = u.ID
	}
	var list []Meeting
	for _, m := range s.meetings {
		if host == "" || m.Host == host {
			list = append(list, m.clone())
		}
	}
	return list
}

// Meeting returns one meeting, deleted or not.
func (s *Server) Meeting(id int64) (Meeting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := slices.IndexFunc(s.meetings, func(m *Meeting) bool { return m.ID == id })
	if n < 0 {
		return Meeting{}, false
	}
	return s.meetings[n].clone(), true
}

func (m *Meeting) clone() Meeting {
	c := *m
	c.Settings = maps.Clone(m.Settings)
	c.Instances = slices.Clone(m.Instances)
	for n := range c.Instances {
		c.Instances[n].People = slices.Clone(c.Instances[n].People)
	}
	return c
}

// meeting finds a meeting that is not deleted. The caller holds the lock.
func (s *Server) meeting(id int64) (*Meeting, bool) {
	n := slices.IndexFunc(s.meetings, func(m *Meeting) bool { return m.ID == id && !m.Trashed && !m.Erased })
	if n < 0 {
		return nil, false
	}
	return s.meetings[n], true
}

// newMeeting puts an empty meeting of a host in. The caller holds the lock and fills it.
func (s *Server) newMeeting(host *User, source string, now time.Time) *Meeting {
	m := &Meeting{
		ID: s.newID(), UUID: newUUID(), Host: host.ID, Type: 2, Start: now.UTC().Truncate(time.Second), Minutes: 60,
		Timezone: host.Timezone, Topic: host.Name() + "'s Zoom Meeting", Created: now.UTC().Truncate(time.Second),
		Source: source, Status: Waiting, Pwd: secret()[:32], Settings: defaultSettings(),
	}
	m.Passcode = passcode()
	s.meetings = append(s.meetings, m)
	return m
}

// newID is a meeting number of eleven digits, above 2³¹ and not used yet.
func (s *Server) newID() int64 {
	for {
		id := 80_000_000_000 + s.rng.Int64N(9_999_999_999)
		if !slices.ContainsFunc(s.meetings, func(m *Meeting) bool { return m.ID == id }) {
			return id
		}
	}
}

// newUUID is the base64 of 16 bytes, so it may have slashes anywhere.
func newUUID() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	return base64.StdEncoding.EncodeToString(raw)
}

func passcode() string {
	raw := make([]byte, 4)
	_, _ = rand.Read(raw) // never fails
	return fmt.Sprintf("%06d", (uint32(raw[0])<<16|uint32(raw[1])<<8|uint32(raw[2]))%1_000_000)
}

func defaultSettings() map[string]any {
	return map[string]any{
		"host_video": false, "participant_video": false, "join_before_host": false, "jbh_time": 0,
		"mute_upon_entry": false, "waiting_room": false, "use_pmi": false, "approval_type": 2, "audio": "both",
		"auto_recording": "none", "alternative_hosts": "", "email_notification": true, "meeting_authentication": false,
		"meeting_invitees": []any{}, "encryption_type": "enhanced_encryption", "watermark": false,
	}
}

// settle applies what wins over what was asked for: a waiting room ends joining before the host, and the account's
// administrator wins over all.
func (s *Server) settle(m *Meeting) {
	if m.Settings["waiting_room"] == true {
		m.Settings["join_before_host"] = false
	}
	maps.Copy(m.Settings, s.config.Locked)
}

// stamped writes a time as the API does.
func stamped(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (s *Server) joinURL(m *Meeting) string {
	return s.config.URL + "/j/" + strconv.FormatInt(m.ID, 10) + "?pwd=" + m.Pwd + ".1"
}

// maxKept is how many short-lived keys wait before those that ran out are thrown away.
const maxKept = 10_000

// zak lets a host start a meeting for two hours.
type zak struct {
	meeting int64
	expires time.Time
}

// startURL is another one at every call.
func (s *Server) startURL(m *Meeting, now time.Time) string {
	key := secret()
	if len(s.zaks) > maxKept {
		maps.DeleteFunc(s.zaks, func(_ string, z zak) bool { return !now.Before(z.expires) })
	}
	s.zaks[digest(key)] = zak{m.ID, now.Add(zakLife)}
	return s.config.URL + "/s/" + strconv.FormatInt(m.ID, 10) + "?zak=" + key
}

// summary is a meeting as the list shows it.
func (s *Server) summary(m *Meeting) object {
	agenda := []rune(m.Agenda)
	return object{
		"id": m.ID, "uuid": m.UUID, "host_id": m.Host, "topic": m.Topic, "type": m.Type, "start_time": stamped(m.Start),
		"duration": m.Minutes, "timezone": m.Timezone, "created_at": stamped(m.Created), "join_url": s.joinURL(m),
		"agenda": string(agenda[:min(len(agenda), listAgenda)]),
	}
}

// whole is a meeting as create and get show it.
func (s *Server) whole(m *Meeting, host *User, now time.Time) object {
	o := s.summary(m)
	o["agenda"], o["status"], o["host_email"] = m.Agenda, m.Status, host.Email
	o["settings"] = maps.Clone(m.Settings)
	o["password"], o["encrypted_password"] = m.Passcode, m.Pwd
	o["creation_source"], o["pre_schedule"] = m.Source, false
	o["start_url"] = s.startURL(m, now)
	return o
}
