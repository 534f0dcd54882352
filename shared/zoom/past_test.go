package zoom_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	sandzoom "almanac/infra/sandbox/zoom"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// All has what either list has, once.
func TestAll(t *testing.T) {
	r := newRig(t, js(200, ""))
	r.say(
		js(200, `{"meetings":[{"id":11111111111},{"id":22222222222}],"next_page_token":"n"}`),
		js(200, `{"meetings":[{"id":33333333333}]}`),
		js(200, `{"meetings":[{"id":22222222222},{"id":44444444444}]}`),
	)
	rooms, err := r.All(hurried(t), host)
	var refs []string
	for _, room := range rooms {
		refs = append(refs, room.Ref[:1])
	}
	if err != nil || strings.Join(refs, "") != "1234" {
		t.Errorf("%v, %v", refs, err)
	}
	got := r.requests()
	if len(got) != 3 || got[0].query != "page_size=300&type=scheduled" ||
		got[1].query != "next_page_token=n&page_size=300&type=scheduled" || got[2].query != "page_size=300&type=upcoming" {
		t.Errorf("%+v", got)
	}
	for n := range 2 { // half of it is none
		says := []said{js(200, `{"meetings":[]}`), js(200, `{"meetings":[]}`)}
		says[n] = js(200, `{}`)
		r.say(says...)
		_, err := r.All(hurried(t), host)
		check(t, err, "unavailable: provider_unavailable")
	}
}

// pastOf is a past meeting as Zoom shows it.
func pastOf(session, more string) said {
	return js(200, `{"id":98765432101,"uuid":"`+session+`","host_id":"KDcuGIm1QgePTO8WbOqwIQ","topic":"`+marked+`","user_name":"`+marked+`",`+
		`"start_time":"2027-07-05T08:30:00Z","end_time":"2027-07-05T09:00:05Z"`+more+`}`)
}

// What is read of a past meeting is who came and went when, of which side, and by the key that notices have.
func TestPast(t *testing.T) {
	r := newRig(t, js(200, ""))
	host2 := `"id":"KDcuGIm1QgePTO8WbOqwIQ"`
	r.say(
		pastOf(meeting, ""),
		js(200, `{"next_page_token":"n&1","participants":[{`+host2+`,"name":"`+marked+`","user_id":"16778240","user_email":"x@y.example","join_time":"2027-07-05T08:30:01Z","leave_time":"2027-07-05T09:00:05Z","status":"in_meeting"},`+
			`{"id":"","user_id":16779264,"join_time":"2027-07-05T08:30:02Z","leave_time":"2027-07-05T08:31:00Z","status":"in_waiting_room"}]}`),
		js(200, `{"next_page_token":"","participants":[{"id":"","user_id":16779264,"join_time":"2027-07-05T08:31:00Z","leave_time":""},{"id":"colleague","user_id":16780288,"leave_time":"2027-07-05T08:32:00Z"},null,{"id":"","user_id":"x"}]}`),
	)
	got, err := r.Past(hurried(t), host, ref)
	if err != nil {
		t.Fatal(err)
	}
	at := func(h, m, s int) time.Time { return time.Date(2027, 7, 5, h, m, s, 0, time.UTC) }
	key := func(id string) string {
		t.Helper()
		told, err := zoom.Parse([]byte(`{"event":"meeting.participant_left","payload":{"account_id":"a","object":{"id":"98765432101","uuid":"` + meeting + `","participant":{"user_id":` + id + `}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return told[0].Participant
	}
	if diff := cmp.Diff(video.Meeting{Session: meeting, Start: at(8, 30, 0), End: at(9, 0, 5), Stays: []video.Stay{
		{Participant: key(`16778240`), Host: true, Joined: at(8, 30, 1), Left: at(9, 0, 5)},
		{Participant: key(`"16779264"`), Joined: at(8, 31, 0)},
		{Participant: key(`"16780288"`), Left: at(8, 32, 0)},
	}}, got); diff != "" {
		t.Error(diff)
	}
	asked := r.requests()
	if len(asked) != 3 || asked[0].path != "/v2/past_meetings/98765432101" || asked[0].query != "" ||
		asked[2].query != "next_page_token=n%261&page_size=300" {
		t.Errorf("%+v", asked)
	}
}

// A UUID that begins with a slash, or has two together, is encoded twice.
func TestPastPath(t *testing.T) {
	for session, want := range map[string]string{
		"4444AAAiAAAAAiAiAiiAii==": "4444AAAiAAAAAiAiAiiAii==",
		"44/4AAAiAA+AAiAiAiiAii==": "44%2F4AAAiAA+AAiAiAiiAii==",
		"/444AAAiAAAAAiAiAiiAii==": "%252F444AAAiAAAAAiAiAiiAii==",
		"44//AAAiAAAAAiAiAiiAii==": "44%252F%252FAAAiAAAAAiAiAiiAii==",
	} {
		r := newRig(t, js(200, ""))
		r.say(pastOf(session, ""), js(200, `{"participants":[]}`))
		if _, err := r.Past(hurried(t), host, ref); err != nil {
			t.Error(err)
		}
		if got := r.requests()[1].path; got != "/v2/past_meetings/"+want+"/participants" {
			t.Errorf("%s: %s", session, got)
		}
	}
}

// Nobody who cannot read it must connect anything again.
func TestPastRefused(t *testing.T) {
	for name, x := range map[string]struct {
		says []said
		want string // empty: a meeting without anybody
	}{
		"nobody came":                {[]said{js(404, `{"code":3001,"message":"Meeting does not exist."}`)}, "not_found: room_gone"},
		"no right":                   {[]said{js(400, `{"code":4711,"message":"does not contain scopes"}`)}, "invalid: provider_refused"},
		"dead":                       {[]said{js(401, `{"code":4741}`)}, "denied: needs_reauth"},
		"too old":                    {[]said{js(400, `{"code":12702}`)}, "invalid: provider_refused"},
		"not paid":                   {[]said{pastOf(meeting, ""), js(400, `{"code":200,"message":"Only available for Paid account."}`)}, ""},
		"no right to the people":     {[]said{pastOf(meeting, ""), js(400, `{"code":4711}`)}, ""},
		"the people are gone":        {[]said{pastOf(meeting, ""), js(404, `{"code":3001}`)}, ""},
		"the people are not told":    {[]said{pastOf(meeting, ""), js(200, `{}`)}, "unavailable: provider_unavailable"},
		"silence about the people":   {[]said{pastOf(meeting, ""), js(503, ``)}, "unavailable: provider_unavailable"},
		"no name":                    {[]said{pastOf("", "")}, "unavailable: provider_unavailable"},
		"a name that is none":        {[]said{pastOf("../users", "")}, "unavailable: provider_unavailable"},
		"of another meeting":         {[]said{js(200, `{"id":1,"uuid":"`+meeting+`"}`), js(200, `{"participants":[]}`)}, "unavailable: provider_unavailable"},
		"of the same id, as a text":  {[]said{js(200, `{"id":"98765432101","uuid":"`+meeting+`"}`), js(200, `{"participants":[]}`)}, ""},
		"it has no end, as it seems": {[]said{js(200, `{"uuid":"`+meeting+`"}`), js(200, `{"participants":[]}`)}, ""},
	} {
		r := newRig(t, js(200, ""))
		r.say(x.says...)
		got, err := r.Past(hurried(t), host, ref)
		if x.want != "" {
			check(t, err, x.want)
		} else if err != nil || got.Session != meeting || len(got.Stays) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	r := newRig(t, js(200, ""))
	_, err := r.Past(hurried(t), host, "../users")
	check(t, err, "invalid: provider_refused")
	if len(r.requests()) > 0 {
		t.Error("it was asked for")
	}
}

// The rights to read what took place are no condition of a connection, and count only together.
func TestHistoryScopes(t *testing.T) {
	app := zoom.App{Scopes: zoom.UserScopes()}
	if missing := app.Missing(zoom.UserScopes()); len(missing) > 0 {
		t.Errorf("missing %v", missing)
	}
	for _, granted := range [][]string{nil, zoom.UserScopes(), zoom.HistoryScopes()[:1], zoom.HistoryScopes()[1:]} {
		if app.History(granted) {
			t.Errorf("%v suffices", granted)
		}
	}
	for _, granted := range [][]string{
		zoom.HistoryScopes(), append(zoom.UserScopes(), zoom.HistoryScopes()...),
		{"meeting:read"},
		{"meeting:read:past_meeting:admin", "meeting:read:list_past_participants:admin"},
	} {
		if !app.History(granted) {
			t.Errorf("%v does not suffice", granted)
		}
	}
	if !slices.Equal(app.Scopes, zoom.UserScopes()) {
		t.Error("the app needs something else by now")
	}
}

// Against the stand-in: three pages of people, some of whom only waited; and a meeting whose UUID has to be encoded
// twice.
func TestPastAgainstTheStandIn(t *testing.T) {
	s := newStand(t, sandzoom.Ada)
	made, err := s.Create(t.Context(), host, s.want())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Past(t.Context(), host, made.Ref)
	check(t, err, "not_found: room_gone")
	id, err := strconv.ParseInt(made.Ref, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4000 { // one in fifty is such a one
		if err := s.Start(id); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			_, err = s.Past(t.Context(), host, made.Ref)
			check(t, err, "not_found: room_gone") // it is under way
		}
		m, _ := s.Meeting(id)
		if twice := strings.HasPrefix(m.UUID, "/") || strings.Contains(m.UUID, "//"); twice {
			break
		}
		if err := s.End(id); err != nil {
			t.Fatal(err)
		}
	}
	const guests, let = 700, 650
	for n := range guests {
		p, err := s.Join(id, sandzoom.Guest{Name: marked, Email: "guest@" + marked + ".example"})
		if err != nil {
			t.Fatal(err)
		}
		if n < let {
			if err := s.Admit(id, p.UUID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.End(id); err != nil {
		t.Fatal(err)
	}
	m, _ := s.Meeting(id)
	got, err := s.Past(t.Context(), host, made.Ref)
	if err != nil || got.Session != m.UUID || len(got.Stays) != let+1 {
		t.Errorf("%s of %s with %d people, %v", got.Session, m.UUID, len(got.Stays), err)
	}
	if n := len(s.Requests(sandzoom.OpAttendance)); n < 5 || !strings.Contains(url.PathEscape(m.UUID), "%2F") {
		t.Errorf("%d pages of %s", n, m.UUID)
	}
	hosts := 0
	for _, stay := range got.Stays {
		if stay.Host {
			hosts++
		}
	}
	if hosts != 1 {
		t.Errorf("%d hosts", hosts)
	}
}

// What happened at a time of its own is of that time, as what is read afterwards is, unless the event's is the same to
// the second or has nothing to do with it.
func TestOwnTime(t *testing.T) {
	own := time.Date(2027, 7, 5, 8, 30, 0, 0, time.UTC)
	for lag, wins := range map[time.Duration]bool{
		-time.Second: false, 0: false, 1999 * time.Millisecond: false, 2 * time.Second: true, 10 * time.Minute: true,
		10*time.Minute + 1e6: false,
	} {
		told := own.Add(lag)
		want := told
		if wins {
			want = own
		}
		for event, key := range map[string]string{
			"meeting.participant_joined": "join_time", "meeting.participant_left": "leave_time", "meeting.ended": "end_time",
		} {
			stamp := `"` + key + `":"2027-07-05T08:30:00Z"`
			object := stamp + `,"participant":{` + stamp + `}`
			got, err := zoom.Parse([]byte(`{"event":"` + event + `","event_ts":` + strconv.FormatInt(told.UnixMilli(), 10) +
				`,"payload":{"account_id":"a","object":{"id":"98765432101","uuid":"` + meeting + `",` + object + `}}}`))
			if err != nil || len(got) != 1 || !got[0].At.Equal(want) {
				t.Errorf("%s told %s later: %v, %v", event, lag, got, err)
			}
		}
	}
	// Others have no such time, whatever stands there.
	got, err := zoom.Parse([]byte(`{"event":"meeting.participant_joined_waiting_room","event_ts":1814000000000,"payload":{"account_id":"a","object":{"id":"1",` +
		`"end_time":"2027-06-26T08:53:00Z","participant":{"join_time":"2027-06-26T08:53:00Z"}}}}`))
	if err != nil || got[0].At.UnixMilli() != 1814000000000 {
		t.Errorf("%v, %v", got, err)
	}
}
