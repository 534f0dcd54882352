package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/schedule"
	"almanac/shared/table"
)

// A stream record is lost: two minutes later the next run tells the queue, and the runs after it tell nothing more.
func TestSweep(t *testing.T) {
	h, org := clinictest.New(t), id.New("org")
	q := clinictest.NewQueues(t)
	url := q.New(t, nil)
	c, apt := h.Table.For(access.System(org, string(access.EmailDispatch))), id.New("apt")
	err := c.Write(t.Context(), table.Change{
		Action: access.MessageSend, Target: apt, Event: event.Event{Name: event.AppointmentMoved, Version: 2, Sequence: 1},
		Put: []table.Item{{Key: c.Appointment(apt), Value: map[string]string{"id": apt}, New: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tick, err := os.ReadFile("../../events/reconcile.scheduled.json")
	if err != nil {
		t.Fatal(err)
	}
	now, log := time.Now(), slog.New(slog.NewJSONHandler(h.Log, nil))
	r := relay.New(q.Direct, map[event.Queue]string{event.Email: url, event.Video: q.New(t, nil)}, h.Table.Outbox())
	run := schedule.Run(log, sweep(log, r, func() time.Time { return now }, func(context.Context) (tended, error) { return tended{}, nil }))
	for _, x := range []struct {
		later time.Duration
		logs  string
		tells int
	}{
		{time.Minute, `"found":0,"sent":0`, 0},
		{2*time.Minute + time.Second, `"found":1,"sent":1,"failed":0`, 1},
		{7 * time.Minute, `"found":0,"sent":0`, 0},
	} {
		now = time.Now().Add(x.later)
		if err := run(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(h.Log.String()), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, x.logs) {
			t.Errorf("after %v logged %s", x.later, last)
		}
		got := q.Take(t, url)
		if len(got) != x.tells {
			t.Fatalf("after %v the queue got %d", x.later, len(got))
		}
		for _, m := range got {
			if told, err := queue.Decode(aws.ToString(m.Body)); err != nil || told.Target != apt || told.Sequence != 1 || told.Version != 2 {
				t.Errorf("%+v, %v", told, err)
			}
		}
	}
}
