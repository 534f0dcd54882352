package zoom

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"almanac/shared/fault"
	"almanac/shared/video"
)

// Past reads the meeting that took place in a room last. Who was in it Zoom tells for paid accounts only: of the others
// it is a meeting without anybody. No name or address of anybody is read.
func (r Rooms) Past(ctx context.Context, h video.Host, ref string) (video.Meeting, error) {
	if !isRef(ref) {
		return video.Meeting{}, unaskable()
	}
	o, err := r.api.do(ctx, r.tokens, h, call{
		method: http.MethodGet, path: "/past_meetings/" + ref, about: aPastMeeting,
	})
	if err != nil {
		return video.Meeting{}, err
	}
	m := video.Meeting{Session: o.session("uuid")}
	m.Start, _ = o.instant("start_time", "")
	m.End, _ = o.instant("end_time", "")
	if m.Session == "" || o.told("id") && o.ref() != ref {
		return video.Meeting{}, unreached(silence{"another meeting", true})
	}
	err = r.pages(ctx, h, call{
		method: http.MethodGet, path: "/past_meetings/" + inPath(m.Session) + "/participants", about: aPastMeeting,
	}, "participants", func(one object) {
		if stay, ok := stayOf(m.Session, o.name("host_id"), one); ok {
			m.Stays = append(m.Stays, stay)
		}
	})
	if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
		return video.Meeting{}, err
	}
	return m, nil
}

// inPath writes the UUID of a meeting into an address. Zoom wants one that begins with a slash, or has two together,
// encoded twice.
func inPath(session string) string {
	once := url.PathEscape(session)
	if strings.HasPrefix(session, "/") || strings.Contains(session, "//") {
		return url.PathEscape(once)
	}
	return once
}

// stayOf reads one coming and going. Who only waited was not in the meeting.
func stayOf(session, host string, o object) (video.Stay, bool) {
	s := video.Stay{Participant: participant(session, o), Host: host != "" && o.name("id") == host}
	s.Joined, _ = o.instant("join_time", "")
	s.Left, _ = o.instant("leave_time", "")
	return s, o.text("status") != "in_waiting_room" && (!s.Joined.IsZero() || !s.Left.IsZero())
}
