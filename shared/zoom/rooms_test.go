package zoom_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/video"
	"almanac/shared/zoom"
)

const (
	ref  = "98765432101"
	busy = "limited: provider_busy"
)

var want = video.Want{
	Marker: "apt_1#3", Start: time.Date(2027, 7, 5, 9, 30, 0, 999, time.FixedZone("", 3600)), Minutes: 30, Topic: "Video visit",
}

// meeting is one as Zoom shows it, at the rig's own address.
func (r *rig) meeting(more string) string {
	return `{"id":98765432101,"uuid":"a/b+c==","host_id":"KDcuGIm1QgePTO8WbOqwIQ","topic":"` + marked + `","type":2,"status":"waiting",` +
		`"start_time":"2027-07-05T08:30:00Z","duration":30,"timezone":"Europe/London","agenda":"Almanac reference: apt_1#3",` +
		`"start_url":"` + r.URL + `/s/1?zak=x","join_url":"` + r.URL + `/j/1?pwd=y"` + more + `}`
}

func TestCreate(t *testing.T) {
	r := newRig(t, js(201, ""))
	r.say(js(201, r.meeting(`,"code":0`)))
	room, err := r.Create(t.Context(), host, want)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2027, 7, 5, 8, 30, 0, 0, time.UTC)
	if diff := cmp.Diff(video.Room{
		Ref: ref, Session: "a/b+c==", HostUser: "KDcuGIm1QgePTO8WbOqwIQ", Marker: "apt_1#3", Start: start, Minutes: 30,
		JoinURL: r.URL + "/j/1?pwd=y",
	}, room); diff != "" {
		t.Error(diff)
	}
	one := r.requests()[0]
	if one.method != "POST" || one.path != "/v2/users/me/meetings" || one.auth != "Bearer token-1" || one.kind != "application/json" || one.query != "" {
		t.Errorf("%+v", one)
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(one.body), &sent); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{
		"topic": "Video visit", "type": 2.0, "start_time": "2027-07-05T08:30:00Z", "duration": 30.0, "timezone": "Europe/London",
		"agenda": "Almanac reference: apt_1#3", "default_password": true,
		"settings": map[string]any{
			"use_pmi": false, "waiting_room": true, "join_before_host": false, "approval_type": 2.0, "auto_recording": "none",
			"meeting_authentication": false,
		},
	}, sent); diff != "" {
		t.Error(diff)
	}
	if len(r.paced) != 1 || r.paced[0] != "acc-con_1" {
		t.Errorf("paced as %q", r.paced)
	}
}

func TestWhatIsNeverSent(t *testing.T) {
	r := newRig(t, js(201, ""))
	for _, spoil := range []func(w *video.Want){
		func(w *video.Want) { w.Start = time.Time{} }, func(w *video.Want) { w.Minutes = 0 }, func(w *video.Want) { w.Minutes = 1441 },
		func(w *video.Want) { w.Marker = "" }, func(w *video.Want) { w.Marker = "two words" },
		func(w *video.Want) { w.Marker = strings.Repeat("x", 101) },
	} {
		w := want
		spoil(&w)
		_, err := r.Create(t.Context(), host, w)
		check(t, err, "invalid: provider_refused")
	}
	for _, bad := range []string{"", "0", "-1", "1.0", "../users/me", "12/34", "1e9", "99999999999999999", "١٢"} {
		_, err := r.Get(t.Context(), host, bad)
		check(t, err, "invalid: provider_refused")
		check(t, r.Delete(t.Context(), host, bad), "invalid: provider_refused")
		zero := 30
		check(t, r.Update(t.Context(), host, bad, video.Difference{Minutes: &zero}), "invalid: provider_refused")
	}
	check(t, r.Update(t.Context(), host, ref, video.Difference{}), "")
	if n := len(r.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// What makes a meeting is sent once, and what may have made one is said to be unknown.
func TestCreateIsSentOnce(t *testing.T) {
	for name, x := range map[string]struct {
		says said
		want string
	}{
		"cut off":           {said{cut: true}, "unavailable: outcome_unknown"},
		"500":               {js(500, marked), "unavailable: outcome_unknown"},
		"503":               {coded(503, 300), "unavailable: outcome_unknown"},
		"408":               {coded(408, 300), "unavailable: outcome_unknown"},
		"a page":            {js(403, "<html>"+marked), "unavailable: outcome_unknown"},
		"empty":             {js(201, ""), "unavailable: outcome_unknown"},
		"XML":               {js(201, "<code>"+marked), "unavailable: outcome_unknown"},
		"without an id":     {js(201, `{"join_url":"x"}`), "unavailable: outcome_unknown"},
		"without join_url":  {js(201, `{"id":98765432101}`), "unavailable: outcome_unknown"},
		"join_url off Zoom": {js(201, `{"id":98765432101,"join_url":"https://`+marked+`.example/j/1"}`), "unavailable: outcome_unknown"},
		"a redirect":        {said{status: 307, header: map[string]string{"Location": "/elsewhere"}}, "unavailable: outcome_unknown"},
		"429":               {coded(429, 429), busy},
		"HTTP 300":          {js(300, ""), "limited: daily_quota"},
		"200 with code 300": {coded(200, 300), "invalid: provider_refused"},
		"201 with code 124": {coded(201, 124), "denied: needs_reauth"},
		"validation":        {coded(400, 300), "invalid: provider_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, x.says)
			_, err := r.Create(t.Context(), host, want)
			check(t, err, x.want)
			if n := len(r.requests()); n != 1 && (n != 2 || name != "201 with code 124") {
				t.Errorf("%d requests", n)
			}
		})
	}
	api, err := zoom.New(zoom.Settings{
		URL: "http://127.0.0.1:1", HTTP: http.DefaultClient, Now: time.Now, Pace: func(context.Context, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = zoom.NewRooms(api, newRig(t).access).Create(t.Context(), host, want)
	check(t, err, "unavailable: provider_unavailable")
}

func TestUpdateSendsWhatChanges(t *testing.T) {
	r := newRig(t, js(204, ""))
	start, minutes := time.Date(2027, 10, 31, 1, 30, 0, 5, time.FixedZone("", 3600)), 45
	for _, x := range []struct {
		d    video.Difference
		body string
	}{
		{video.Difference{Start: &start}, `{"start_time":"2027-10-31T00:30:00Z"}`},
		{video.Difference{Minutes: &minutes}, `{"duration":45}`},
		{video.Difference{Start: &start, Minutes: &minutes}, `{"duration":45,"start_time":"2027-10-31T00:30:00Z"}`},
	} {
		r.say(js(204, ""))
		check(t, r.Update(t.Context(), host, ref, x.d), "")
		if one := r.requests()[0]; strings.TrimSpace(one.body) != x.body || one.method != "PATCH" {
			t.Errorf("%+v", one)
		}
	}
}

func TestUpcoming(t *testing.T) {
	r := newRig(t, js(200, ""))
	one := func(id, agenda string) string {
		return `{"id":` + id + `,"start_time":"2027-07-05T08:30:00Z","duration":30,"agenda":"` + agenda + `"}`
	}
	r.say(
		js(200, `{"next_page_token":"n&1","meetings":[`+one(`11111111111`, `Bring results\r\n  Almanac reference: apt_9#1  \nmore`)+`,`+one(`"22222222222"`, marked)+`]}`),
		js(200, `{"next_page_token":"","meetings":[`+one(`1.5`, ``)+`,null,7,{"id":33333333333,"type":3,"join_url":"https://evil.example/"},`+one(`44444444444`, `Almanac reference: two words`)+`]}`),
	)
	rooms, err := r.Upcoming(hurried(t), host)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2027, 7, 5, 8, 30, 0, 0, time.UTC)
	if diff := cmp.Diff([]video.Room{
		{Ref: "11111111111", Marker: "apt_9#1", Start: start, Minutes: 30},
		{Ref: "22222222222", Start: start, Minutes: 30},
		{Ref: "33333333333"},
		{Ref: "44444444444", Start: start, Minutes: 30},
	}, rooms); diff != "" {
		t.Error(diff)
	}
	got := r.requests()
	if len(got) != 2 || got[0].query != "page_size=300&type=upcoming" || got[1].query != "next_page_token=n%261&page_size=300&type=upcoming" {
		t.Errorf("%+v", got)
	}
	// A list that does not end, or is none, is no list: what is not on it may be there.
	for _, body := range []string{`{"meetings":[],"next_page_token":"x"}`, `{"meetings":null}`, `{}`} {
		r.say(js(200, body))
		_, err := r.Upcoming(hurried(t), host)
		check(t, err, "unavailable: provider_unavailable")
	}
}

func TestHostLink(t *testing.T) {
	r := newRig(t, js(200, ""))
	for link, x := range map[string]struct{ local, real string }{
		"":                                             {"conflict: not_host", "conflict: not_host"},
		r.URL + "/s/1?zak=x":                           {"", "unavailable: provider_unavailable"},
		"https://us05web.zoom.us/s/1?zak=x":            {"unavailable: provider_unavailable", ""},
		"https://zoom.us/s/1":                          {"unavailable: provider_unavailable", ""},
		"http://zoom.us/s/1":                           {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https://zoom.us.evil.example/":                {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https://evilzoom.us/":                         {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https://zoom.us@evil.example/":                {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https://zoom.us:444/":                         {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"javascript:alert(1)//.zoom.us":                {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"//zoom.us/s/1":                                {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https:zoom.us/s/1":                            {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https://zoom.us/s/1\nX: y":                    {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
		"https://zoom.us/" + strings.Repeat("x", 5000): {"unavailable: provider_unavailable", "unavailable: provider_unavailable"},
	} {
		r.say(js(200, fmt.Sprintf(`{"id":%s,"start_url":%q}`, ref, link)))
		h := host
		h.Connection = "local" + link
		got, err := r.HostLink(hurried(t), h, ref)
		check(t, err, x.local)
		if err == nil && got != link {
			t.Errorf("%q", got)
		}
		genuine := r.pretend(t)
		_, err = genuine.HostLink(hurried(t), h, ref)
		check(t, err, x.real)
	}
	if got := r.pretend(t).JoinOrigins(); !slices.Equal(got, []string{"https://zoom.us", "https://*.zoom.us"}) {
		t.Errorf("%q", got)
	}
	if got, err := zoom.JoinOrigins("https://api.zoom.us"); err != nil || len(got) != 2 {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := zoom.JoinOrigins("zoom"); err == nil {
		t.Error("origins of nothing")
	}
	if got := r.JoinOrigins(); !slices.Equal(got, []string{r.URL}) {
		t.Errorf("%q", got)
	}
}

// pretend gives Rooms of the real address, whose calls come to the rig.
func (r *rig) pretend(t *testing.T) zoom.Rooms {
	t.Helper()
	api, err := zoom.New(zoom.Settings{
		URL: "https://api.zoom.us", Now: r.clock, Pace: func(context.Context, string) error { return nil },
		HTTP: &http.Client{Transport: detour(func(req *http.Request) (*http.Response, error) {
			if req.URL.Host != "api.zoom.us" || req.URL.Scheme != "https" {
				t.Errorf("a token was sent to %s", req.URL.Host)
			}
			req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(r.URL, "http://")
			return http.DefaultTransport.RoundTrip(req)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return zoom.NewRooms(api, r.access)
}

type detour func(req *http.Request) (*http.Response, error)

func (d detour) RoundTrip(req *http.Request) (*http.Response, error) { return d(req) }

func TestUsers(t *testing.T) {
	r := newRig(t, js(200, ""))
	r.say(js(200, `{"id":"KDcu","account_id":"acc_1","email":"`+marked+`","type":2,"status":"active","timezone":"Europe/London","pmi":123}`))
	me, err := r.Me(hurried(t), zoom.Access{Token: "t"})
	if err != nil || me.ID != "KDcu" || me.Account != "acc_1" || me.Email != marked || !me.Licensed || !me.Active() || me.Zone != "Europe/London" {
		t.Errorf("%#v, %v", me.ID, err)
	}
	if one := r.requests()[0]; one.path != "/v2/users/me" || one.auth != "Bearer t" {
		t.Errorf("%+v", one)
	}
	for _, body := range []string{`{}`, `{"id":"a"}`, `{"id":"a b","account_id":"c"}`} {
		r.say(js(200, body))
		_, err := r.Me(hurried(t), zoom.Access{Token: "t"})
		check(t, err, "unavailable: provider_unavailable")
	}
	users := zoom.NewUsers(r.API, r.access)
	wanted := zoom.NewUser{Email: "a+b@example.org", First: "Ada", Last: "Byron", Licensed: true}
	r.say(js(201, `{"id":"new","type":2,"email":"x"}`))
	made, err := users.Create(hurried(t), host, wanted)
	if err != nil || made.ID != "new" {
		t.Errorf("%v", err)
	}
	if one := r.requests()[0]; one.path != "/v2/users" || strings.TrimSpace(one.body) !=
		`{"action":"create","user_info":{"email":"a+b@example.org","first_name":"Ada","last_name":"Byron","type":2}}` {
		t.Errorf("%+v", one)
	}
	r.say(js(200, `{"id":"there","status":"pending","type":1}`))
	found, err := users.Find(hurried(t), host, "a/../b?c@example.org")
	if err != nil || found.ID != "there" || found.Active() || found.Licensed {
		t.Errorf("%v", err)
	}
	if one := r.requests()[0]; one.path != "/v2/users/a%2F..%2Fb%3Fc@example.org" || one.query != "" {
		t.Errorf("%+v", one)
	}
	for name, x := range map[string]struct {
		says         said
		create, find string
	}{
		"1005, 409":      {coded(409, 1005), "conflict: zoom_user_exists", "conflict: zoom_user_exists"},
		"1005, 400":      {coded(400, 1005), "conflict: zoom_user_exists", "conflict: zoom_user_exists"},
		"1009":           {coded(400, 1009), "conflict: zoom_user_elsewhere", "conflict: zoom_user_elsewhere"},
		"2034":           {coded(400, 2034), "conflict: zoom_no_licence", "conflict: zoom_no_licence"},
		"1001":           {coded(404, 1001), "not_found: zoom_user_unknown", "not_found: zoom_user_unknown"},
		"1010":           {coded(400, 1010), "not_found: zoom_user_unknown", "not_found: zoom_user_unknown"},
		"4711":           {coded(400, 4711), "denied: needs_reauth", "denied: needs_reauth"},
		"429":            {said{status: 429, header: map[string]string{"Retry-After": "9"}}, busy, busy},
		"500":            {coded(500, 1001), "unavailable: outcome_unknown", "unavailable: provider_unavailable"},
		"nothing of use": {js(201, `{}`), "unavailable: outcome_unknown", "unavailable: provider_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			r.say(x.says)
			_, err := users.Create(hurried(t), video.Host{Connection: "c" + name}, wanted)
			check(t, err, x.create)
			_, err = users.Find(hurried(t), video.Host{Connection: "f" + name}, "a@example.org")
			check(t, err, x.find)
		})
	}
	_, err = users.Find(hurried(t), host, "")
	check(t, err, "not_found: zoom_user_unknown")
}
