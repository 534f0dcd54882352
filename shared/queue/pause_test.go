package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/delay"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/queue"
)

// What is allowed of a pause doubles up to five minutes, however often a message was received.
func TestPause(t *testing.T) {
	for receives, want := range map[int]time.Duration{
		1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 8: 256 * time.Second, 9: 5 * time.Minute,
		100: 5 * time.Minute, 1 << 40: 5 * time.Minute,
	} {
		if got := queue.Pause(receives); got != want {
			t.Errorf("after %d: %s, not %s", receives, got, want)
		}
	}
}

// hidden is a message that was hidden.
type hidden struct {
	id          string
	least, most time.Duration
}

// hides puts one message through an edge that notes what is hidden, and gives the line that was logged.
func hides(t *testing.T, body string, receives int, err, refusal error) ([]hidden, map[string]any) {
	t.Helper()
	var all []hidden
	var log bytes.Buffer
	e := queue.Edge{Log: slog.New(slog.NewJSONHandler(&log, nil)), Hide: func(
		_ context.Context, rec events.SQSMessage, least, most time.Duration,
	) error {
		all = append(all, hidden{rec.MessageId, least, most})
		return refusal
	}}
	res, failed := e.Each(event.Email, access.EmailDispatch, func(context.Context, access.Caller, event.Message) error {
		return err
	})(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "m", Body: body, Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(receives)},
	}}})
	if failed != nil {
		t.Fatal(failed)
	}
	if comes := len(res.BatchItemFailures) == 1; comes != (len(all) == 1) {
		t.Errorf("it comes again: %t; it was hidden: %v", comes, all)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	return all, line
}

func after(kind fault.Kind, d time.Duration) error {
	e := fault.New(kind, "x", "")
	e.RetryAfter = d
	return fmt.Errorf("call it: %w", e)
}

// A message that failed comes again after what its error asked for and a time that grows: so does one that was refused,
// lest somebody be asked without a pause for what they refuse, and one that other code wrote. What cannot be read is
// there again at once.
func TestHides(t *testing.T) {
	good, err := queue.Encode(message())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name        string
		body        string
		receives    int
		err         error
		least, most time.Duration
	}{
		{"the first time", good, 1, after(fault.Unavailable, 0), 0, 2 * time.Second},
		{"the fifth time", good, 5, after(fault.Conflict, 0), 0, 32 * time.Second},
		{"the hundredth time", good, 100, errors.New("broken"), 0, 5 * time.Minute},
		{"no count", good, 0, errors.New("broken"), 0, 2 * time.Second},
		{"asked to wait", good, 2, after(fault.Limited, time.Minute), time.Minute, time.Minute + 4*time.Second},
		{"asked to wait for long", good, 9, after(fault.Unavailable, 20*time.Hour), 20 * time.Hour, 20*time.Hour + 5*time.Minute},
		{"invalid", good, 9, after(fault.Invalid, time.Hour), time.Hour, time.Hour + 5*time.Minute},
		{"denied", good, 9, after(fault.Denied, 0), 0, 5 * time.Minute},
		{"malformed", "Zebedee", 9, nil, 0, 2 * time.Second},
		{"a later version", strings.Replace(good, `"v":1`, `"v":2`, 1), 9, nil, 0, 5 * time.Minute},
		{"an unknown name", strings.Replace(good, "appointment.booked", "appointment.eaten", 1), 1, nil, 0, 2 * time.Second},
		{"another queue's", strings.Replace(good, "appointment.booked", "patient.created", 1), 9, nil, 0, 5 * time.Minute},
	} {
		got, line := hides(t, x.body, x.receives, x.err, nil)
		if len(got) != 1 || got[0] != (hidden{"m", x.least, x.most}) || line["hidden_ms"] != float64(x.most.Milliseconds()) {
			t.Errorf("%s: hidden %v, logged %v", x.name, got, line)
		}
	}
	for name, done := range map[string]error{"done": nil, "gone": fault.New(fault.NotFound, "x", "")} {
		if got, line := hides(t, good, 1, done, nil); len(got) > 0 || line["outcome"] != name || line["hidden_ms"] != nil {
			t.Errorf("%s: hidden %v, logged %v", name, got, line)
		}
	}
}

// What is done without its message lets the message go after as many tries as it says.
func TestLeft(t *testing.T) {
	good, err := queue.Encode(message())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		kind     fault.Kind
		enough   int
		receives int
		outcome  string
		level    slog.Level
	}{
		{fault.Unavailable, 4, 3, "again", slog.LevelWarn},
		{fault.Unavailable, 4, 4, "left", slog.LevelWarn},
		{fault.Internal, 4, 5, "left", slog.LevelError},
		{fault.Limited, 0, 99, "again", slog.LevelWarn},
		{fault.NotFound, 4, 5, "gone", slog.LevelInfo},
	} {
		e := fault.New(x.kind, "x", "")
		e.Enough = x.enough
		got, line := hides(t, good, x.receives, fmt.Errorf("call it: %w", e), nil)
		if again := x.outcome == "again"; line["outcome"] != x.outcome || line["level"] != x.level.String() || again != (len(got) == 1) {
			t.Errorf("%+v: hidden %v, logged %v", x, got, line)
		}
	}
}

// Where a message failed before, nobody whom its work calls is called again at once: its pause is the longer one.
func TestOnce(t *testing.T) {
	for receives, want := range map[string]bool{"": true, "1": true, "2": false, "9": false} {
		waits := false
		rec := events.SQSMessage{Attributes: map[string]string{"ApproximateReceiveCount": receives}}
		e := queue.Edge{Log: slog.New(slog.DiscardHandler)}
		told := queue.Told(e, "notice", func(string) (string, error) { return "", nil }, func(string) []slog.Attr { return nil },
			func(ctx context.Context, _ string) error {
				waits = delay.Leaving(ctx, 0, 0)
				return nil
			})
		if _, err := told(t.Context(), events.SQSEvent{Records: []events.SQSMessage{rec}}); err != nil || waits != want {
			t.Errorf("received %q: another try at once: %t, %v", receives, waits, err)
		}
	}
}

// What cannot be hidden fails as it would have, and the log says so.
func TestCannotHide(t *testing.T) {
	good, err := queue.Encode(message())
	if err != nil {
		t.Fatal(err)
	}
	got, line := hides(t, good, 1, after(fault.Unavailable, 0), fmt.Errorf("hide it: %w", customError(secret)))
	if len(got) != 1 || line["outcome"] != "again" || line["hidden_ms"] != nil || fmt.Sprint(line["not_hidden"]) != "[hide it queue_test.customError]" {
		t.Errorf("hidden %v, logged %v", got, line)
	}
}

// What is told from outside is hidden by the same rule.
func TestToldHides(t *testing.T) {
	var all []hidden
	e := queue.Edge{Log: slog.New(slog.DiscardHandler), Hide: func(
		_ context.Context, rec events.SQSMessage, least, most time.Duration,
	) error {
		all = append(all, hidden{rec.MessageId, least, most})
		return nil
	}}
	told := queue.Told(e, "notice", func(body string) (string, error) { return body, nil },
		func(string) []slog.Attr { return nil },
		func(context.Context, string) error { return after(fault.Unavailable, 2*time.Second) })
	if _, err := told(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m"}}}); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0] != (hidden{"m", 2 * time.Second, 4 * time.Second}) {
		t.Errorf("hidden %v", all)
	}
}
