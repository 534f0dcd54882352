package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/schedule"
	"almanac/shared/table"
)

// due puts a connection that is to be looked after at an instant into the table.
func due(t *testing.T, h *clinictest.House, org string, at time.Time) string {
	t.Helper()
	con := id.New("con")
	c := h.Table.For(access.System(org, string(access.Renewer)))
	err := c.Write(t.Context(), table.Change{
		Action: access.ConnectionMake, Target: con, Event: event.Event{Name: event.ConnectionPlanned},
		Put: []table.Item{{Key: c.Connection(con), Value: map[string]string{"id": con}, New: true, Index: c.DueAt(at, con)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return con
}

func jobs(org string) access.Caller { return access.System(org, string(access.VideoRooms)) }

// Connections of every organisation are sent when their time has come, once, and again after an hour in which nobody
// looked after them; the message names the connection and its organisation.
func TestTend(t *testing.T) {
	h := clinictest.New(t)
	one, two := id.New("org"), id.New("org")
	begun := h.Clock.Now()
	early, late := due(t, h, one, begun.Add(-time.Minute)), due(t, h, two, begun.Add(10*time.Minute))
	sent := map[string]int{}
	for _, x := range []struct {
		after time.Duration
		found int
		sent  int
	}{
		{0, 1, 1},
		{5 * time.Minute, 1, 0},
		{11 * time.Minute, 2, 1},
		{15 * time.Minute, 2, 0},
		{59 * time.Minute, 2, 1}, // the first is an hour overdue
		{69*time.Minute + 59*time.Second, 2, 0},
		{70*time.Minute + time.Second, 2, 1},
		{15 * time.Hour, 2, 2},
		{15*time.Hour + 5*time.Minute, 2, 0},
	} {
		got, err := tend(t.Context(), h.Table, jobs, begun.Add(x.after))
		if err != nil || got.found != x.found || got.sent != x.sent || len(got.failures) > 0 || got.more {
			t.Errorf("after %s %+v, %v", x.after, got, err)
		}
	}
	for _, e := range h.Waiting(t) {
		if e.Name != event.ConnectionDue || e.Org != map[string]string{early: one, late: two}[e.Target] {
			t.Errorf("%+v", e)
		}
		if _, err := queue.Encode(e.Message()); err != nil {
			t.Error(err)
		}
		sent[e.Target]++
	}
	if sent[early] != 3 || sent[late] != 3 {
		t.Errorf("sent %v", sent)
	}
}

// What cannot be sent does not keep the others back, and is logged by its id.
func TestTendFails(t *testing.T) {
	fails := false
	h := clinictest.New(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		if fails && op == "TransactWriteItems" {
			fails = false
			return context.DeadlineExceeded
		}
		return send()
	}))
	org := id.New("org")
	for range 5 {
		due(t, h, org, h.Clock.Now().Add(-time.Minute))
	}
	q := clinictest.NewQueues(t)
	url := q.New(t, nil)
	log := slog.New(slog.NewJSONHandler(h.Log, nil))
	r := relay.New(q.Direct, map[event.Queue]string{event.Video: url}, h.Table.Outbox())
	now := h.Clock.Now()
	run := schedule.Run(log, sweep(log, r, func() time.Time { return time.Now().Add(time.Hour) },
		func(ctx context.Context) (tended, error) { return tend(ctx, h.Table, jobs, now) }))
	tick, err := os.ReadFile("../../events/reconcile.scheduled.json")
	if err != nil {
		t.Fatal(err)
	}
	fails = true
	if err := run(t.Context(), tick); err != nil {
		t.Fatal(err)
	}
	if got := q.Take(t, url); len(got) < 4 || !strings.Contains(h.Log.String(), `"due":5`) {
		t.Errorf("the queue got %d\n%s", len(got), h.Log)
	}
	if err := run(t.Context(), tick); err != nil {
		t.Fatal(err)
	}
	if n := len(q.Take(t, url)); n > 1 {
		t.Errorf("the second run sent %d", n)
	}
}
