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

// A message that failed comes again after what its error asked for and a time that grows; one that never can succeed is
// there again at once; and one that other code wrote waits for that code.
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
		{"invalid", good, 9, after(fault.Invalid, time.Hour), 0, 2 * time.Second},
		{"denied", good, 9, after(fault.Denied, 0), 0, 2 * time.Second},
		{"malformed", "Zebedee", 9, nil, 0, 2 * time.Second},
		{"a later version", strings.Replace(good, `"v":1`, `"v":2`, 1), 9, nil, 0, 30 * time.Second},
		{"an unknown name", strings.Replace(good, "appointment.booked", "appointment.eaten", 1), 1, nil, 0, 30 * time.Second},
		{"another queue's", strings.Replace(good, "appointment.booked", "patient.created", 1), 1, nil, 0, 30 * time.Second},
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
