package zoom

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Limits of Zoom.
const (
	maxTopic   = 200
	maxAgenda  = 2000
	maxMinutes = 24 * 60
	listAgenda = 250 // what the list shows of an agenda
)

// meetingBody is what create and update take. Fields it does not have are passed over, as by Zoom.
type meetingBody struct {
	Topic           *string        `json:"topic"`
	Type            *int           `json:"type"`
	Start           *string        `json:"start_time"`
	Minutes         *int           `json:"duration"`
	Timezone        *string        `json:"timezone"`
	Agenda          *string        `json:"agenda"`
	Password        *string        `json:"password"`
	DefaultPassword *bool          `json:"default_password"`
	Settings        map[string]any `json:"settings"`
	ScheduleFor     *string        `json:"schedule_for"`
	PreSchedule     *bool          `json:"pre_schedule"`
	TemplateID      *string        `json:"template_id"`
	Recurrence      map[string]any `json:"recurrence"`
	TrackingFields  []any          `json:"tracking_fields"`
}

// meetingBody reads and checks the body. zone is that of the meeting or of its host.
func (c *call) meetingBody(zone string) (meetingBody, time.Time, answer, bool) {
	var b meetingBody
	if a, ok := c.decode(&b); !ok {
		return b, time.Time{}, a, false
	}
	c.ignored = unknown(c.body)
	if b.Timezone != nil && *b.Timezone != "" {
		zone = *b.Timezone
	}
	wrong := b.wrong()
	where, err := time.LoadLocation(zone)
	if err != nil {
		wrong = append(wrong, fieldError{"timezone", "Invalid field."})
		where = time.UTC
	}
	var start time.Time
	if b.Start != nil && *b.Start != "" {
		if start, err = parseStart(*b.Start, where); err != nil {
			wrong = append(wrong, fieldError{"start_time", "Invalid field."})
		}
	}
	if len(wrong) > 0 {
		return b, start, invalid(wrong...), false
	}
	return b, start, answer{}, true
}

// parseStart reads the two forms that Zoom documents: with Z it is UTC, without it the wall clock of the zone.
func parseStart(text string, where *time.Location) (time.Time, error) {
	if strings.Contains(text, ".") { // time.Parse would take a fraction that its layout does not have
		return time.Time{}, errors.New("whole seconds only")
	}
	if strings.HasSuffix(text, "Z") {
		return time.Parse("2006-01-02T15:04:05Z", text)
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05", text, where)
	return t.UTC(), err
}

func (b meetingBody) wrong() []fieldError {
	var list []fieldError
	check := func(field string, bad bool) {
		if bad {
			list = append(list, fieldError{field, "Invalid field."})
		}
	}
	check("topic", b.Topic != nil && len([]rune(*b.Topic)) > maxTopic)
	check("agenda", b.Agenda != nil && len([]rune(*b.Agenda)) > maxAgenda)
	check("type", b.Type != nil && !slices.Contains([]int{1, 2, 3, 8}, *b.Type))
	check("duration", b.Minutes != nil && (*b.Minutes < 0 || *b.Minutes > maxMinutes))
	check("password", b.Password != nil && !goodPassword(*b.Password))
	if before, given := b.Settings["jbh_time"]; given {
		check("settings.jbh_time", !slices.Contains([]any{0.0, 5.0, 10.0, 15.0}, before))
	}
	return list
}

func goodPassword(p string) bool {
	return len(p) <= 10 && !strings.ContainsFunc(p, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("@_*!-", r)
	})
}

// unknown lists the fields of a body that Zoom passes over.
func unknown(raw []byte) []string {
	var top, settings map[string]json.RawMessage
	if json.Unmarshal(raw, &top) != nil {
		return nil
	}
	_ = json.Unmarshal(top["settings"], &settings) // none, if there are none
	for field := range reflect.TypeFor[meetingBody]().Fields() {
		delete(top, field.Tag.Get("json"))
	}
	list := slices.Collect(maps.Keys(top))
	for name := range settings {
		if _, known := defaultSettings()[name]; !known && !slices.Contains(moreSettings(), name) {
			list = append(list, "settings."+name)
		}
	}
	slices.Sort(list)
	return list
}

// moreSettings are known settings that have no value unless given.
func moreSettings() []string {
	return []string{
		"registration_type", "close_registration", "show_share_button", "allow_multiple_devices", "private_meeting",
		"registrants_confirmation_email", "calendar_type", "cn_meeting", "in_meeting", "contact_name", "contact_email",
		"authentication_option", "breakout_room", "continuous_meeting_chat", "focus_mode", "internal_meeting",
		"alternative_hosts_email_notification", "host_save_video_order", "alternative_host_update_polls",
		"language_interpretation", "global_dial_in_countries", "registrants_email_notification",
		"push_change_to_calendar",
	}
}

// apply puts the fields of a body into a meeting. A start that is over is passed over.
func (s *Server) apply(m *Meeting, b meetingBody, start, now time.Time) {
	set(&m.Topic, b.Topic)
	set(&m.Type, b.Type)
	set(&m.Agenda, b.Agenda)
	setUnlessZero(&m.Minutes, b.Minutes)
	setUnlessZero(&m.Timezone, b.Timezone)
	if start.After(now) {
		m.Start, m.Ended = start, false
	}
	if b.Password != nil && *b.Password != m.Passcode {
		m.Passcode, m.Pwd = *b.Password, secret()[:32]
	}
	maps.Copy(m.Settings, b.Settings)
	s.settle(m)
	// A passcode or a waiting room is compulsory.
	if m.Passcode == "" && m.Settings["waiting_room"] != true {
		m.Passcode = passcode()
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func setUnlessZero[T comparable](to, from *T) {
	var zero T
	if from != nil && *from != zero {
		*to = *from
	}
}

// create is POST /users/{user}/meetings.
func (s *Server) create(c *call) answer {
	host, a, ok := s.about(c)
	if !ok {
		return a
	}
	b, start, a, ok := c.meetingBody(host.Timezone)
	if !ok {
		return a
	}
	if host.Status == Pending {
		return refuse(http.StatusBadRequest, 3161,
			"Your user account is not allowed meeting hosting and scheduling capabilities.")
	}
	if a, ok := s.spendDaily(host.ID, c.now); !ok {
		return a
	}
	m := s.newMeeting(host, "open_api", c.now)
	s.apply(m, b, start, c.now)
	s.meetingCreated(m, host)
	return answer{status: http.StatusCreated, body: s.whole(m, host, c.now), header: http.Header{}}
}

// update is PATCH /meetings/{id}.
func (s *Server) update(c *call) answer {
	m, a, ok := s.mine(c)
	if !ok {
		return a
	}
	b, start, a, ok := c.meetingBody(m.Timezone)
	switch {
	case !ok:
		return a
	case m.Status == Started:
		return refuse(http.StatusBadRequest, 3000,
			"You cannot update or delete meetings that have started using this method.")
	case c.fault == IgnoreStart:
		start = time.Time{}
	}
	if a, ok := s.spendDaily(m.Host, c.now); !ok {
		return a
	}
	before := m.clone()
	s.apply(m, b, start, c.now)
	s.meetingUpdated(&before, m, c.owner)
	return answer{status: http.StatusNoContent}
}
