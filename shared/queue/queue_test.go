package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/queue"
)

const secret = "Zebedee Marker <zebedee@marker.example>"

func sample(t *testing.T, name string) events.SQSEvent {
	t.Helper()
	raw, err := os.ReadFile("../../events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var e events.SQSEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func message() event.Message {
	return event.Message{
		V: 1, Event: id.New("evt"), Name: event.AppointmentBooked, Org: id.New("org"), Target: id.New("apt"), Version: 1,
	}
}

func batch(t *testing.T, messages ...event.Message) events.SQSEvent {
	t.Helper()
	var e events.SQSEvent
	for i, m := range messages {
		body, err := queue.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("message-", i), Body: body})
	}
	return e
}

// run puts a batch through the edge and gives the numbers of the messages that failed, and the log's lines.
func run(t *testing.T, ctx context.Context, e events.SQSEvent, work queue.Work) ([]string, []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	each := queue.Edge{Log: slog.New(slog.NewJSONHandler(&log, nil))}.Each(event.Email, access.EmailDispatch, work)
	res, err := each(ctx, e)
	if err != nil {
		t.Fatalf("the whole batch failed: %v", err)
	}
	var failed []string
	for _, f := range res.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	if strings.Contains(log.String(), "ebedee") {
		t.Errorf("somebody's data is in the log: %s", log.String())
	}
	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != len(e.Records) {
		t.Errorf("%d log lines for %d messages", len(lines), len(e.Records))
	}
	return failed, lines
}

func TestEach(t *testing.T) {
	t.Run("hands each message to the work, as the job of its organisation", func(t *testing.T) {
		m := message()
		failed, lines := run(t, t.Context(), batch(t, m), func(_ context.Context, by access.Caller, got event.Message) error {
			if got != m || by.Org() != m.Org || by.Person() != "job:email-dispatch" || !by.Can(access.MessageSend) {
				t.Errorf("got %+v as %q of %q", got, by.Person(), by.Org())
			}
			return nil
		})
		if len(failed) > 0 || lines[0]["outcome"] != "done" || lines[0]["event"] != m.Event || lines[0]["target"] != m.Target {
			t.Errorf("failed %v, logged %v", failed, lines)
		}
	})

	// Every kind of fault: what becomes of the message, and whether it fails.
	for _, x := range []struct {
		err     error
		outcome string
		fails   bool
	}{
		{nil, "done", false},
		{fault.New(fault.NotFound, "x", ""), "gone", false},
		{fault.New(fault.Invalid, "x", ""), "refused", true},
		{fault.New(fault.Denied, "x", ""), "refused", true},
		{fault.New(fault.Conflict, "x", ""), "again", true},
		{fault.New(fault.Stale, "x", ""), "again", true},
		{fault.New(fault.Limited, "x", ""), "again", true},
		{fault.Wrap(errors.New("x"), fault.Unavailable, "x", ""), "again", true},
		{fmt.Errorf("find it: %w", customError(secret)), "again", true},
	} {
		t.Run(fmt.Sprintf("%s when the work answers %v", x.outcome, fault.Of(x.err)), func(t *testing.T) {
			failed, lines := run(t, t.Context(), batch(t, message()), func(context.Context, access.Caller, event.Message) error {
				return x.err
			})
			if (len(failed) == 1) != x.fails || lines[0]["outcome"] != x.outcome {
				t.Errorf("failed %v, logged %v", failed, lines)
			}
			if x.err != nil && lines[0]["kind"] != fault.Of(x.err).Kind.String() {
				t.Errorf("logged kind %v", lines[0]["kind"])
			}
		})
	}

	t.Run("a panic costs one message", func(t *testing.T) {
		all := []event.Message{message(), message(), message()}
		failed, lines := run(t, t.Context(), batch(t, all...), func(_ context.Context, _ access.Caller, m event.Message) error {
			if m == all[1] {
				panic(secret)
			}
			return nil
		})
		if !slices.Equal(failed, []string{"message-1"}) {
			t.Errorf("failed %v", failed)
		}
		if causes := fmt.Sprint(lines[1]["causes"]); !strings.Contains(causes, "queue_test.go") && !strings.Contains(causes, "queue_test.TestEach") {
			t.Errorf("the log does not say where: %s", causes)
		}
	})

	t.Run("poison fails alone, and the work never sees it", func(t *testing.T) {
		e := sample(t, "email-dispatch.poison.json")
		saw := 0
		failed, lines := run(t, t.Context(), e, func(context.Context, access.Caller, event.Message) error {
			saw++
			return nil
		})
		if want := []string{e.Records[0].MessageId, e.Records[1].MessageId}; !slices.Equal(failed, want) || saw != 1 {
			t.Errorf("failed %v, want %v; the work saw %d", failed, want, saw)
		}
		if lines[0]["code"] != "malformed_message" || lines[1]["code"] != "unknown_version" || lines[0]["receives"] != 4.0 {
			t.Errorf("logged %v", lines)
		}
	})

	t.Run("an event that the queue is not told of is refused", func(t *testing.T) {
		e := batch(t, message())
		e.Records[0].Body = strings.Replace(e.Records[0].Body, "appointment.booked", "patient.created", 1)
		failed, lines := run(t, t.Context(), e, func(context.Context, access.Caller, event.Message) error {
			t.Error("the work saw it")
			return nil
		})
		if len(failed) != 1 || lines[0]["code"] != "unknown_name" {
			t.Errorf("failed %v, logged %v", failed, lines)
		}
	})

	t.Run("when time runs out the rest fails untouched", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		saw := 0
		failed, _ := run(t, ctx, batch(t, message(), message(), message()), func(context.Context, access.Caller, event.Message) error {
			saw++
			time.Sleep(250 * time.Millisecond)
			return nil
		})
		if saw != 1 || !slices.Equal(failed, []string{"message-1", "message-2"}) {
			t.Errorf("the work saw %d, failed %v", saw, failed)
		}
	})
}

type customError string

func (c customError) Error() string { return string(c) }

// Whatever fails, exactly that is reported: no sibling more, none less.
func TestEachReportsExactlyWhatFailed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		fates := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 10).Draw(r, "fates")
		var all []event.Message
		fate := map[string]int{}
		var want []string
		for i, f := range fates {
			m := message()
			all, fate[m.Event] = append(all, m), f
			if f > 1 {
				want = append(want, fmt.Sprint("message-", i))
			}
		}
		got, _ := run(t, t.Context(), batch(t, all...), func(_ context.Context, _ access.Caller, m event.Message) error {
			switch fate[m.Event] {
			case 1:
				return fault.New(fault.NotFound, "gone", "")
			case 2:
				return errors.New("broken")
			case 3:
				panic("broken")
			}
			return nil
		})
		if !slices.Equal(got, want) {
			r.Fatalf("reported %v, want %v", got, want)
		}
	})
}

func TestDecode(t *testing.T) {
	m := message()
	body, err := queue.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := queue.Decode(body); err != nil || got != m {
		t.Fatalf("Decode(Encode(m)) = %+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"nothing":             "",
		"two values":          body + body,
		"trailing text":       body + "x",
		"an unknown field":    strings.Replace(body, `"v":1`, `"v":1,"more":1`, 1),
		"another's id":        strings.Replace(body, m.Event, m.Org, 1),
		"no organisation":     strings.Replace(body, m.Org, "", 1),
		"somebody's name":     strings.Replace(body, m.Target, secret, 1),
		"a target of no kind": strings.Replace(body, m.Target, "T#other", 1),
		"a negative version":  strings.Replace(body, `"version":1`, `"version":-1`, 1),
		"version zero":        strings.Replace(body, `"v":1`, `"v":0`, 1),
		"a later version":     strings.Replace(body, `"v":1`, `"v":2`, 1),
		"a list":              "[" + body + "]",
		"far too long":        body + strings.Repeat(" ", 5000),
		"an unknown name":     strings.Replace(body, "appointment.booked", "appointment.eaten", 1),
	} {
		if got, err := queue.Decode(bad); !fault.Is(err, fault.Invalid) || got != (event.Message{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := queue.Encode(event.Message{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("Encode of nothing: %v", err)
	}
}

// What Decode takes can be sent again and reads the same: a dead letter may be redriven any number of times.
func FuzzDecode(f *testing.F) {
	body, err := queue.Encode(message())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(`{"v":2}`)
	f.Add("not json")
	f.Fuzz(func(t *testing.T, body string) {
		m, err := queue.Decode(body)
		if err != nil {
			return
		}
		again, err := queue.Encode(m)
		if err != nil {
			t.Fatalf("%q is taken, but cannot be sent again: %v", body, err)
		}
		if back, err := queue.Decode(again); err != nil || back != m {
			t.Fatalf("%q reads %+v, and again %+v, %v", body, m, back, err)
		}
	})
}
