package zoom_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox/sandboxtest"
	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

const mine = "/v2/users/me/meetings"

// body is a good one of create, with changes.
func body(change map[string]any) map[string]any {
	b := map[string]any{
		"topic": "Video appointment", "type": 2, "start_time": "2026-11-22T10:00:00Z", "duration": 20,
		"timezone": "Europe/London", "agenda": "ref 4711", "default_password": true,
		"settings": map[string]any{"waiting_room": true, "use_pmi": false},
	}
	maps.Copy(b, change)
	return b
}

type made struct {
	ID       int64          `json:"id"`
	UUID     string         `json:"uuid"`
	Host     string         `json:"host_id"`
	Start    string         `json:"start_time"`
	StartURL string         `json:"start_url"`
	JoinURL  string         `json:"join_url"`
	Password string         `json:"password"`
	Status   string         `json:"status"`
	Minutes  int            `json:"duration"`
	Settings map[string]any `json:"settings"`
	Agenda   string         `json:"agenda"`
}

// create makes a meeting, or fails the test.
func create(t *testing.T, z *zoomtest.Stand, token string, change map[string]any) made {
	t.Helper()
	var m made
	r := z.API(t, token, "POST", mine, body(change))
	if r.Status != 201 {
		t.Fatalf("create: %d %s", r.Status, r.Body)
	}
	r.Into(t, &m)
	return m
}

func path(m made) string { return fmt.Sprintf("/v2/meetings/%d", m.ID) }

// get reads a meeting, or fails the test.
func get(t *testing.T, z *zoomtest.Stand, token string, m made) made {
	t.Helper()
	var got made
	r := z.API(t, token, "GET", path(m), nil)
	if r.Status != 200 {
		t.Fatalf("get: %d %s", r.Status, r.Body)
	}
	r.Into(t, &got)
	return got
}

// What create answers (facts 6.2, 6.4, 9).
func TestCreate(t *testing.T) {
	z := zoomtest.New(t, func(c *zoom.Config) { c.Locked = map[string]any{"mute_upon_entry": true} })
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, map[string]any{"settings": map[string]any{"waiting_room": true, "join_before_host": true, "mute_upon_entry": false}})
	switch {
	case m.ID <= 1<<31, m.Host != zoom.Ada, m.Status != "waiting", len(m.Password) != 6:
		t.Errorf("%+v", m)
	case !strings.HasPrefix(m.JoinURL, z.URL+"/j/") || !strings.Contains(m.JoinURL, "?pwd="):
		t.Errorf("join_url %s", m.JoinURL)
	case m.Settings["join_before_host"] != false || m.Settings["mute_upon_entry"] != true:
		t.Errorf("neither the waiting room nor the locked setting won: %v", m.Settings)
	}
	one, two := get(t, z, token, m), get(t, z, token, m)
	if one.StartURL == two.StartURL || one.StartURL == m.StartURL || one.JoinURL != m.JoinURL {
		t.Errorf("start_url %s, %s, %s", m.StartURL, one.StartURL, two.StartURL)
	}
}

// start_time is UTC with Z, and the zone's wall clock without (facts 6.2, 13.15); what is wrong is named (6.5).
func TestStart(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	for what, c := range map[string]struct {
		change map[string]any
		want   string // start_time of the answer, or the field at fault
	}{
		"UTC":             {map[string]any{"start_time": "2027-07-01T09:00:00Z"}, "2027-07-01T09:00:00Z"},
		"London summer":   {map[string]any{"start_time": "2027-07-01T10:00:00"}, "2027-07-01T09:00:00Z"},
		"host's own zone": {map[string]any{"start_time": "2027-07-01T10:00:00", "timezone": nil}, "2027-07-01T09:00:00Z"},
		"Paris":           {map[string]any{"start_time": "2027-07-01T10:00:00", "timezone": "Europe/Paris"}, "2027-07-01T08:00:00Z"},
		"past":            {map[string]any{"start_time": "2026-11-20T09:00:00Z"}, "2026-11-21T09:00:00Z"},
		"milliseconds":    {map[string]any{"start_time": "2027-07-01T09:00:00.000Z"}, "start_time"},
		"an offset":       {map[string]any{"start_time": "2027-07-01T09:00:00+01:00"}, "start_time"},
		"a number":        {map[string]any{"start_time": 17}, "start_time"},
		"zone":            {map[string]any{"timezone": "Europe/Nowhere"}, "timezone"},
		"minus minutes":   {map[string]any{"duration": -1}, "duration"},
		"more than a day": {map[string]any{"duration": 1441}, "duration"},
		"a long agenda":   {map[string]any{"agenda": strings.Repeat("a", 2001)}, "agenda"},
		"password":        {map[string]any{"password": "a b"}, "password"},
		"long password":   {map[string]any{"password": "12345678901"}, "password"},
		"jbh_time":        {map[string]any{"settings": map[string]any{"jbh_time": 7}}, "settings.jbh_time"},
	} {
		r := z.API(t, token, "POST", mine, body(c.change))
		var got struct {
			made
			Code   int `json:"code"`
			Errors []struct {
				Field string `json:"field"`
			} `json:"errors"`
		}
		r.Into(t, &got)
		switch {
		case r.Status == 201 && got.Start == c.want:
		case r.Status == 400 && got.Code == 300 && len(got.Errors) == 1 && got.Errors[0].Field == c.want:
		default:
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	if r := z.API(t, token, "POST", mine, json.RawMessage(`"text"`)); r.Status != 400 || r.Code() != 300 {
		t.Errorf("no object: %d %s", r.Status, r.Body)
	}
	z.API(t, token, "POST", mine, body(map[string]any{"durration": 5, "settings": map[string]any{"waiting_rom": true}}))
	q := z.Requests(zoom.OpCreate)
	if got := q[len(q)-1].Ignored; !slices.Equal(got, []string{"durration", "settings.waiting_rom"}) {
		t.Errorf("ignored: %q", got)
	}
}

// PATCH and DELETE as they are (facts 6.3, 6.5, 9).
func TestUpdateAndDelete(t *testing.T) {
	z := zoomtest.New(t)
	token, ben, cara := z.Authorise(t, zoom.Ada).Access, z.Authorise(t, zoom.Ben).Access, z.Authorise(t, zoom.Cara).Access
	end := map[string]any{"action": "end"}
	start := func(m made) { _ = z.Start(m.ID) }
	for what, c := range map[string]struct {
		before       func(made)
		token        string
		method       string
		body         map[string]any
		status, code int
		after        func(made) bool
	}{
		"move":         {method: "PATCH", body: map[string]any{"start_time": "2026-11-23T11:00:00Z"}, status: 204, after: func(m made) bool { return m.Start == "2026-11-23T11:00:00Z" && m.Minutes == 20 }},
		"shorten":      {method: "PATCH", body: map[string]any{"duration": 5}, status: 204, after: func(m made) bool { return m.Start == "2026-11-22T10:00:00Z" && m.Minutes == 5 }},
		"to the past":  {method: "PATCH", body: map[string]any{"start_time": "2026-11-21T08:59:00Z", "duration": 7}, status: 204, after: func(m made) bool { return m.Start == "2026-11-22T10:00:00Z" && m.Minutes == 7 }},
		"password":     {method: "PATCH", body: map[string]any{"password": "abc"}, status: 204, after: func(m made) bool { return m.Password == "abc" }},
		"started":      {before: start, method: "PATCH", body: map[string]any{"duration": 5}, status: 400, code: 3000},
		"wrong":        {method: "PATCH", body: map[string]any{"duration": -5}, status: 400, code: 300},
		"a colleague":  {token: ben, method: "PATCH", body: map[string]any{"duration": 5}, status: 400, code: 3003},
		"a stranger":   {token: cara, method: "PATCH", body: map[string]any{"duration": 5}, status: 404, code: 3001},
		"delete":       {method: "DELETE", status: 204},
		"delete again": {before: func(m made) { _ = z.Delete(m.ID, false) }, method: "DELETE", status: 404, code: 3001},
		"running":      {before: start, method: "DELETE", status: 400, code: 3002},
		"over":         {before: func(m made) { start(m); _ = z.End(m.ID) }, method: "DELETE", status: 400, code: 3007},
		"end":          {before: start, method: "PUT", body: end, status: 204},
		"end nothing":  {method: "PUT", body: end, status: 400, code: 3061},
		"recover":      {before: func(m made) { _ = z.Delete(m.ID, false) }, method: "PUT", body: map[string]any{"action": "recover"}, status: 204},
		"not for ever": {before: func(m made) { _ = z.Delete(m.ID, true) }, method: "PUT", body: map[string]any{"action": "recover"}, status: 404, code: 3001},
		"dance":        {method: "PUT", body: map[string]any{"action": "dance"}, status: 400, code: 300},
	} {
		m := create(t, z, token, nil)
		if c.before != nil {
			c.before(m)
		}
		if c.token == "" {
			c.token = token
		}
		where := path(m)
		if c.method == "PUT" {
			where += "/status"
		}
		var send any
		if c.body != nil {
			send = c.body
		}
		r := z.API(t, c.token, c.method, where, send)
		if r.Status != c.status || r.Code() != c.code || r.Status == 204 && len(r.Body) > 0 {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
		if c.after != nil && !c.after(get(t, z, token, m)) {
			t.Errorf("%s: %+v", what, get(t, z, token, m))
		}
		_ = z.End(m.ID) // one at a time
	}
	for _, id := range []string{"abc", "12.0", "-4", "0"} {
		if r := z.API(t, token, "GET", "/v2/meetings/"+id, nil); r.Status != 400 || r.Code() != 300 {
			t.Errorf("%s: %d %s", id, r.Status, r.Body)
		}
	}
}

// A new passcode makes another join_url (facts 6.3).
func TestPasscodeChangesLink(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, nil)
	z.API(t, token, "PATCH", path(m), map[string]any{"password": "abc"})
	if get(t, z, token, m).JoinURL == m.JoinURL {
		t.Error("the link is the same")
	}
}

// Each operation wants its own scope; update and delete are two (facts 3.4). me is the rule for user-level tokens (2).
func TestScopes(t *testing.T) {
	z := zoomtest.New(t)
	m := create(t, z, z.Authorise(t, zoom.Ada).Access, nil)
	for scope, ask := range map[string][2]string{
		"user:read:user":                      {"GET", "/v2/users/me"},
		"meeting:write:meeting":               {"POST", mine},
		"meeting:read:list_meetings":          {"GET", mine},
		"meeting:read:meeting":                {"GET", path(m)},
		"meeting:update:meeting":              {"PATCH", path(m)},
		"meeting:delete:meeting":              {"DELETE", path(m)},
		"meeting:update:status":               {"PUT", path(m) + "/status"},
		"meeting:read:past_meeting":           {"GET", "/v2/past_meetings/1"},
		"meeting:read:list_past_participants": {"GET", "/v2/past_meetings/1/participants"},
	} {
		others := slices.DeleteFunc(zoom.UserScopes(), func(s string) bool { return s == scope })
		r := z.API(t, z.Authorise(t, zoom.Ada, others...).Access, ask[0], ask[1], nil)
		want := "does not contain scopes:[" + scope + ":admin, " + scope + "]."
		if r.Status != 400 || r.Code() != 4711 || !strings.Contains(string(r.Body), want) {
			t.Errorf("without %s: %d %s", scope, r.Status, r.Body)
		}
		if r := z.API(t, z.Authorise(t, zoom.Ada, scope).Access, ask[0], ask[1], nil); r.Code() == 4711 {
			t.Errorf("with %s: %s", scope, r.Body)
		}
	}
	token := z.Authorise(t, zoom.Ada).Access
	r := z.API(t, token, "POST", "/v2/users/"+zoom.Ada+"/meetings", body(nil))
	if r.Status != 400 || r.Code() != 4711 || !strings.Contains(string(r.Body), "[meeting:write:meeting:admin]") {
		t.Errorf("by ID: %d %s", r.Status, r.Body)
	}
}

// The list is paged, has the agenda, and upcoming leaves out what is over (facts 6.2, 6.3).
func TestList(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	want := map[int64]bool{}
	for n := range 7 {
		m := create(t, z, token, map[string]any{"agenda": fmt.Sprintf("ref %d %s", n, strings.Repeat("é", 300)), "start_time": time.Date(2026, 12, 20-n, 9, 0, 0, 0, time.UTC).Format(time.RFC3339)})
		want[m.ID] = true
	}
	gone := create(t, z, token, nil)
	z.API(t, token, "DELETE", path(gone), nil)
	over := create(t, z, token, map[string]any{"start_time": "2026-11-21T09:30:00Z"})
	create(t, z, z.Authorise(t, zoom.Ben).Access, nil)
	z.Clock.Pass(55 * time.Minute)
	var last string
	next, calls := "", 0
	for {
		var page struct {
			Next     string `json:"next_page_token"`
			Total    int    `json:"total_records"`
			Meetings []made `json:"meetings"`
		}
		r := z.API(t, token, "GET", mine+"?type=upcoming&page_size=3&next_page_token="+url.QueryEscape(next), nil)
		r.Into(t, &page)
		if calls++; r.Status != 200 || page.Total != 7 || calls > 3 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for _, m := range page.Meetings {
			if !want[m.ID] || m.Start < last || len([]rune(m.Agenda)) != 250 || m.JoinURL == "" || m.StartURL != "" || m.ID == over.ID {
				t.Errorf("%+v", m)
			}
			delete(want, m.ID)
			last = m.Start
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(want) != 0 || calls != 3 {
		t.Errorf("%d calls, missing %v", calls, want)
	}
	for _, query := range []string{"page_size=0", "page_size=301", "type=other", "next_page_token=abc"} {
		if r := z.API(t, token, "GET", mine+"?"+query, nil); r.Status != 400 || r.Code() != 300 {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
	}
}

// A past meeting and who was there; a UUID with slashes is encoded twice (facts 6.3). Each running has its own UUID
// (facts 7.5).
func TestPast(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, map[string]any{"settings": map[string]any{}})
	slashed := false
	uuids := map[string]bool{}
	for n := 0; n < 400 && !slashed; n++ {
		if err := z.Start(m.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := z.Join(m.ID, zoom.Guest{Name: "Pat"}); err != nil {
			t.Fatal(err)
		}
		z.Clock.Pass(10 * time.Minute)
		_ = z.End(m.ID)
		got, _ := z.Meeting(m.ID)
		if uuids[got.UUID] {
			t.Fatal("a UUID twice")
		}
		uuids[got.UUID] = true
		slashed = strings.HasPrefix(got.UUID, "/") || strings.Contains(got.UUID, "//")
		if n > 0 && !slashed {
			continue
		}
		where := []string{fmt.Sprint(m.ID), url.PathEscape(url.PathEscape(got.UUID))}
		for _, w := range where {
			r := z.API(t, z.Authorise(t, zoom.Ada).Access, "GET", "/v2/past_meetings/"+w, nil).Map(t)
			if r["uuid"] != got.UUID || r["duration"] != 10.0 || r["participants_count"] != 2.0 || r["total_minutes"] != 20.0 {
				t.Errorf("%s: %v", w, r)
			}
		}
		r := z.API(t, z.Authorise(t, zoom.Ada).Access, "GET", "/v2/past_meetings/"+where[1]+"/participants", nil).Map(t)
		people, _ := r["participants"].([]any)
		if len(people) != 2 || people[0].(map[string]any)["id"] != zoom.Ada || people[1].(map[string]any)["id"] != "" {
			t.Errorf("%v", r)
		}
		if once := z.API(t, z.Authorise(t, zoom.Ada).Access, "GET", "/v2/past_meetings/"+url.PathEscape(got.UUID), nil); slashed && once.Code() != 3001 {
			t.Errorf("encoded once: %d %s", once.Status, once.Body)
		}
	}
	if !slashed {
		t.Error("no UUID with a slash to try")
	}
}

// A host's 101st create or update of a day gets the 429 that only its text explains; a new day is new (facts 6.6).
func TestDailyLimit(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, nil)
	if err := z.Spend(zoom.Ada, 98); err != nil {
		t.Fatal(err)
	}
	if r := z.API(t, token, "PATCH", path(m), map[string]any{"duration": 5}); r.Status != 204 {
		t.Fatalf("the 100th: %d %s", r.Status, r.Body)
	}
	for _, r := range []zoomtest.Reply{
		z.API(t, token, "PATCH", path(m), map[string]any{"duration": 6}), z.API(t, token, "POST", mine, body(nil)),
	} {
		const text = "You have exceeded the daily rate limit (100) of Meeting Create/Update API requests permitted for this particular user. You may resume these requests at GMT 00:00:00."
		if r.Status != 429 || r.Map(t)["message"] != text || r.Header.Get("Retry-After") != "" || r.Header.Get("X-RateLimit-Type") != "" || r.Header.Get("X-RateLimit-Category") != "Light" {
			t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
		}
	}
	if got := get(t, z, token, m); got.Minutes != 5 {
		t.Errorf("changed all the same: %+v", got)
	}
	if r := z.API(t, token, "DELETE", path(m), nil); r.Status != 204 {
		t.Errorf("delete does not count: %d", r.Status)
	}
	create(t, z, z.Authorise(t, zoom.Ben).Access, nil)
	z.Clock.Set(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	create(t, z, z.Authorise(t, zoom.Ada).Access, map[string]any{"start_time": "2026-12-22T10:00:00Z"})
}

// Requests a second are limited by account and plan, with all headers (facts 6.6).
func TestRate(t *testing.T) {
	var ticks sandboxtest.Clock
	z := zoomtest.New(t, func(c *zoom.Config) { c.Plan, c.Ticks = "free", ticks.Now })
	token, ben := z.Authorise(t, zoom.Ada).Access, z.Authorise(t, zoom.Ben).Access
	for n := range 4 {
		if r := me(t, z, []string{token, ben}[n%2]); r.Status != 200 {
			t.Fatalf("request %d: %d", n, r.Status)
		}
	}
	r := me(t, z, ben)
	for name, want := range map[string]string{"Category": "Light", "Type": "QPS", "Limit": "4", "Remaining": "0", "Reset": fmt.Sprint(z.Clock.Now().Unix() + 1)} {
		if got := r.Header.Get("X-RateLimit-" + name); r.Status != 429 || got != want {
			t.Errorf("%d, %s %q", r.Status, name, got)
		}
	}
	if r := me(t, z, z.Authorise(t, zoom.Cara).Access); r.Status != 200 {
		t.Errorf("another account: %d", r.Status)
	}
	ticks.Pass(time.Second)
	if r := me(t, z, ben); r.Status != 200 {
		t.Errorf("a second later: %d", r.Status)
	}
}

// A host runs one meeting at a time (facts 6.4).
func TestOneAtATime(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	one, two := create(t, z, token, nil), create(t, z, token, nil)
	if err := z.Start(one.ID); err != nil {
		t.Fatal(err)
	}
	if err := z.Start(two.ID); err == nil {
		t.Error("two run")
	}
}
