package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"almanac/infra/browser"
	"almanac/infra/client"
	"almanac/infra/sandbox/zoom"
	"almanac/shared/wall"
)

// forged sends what Zoom did not sign.
func (c *calls) forged(ctx context.Context) bool {
	body := map[string]any{"event": "meeting.deleted", "event_ts": c.stack.Now().UnixMilli(), "payload": map[string]any{
		"account_id": zoom.AccountOne, "object": map[string]any{"id": c.held.meeting, "host_id": zoom.Ada},
	}}
	hook := c.stack.API + "/zoom/events"
	a, err := c.anyone.Do(ctx, http.MethodPost, hook, body)
	c.want("a webhook that nobody signed is refused", http.StatusUnauthorized, a, err)
	stamp, signature := zoom.Sign("the secret of another app", c.stack.Now(), []byte("{}"))
	a, err = c.anyone.Do(ctx, http.MethodPost, hook, body, client.Header{Name: "X-Zm-Request-Timestamp", Value: stamp},
		client.Header{Name: "X-Zm-Signature", Value: signature})
	c.want("and so is one with another's signature", http.StatusUnauthorized, a, err)
	return true
}

// read reads an appointment, with what a change of it must match.
func (c *calls) read(ctx context.Context, v *visit) (appointment, client.Answer) {
	var got appointment
	a, err := c.desk.Do(ctx, http.MethodGet, "/v1/appointments/"+v.id, nil)
	if err == nil && a.Status == http.StatusOK {
		_ = a.Into(&got)
	}
	return got, a
}

// at waits until the meeting of a visit has a time.
func (c *calls) at(ctx context.Context, what string, v *visit, start time.Time) {
	var m zoom.Meeting
	ok := until(ctx, settling, func() bool {
		m, _ = c.stack.Video.Meeting(v.meeting)
		return m.Start.Equal(start) && !m.Trashed
	})
	c.check(what, ok, "want", start, "got", m.Start, m.Trashed)
}

// updates counts how often a meeting was changed from our side.
func (c *calls) updates() int { return len(c.stack.Video.Requests(zoom.OpUpdate)) }

// movedHere moves a visit in the diary.
func (c *calls) movedHere(ctx context.Context) bool {
	v := c.moved
	a, err := c.email(ctx, v, "smoke-video-email-2")
	c.want("the link of another visit is mailed", http.StatusOK, a, err)
	if !c.linked(ctx, v, 2) || !c.placed(ctx, "which makes its meeting", zoom.Ada, v) {
		return false
	}
	to := c.free[3]
	_, now := c.read(ctx, v)
	a, err = c.desk.Do(ctx, http.MethodPost, "/v1/appointments/"+v.id+"/move",
		map[string]string{"start": to.LocalStart}, client.Key("smoke-video-move"), client.Match(now))
	if !c.want("the visit is moved in the diary", http.StatusOK, a, err) {
		return false
	}
	v.start = instant(to.Start)
	c.at(ctx, "the meeting is moved in Zoom", v, v.start)
	c.told(ctx, v, 3)
	return true
}

// told waits for the mail of a move, and looks at what the link shows now.
func (c *calls) told(ctx context.Context, v *visit, mails int) {
	m, ok := c.newest(ctx, v, mails)
	c.check("the mail about it has the same link", ok && strings.Contains(m.Text, v.link+"\n"), m.Subject, m.Text)
	begins := v.start.In(c.zone)
	c.seen("to which the link of before has moved too", browser.Visit{URL: v.link}, http.StatusOK,
		"Your video appointment has moved", "moved to "+wall.At(begins)+" on "+wall.Date(begins))
}

// movedThere moves it in Zoom.
func (c *calls) movedThere(ctx context.Context) bool {
	v, to := c.moved, instant(c.free[4].Start)
	before := c.updates()
	err := c.stack.Video.Edit(v.meeting, zoom.Change{Start: &to})
	if !c.check("the host moves it in Zoom", err == nil, err) {
		return false
	}
	var got appointment
	ok := until(ctx, settling, func() bool {
		got, _ = c.read(ctx, v)
		return instant(got.Start).Equal(to)
	})
	if !c.check("the appointment follows", ok, got) {
		return false
	}
	v.start = to
	c.told(ctx, v, 4)
	c.check("without an echo in Zoom", c.updates() == before, c.updates()-before)
	return true
}

// refusedThere moves it in Zoom to a time that is taken.
func (c *calls) refusedThere(ctx context.Context) bool {
	v := c.moved
	err := c.stack.Video.Edit(v.meeting, zoom.Change{Start: &c.held.start})
	if !c.check("the host moves it onto a time that is taken", err == nil, err) {
		return false
	}
	c.tasked(ctx, "the staff are told to see to it", "room_time_refused", v.id)
	c.at(ctx, "the meeting gets its time back", v, v.start)
	c.shown(ctx, "which the visit says when it is settled", v, func(now view) bool {
		return instant(now.Start).Equal(v.start) && now.Why == ""
	})
	got, _ := c.read(ctx, v)
	c.check("and the diary has kept its own", instant(got.Start).Equal(v.start) && got.Status == "booked", got)
	return true
}

// tasked waits for a task of a kind, about an appointment or somebody's account.
func (c *calls) tasked(ctx context.Context, what, kind, about string) {
	var got page[struct {
		Kind    string `json:"kind"`
		Apt     string `json:"appointmentId"`
		Subject string `json:"subject"`
		Text    string `json:"text"`
	}]
	var err error
	ok := until(ctx, settling, func() bool {
		got.Items = nil
		if err = c.desk.Get(ctx, "/v1/tasks", &got); err != nil {
			return false
		}
		for _, t := range got.Items {
			if t.Kind == kind && slices.Contains([]string{t.Apt, t.Subject}, about) && t.Text != "" {
				return true
			}
		}
		return false
	})
	c.check(what, ok, got, err)
}

// cancelled waits until an appointment is, and for the mail that says so.
func (c *calls) cancelled(ctx context.Context, v *visit, mails int) {
	var got appointment
	ok := until(ctx, settling, func() bool {
		got, _ = c.read(ctx, v)
		return got.Status == "cancelled"
	})
	c.check("the appointment is cancelled", ok, got)
	m, ok := c.newest(ctx, v, mails)
	c.check("which the patient is mailed", ok && len(m.Calendar) > 0 && m.Calendar[0].Method == "CANCEL" &&
		!strings.Contains(m.Text, "/v/"), m.Subject)
	c.seen("and the link says", browser.Visit{URL: v.link}, http.StatusOK,
		"Your video appointment was cancelled", "There is no call to join.")
}

// deletedThere deletes it in Zoom.
func (c *calls) deletedThere(ctx context.Context) bool {
	err := c.stack.Video.Delete(c.moved.meeting, false)
	c.check("the host deletes the meeting in Zoom", err == nil, err)
	c.cancelled(ctx, c.moved, 5)
	return true
}

// cancelledHere cancels another one in the diary.
func (c *calls) cancelledHere(ctx context.Context) bool {
	v := c.dropped
	a, err := c.email(ctx, v, "smoke-video-email-3")
	c.want("the link of a third visit is mailed", http.StatusOK, a, err)
	if !c.linked(ctx, v, 2) || !c.placed(ctx, "which makes its meeting", zoom.Ada, v) {
		return false
	}
	_, now := c.read(ctx, v)
	a, err = c.desk.Do(ctx, http.MethodPost, "/v1/appointments/"+v.id+"/cancel",
		map[string]string{"reason": "patient_request"}, client.Key("smoke-video-cancel"), client.Match(now))
	c.want("it is cancelled in the diary", http.StatusOK, a, err)
	ok := until(ctx, settling, func() bool {
		m, _ := c.stack.Video.Meeting(v.meeting)
		return m.Trashed || m.Erased
	})
	c.check("its meeting is deleted in Zoom", ok)
	c.cancelled(ctx, v, 3)
	return true
}
