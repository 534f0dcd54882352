package zoom_test

import (
	"fmt"
	"testing"
	"time"

	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

// listed are the numbers that a list of a kind has.
func listed(t *testing.T, z *zoomtest.Stand, token, kind string) map[int64]bool {
	t.Helper()
	var page struct {
		Meetings []made `json:"meetings"`
	}
	z.API(t, token, "GET", mine+"?type="+kind, nil).Into(t, &page)
	out := map[int64]bool{}
	for _, m := range page.Meetings {
		out[m.ID] = true
	}
	return out
}

// One that has not begun at its time is on the list of all that are scheduled, and on that of upcoming ones as the
// stand-in is set; one that runs is on both.
func TestListPassed(t *testing.T) {
	for _, toEnd := range []bool{false, true} {
		z := zoomtest.New(t)
		z.Set(func(c *zoom.Config) { c.UpcomingToEnd = toEnd })
		token := z.Authorise(t, zoom.Ada).Access
		m := create(t, z, token, map[string]any{"start_time": "2026-11-21T09:30:00Z", "duration": 20})
		for _, x := range []struct {
			pass      time.Duration
			scheduled bool
			upcoming  bool
			starts    bool
		}{
			{0, true, true, false},
			{30 * time.Minute, true, toEnd, false},
			{10 * time.Minute, true, true, true},
			{9 * time.Minute, true, true, false},
		} {
			z.Clock.Pass(x.pass)
			if x.starts {
				if err := z.Start(m.ID); err != nil {
					t.Fatal(err)
				}
			}
			if got := listed(t, z, token, "scheduled")[m.ID]; got != x.scheduled {
				t.Errorf("%s: scheduled %t", z.Clock.Now(), got)
			}
			if got := listed(t, z, token, "upcoming")[m.ID]; got != x.upcoming {
				t.Errorf("%s, to its end %t: upcoming %t", z.Clock.Now(), toEnd, got)
			}
		}
		if err := z.End(m.ID); err != nil {
			t.Fatal(err)
		}
		if listed(t, z, token, "upcoming")[m.ID] || !listed(t, z, token, "scheduled")[m.ID] {
			t.Error("it is over")
		}
	}
}

// Who waited is told apart from who was in the meeting, and who waited for a host who never came is nowhere.
func TestPastWaiting(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ada).Access
	m := create(t, z, token, nil)
	where := fmt.Sprintf("/v2/past_meetings/%d", m.ID)
	join := func(name string) zoom.Participant {
		t.Helper()
		p, err := z.Join(m.ID, zoom.Guest{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	act := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		z.Clock.Pass(time.Minute)
	}
	early := join("early")
	act(z.Leave(m.ID, early.UUID))
	if r := z.API(t, token, "GET", where, nil); r.Code() != 3001 {
		t.Errorf("nobody began it: %d %s", r.Status, r.Body)
	}
	join("patient")
	act(z.Start(m.ID)) // at 9:01
	in := join("in")
	act(nil)
	act(z.Admit(m.ID, in.UUID)) // at 9:03
	out := join("out")
	act(nil)
	act(z.Leave(m.ID, out.UUID)) // at 9:05
	act(z.End(m.ID))             // at 9:06
	var page struct {
		People []struct {
			ID, Name, Status, Join, Leave string
			JoinTime                      string `json:"join_time"`
			LeaveTime                     string `json:"leave_time"`
		} `json:"participants"`
	}
	z.API(t, token, "GET", where+"/participants", nil).Into(t, &page)
	got := map[string]bool{}
	for _, p := range page.People {
		got[fmt.Sprintf("%s %s %s-%s", p.Name, p.Status, p.JoinTime[14:16], p.LeaveTime[14:16])] = true
	}
	for _, want := range []string{
		"Ada Okonjo in_meeting 01-06", "patient in_waiting_room 01-06", "in in_waiting_room 02-03", "in in_meeting 03-06",
		"out in_waiting_room 04-05",
	} {
		if !got[want] {
			t.Errorf("%s is not there", want)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("and besides %v", got)
	}
	if r := z.API(t, token, "GET", where, nil).Map(t); r["participants_count"] != 2.0 || r["total_minutes"] != 8.0 {
		t.Errorf("%v", r)
	}
}

// Of a Basic user the meeting can be read, and who was there cannot.
func TestPastBasic(t *testing.T) {
	z := zoomtest.New(t)
	token := z.Authorise(t, zoom.Ben).Access
	m := create(t, z, token, nil)
	if err := z.Start(m.ID); err != nil {
		t.Fatal(err)
	}
	if err := z.End(m.ID); err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("/v2/past_meetings/%d", m.ID)
	if r := z.API(t, token, "GET", where, nil); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := z.API(t, token, "GET", where+"/participants", nil); r.Status != 400 || r.Code() != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	other := z.Authorise(t, zoom.Ada).Access
	if r := z.API(t, other, "GET", where, nil); r.Code() != 3001 {
		t.Errorf("another's: %d %s", r.Status, r.Body)
	}
}
