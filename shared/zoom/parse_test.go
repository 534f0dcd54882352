package zoom_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almanac/shared/video"
	"almanac/shared/zoom"
)

const (
	user    = "KDcuGIm1QgePTO8WbOqwIQ"
	meeting = "4444AAAiAAAAAiAiAiiAii=="
)

var stamp = time.UnixMilli(1798891200123).UTC()

func TestParse(t *testing.T) {
	note := func(k video.Kind, change func(n *video.Notice)) []video.Notice {
		n := video.Notice{V: 1, Provider: "zoom", Kind: k, Account: "acc_1", User: user, Room: ref, At: stamp}
		change(&n)
		return []video.Notice{n}
	}
	plain := func(*video.Notice) {}
	under := func(n *video.Notice) { n.Session = meeting }
	by := func(host bool) func(n *video.Notice) {
		return func(n *video.Notice) { n.Session, n.Participant, n.Host = meeting, "KEY", host }
	}
	changed := func(start string, minutes int) func(n *video.Notice) {
		return func(n *video.Notice) {
			n.User = "" // whoever changed it need not be whose it is
			if start != "" {
				at, err := time.Parse(time.RFC3339, start)
				if err != nil {
					t.Fatal(err)
				}
				n.Start = &at
			}
			if minutes != 0 {
				n.Minutes = &minutes
			}
		}
	}
	ofUser := func(app string, at time.Time) func(n *video.Notice) {
		return func(n *video.Notice) { n.Room, n.App, n.At = "", app, at }
	}
	wants := map[string][]video.Notice{
		"created": note(video.RoomCreated, plain), "created pmi": note(video.RoomCreated, plain),
		"deleted": note(video.RoomDeleted, plain), "for good": note(video.RoomDeleted, plain),
		"recovered": note(video.RoomRecovered, plain), "started": note(video.MeetingBegan, under),
		"ended": note(video.MeetingEnded, under), "joined": note(video.Joined, by(false)),
		"host joined": note(video.Joined, by(true)), "left": note(video.Left, by(false)),
		"waits": note(video.Waiting, by(false)), "put": note(video.Waiting, by(false)),
		"waits early": note(video.Waiting, by(false)), "admitted": note(video.Admitted, by(false)),
		"left waiting": nil, "moved": note(video.RoomUpdated, changed("2027-07-05T10:00:00Z", 0)),
		"longer": note(video.RoomUpdated, changed("", 45)), "renamed": note(video.RoomUpdated, changed("", 0)),
		"settings":     note(video.RoomUpdated, changed("", 0)),
		"local":        note(video.RoomUpdated, changed("2027-07-05T10:00:00Z", 20)),
		"by nobody":    note(video.RoomUpdated, changed("", 50)),
		"new host":     note(video.RoomUpdated, func(n *video.Notice) { n.User = "otherHost" }),
		"old host":     note(video.RoomUpdated, func(n *video.Notice) { changed("", 50)(n); n.User = "oldHost" }),
		"user deleted": note(video.UserGone, ofUser("", stamp)), "deactivated": note(video.UserGone, ofUser("", stamp)),
		"taken out": note(video.UserGone, ofUser("", stamp)), "user created": nil, "user updated": nil,
		"uninstalled":  note(video.Uninstalled, ofUser("client_1", stamp)),
		"uninst text":  note(video.Uninstalled, ofUser("client_1", stamp.Truncate(time.Second))),
		"uninst time":  note(video.Uninstalled, ofUser("client_1", stamp)),
		"uninst inner": note(video.Uninstalled, ofUser("client_1", stamp)),
		"uninst bare":  note(video.Uninstalled, ofUser("client_1", time.Time{})),
		"validation":   nil, "of others": nil, "authorised": nil,
	}
	for name, body := range shapes() {
		want, known := wants[name]
		if !known {
			t.Errorf("%s is not expected", name)
		}
		got, err := zoom.Parse([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ := json.Marshal(got)
		if strings.Contains(string(text), marked) {
			t.Errorf("%s tells about somebody: %s", name, text)
		}
		for i := range got {
			if got[i].Participant != "" {
				got[i].Participant = "KEY"
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if len(wants) != len(shapes()) {
		t.Error("a shape is missing")
	}
}

// One person's coming and going has one key; another's, or the same person's in another meeting, has another.
func TestParticipants(t *testing.T) {
	key := func(event, session, uuid, id string) string {
		t.Helper()
		got, err := zoom.Parse(fmt.Appendf(nil, `{"event":"meeting.participant_%s","payload":{"account_id":"a","object":{"id":"98765432101","uuid":%q,"host_id":"h","participant":{"participant_uuid":%s,"user_id":%s}}}}`,
			event, session, uuid, id))
		if err != nil || len(got) != 1 {
			t.Fatal(err)
		}
		return got[0].Participant
	}
	one := key("joined", meeting, `"u1"`, `""`)
	if len(one) != 20 || one != key("left", meeting, `"u1"`, `null`) || one == key("left", meeting, `"u2"`, `""`) || one == key("left", "other", `"u1"`, `""`) {
		t.Error("by uuid")
	}
	// What can be read afterwards has the user_id and no uuid.
	if both := key("joined", meeting, `"u1"`, `"7"`); both != key("left", meeting, `"u2"`, `7`) || both == key("left", meeting, `"u1"`, `8`) || both == one {
		t.Error("by both")
	}
	two := key("joined", meeting, `""`, `"16778240"`)
	if two == "" || two != key("left", meeting, `null`, `16778240`) || two == key("left", meeting, `""`, `"16778241"`) || two == key("left", "other", `""`, `"16778240"`) {
		t.Error("by user_id")
	}
	if key("joined", meeting, `""`, `""`) != "" || key("joined", meeting, `7`, `null`) != "" {
		t.Error("without any name")
	}
}

func updated(object string) string {
	return `{"event":"meeting.updated","payload":{"account_id":"a","object":{"id":98765432101` + object + `}}}`
}

// What a change says of the time is taken, or said not to be clear; what says nothing of it is neither.
func TestTimesOfAChange(t *testing.T) {
	for object, want := range map[string]string{
		``:                                            "",
		`,"start_time":null`:                          "",
		`,"start_time":"","duration":""`:              "",
		`,"duration":null,"timezone":""`:              "",
		`,"topic":"x","agenda":null`:                  "",
		`,"start_time":"2027-07-05T08:30:00Z"`:        "2027-07-05T08:30:00Z",
		`,"start_time":"2027-07-05T08:30:00.000Z"`:    "2027-07-05T08:30:00Z",
		`,"start_time":" 2027-07-05T09:30:00+01:00 "`: "2027-07-05T08:30:00Z",
		`,"start_time":"2027-07-05T09:30:00","timezone":"Europe/London"`:       "2027-07-05T08:30:00Z",
		`,"start_time":"2027-01-05T09:30:00","timezone":"America/Los_Angeles"`: "2027-01-05T17:30:00Z",
		`,"start_time":"2027-07-05T09:30:00","timezone":""`:                    "unclear",
		`,"start_time":"2027-07-05T09:30:00"`:                                  "unclear",
		`,"start_time":"2027-07-05T09:30:00","timezone":"Local"`:               "unclear",
		`,"start_time":"2027-07-05T09:30:00","timezone":"../../etc/passwd"`:    "unclear",
		`,"start_time":"2027-03-28T01:30:00","timezone":"Europe/London"`:       "unclear",
		`,"start_time":"2027-10-31T01:30:00","timezone":"Europe/London"`:       "unclear",
		`,"start_time":"0001-01-01T00:00:00Z"`:                                 "unclear",
		`,"start_time":1798891200`:                                             "unclear",
		`,"start_time":"soon"`:                                                 "unclear",
		`,"start_time":{}`:                                                     "unclear",
		`,"duration":45`:                                                       "45",
		`,"duration":"45"`:                                                     "45",
		`,"duration":1440`:                                                     "1440",
		`,"duration":1441`:                                                     "unclear",
		`,"duration":0`:                                                        "unclear",
		`,"duration":-5`:                                                       "unclear",
		`,"duration":30.5`:                                                     "unclear",
		`,"duration":"half"`:                                                   "unclear",
		`,"start_time":"2027-07-05T08:30:00Z","duration":-1`:                   "2027-07-05T08:30:00Zunclear",
	} {
		all, err := zoom.Parse([]byte(updated(object)))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v", object, err)
			continue
		}
		n, got := all[0], ""
		if n.Start != nil {
			got += n.Start.Format(time.RFC3339)
		}
		if n.Minutes != nil {
			got += strconv.Itoa(*n.Minutes)
		}
		if n.Unclear {
			got += "unclear"
		}
		if got != want || n.Part {
			t.Errorf("%s: %q, not %q", object, got, want)
		}
	}
	for _, part := range []string{
		`{"event":"meeting.updated","payload":{"account_id":"a","scope":"single","object":{"id":98765432101}}}`,
		`{"event":"meeting.deleted","payload":{"account_id":"a","operation":"single","object":{"id":98765432101}}}`,
	} {
		if all, err := zoom.Parse([]byte(part)); err != nil || !all[0].Part {
			t.Errorf("%s: %v", part, err)
		}
	}
}

// When it happened is in milliseconds, as number or text; anything else says nothing of it.
func TestStamps(t *testing.T) {
	for text, want := range map[string]int64{
		`1798891200123`: 1798891200123, `"1798891200123"`: 1798891200123, `1798891200`: 0, `1798891200123456`: 0, `-1798891200123`: 0,
		`1798891200123.5`: 0, `null`: 0, `"now"`: 0, `1.798891200123e12`: 0,
	} {
		at := parseOne(t, `{"event":"meeting.ended","event_ts":`+text+`,"payload":{"account_id":"a","object":{"id":98765432101}}}`).At
		if want == 0 && !at.IsZero() || want != 0 && at.UnixMilli() != want {
			t.Errorf("%s: %v", text, at)
		}
	}
}

// An id is a number of digits up to 2^53, written as number or text, and nothing else.
func TestIDs(t *testing.T) {
	parse := func(id string) (string, error) {
		all, err := zoom.Parse([]byte(`{"event":"meeting.ended","payload":{"account_id":"a","object":{"id":` + id + `}}}`))
		if err != nil {
			return "", err
		}
		return all[0].Room, nil
	}
	for _, bad := range []string{
		`null`, `""`, `0`, `"0"`, `-1`, `"-1"`, `1.5`, `123.0`, `"123.0"`, `1e11`, `"1e11"`, `" 123"`, `"123 4567 8901"`, `"0123"`, `"+123"`,
		`9007199254740993`, `"9223372036854775808"`, `99999999999999999999`, `true`, `[]`, `{}`, `"١٢٣"`, `"12a"`, `-0`,
	} {
		if got, err := parse(bad); err == nil {
			t.Errorf("%s was taken for %q", bad, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Int64Range(1, 1<<53), rapid.Int64()).Draw(t, "id")
		good := n > 0 && n <= 1<<53
		for _, form := range []string{"%d", `"%d"`} {
			got, err := parse(fmt.Sprintf(form, n))
			if (err == nil) != good || good && got != strconv.FormatInt(n, 10) {
				t.Fatalf("%q, %v", got, err)
			}
		}
		f := rapid.Float64().Draw(t, "float")
		text := strconv.FormatFloat(f, 'g', -1, 64)
		if got, err := parse(text); err == nil && (f != math.Trunc(f) || got != text) {
			t.Fatalf("%s was taken for %q", text, got)
		}
	})
}

// An instant comes out as it went in, whatever way it was written.
func TestInstants(t *testing.T) {
	zones := []string{"Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(946684800, 4102444799).Draw(t, "at"), 0).UTC()
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{
			at.Format(time.RFC3339), at.In(zone).Format(time.RFC3339), at.Format("2006-01-02T15:04:05.000Z"),
		} {
			n := parseOne(t, updated(fmt.Sprintf(`,"start_time":%q`, body)))
			if n.Unclear || n.Start == nil || !n.Start.Equal(at) || n.Start.Location() != time.UTC {
				t.Fatalf("%s: %+v", body, n)
			}
		}
		// By the clocks of a place it is the same, or it is said that nobody can tell.
		n := parseOne(t, updated(fmt.Sprintf(`,"start_time":%q,"timezone":%q`, at.In(zone).Format("2006-01-02T15:04:05"), name)))
		if n.Unclear == (n.Start != nil) || n.Start != nil && !n.Start.Equal(at) {
			t.Fatalf("%v by the clocks of %s: %+v", at, name, n)
		}
	})
}

func parseOne(t interface {
	Fatalf(format string, args ...any)
}, body string,
) video.Notice {
	all, err := zoom.Parse([]byte(body))
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	return all[0]
}

func TestBodiesThatAreRefused(t *testing.T) {
	deep := func(n int) string {
		return `{"event":"meeting.ended","payload":{"account_id":"a","object":{"id":98765432101}},"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for name, body := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "a text": `"x"`, "a page": "<html>" + marked, "cut off": `{"event":"meeting.ended"`,
		"more after it": `{"event":"x"} {"event":"y"}`, "no event": `{"payload":{}}`, "event null": `{"event":null}`, "event 7": `{"event":7}`,
		"event in capitals": `{"EVENT":"meeting.ended","payload":{"account_id":"a","object":{"id":98765432101}}}`,
		"event twice":       `{"event":"meeting.ended","event":"meeting.deleted","payload":{"account_id":"a","object":{"id":98765432101}}}`,
		"event twice, hid":  `{"event":"meeting.ended","\u0065vent":"meeting.deleted","payload":{"account_id":"a","object":{"id":98765432101}}}`,
		"id twice":          `{"event":"meeting.ended","payload":{"account_id":"a","object":{"id":98765432101,"id":"98765432102"}}}`,
		"twice elsewhere":   `{"event":"recording.completed","x":[{"a":1,"a":2}]}`,
		"too deep":          deep(32),
		"far too deep":      deep(20000),
		"too long":          `{"event":"x","y":"` + strings.Repeat("y", zoom.MaxBody) + `"}`,
		"no payload":        `{"event":"meeting.ended"}`,
		"payload null":      `{"event":"meeting.ended","payload":null}`,
		"payload a list":    `{"event":"meeting.ended","payload":[]}`,
		"no object":         `{"event":"meeting.ended","payload":{"account_id":"a"}}`,
		"no account":        `{"event":"meeting.ended","payload":{"object":{"id":98765432101}}}`,
		"account too long":  `{"event":"meeting.ended","payload":{"account_id":"` + strings.Repeat("a", 65) + `","object":{"id":98765432101}}}`,
		"account of others": `{"event":"meeting.ended","payload":{"account_id":"a#b","object":{"id":98765432101}}}`,
		"host of others":    `{"event":"meeting.ended","payload":{"account_id":"a","object":{"id":98765432101,"host_id":"a b"}}}`,
		"host of a change":  `{"event":"meeting.updated","payload":{"account_id":"a","operator_id":"b","object":{"id":98765432101,"host_id":"a b"}}}`,
		"host a number":     `{"event":"meeting.ended","payload":{"account_id":"a","object":{"id":98765432101,"host_id":7}}}`,
		"nobody joined":     `{"event":"meeting.participant_joined","payload":{"account_id":"a","object":{"id":98765432101}}}`,
		"nobody gone":       `{"event":"user.deleted","payload":{"account_id":"a","object":{"id":""}}}`,
		"nobody's app":      `{"event":"app_deauthorized","payload":{"account_id":"a","client_id":"c"}}`,
	} {
		got, err := zoom.Parse([]byte(body))
		check(t, err, "invalid: malformed_body")
		if got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := zoom.Parse([]byte(deep(31))); err != nil {
		t.Error("32 levels are refused")
	}
}

// sound checks what holds of every notice, whatever came in.
func sound(t *testing.T, body []byte) {
	t.Helper()
	all, err := zoom.Parse(body)
	if err != nil {
		check(t, err, "invalid: malformed_body")
		if all != nil {
			t.Error("notices, and an error")
		}
		return
	}
	for _, n := range all {
		name := func(s string) bool {
			return len(s) <= 64 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
		}
		id, bad := strconv.ParseInt(n.Room, 10, 64)
		ofRoom := n.Kind != video.Uninstalled && n.Kind != video.UserGone
		switch {
		case n.V != 1 || n.Provider != "zoom" || n.Kind == "" || n.Account == "" || !name(n.Account) || !name(n.User) || !name(n.App):
			t.Errorf("names: %+v", n)
		case ofRoom && (bad != nil || id < 1 || id > 1<<53 || strconv.FormatInt(id, 10) != n.Room), !ofRoom && (n.Room != "" || n.User == ""):
			t.Errorf("room: %+v", n)
		case n.Start != nil && (n.Start.Location() != time.UTC || n.Start.Year() < 2000 || n.Start.Year() > 2100), n.Minutes != nil && (*n.Minutes < 1 || *n.Minutes > 1440):
			t.Errorf("time: %+v", n)
		case (n.Start != nil || n.Minutes != nil || n.Unclear) && n.Kind != video.RoomUpdated:
			t.Errorf("a change where none is: %+v", n)
		case !n.At.IsZero() && (n.At.Year() < 1 || n.At.Year() > 9999):
			t.Errorf("at: %+v", n)
		case len(n.Session) > 64 || n.Participant != "" && len(n.Participant) != 20 || n.Host && n.User == "":
			t.Errorf("who: %+v", n)
		}
		if text, err := json.Marshal(n); err != nil || len(text) > 1024 {
			t.Errorf("%d bytes for the queue, %v", len(text), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range shapes() {
		f.Add([]byte(body))
		f.Add([]byte(strings.ReplaceAll(body, "98765432101", "9.8e10")))
		f.Add([]byte(strings.ReplaceAll(body, `"KDcuGIm1QgePTO8WbOqwIQ"`, "null")))
	}
	f.Fuzz(func(t *testing.T, body []byte) { sound(t, body) })
}

// Bodies of every event, with a few of their parts replaced by other things: what a fuzzer of bytes seldom gets past
// the reader of JSON.
func TestSpoiledShapes(t *testing.T) {
	all := shapes()
	names := rapid.SampledFrom(sorted(all))
	other := rapid.OneOf(
		rapid.Just[any](nil), rapid.Just[any](""), rapid.Just[any](true), rapid.Just[any](map[string]any{}), rapid.Just[any]([]any{}),
		rapid.Custom(func(t *rapid.T) any { return rapid.Float64Range(-1e18, 1e18).Draw(t, "float") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "int") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.String().Draw(t, "text") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.StringMatching(`[0-9]{1,20}`).Draw(t, "digits") }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		for range 30 { // thirty bodies at each of a hundred checks
			var tree map[string]any
			if err := json.Unmarshal([]byte(all[names.Draw(rt, "shape")]), &tree); err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(0, 3).Draw(rt, "times") {
				spoil(rt, tree, other)
			}
			body, err := json.Marshal(tree)
			if err != nil {
				rt.Fatal(err)
			}
			sound(t, body)
			if t.Failed() {
				rt.Fatalf("%s", body)
			}
		}
	})
}

// spoil puts something else in the place of one part of a body.
func spoil(t *rapid.T, tree map[string]any, other *rapid.Generator[any]) {
	for {
		key := rapid.SampledFrom(sorted(tree)).Draw(t, "key")
		sub, ok := tree[key].(map[string]any)
		if !ok || len(sub) == 0 || rapid.IntRange(0, 3).Draw(t, "deeper") == 0 {
			tree[key] = other.Draw(t, "other")
			return
		}
		tree = sub
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
