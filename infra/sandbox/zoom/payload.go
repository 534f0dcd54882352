package zoom

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// nextStamp is the time of an event in milliseconds: no two are the same. The caller holds the lock.
func (s *Server) nextStamp() time.Time {
	now := s.config.Now().UTC().Truncate(time.Millisecond)
	if !now.After(s.stamp) {
		now = s.stamp.Add(time.Millisecond)
	}
	s.stamp = now
	return now
}

// tell queues an event about a user for the apps that get it. The caller holds the lock.
func (s *Server) tell(app, event string, u *User, meeting int64, payload object) {
	if !s.linked(app, u.ID) {
		return
	}
	payload["account_id"] = u.AccountID
	s.queue(app, event, u.ID, meeting, object{
		"event": event, "event_ts": s.nextStamp().UnixMilli(), "payload": payload,
	})
}

// number is a meeting's number as the event type has it: events of the meeting as a thing carry a number, those of its
// running a string; unless the hook turns it round, as in some samples.
func (s *Server) number(m *Meeting, running bool) any {
	if running != s.hooks[""].OddIDs {
		return strconv.FormatInt(m.ID, 10)
	}
	return m.ID
}

// meetingCreated is the event of that name.
func (s *Server) meetingCreated(m *Meeting, by *User) {
	s.tell("", "meeting.created", by, m.ID, object{
		"operator": by.Email, "operator_id": by.ID, "operation": "all", "object": object{
			"uuid": m.UUID, "id": s.number(m, false), "host_id": m.Host, "topic": m.Topic, "type": m.Type,
			"start_time": stamped(m.Start), "duration": m.Minutes, "timezone": m.Timezone, "join_url": s.joinURL(m),
			"password": m.Passcode, "creation_source": m.Source, "settings": object{
				"use_pmi": false, "alternative_hosts": m.Settings["alternative_hosts"],
				"join_before_host": m.Settings["join_before_host"], "jbh_time": m.Settings["jbh_time"],
				"meeting_invitees": m.Settings["meeting_invitees"],
			},
		},
	})
}

// fields are what meeting.updated compares.
func (s *Server) fields(m *Meeting) object {
	return object{
		"topic": m.Topic, "type": m.Type, "start_time": stamped(m.Start), "duration": m.Minutes, "timezone": m.Timezone,
		"agenda": m.Agenda, "password": m.Passcode, "join_url": s.joinURL(m),
	}
}

// meetingUpdated is the event of that name: only what changed, before and after.
func (s *Server) meetingUpdated(before, after *Meeting, by *User) {
	news, olds := object{}, object{}
	was := s.fields(before)
	for name, value := range s.fields(after) {
		if value != was[name] {
			news[name], olds[name] = value, was[name]
		}
	}
	settings, were := object{}, object{}
	for name, value := range after.Settings {
		if !reflect.DeepEqual(value, before.Settings[name]) {
			settings[name], were[name] = value, before.Settings[name]
		}
	}
	if len(settings) > 0 {
		news["settings"], olds["settings"] = settings, were
	}
	if len(news) == 0 && !s.hooks[""].Unchanged {
		return
	}
	news["id"], olds["id"] = s.number(after, false), s.number(after, false)
	at := s.nextStamp()
	s.tell("", "meeting.updated", by, after.ID, object{
		"operator": by.Email, "operator_id": by.ID, "scope": "all", "time_stamp": at.UnixMilli(),
		"object": news, "old_object": olds,
	})
}

// meetingGone is meeting.deleted, permanently_deleted or recovered.
func (s *Server) meetingGone(event string, m *Meeting, by *User) {
	s.tell("", event, by, m.ID, object{
		"operator": by.Email, "operator_id": by.ID, "operation": "all", "object": object{
			"uuid": m.UUID, "id": s.number(m, false), "host_id": m.Host, "topic": m.Topic, "type": m.Type,
			"start_time": stamped(m.Start), "duration": m.Minutes, "timezone": m.Timezone,
		},
	})
}

// runs is the object of events about a meeting's running.
func (s *Server) runs(m *Meeting) object {
	start := m.Start
	if n := len(m.Instances); n > 0 && !m.Instances[n-1].Start.IsZero() {
		start = m.Instances[n-1].Start
	}
	return object{
		"id": s.number(m, true), "uuid": m.UUID, "host_id": m.Host, "topic": m.Topic, "type": m.Type,
		"start_time": stamped(start), "timezone": m.Timezone, "duration": m.Minutes,
	}
}

// meetingRuns is meeting.started or meeting.ended.
func (s *Server) meetingRuns(event string, m *Meeting, end time.Time) {
	host, _ := s.user(m.Host)
	o := s.runs(m)
	if !end.IsZero() {
		o["end_time"] = stamped(end)
	}
	s.tell("", event, host, m.ID, object{"object": o})
}

// attends is an event about a participant. more are the fields of this event.
func (s *Server) attends(event string, m *Meeting, p Participant, more object) {
	host, _ := s.user(m.Host)
	who := object{
		"user_id": p.Key, "user_name": p.Name, "id": p.User, "participant_uuid": p.UUID, "email": p.Email,
		"participant_user_id": p.User,
	}
	maps.Copy(who, more)
	o := s.runs(m)
	o["participant"] = who
	s.tell("", "meeting."+event, host, m.ID, object{"object": o})
}

// userEvent is user.created, activated, deactivated, deleted and the like.
func (s *Server) userEvent(event string, u, by *User) {
	s.userTold(event, u, func() object {
		o := object{
			"operator": by.Email, "operator_id": by.ID, "object": object{
				"id": u.ID, "email": u.Email, "first_name": u.First, "last_name": u.Last, "type": u.Type,
			},
		}
		if event == "user.created" {
			o["creation_type"] = "create"
		}
		return o
	})
}

// userTold tells the apps of a user's account: the admin-managed one of whoever installed it, and the user's own if its
// hook wants that.
func (s *Server) userTold(event string, u *User, payload func() object) {
	if s.hooks[""].UserEvents {
		s.tell("", event, u, 0, payload())
	}
	for _, owner := range s.users {
		if owner.AccountID == u.AccountID && s.linked(Admin, owner.ID) {
			s.tell(Admin, event, owner, 0, payload())
			return
		}
	}
}

// Variants of app_deauthorized, for Hook.Variant.
const (
	NoStamp         = "no-stamp"         // no event_ts at the top
	InnerText       = "inner-text"       // payload.event_ts as text
	InnerNumber     = "inner-number"     // payload.event_ts as a number
	RetentionText   = "retention-text"   // user_data_retention: "false"
	RetentionAbsent = "retention-absent" // no user_data_retention
)

// deauthorised is the event app_deauthorized, which goes to an address of its own.
func (s *Server) deauthorised(app string, u *User) {
	at := s.nextStamp()
	registered, _ := s.app(app)
	payload := object{
		"account_id": u.AccountID, "client_id": registered.ID, "user_id": u.ID, "user_data_retention": nil,
		"deauthorization_time": at.Format("2006-01-02T15:04:05.000Z"), "signature": digest(secret()),
	}
	event := object{"event": "app_deauthorized", "event_ts": at.UnixMilli(), "payload": payload}
	switch s.hooks[app].Variant {
	case NoStamp:
		delete(event, "event_ts")
	case InnerText:
		delete(event, "event_ts")
		payload["event_ts"] = at.Format(time.DateTime)
	case InnerNumber:
		delete(event, "event_ts")
		payload["event_ts"] = at.UnixMilli()
	case RetentionText:
		payload["user_data_retention"] = "false"
	case RetentionAbsent:
		delete(payload, "user_data_retention")
	}
	s.queue(app, "app_deauthorized", u.ID, 0, event)
}

// encode writes a value as Zoom does: keys in an order that varies, and what is not ASCII now literal, now escaped, as
// surrogates above the basic plane. The caller holds the lock.
func (s *Server) encode(v any) string {
	var b strings.Builder
	s.write(&b, v)
	return b.String()
}

func (s *Server) write(b *strings.Builder, v any) {
	switch v := v.(type) {
	case object:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		s.rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for n, k := range keys {
			b.WriteString(map[bool]string{true: "{", false: ","}[n == 0])
			s.write(b, k)
			b.WriteString(":")
			s.write(b, v[k])
		}
		b.WriteString(map[bool]string{true: "{}", false: "}"}[len(keys) == 0])
	case []any:
		b.WriteString("[")
		for n, one := range v {
			if n > 0 {
				b.WriteString(",")
			}
			s.write(b, one)
		}
		b.WriteString("]")
	case string:
		s.writeText(b, v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			raw = []byte("null") // a value of ours that JSON cannot have: a mistake here
		}
		b.Write(raw)
	}
}

func (s *Server) writeText(b *strings.Builder, text string) {
	b.WriteByte('"')
	for _, r := range text {
		high, low := utf16.EncodeRune(r)
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(b, `\u%04x`, r)
		case r > 0xffff:
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		case r > 0x7f && s.rng.IntN(2) == 0:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
