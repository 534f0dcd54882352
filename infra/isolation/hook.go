package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/sandbox/zoom"
)

// hooked is how webhooks fared that are forged, or that are of another organisation's account and name a room that is
// not theirs.
type hooked struct {
	sent, refused int
	leaks         []leak
	seen          int // of those that are right
}

func (t hooked) print(r *report) {
	r.figure("webhooks of another account, about no room of its own", t.sent)
	r.figure("webhooks that Zoom did not sign", t.refused)
	r.exactly("of those that changed something, or were taken", len(t.leaks), 0)
	r.leaks(t.leaks)
	r.exactly("webhooks of the control that changed something", t.seen, 1)
}

// target is a visit that webhooks name.
type target struct {
	g    *ground
	apt  string
	room zoom.Meeting
}

// hooks has Zoom tell, rightly signed, of one organisation's room as if it were in the account of another, and tells
// the same without a signature of Zoom's. Nothing of it may change anything. What is right must: that is the control.
func (h *house) hooks(ctx context.Context) (hooked, error) {
	var t hooked
	var all []target
	for _, g := range []*ground{h.own, h.foreign} {
		c, err := h.register(ctx, g)
		if err != nil {
			return t, err
		}
		apt, m, err := h.visit(ctx, g, c.id)
		if err != nil {
			return t, err
		}
		all = append(all, target{g, apt, m})
	}
	if err := h.quiet(ctx); err != nil {
		return t, err
	}
	before, err := h.stands(ctx, all)
	if err != nil {
		return t, err
	}
	if err := h.mistaken(ctx, &t, all[0], all[1]); err != nil {
		return t, err
	}
	if err := h.quiet(ctx); err != nil {
		return t, err
	}
	after, err := h.stands(ctx, all)
	if err != nil {
		return t, err
	}
	if !bytes.Equal(before, after) {
		t.leaks = append(t.leaks, leak{
			"POST /zoom/events", "Zoom", "foreign and forged", "nothing changes", "a visit changed",
		})
	}
	return t, h.controlHook(ctx, &t, all)
}

// controlHook has the host start the call, which Zoom tells rightly.
func (h *house) controlHook(ctx context.Context, t *hooked, all []target) error {
	before, err := h.stands(ctx, all)
	if err != nil {
		return err
	}
	if err := errors.Join(h.stack.Video.Start(all[0].room.ID), h.quiet(ctx)); err != nil {
		return err
	}
	after, err := h.stands(ctx, all)
	if err == nil && !bytes.Equal(before, after) {
		t.seen++
	}
	return errors.Join(err, h.stack.Video.End(all[0].room.ID))
}

// stands is how the visits and all that waits for staff stand, and what Zoom has.
func (h *house) stands(ctx context.Context, all []target) ([]byte, error) {
	var out bytes.Buffer
	for _, t := range all {
		of := "/v1/appointments/" + t.apt
		for _, path := range []string{of, of + "/video", of + "/video/log", "/v1/tasks", "/v1/connections"} {
			who := t.g.org.boss
			if path == "/v1/connections" {
				who = t.g.staff[clinician]
			}
			got, err := h.send(ctx, request{who: who, method: http.MethodGet, path: path})
			if err != nil {
				return nil, err
			}
			if !got.ok() {
				return nil, fmt.Errorf("%s is answered with %s", pattern(path), got.told())
			}
			out.Write(withoutTimes(got.body))
		}
		m, _ := h.stack.Video.Meeting(t.room.ID)
		fmt.Fprintf(&out, "%s %d %s %v %v\n", m.Start, m.Minutes, m.Status, m.Trashed, m.Ended)
	}
	return out.Bytes(), nil
}

// withoutTimes drops when the account was used last: that changes by itself.
func withoutTimes(body []byte) []byte {
	var page struct {
		Items []object `json:"items"`
	}
	if json.Unmarshal(body, &page) != nil || page.Items == nil {
		return body
	}
	for _, one := range page.Items {
		delete(one, "lastSuccess")
	}
	text, err := json.Marshal(page)
	if err != nil {
		return body
	}
	return text
}

// events are those that change something here.
func events() []string {
	return []string{
		"meeting.updated", "meeting.deleted", "meeting.permanently_deleted", "meeting.recovered", "meeting.started",
		"meeting.ended", "meeting.participant_joined", "meeting.participant_left", "app_deauthorized", "user.deleted",
		"user.deactivated", "user.disassociated",
	}
}

// mistaken tells everything that can be told of a room, in all ways that are not right.
func (h *house) mistaken(ctx context.Context, t *hooked, mine, theirs target) error {
	a, b := mine.told(), theirs.told()
	for _, event := range events() {
		for _, w := range []whom{
			{b.account, b.host, a.room},
			{a.account, b.host, a.room},
			{b.account, a.host, a.room},
			{a.account, a.host, b.room},
			{"account-nobody", a.host, a.room},
			{a.account, "nobody", a.room},
		} {
			if w.right(event, a) || w.right(event, b) {
				continue
			}
			body, err := w.tells(event, h.stack.Now())
			if err != nil {
				return err
			}
			if err := h.stack.Video.Emit("", event, body); err != nil {
				return err
			}
			t.sent++
		}
		if err := h.forge(ctx, t, a, event); err != nil {
			return err
		}
	}
	return nil
}

// aboutPeople tells whether an event is about a user, and no room.
func aboutPeople(event string) bool { return event[0] == 'a' || event[0] == 'u' }

// forge tells what would be right as somebody who is not Zoom.
func (h *house) forge(ctx context.Context, t *hooked, w whom, event string) error {
	body, err := w.tells(event, h.stack.Now())
	if err != nil {
		return err
	}
	now := strconv.FormatInt(h.stack.Now().Unix(), 10)
	for _, header := range []map[string]string{
		{},
		{"x-zm-request-timestamp": now},
		{"x-zm-request-timestamp": now, "x-zm-signature": "v0=" + strings.Repeat("0", 64)},
		{"x-zm-request-timestamp": now, "x-zm-signature": ""},
	} {
		got, err := h.send(ctx, request{method: http.MethodPost, path: "/zoom/events", raw: body, header: header})
		if err != nil {
			return err
		}
		t.refused++
		if got.status != http.StatusUnauthorized || len(got.body) > 0 {
			t.leaks = append(t.leaks, leak{"POST /zoom/events", "somebody", "not signed", string(unknown), got.told()})
		}
	}
	return nil
}

// whom is whose a webhook says that a room is.
type whom struct {
	account, host string
	room          zoom.Meeting
}

// told is what a webhook rightly says of the visit's room.
func (t target) told() whom { return whom{accountOf(t.g.org.id), t.g.staff[clinician].zoom, t.room} }

// right tells whether that is so. What is about a user names no room; and a change names no host, because an
// administrator of the account may have made it.
func (w whom) right(event string, so whom) bool {
	switch {
	case w.account != so.account:
		return false
	case aboutPeople(event):
		return w.host == so.host
	case event == "meeting.updated":
		return w.room.ID == so.room.ID
	}
	return w.host == so.host && w.room.ID == so.room.ID
}

// tells is the body of an event, with all fields that any event of Zoom's has.
func (w whom) tells(event string, now time.Time) ([]byte, error) {
	about := object{
		"id": w.room.ID, "uuid": w.room.UUID, "host_id": w.host, "topic": "Visit", "type": 2,
		"start_time": w.room.Start.Add(time.Hour).UTC().Format(time.RFC3339), "duration": w.room.Minutes + 30,
		"timezone":    "Europe/London",
		"participant": object{"user_id": "16778240", "user_name": "Somebody", "email": ""},
	}
	if aboutPeople(event) {
		about = object{"id": w.host}
	}
	if event == "meeting.updated" {
		delete(about, "host_id") // it has none
		delete(about, "uuid")
	}
	return json.Marshal(object{
		"event": event, "event_ts": now.UnixMilli(), "payload": object{
			"account_id": w.account, "user_id": w.host, "client_id": "almanac-zoom", "operator_id": w.host,
			"time_stamp": now.UnixMilli(), "object": about, "old_object": object{"id": w.room.ID},
		},
	})
}

// quietFor is how long the queues must have been empty.
const quietFor = 500 * time.Millisecond

// quiet waits until Zoom has told everything, and the queues about visits are empty.
func (h *house) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	var since time.Time
	for {
		if err := h.stack.Video.Settle(ctx); err != nil {
			return err
		}
		n, err := h.waiting(ctx, "VideoQueue", "NoticeQueue")
		switch {
		case err != nil:
			return fmt.Errorf("%d messages about visits wait after %s: %w", n, settleFor, err)
		case n > 0:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > quietFor:
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// waiting counts the messages in queues that are not dealt with.
func (h *house) waiting(ctx context.Context, queues ...string) (int, error) {
	n := 0
	for _, id := range queues {
		queue, err := h.queue(ctx, id)
		if err != nil {
			return n, err
		}
		out, err := h.stack.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err != nil {
			return n, err
		}
		for _, name := range []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		} {
			one, _ := strconv.Atoi(out.Attributes[string(name)])
			n += one
		}
	}
	return n, nil
}
