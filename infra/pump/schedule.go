package pump

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ErrNoSchedule means that no schedule has the name.
var ErrNoSchedule = errors.New("pump: no such schedule")

// Schedule is a schedule and the function that it wakes.
type Schedule struct {
	Name       string
	Function   string
	Expression string // rate(…) or cron(…)
	Zone       string // IANA name; empty is UTC
	// Input is the event; empty sends the scheduler's own. It may hold <aws.scheduler.scheduled-time> and the like.
	Input string
	// Retries is how often a failed run is tried again, as Lambda does with asynchronous invocations.
	Retries int
	// MaxAge is how long after its time a run may still be tried; 6 hours if zero.
	MaxAge time.Duration
	// OnFailure hears of runs that were given up; nil drops them.
	OnFailure func(ctx context.Context, message []byte) error
	// Disabled leaves the schedule to Fire.
	Disabled bool
}

// Scheduler wakes functions by the clock.
type Scheduler struct {
	config    SchedulerConfig
	schedules []*entry
}

// SchedulerConfig is what a scheduler is made of.
type SchedulerConfig struct {
	Invoke Invoke
	// Now is the clock; time.Now if nil. It may jump: forward, each schedule that fell due runs once, however often it
	// would have; backward, schedules count from there.
	Now func() time.Time
	// RetryDelay is the pause before a failed run is tried again; a minute if zero, as with Lambda.
	RetryDelay time.Duration
	Region     string
	Log        *slog.Logger
}

type entry struct {
	Schedule

	timing timing
	mu     sync.Mutex
	next   time.Time
	seen   time.Time // the clock when next was last looked at
}

// NewScheduler checks the schedules.
func NewScheduler(c SchedulerConfig, schedules ...Schedule) (*Scheduler, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RetryDelay == 0 {
		c.RetryDelay = time.Minute
	}
	c.Log = orSilent(c.Log)
	s := &Scheduler{config: c}
	for _, x := range schedules {
		timing, err := parseTiming(x.Expression, x.Zone)
		if err != nil {
			return nil, err
		}
		if x.MaxAge == 0 {
			x.MaxAge = 6 * time.Hour
		}
		s.schedules = append(s.schedules, &entry{Schedule: x, timing: timing})
	}
	return s, nil
}

// Run wakes functions until ctx ends. What is running then has a second and a half to end.
func (s *Scheduler) Run(ctx context.Context) error {
	long, cancel := outlive(ctx, grace)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		now := s.config.Now()
		for _, e := range s.schedules {
			if at, due := e.due(now); due {
				running.Go(func() { s.run(ctx, long, e, at) })
			}
		}
		// Short, as the clock may be set at any time.
		if !sleep(ctx, 50*time.Millisecond) {
			return nil
		}
	}
}

// Fire runs a schedule now, once, and returns when its function has answered. It does not move the schedule.
func (s *Scheduler) Fire(ctx context.Context, name string) error {
	for _, e := range s.schedules {
		if e.Name == name {
			_, err := s.config.Invoke(ctx, e.Function, s.event(e, s.config.Now(), 0))
			return err
		}
	}
	return fmt.Errorf("%w: %s", ErrNoSchedule, name)
}

// due says whether the schedule has fallen due, and when it was.
func (e *entry) due(now time.Time) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen.IsZero() || now.Before(e.seen) {
		e.next = e.timing.after(now)
	}
	e.seen = now
	if e.Disabled || e.next.IsZero() || now.Before(e.next) {
		return time.Time{}, false
	}
	at := e.next
	e.next = e.timing.after(now)
	return at, true
}

// run tries a run until it succeeds, or its retries or its age are spent.
func (s *Scheduler) run(ctx, long context.Context, e *entry, at time.Time) {
	for attempt := 0; ; attempt++ {
		event := s.event(e, at, attempt)
		_, err := s.config.Invoke(long, e.Function, event)
		if err == nil {
			return
		}
		s.config.Log.LogAttrs(ctx, slog.LevelWarn, "schedule failed", slog.String("schedule", e.Name),
			slog.Int("attempt", attempt+1), slog.Any("error", err))
		condition := ""
		switch {
		case attempt >= e.Retries:
			condition = "RetriesExhausted"
		case s.config.Now().Sub(at) > e.MaxAge:
			condition = "EventAgeExceeded"
		}
		if condition != "" {
			s.giveUp(long, e, event, condition, attempt+1)
			return
		}
		if !sleep(ctx, s.config.RetryDelay*time.Duration(attempt+1)) {
			return
		}
	}
}

// giveUp sends what Lambda sends to the failure destination of an asynchronous invocation.
func (s *Scheduler) giveUp(ctx context.Context, e *entry, event []byte, condition string, attempts int) {
	if e.OnFailure == nil {
		return
	}
	message, err := json.Marshal(map[string]any{
		"version": "1.0", "timestamp": s.config.Now().UTC().Format(time.RFC3339),
		"requestContext": requestContext{
			FunctionARN: fmt.Sprintf("arn:aws:lambda:%s:000000000000:function:%s", s.config.Region, e.Function),
			Condition:   condition, Attempts: attempts,
		},
		"requestPayload": json.RawMessage(event),
	})
	if err == nil {
		err = e.OnFailure(ctx, message)
	}
	if err != nil {
		s.config.Log.LogAttrs(ctx, slog.LevelError, "on-failure queue", slog.Any("error", err))
	}
}

// event is the schedule's input, or what EventBridge Scheduler sends where there is none.
func (s *Scheduler) event(e *entry, at time.Time, attempt int) []byte {
	arn := fmt.Sprintf("arn:aws:scheduler:%s:000000000000:schedule/default/%s", s.config.Region, e.Name)
	id, when := uuid.NewString(), at.UTC().Format(time.RFC3339)
	if e.Input != "" {
		return []byte(strings.NewReplacer(
			"<aws.scheduler.schedule-arn>", arn, "<aws.scheduler.scheduled-time>", when,
			"<aws.scheduler.execution-id>", id, "<aws.scheduler.attempt-number>", strconv.Itoa(attempt+1),
		).Replace(e.Input))
	}
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": "Scheduled Event", "source": "aws.scheduler",
		"account": "000000000000", "time": when, "region": s.config.Region, "resources": []string{arn}, "detail": "{}",
	})
	if err != nil { // texts always encode
		return []byte("{}")
	}
	return event
}
