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
	mu   sync.Mutex
	at   time.Time
	read int
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read++
	return c.at
}

// looks is how often the clock was read.
func (c *clock) looks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read
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

// bench is a scheduler with a clock that the test sets, and what its functions were sent.
type bench struct {
	clock
	*pump.Scheduler

	got, dead chan string
	fail      atomic.Bool
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{got: make(chan string, 100), dead: make(chan string, 10)}
	b.set(at("2026-11-21T10:00:00Z"))
	h := hosttest.Brain(t, "reconcile", func(p []byte) hosttest.Answer {
		b.got <- string(p)
		if b.fail.Load() {
			return hosttest.Answer{Do: "error", Body: "no"}
		}
		return hosttest.Answer{}
	})
	var err error
	b.Scheduler, err = pump.NewScheduler(
		pump.SchedulerConfig{Invoke: h.Invoke, Now: b.now, Region: region, RetryDelay: time.Millisecond},
		pump.Schedule{
			Name: "sweep", Function: "reconcile", Expression: "rate(5 minutes)", Retries: 2,
			OnFailure: func(_ context.Context, m []byte) error { b.dead <- string(m); return nil },
		},
		pump.Schedule{
			Name: "night", Function: "reconcile", Expression: "cron(30 2 * * ? *)", Zone: "Europe/London",
			Input: `{"at":"<aws.scheduler.scheduled-time>"}`,
		},
		pump.Schedule{Name: "off", Function: "reconcile", Expression: "rate(1 minute)", Disabled: true},
	)
	if err != nil {
		t.Fatal(err)
	}
	start(t, b.Run)
	return b
}

// none checks that nothing runs.
func (b *bench) none(t *testing.T, why string) {
	t.Helper()
	seen := b.looks()
	waitFor(t, "the scheduler does not look at the clock", func() bool { return b.looks() > seen+2 })
	select {
	case p := <-b.got:
		t.Fatalf("%s: %s", why, p)
	case <-time.After(100 * time.Millisecond):
	}
}

// ran waits for a run and returns its event.
func (b *bench) ran(t *testing.T) string {
	t.Helper()
	return receive(t, b.got)
}

func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case s := <-from:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		return ""
	}
}

func TestScheduleIsDueByTheClock(t *testing.T) {
	b := newBench(t)
	b.none(t, "not due at the start")
	b.set(at("2026-11-21T10:04:59Z"))
	b.none(t, "not due a second early")
	b.set(at("2026-11-21T10:05:00Z"))
	p := b.ran(t)
	for _, want := range []string{`"detail-type":"Scheduled Event"`, `"time":"2026-11-21T10:05:00Z"`, `"source":"aws.scheduler"`} {
		if !strings.Contains(p, want) {
			t.Errorf("%s lacks %s", p, want)
		}
	}
	b.none(t, "due once")
	b.set(at("2026-11-21T18:00:00Z"))
	b.ran(t)
	b.none(t, "a jump runs it once, not a hundred times")
	b.set(at("2026-11-20T09:00:00Z"))
	b.none(t, "a jump back is not due")
	b.set(at("2026-11-20T09:05:00Z"))
	b.ran(t)
	b.none(t, "it counts from where the clock went back to")
	b.set(at("2026-11-21T02:30:00Z"))
	if both := b.ran(t) + b.ran(t); !strings.Contains(both, `{"at":"2026-11-21T02:30:00Z"}`) {
		t.Error(both)
	}
}

func TestScheduleThatFails(t *testing.T) {
	b := newBench(t)
	b.none(t, "not due at the start")
	b.fail.Store(true)
	b.set(at("2026-11-21T10:05:00Z"))
	for range 3 { // once, and two retries
		b.ran(t)
	}
	m := receive(t, b.dead)
	for _, want := range []string{`"condition":"RetriesExhausted"`, `"approximateInvokeCount":3`, `"requestPayload":{`} {
		if !strings.Contains(m, want) {
			t.Errorf("%s lacks %s", m, want)
		}
	}
	b.none(t, "three tries")
}

func TestFire(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"sweep", "off"} {
		if err := b.Fire(t.Context(), name); err != nil {
			t.Error(err)
		}
		b.ran(t)
	}
	if err := b.Fire(t.Context(), "other"); !errors.Is(err, pump.ErrNoSchedule) {
		t.Error(err)
	}
	b.fail.Store(true)
	if err := b.Fire(t.Context(), "sweep"); err == nil {
		t.Error("the failure is hidden")
	}
}

func TestCron(t *testing.T) {
	cases := []struct{ name, expression, zone, from, want string }{
		{"every quarter", "cron(0/15 * * * ? *)", "", "2026-11-21T10:01:30Z", "21T10:15 21T10:30 21T10:45 21T11:00"},
		{"a list of hours", "cron(0 8,20 * * ? *)", "", "2026-11-21T10:00:00Z", "21T20:00 22T08:00 22T20:00"},
		{"a range with a step", "cron(0 8-12/2 * * ? *)", "", "2026-11-21T09:00:00Z", "21T10:00 21T12:00 22T08:00"},
		{"weekdays", "cron(0 9 ? * MON-FRI *)", "", "2026-11-20T09:00:00Z", "23T09:00 24T09:00"}, // a Friday
		{"summer time", "cron(0 9 * * ? *)", "Europe/London", "2026-06-01T00:00:00Z", "01T08:00"},
		{"a time that does not exist is left out", "cron(30 1 * * ? *)", "Europe/London", "2027-03-27T12:00:00Z", "29T00:30"},
		{"a time that exists twice is due once", "cron(30 1 * * ? *)", "Europe/London", "2026-10-25T00:00:00Z", "25T00:30 26T01:30"},
		{"the first of the month", "cron(0 0 1 * ? *)", "", "2026-11-21T10:00:00Z", "01T00:00"},
		{"a month by name", "cron(0 0 24 DEC ? 2026)", "", "2026-11-21T10:00:00Z", "24T00:00 never"},
		{"never again", "cron(0 0 1 1 ? 2020)", "", "2026-11-21T10:00:00Z", "never"},
		{"rate", "rate(90 minutes)", "", "2026-11-21T10:00:00Z", "21T11:30 21T13:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			next, err := pump.NextDue(c.expression, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			last := at(c.from)
			for want := range strings.FieldsSeq(c.want) {
				last = next(last)
				got := last.UTC().Format("02T15:04")
				if last.IsZero() {
					got = "never"
				}
				if got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		})
	}
}

func TestCronRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "at(2026-11-21T10:00:00)", "rate(0 minutes)", "rate(5 weeks)", "rate(5)", "cron(0 9 * * *)", "cron(60 9 * * ? *)",
		"cron(0 9 1 * MON *)", "cron(0 9 L * ? *)", "cron(0 9 ? * 2#1 *)", "cron(5-1 9 * * ? *)", "cron(0/0 9 * * ? *)",
		"cron(0 9 * * ? *", "rate(5 minutes",
	} {
		if _, err := pump.NextDue(bad, ""); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if _, err := pump.NextDue("rate(1 minute)", "Europe/Atlantis"); err == nil {
		t.Error("an unknown zone was accepted")
	}
}
