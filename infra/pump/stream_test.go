package pump_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"almanac/infra/lambdahost"
	"almanac/infra/lambdahost/hosttest"
	"almanac/infra/pump"
)

func (l ledger) mapping(h *lambdahost.Host) pump.Stream {
	return pump.Stream{
		Client: l.streams, ARN: l.arn, Region: region, Function: "fanout", Invoke: h.Invoke, StartingPosition: "TRIM_HORIZON",
		ReportFailures: true, MaxRetries: 2, RetryDelay: time.Millisecond, Window: 200 * time.Millisecond,
	}
}

func TestStreamDelivers(t *testing.T) {
	l := newLedger(t)
	got := make(chan string, 10)
	h := hosttest.Brain(t, "fanout", func(p []byte) hosttest.Answer { got <- string(p); return hosttest.Answer{} })
	s := l.mapping(h)
	s.Window = 0
	start(t, s.Run)

	l.put(t, "a", map[string]dynamotypes.AttributeValue{
		"n": &dynamotypes.AttributeValueMemberN{Value: "7"}, "b": &dynamotypes.AttributeValueMemberB{Value: []byte{1, 2}},
		"ns": &dynamotypes.AttributeValueMemberNS{Value: []string{"1"}}, "yes": &dynamotypes.AttributeValueMemberBOOL{Value: true},
		"ss": &dynamotypes.AttributeValueMemberSS{Value: []string{"x"}}, "bs": &dynamotypes.AttributeValueMemberBS{Value: [][]byte{{3}}},
		"m": &dynamotypes.AttributeValueMemberM{Value: map[string]dynamotypes.AttributeValue{
			"l": &dynamotypes.AttributeValueMemberL{Value: []dynamotypes.AttributeValue{&dynamotypes.AttributeValueMemberNULL{Value: true}}},
		}},
		"deep": &dynamotypes.AttributeValueMemberL{Value: []dynamotypes.AttributeValue{
			&dynamotypes.AttributeValueMemberM{Value: map[string]dynamotypes.AttributeValue{}},
		}},
		"empty": &dynamotypes.AttributeValueMemberM{Value: map[string]dynamotypes.AttributeValue{}},
		"none":  &dynamotypes.AttributeValueMemberL{Value: []dynamotypes.AttributeValue{}},
	})
	raw := []byte(receive(t, got))
	checkRecord(t, raw, l.arn)

	time.Sleep(2500 * time.Millisecond) // so that it polls no more than it must
	began := time.Now()
	l.put(t, "a", nil)
	if next := receive(t, got); !strings.Contains(next, `"MODIFY"`) || !strings.Contains(next, `"OldImage"`) {
		t.Error(next)
	}
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("delivered after %s", took)
	}
}

// checkRecord reads the event with the type that functions read it with.
func checkRecord(t *testing.T, raw []byte, arn string) {
	t.Helper()
	var e events.DynamoDBEvent
	if err := json.Unmarshal(raw, &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("%s: %v", raw, err)
	}
	r := e.Records[0]
	if age := time.Since(r.Change.ApproximateCreationDateTime.Time); age < 0 || age > time.Minute {
		t.Errorf("created %s ago", age)
	}
	if r.EventID == "" || r.Change.SequenceNumber == "" || r.Change.SizeBytes == 0 {
		t.Errorf("%s", raw)
	}
	want := map[string]any{
		"awsRegion": region, "eventName": "INSERT", "eventSource": "aws:dynamodb", "eventSourceARN": arn, "eventVersion": "1.1",
		"dynamodb": map[string]any{
			"StreamViewType": "NEW_AND_OLD_IMAGES",
			"Keys":           map[string]any{"PK": map[string]any{"S": "a"}},
			"NewImage": map[string]any{
				"PK": map[string]any{"S": "a"}, "n": map[string]any{"N": "7"}, "b": map[string]any{"B": "AQI="},
				"ns": map[string]any{"NS": []any{"1"}}, "yes": map[string]any{"BOOL": true}, "ss": map[string]any{"SS": []any{"x"}},
				"bs": map[string]any{"BS": []any{"Aw=="}}, "empty": map[string]any{"M": map[string]any{}}, "none": map[string]any{"L": []any{}},
				"deep": map[string]any{"L": []any{map[string]any{"M": map[string]any{}}}},
				"m":    map[string]any{"M": map[string]any{"l": map[string]any{"L": []any{map[string]any{"NULL": true}}}}},
			},
		},
	}
	var whole struct{ Records []map[string]any }
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	got := whole.Records[0]
	if u, ok := got["userIdentity"]; ok {
		t.Errorf("user identity %v", u)
	}
	delete(got, "eventID")
	inner, _ := got["dynamodb"].(map[string]any)
	for _, varies := range []string{"ApproximateCreationDateTime", "SequenceNumber", "SizeBytes"} {
		delete(inner, varies)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestStreamFailures(t *testing.T) {
	dir := hosttest.Build(t)
	// bad returns what the function answers to a batch that holds the record bad.
	cases := []struct {
		name   string
		bisect bool
		bad    func(id string) hosttest.Answer
		// what the function saw, and which records were given up
		want, lost string
	}{
		{
			"a report leaves the records before it alone", false,
			func(id string) hosttest.Answer { return hosttest.Answer{Body: failing(id)} },
			"[[a b bad c d] [bad c d] [bad c d] [bad c d]]", "bad c d",
		},
		{
			"a report with bisect spares those behind it too", true,
			func(id string) hosttest.Answer { return hosttest.Answer{Body: failing(id)} },
			"[[a b bad c d] [bad c d] [bad] [bad] [bad] [c d]]", "bad",
		},
		{
			"an error fails the batch", false,
			func(string) hosttest.Answer { return hosttest.Answer{Do: "error", Body: "no"} },
			"[[a b bad c d] [a b bad c d] [a b bad c d]]", "a b bad c d",
		},
		{
			"an error with bisect costs only the poison", true,
			func(string) hosttest.Answer { return hosttest.Answer{Do: "error", Body: "no"} },
			"[[a b bad c d] [a b] [bad c d] [bad] [bad] [bad] [c d]]", "bad",
		},
		{
			"a crash with bisect costs only the poison", true,
			func(string) hosttest.Answer { return hosttest.Answer{Do: "exit"} },
			"[[a b bad c d] [a b] [bad c d] [bad] [bad] [bad] [c d]]", "bad",
		},
		{
			"an empty identifier fails the batch", false,
			func(string) hosttest.Answer { return hosttest.Answer{Body: failing("")} },
			"[[a b bad c d] [a b bad c d] [a b bad c d]]", "a b bad c d",
		},
		{
			"a wrong key fails the batch", false,
			func(id string) hosttest.Answer {
				return hosttest.Answer{Body: `{"batchItemFailures":[{"ItemID":"` + id + `"}]}`}
			},
			"[[a b bad c d] [a b bad c d] [a b bad c d]]", "a b bad c d",
		},
		{
			"an empty list is success", false,
			func(string) hosttest.Answer { return hosttest.Answer{Body: failing()} },
			"[[a b bad c d]]", "",
		},
		{
			"a null list is success", false,
			func(string) hosttest.Answer { return hosttest.Answer{Body: `{"batchItemFailures":null}`} },
			"[[a b bad c d]]", "",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, dead := newLedger(t), newMailbox(t, nil)
			var seen batches
			sequence := map[string]string{} // written by one invocation after the other
			h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer {
				names, ids := seen.see(t, p)
				for i := range names {
					sequence[ids[i]] = names[i]
				}
				if i := slices.Index(names, "bad"); i >= 0 {
					return c.bad(ids[i])
				}
				return hosttest.Answer{}
			})
			for _, k := range []string{"a", "b", "bad", "c", "d"} {
				l.put(t, k, nil)
			}
			s := l.mapping(h)
			s.Bisect, s.OnFailure = c.bisect, pump.SendTo(dead.client, dead.url)
			stop := start(t, s.Run)
			message := ""
			if c.lost != "" {
				message = dead.take(t)
			}
			waitFor(t, "not seen", func() bool { return len(seen.all()) > 0 })
			l.put(t, "last", nil)
			waitFor(t, "the shard is blocked", func() bool { return seen.count("last") > 0 })
			stop()
			got := strings.Replace(fmt.Sprint(seen.all()), " [last]", "", 1)
			if got != c.want {
				t.Errorf("saw %s\nwant %s", got, c.want)
			}
			if c.lost != "" {
				checkNotice(t, message, c.lost, sequence, l.arn)
			}
			if n := dead.left(t); n != 0 {
				t.Errorf("%d more were given up", n)
			}
		})
	}
}

// checkNotice compares the message on the failure queue with the records that it must name.
func checkNotice(t *testing.T, message, lost string, sequence map[string]string, arn string) {
	t.Helper()
	var n struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		Version string
		Batch   struct {
			ShardID, StartSequenceNumber, EndSequenceNumber, StreamArn string
			BatchSize                                                  int
		} `json:"DDBStreamBatchInfo"`
	}
	if err := json.Unmarshal([]byte(message), &n); err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(lost)
	start := sequence[n.Batch.StartSequenceNumber]
	if n.RequestContext.Condition != "RetryAttemptsExhausted" || n.RequestContext.ApproximateInvokeCount != 3 || n.Version != "1.0" ||
		n.Batch.ShardID == "" || n.Batch.StreamArn != arn ||
		start != names[0] || sequence[n.Batch.EndSequenceNumber] != names[len(names)-1] || n.Batch.BatchSize != len(names) {
		t.Errorf("%s", message)
	}
	if strings.Contains(message, `"PK"`) {
		t.Errorf("the message holds the record: %s", message)
	}
}

func TestStreamFilterWindowAndAge(t *testing.T) {
	dir := hosttest.Build(t)
	t.Run("the function sees only what the filter lets pass", func(t *testing.T) {
		l := newLedger(t)
		var seen batches
		h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
		s := l.mapping(h)
		var err error
		s.Filter, err = pump.NewFilter(`{"eventName":["INSERT"],"dynamodb":{"NewImage":{"GPK":{"S":[{"prefix":"OUT#"}]}}}}`)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]dynamotypes.AttributeValue{"GPK": &dynamotypes.AttributeValueMemberS{Value: "OUT#3"}}
		l.put(t, "plain", nil)
		l.put(t, "event", out)
		l.put(t, "event", nil) // relayed
		l.put(t, "other", map[string]dynamotypes.AttributeValue{"GPK": &dynamotypes.AttributeValueMemberS{Value: "T#1"}})
		l.put(t, "event2", out)
		start(t, s.Run)
		waitFor(t, "not delivered", func() bool { return seen.count("event2") == 1 })
		if got := fmt.Sprint(seen.all()); got != "[[event event2]]" {
			t.Error(got)
		}
	})
	t.Run("batches are no larger than declared, and in order", func(t *testing.T) {
		l := newLedger(t)
		var seen batches
		h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
		s := l.mapping(h)
		s.BatchSize = 3
		for i := range 8 {
			l.put(t, fmt.Sprint(i), nil)
		}
		start(t, s.Run)
		waitFor(t, "not delivered", func() bool { return seen.count("7") == 1 })
		if got := fmt.Sprint(seen.all()); got != "[[0 1 2] [3 4 5] [6 7]]" {
			t.Error(got)
		}
	})
	t.Run("a window gathers", func(t *testing.T) {
		l := newLedger(t)
		var seen batches
		h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
		s := l.mapping(h)
		s.Window = time.Second
		start(t, s.Run)
		l.put(t, "a", nil)
		time.Sleep(400 * time.Millisecond)
		l.put(t, "b", nil)
		waitFor(t, "not delivered", func() bool { return seen.count("b") == 1 })
		if got := fmt.Sprint(seen.all()); got != "[[a b]]" {
			t.Error(got)
		}
	})
	t.Run("of several failures the first counts", func(t *testing.T) {
		l := newLedger(t)
		var seen batches
		var again atomic.Bool
		h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer {
			_, ids := seen.see(t, p)
			if again.Swap(true) {
				return hosttest.Answer{}
			}
			return hosttest.Answer{Body: failing(ids[1], ids[3], ids[2])}
		})
		for _, k := range []string{"a", "b", "c", "d"} {
			l.put(t, k, nil)
		}
		start(t, l.mapping(h).Run)
		waitFor(t, "not tried again", func() bool { return seen.count("d") == 2 })
		if got := fmt.Sprint(seen.all()); got != "[[a b c d] [b c d]]" {
			t.Error(got)
		}
	})
	t.Run("records grow too old", func(t *testing.T) {
		l, dead := newLedger(t), newMailbox(t, nil)
		var seen batches
		var later atomic.Bool
		h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer {
			seen.see(t, p)
			later.Store(true) // the clock jumps while the function fails
			return hosttest.Answer{Do: "error"}
		})
		s := l.mapping(h)
		s.MaxRetries, s.MaxAge, s.OnFailure = -1, time.Hour, pump.SendTo(dead.client, dead.url)
		s.Now = func() time.Time {
			if later.Load() {
				return time.Now().Add(2 * time.Hour)
			}
			return time.Now()
		}
		l.put(t, "a", nil)
		start(t, s.Run)
		if m := dead.take(t); !strings.Contains(m, `"condition":"RecordAgeExceeded"`) {
			t.Error(m)
		}
		if seen.count("a") != 1 {
			t.Errorf("%v", seen.all())
		}
	})
	t.Run("latest passes over what was there before", func(t *testing.T) {
		l := newLedger(t)
		var seen batches
		h := hosttest.BrainIn(t, dir, "fanout", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
		s := l.mapping(h)
		s.StartingPosition = "LATEST"
		l.put(t, "old", nil)
		start(t, s.Run)
		waitFor(t, "not delivered", func() bool {
			l.put(t, "new", map[string]dynamotypes.AttributeValue{
				"at": &dynamotypes.AttributeValueMemberS{Value: time.Now().String()},
			})
			return seen.count("new") > 0
		})
		if seen.count("old") != 0 {
			t.Errorf("%v", seen.all())
		}
	})
}

func TestStreamRetriesForEverAndStops(t *testing.T) {
	l := newLedger(t)
	var seen batches
	h := hosttest.Brain(t, "fanout", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{Do: "error"} })
	s := l.mapping(h)
	s.MaxRetries = -1
	l.put(t, "a", nil)
	stop := start(t, s.Run)
	waitFor(t, "not tried again", func() bool { return seen.count("a") > 5 })
	stop()
	l.put(t, "b", nil)
	if seen.count("b") != 0 {
		t.Error("the poison was passed over")
	}
}

func TestStreamKeepsTellingTheFailureQueue(t *testing.T) {
	l := newLedger(t)
	h := hosttest.Brain(t, "fanout", func([]byte) hosttest.Answer { return hosttest.Answer{Do: "error"} })
	s := l.mapping(h)
	var told atomic.Int32
	s.OnFailure = func(context.Context, []byte) error {
		if told.Add(1) < 3 {
			return errors.New("the queue does not answer")
		}
		return nil
	}
	l.put(t, "a", nil)
	start(t, s.Run)
	waitFor(t, "given up", func() bool { return told.Load() == 3 })
}
