package pump_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // the machine may have no zones

	"almanac/infra/lambdahost/hosttest"
	"almanac/infra/pump"
)

// clock can be set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestScheduler(t *testing.T) {
	c := &clock{at: at("2026-11-21T10:00:00Z")}
	got := make(chan string, 100)
	var fail atomic.Bool
	h := hosttest.Brain(t, "reconcile", func(p []byte) hosttest.Answer {
		got <- string(p)
		if fail.Load() {
			return hosttest.Answer{Do: "error", Body: "no"}
		}
		return hosttest.Answer{}
	})
	dead := make(chan string, 10)
	s, err := pump.NewScheduler(
		pump.SchedulerConfig{Invoke: h.Invoke, Now: c.now, Region: region, RetryDelay: time.Millisecond},
		pump.Schedule{
			Name: "sweep", Function: "reconcile", Expression: "rate(5 minutes)", Retries: 2,
			OnFailure: func(_ context.Context, m []byte) error { dead <- string(m); return nil },
		},
		pump.Schedule{Name: "night", Function: "reconcile", Expression: "cron(30 2 * * ? *)", Zone: "Europe/London", Input: `{"at":"<aws.scheduler.scheduled-time>"}`},
	)
	if err != nil {
		t.Fatal(err)
	}
	start(t, s.Run)
	none := func(why string) {
		t.Helper()
		select {
		case p := <-got:
			t.Fatalf("%s: %s", why, p)
		case <-time.After(200 * time.Millisecond):
		}
	}
	none("not due at the start")
	c.set(at("2026-11-21T10:04:59Z"))
	none("not due a second early")
	c.set(at("2026-11-21T10:05:00Z"))
	if p := <-got; !strings.Contains(p, `"detail-type":"Scheduled Event"`) || !strings.Contains(p, `"time":"2026-11-21T10:05:00Z"`) ||
		!strings.Contains(p, `"source":"aws.scheduler"`) {
		t.Error(p)
	}
	none("due once")
	c.set(at("2026-11-21T18:00:00Z"))
	<-got
	none("a jump runs it once, not a hundred times")
	c.set(at("2026-11-20T09:00:00Z"))
	none("a jump back is not due")
	c.set(at("2026-11-20T09:05:00Z"))
	<-got
	none("it counts from where the clock went back to")
	c.set(at("2026-11-21T02:30:00Z"))
	both := <-got + <-got
	if !strings.Contains(both, `{"at":"2026-11-21T02:30:00Z"}`) {
		t.Error(both)
	}

	fail.Store(true)
	c.set(at("2026-11-21T02:35:00Z"))
	for range 3 { // once, and two retries
		<-got
	}
	if m := <-dead; !strings.Contains(m, `"condition":"RetriesExhausted"`) || !strings.Contains(m, `"approximateInvokeCount":3`) ||
		!strings.Contains(m, `"requestPayload":{`) {
		t.Error(m)
	}
	none("three tries")
	fail.Store(false)

	if err := s.Fire(t.Context(), "sweep"); err != nil {
		t.Error(err)
	}
	<-got
	if err := s.Fire(t.Context(), "other"); !errors.Is(err, pump.ErrNoSchedule) {
		t.Error(err)
	}
}

func TestCron(t *testing.T) {
	cases := []struct{ name, expression, zone, from, want string }{
		{"every quarter", "cron(0/15 * * * ? *)", "", "2026-11-21T10:01:30Z", "10:15 10:30 10:45 11:00"},
		{"a list of hours", "cron(0 8,20 * * ? *)", "", "2026-11-21T10:00:00Z", "20:00 +1 08:00 20:00"},
		{"weekdays", "cron(0 9 ? * MON-FRI *)", "", "2026-11-20T09:00:00Z", "+3 09:00 +4 09:00"}, // a Friday
		{"summer time", "cron(0 9 * * ? *)", "Europe/London", "2026-06-01T00:00:00Z", "08:00"},
		{"a time that does not exist is left out", "cron(30 1 * * ? *)", "Europe/London", "2027-03-27T12:00:00Z", "+2 00:30"},
		{"a time that exists twice is due once", "cron(30 1 * * ? *)", "Europe/London", "2026-10-25T00:00:00Z", "00:30 +1 01:30"},
		{"the first of the month", "cron(0 0 1 * ? *)", "", "2026-11-21T10:00:00Z", "+10 00:00"},
		{"a month by name", "cron(0 0 24 DEC ? 2026)", "", "2026-11-21T10:00:00Z", "+33 00:00 never"},
		{"never again", "cron(0 0 1 1 ? 2020)", "", "2026-11-21T10:00:00Z", "never"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			next, err := pump.NextDue(c.expression, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			from := at(c.from)
			last, prefix := from, ""
			for _, word := range strings.Fields(c.want) {
				if word[0] == '+' {
					prefix = word
					continue
				}
				last = next(last)
				got := last.UTC().Format("15:04")
				if last.IsZero() {
					got = "never"
				}
				if got != word {
					t.Fatalf("got %s, want %s", last, word)
				}
				if days, _ := time.ParseDuration(strings.TrimPrefix(prefix, "+") + "h"); prefix != "" && !last.IsZero() &&
					last.Truncate(24*time.Hour).Sub(from.Truncate(24*time.Hour)) != 24*days {
					t.Fatalf("got %s, want %s days later", last, prefix)
				}
			}
		})
	}
	for _, bad := range []string{
		"", "at(2026-11-21T10:00:00)", "rate(0 minutes)", "rate(5 weeks)", "rate(5)", "cron(0 9 * * *)", "cron(60 9 * * ? *)",
		"cron(0 9 1 * MON *)", "cron(0 9 L * ? *)", "cron(0 9 ? * 2#1 *)", "cron(5-1 9 * * ? *)", "cron(0/0 9 * * ? *)",
	} {
		if _, err := pump.NextDue(bad, ""); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if _, err := pump.NextDue("rate(1 minute)", "Europe/Atlantis"); err == nil {
		t.Error("an unknown zone was accepted")
	}
}
