package zoom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"almanac/shared/fault"
	"almanac/shared/video"
)

// subject is what an event is about.
type subject int

const (
	nothing subject = iota
	theApp
	theUser
	theRoom
	theMeeting     // under way in a room
	theParticipant // of a meeting
)

// meaningOf tells what an event says, and of what; an event that says nothing to us is about nothing. Who leaves the
// waiting room has been admitted, which is told as well, or has not been in the meeting.
func meaningOf(event string) (video.Kind, subject) {
	switch event {
	case "app_deauthorized":
		return video.Uninstalled, theApp
	case "user.deleted", "user.deactivated", "user.disassociated":
		return video.UserGone, theUser
	case "meeting.created":
		return video.RoomCreated, theRoom
	case "meeting.updated":
		return video.RoomUpdated, theRoom
	case "meeting.deleted", "meeting.permanently_deleted":
		return video.RoomDeleted, theRoom
	case "meeting.recovered":
		return video.RoomRecovered, theRoom
	case "meeting.started":
		return video.MeetingBegan, theMeeting
	case "meeting.ended":
		return video.MeetingEnded, theMeeting
	}
	return meaningOfPerson(event)
}

func meaningOfPerson(event string) (video.Kind, subject) {
	switch event {
	case "meeting.participant_joined":
		return video.Joined, theParticipant
	case "meeting.participant_left":
		return video.Left, theParticipant
	case "meeting.participant_joined_waiting_room", "meeting.participant_put_in_waiting_room",
		"meeting.participant_jbh_waiting":
		return video.Waiting, theParticipant
	case "meeting.participant_admitted":
		return video.Admitted, theParticipant
	}
	return "", nothing
}

// Parse reads a verified body. An event that says nothing to us gives no notice; one that we know and that lacks what
// it must have is fault.Invalid. Received is left to the caller.
func Parse(body []byte) ([]video.Notice, error) {
	o, err := readEvent(body)
	if err != nil {
		return nil, err
	}
	kind, about := meaningOf(o.text("event"))
	if about == nothing {
		return nil, nil
	}
	payload := o.sub("payload")
	n := video.Notice{
		V: video.NoticeVersion, Provider: Provider, Kind: kind, Account: payload.name("account_id"),
		At: toldAt(o, payload),
	}
	ok := false
	switch about {
	case theApp:
		n.User, n.App = payload.name("user_id"), payload.name("client_id")
		ok = n.User != ""
	case theUser:
		n.User = payload.sub("object").name("id")
		ok = n.User != ""
	case theRoom, theMeeting, theParticipant:
		ok = ofRoom(&n, payload, about)
	case nothing:
	}
	if n.Account == "" || !ok {
		return nil, fmt.Errorf("an event of a known kind: %w", unreadable())
	}
	return []video.Notice{n}, nil
}

// readEvent reads the body of a webhook.
func readEvent(body []byte) (object, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("its length: %w", unreadable())
	}
	o, err := readObject(body)
	if err != nil || o.text("event") == "" {
		return nil, fmt.Errorf("its form: %w", unreadable())
	}
	return o, nil
}

func unreadable() *fault.Error {
	return fault.New(fault.Invalid, "malformed_body", "This is not what Zoom is known to send.")
}

// toldAt is when Zoom says that it happened. For a change of a meeting that is the time of the change; the event has
// one of its own.
func toldAt(o, payload object) time.Time {
	for _, at := range []time.Time{
		payload.stamp("time_stamp"), o.stamp("event_ts"), payload.stamp("event_ts"),
	} {
		if !at.IsZero() {
			return at
		}
	}
	for _, key := range []string{"deauthorization_time", "event_ts"} { // as texts
		if at, ok := date(payload.text(key)); ok {
			return at.UTC().Truncate(time.Millisecond)
		}
	}
	return time.Time{}
}

// ofRoom reads what an event says of a room. The ids of users are those of accounts; everything else that an event
// holds about anybody stays unread.
func ofRoom(n *video.Notice, payload object, about subject) bool {
	room := payload.sub("object")
	n.Room, n.User = room.ref(), room.name("host_id")
	// Changes call it scope, the others operation.
	n.Part = payload.text("scope") == "single" || payload.text("operation") == "single"
	if n.Kind == video.RoomUpdated {
		n.User = whoseChange(n.User, payload)
		ofTime(n, room)
	}
	if about == theMeeting || about == theParticipant {
		n.Session = room.session("uuid")
	}
	if n.Kind == video.MeetingEnded {
		n.At = when(n.At, room, "end_time")
	}
	if about == theParticipant {
		person := room.sub("participant")
		if person == nil {
			return false
		}
		ofPerson(n, person)
	}
	return n.Room != "" && (room.name("host_id") != "" || !room.told("host_id"))
}

// whoseChange is whose room was changed. An event of a change names the host only if that has changed. Whoever changed
// it says nothing of whose it is: it may have been the account's administrator.
func whoseChange(host string, payload object) string {
	if host == "" {
		host = payload.sub("old_object").name("host_id")
	}
	return host
}

// ofTime reads what a change says of the time. An event that changes only a topic says nothing of it.
func ofTime(n *video.Notice, room object) {
	if room.told("start_time") {
		if start, ok := room.instant("start_time", "timezone"); ok {
			n.Start = &start
		} else {
			n.Unclear = true
		}
	}
	if room.told("duration") {
		if minutes, ok := room.minutes("duration"); ok {
			n.Minutes = &minutes
		} else {
			n.Unclear = true
		}
	}
}

// ofPerson reads who it was: the host, by the id of a user that guests without a log-in do not have, or somebody.
func ofPerson(n *video.Notice, person object) {
	id, user := person.name("id"), person.name("participant_user_id")
	n.Host = n.User != "" && (id == n.User || user == n.User)
	n.Participant = participant(n.Session, person)
	n.At = when(n.At, person, map[video.Kind]string{video.Joined: "join_time", video.Left: "leave_time"}[n.Kind])
}

// participant is the key of somebody's one coming and going in a meeting, which is not the same at the next, or in
// another meeting. It is made of the name that Zoom has for that both in what it tells at once and in what can be read
// afterwards, if it gives that name.
func participant(session string, person object) string {
	key := ""
	if who, ok := person.whole("user_id"); ok {
		key = fmt.Sprint("user ", who)
	} else if who := person.name("user_id"); who != "" {
		key = "user " + who
	} else if who := person.session("participant_uuid"); who != "" {
		key = "uuid " + who
	}
	if key == "" {
		return ""
	}
	const short = 10
	sum := sha256.Sum256([]byte("almanac zoom participant\n" + session + "\n" + key))
	return hex.EncodeToString(sum[:short])
}

// when is the time of an event, unless what happened has one of its own that is a little earlier: what is read
// afterwards has that one. It is to the second, so the event's, which is finer, serves for one of about that second.
func when(told time.Time, thing object, key string) time.Time {
	const same, most = 2 * time.Second, 10 * time.Minute
	own, ok := thing.instant(key, "")
	if lag := told.Sub(own); ok && (told.IsZero() || lag >= same && lag <= most) {
		return own
	}
	return told
}
