package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	"almanac/shared/schedule"
)

func TestRun(t *testing.T) {
	tick, err := os.ReadFile("../../events/reconcile.scheduled.json")
	if err != nil {
		t.Fatal(err)
	}
	const secret = "zebedee@marker.example"
	for name, x := range map[string]struct {
		job  schedule.Job
		want string // in the log
		fail string // the error's text
	}{
		"a run that succeeds tells its counts": {
			job:  func(context.Context) ([]slog.Attr, error) { return []slog.Attr{slog.Int("found", 3)}, nil },
			want: `"found":3`,
		},
		"a run that fails fails, with what it did so far": {
			job: func(context.Context) ([]slog.Attr, error) {
				return []slog.Attr{slog.Int("found", 2)}, fault.Wrap(textError(secret), fault.Unavailable, "busy", "Busy.")
			},
			want: `"found":2,"kind":"unavailable","code":"busy"`, fail: "unavailable: busy",
		},
		"an error that nobody classified is not shown": {
			job:  func(context.Context) ([]slog.Attr, error) { return nil, textError(secret) },
			want: `"kind":"internal"`, fail: "internal: internal",
		},
		"a panic fails the run, and the process lives on": {
			job:  func(context.Context) ([]slog.Attr, error) { panic(secret) },
			want: "panic string", fail: "internal: internal",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			err := schedule.Run(slog.New(slog.NewJSONHandler(&log, nil)), x.job)(t.Context(), tick)
			if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, x.want) || strings.Contains(got, secret) {
				t.Errorf("logged %s", got)
			}
			if (err != nil) != (x.fail != "") || err != nil && err.Error() != x.fail {
				t.Errorf("error %v, want %q", err, x.fail)
			}
		})
	}
}

func TestRunLeavesTimeToTell(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2100*time.Millisecond)
	defer cancel()
	var log bytes.Buffer
	err := schedule.Run(slog.New(slog.NewJSONHandler(&log, nil)), func(ctx context.Context) ([]slog.Attr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})(ctx, nil)
	if ctx.Err() != nil || err == nil || log.Len() == 0 {
		t.Errorf("the job ended with Lambda's time, or not at all: %v, logged %q", err, log.String())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the cause is shown")
	}
}

type textError string

func (e textError) Error() string { return string(e) }
