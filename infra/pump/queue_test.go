package pump_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/lambdahost"
	"almanac/infra/lambdahost/hosttest"
	"almanac/infra/pump"
)

func (m mailbox) mapping(h *lambdahost.Host) pump.Queue {
	return pump.Queue{
		Client: m.client, URL: m.url, ARN: m.arn, Region: region, Function: "worker", Invoke: h.Invoke, ReportFailures: true,
	}
}

func TestQueueDelivers(t *testing.T) {
	m := newMailbox(t, nil)
	var seen batches
	var event atomic.Pointer[string]
	h := hosttest.Brain(t, "worker", func(p []byte) hosttest.Answer {
		s := string(p)
		event.Store(&s)
		seen.see(t, p)
		return hosttest.Answer{Body: "null"}
	})
	start(t, m.mapping(h).Run)
	_, err := m.client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: aws.String(m.url), MessageBody: aws.String(`{"event":"evt_1"}`),
		MessageAttributes: map[string]sqstypes.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String("x")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "not delivered and deleted", func() bool { return len(seen.all()) == 1 && m.left(t) == 0 })
	for _, want := range []string{
		`"body":"{\"event\":\"evt_1\"}"`, `"ApproximateReceiveCount":"1"`, `"eventSource":"aws:sqs"`, `"awsRegion":"eu-west-2"`,
		`"eventSourceARN":"` + m.arn + `"`, `"kind":{"stringValue":"x"`, `"messageId":"`, `"receiptHandle":"`,
	} {
		if !strings.Contains(*event.Load(), want) {
			t.Errorf("the event lacks %s: %s", want, *event.Load())
		}
	}
	// A waiting poll wakes at once.
	first := h.Stats("worker").Invocations
	began := time.Now()
	m.send(t, "b")
	waitFor(t, "not delivered", func() bool { return h.Stats("worker").Invocations > first })
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("delivered after %s", took)
	}
}

func TestQueueFailures(t *testing.T) {
	cases := []struct {
		name   string
		answer func(bad string) hosttest.Answer
		report bool
		// what of the messages good and bad comes again
		goodAgain, badAgain bool
	}{
		{"one reported", func(bad string) hosttest.Answer { return hosttest.Answer{Body: failing(bad)} }, true, false, true},
		{"empty list", func(string) hosttest.Answer { return hosttest.Answer{Body: failing()} }, true, false, false},
		{"null list", func(string) hosttest.Answer { return hosttest.Answer{Body: `{"batchItemFailures":null}`} }, true, false, false},
		{"null", func(string) hosttest.Answer { return hosttest.Answer{Body: `null`} }, true, false, false},
		{"no list", func(string) hosttest.Answer { return hosttest.Answer{Body: `{}`} }, true, false, false},
		{"empty identifier", func(string) hosttest.Answer { return hosttest.Answer{Body: failing("")} }, true, true, true},
		{"null identifier", func(string) hosttest.Answer {
			return hosttest.Answer{Body: `{"batchItemFailures":[{"itemIdentifier":null}]}`}
		}, true, true, true},
		{"wrong key", func(bad string) hosttest.Answer {
			return hosttest.Answer{Body: `{"batchItemFailures":[{"id":"` + bad + `"}]}`}
		}, true, true, true},
		{"unknown identifier", func(bad string) hosttest.Answer { return hosttest.Answer{Body: failing(bad, "other")} }, true, true, true},
		{"not a list", func(string) hosttest.Answer { return hosttest.Answer{Body: `{"batchItemFailures":"x"}`} }, true, true, true},
		{"text", func(string) hosttest.Answer { return hosttest.Answer{Body: `"done"`} }, true, true, true},
		{"error", func(string) hosttest.Answer { return hosttest.Answer{Do: "error", Body: "no"} }, true, true, true},
		{"crash", func(string) hosttest.Answer { return hosttest.Answer{Do: "exit"} }, true, true, true},
		{"reports that nobody asked for", func(bad string) hosttest.Answer { return hosttest.Answer{Body: failing(bad)} }, false, false, false},
	}
	dir := hosttest.Build(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMailbox(t, map[string]string{"VisibilityTimeout": "1"})
			var seen batches
			var once atomic.Bool
			h := hosttest.BrainIn(t, dir, "worker", func(p []byte) hosttest.Answer {
				names, ids := seen.see(t, p)
				if !once.CompareAndSwap(false, true) {
					return hosttest.Answer{Body: "null"}
				}
				return c.answer(ids[slices.Index(names, "bad")])
			})
			m.send(t, "good", "bad")
			q := m.mapping(h)
			q.ReportFailures = c.report
			start(t, q.Run)
			waitFor(t, "messages were left", func() bool { return len(seen.all()) > 0 && m.left(t) == 0 })
			want := map[bool]int{false: 1, true: 2}
			if g, b := seen.count("good"), seen.count("bad"); g != want[c.goodAgain] || b != want[c.badAgain] {
				t.Errorf("good was seen %d times, bad %d times: %v", g, b, seen.all())
			}
		})
	}
}

func TestQueuePoisonIsParkedAndSiblingsSucceed(t *testing.T) {
	dead := newMailbox(t, nil)
	m := newMailbox(t, map[string]string{
		"VisibilityTimeout": "1", "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, dead.arn),
	})
	var seen batches
	h := hosttest.Brain(t, "worker", func(p []byte) hosttest.Answer {
		names, ids := seen.see(t, p)
		if i := slices.Index(names, "poison"); i >= 0 {
			return hosttest.Answer{Body: failing(ids[i])}
		}
		return hosttest.Answer{}
	})
	start(t, m.mapping(h).Run)
	m.send(t, "a", "poison", "b")
	if got := dead.take(t); got != "poison" {
		t.Fatalf("%q was parked", got)
	}
	if seen.count("poison") != 3 || seen.count("a") < 1 || seen.count("b") < 1 || m.left(t) != 0 {
		t.Errorf("%v, %d left", seen.all(), m.left(t))
	}
}

func TestQueueConcurrencyWindowAndFilter(t *testing.T) {
	dir := hosttest.Build(t)
	t.Run("not more batches at once than allowed", func(t *testing.T) {
		m := newMailbox(t, nil)
		var now, peak atomic.Int32
		h := hosttest.BrainIn(t, dir, "worker", func([]byte) hosttest.Answer {
			peak.Store(max(peak.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(100 * time.Millisecond)
			return hosttest.Answer{}
		})
		q := m.mapping(h)
		q.BatchSize, q.MaximumConcurrency = 1, 2
		for i := range 8 {
			m.send(t, fmt.Sprint(i))
		}
		start(t, q.Run)
		waitFor(t, "messages were left", func() bool { return m.left(t) == 0 })
		if peak.Load() != 2 {
			t.Errorf("%d at once", peak.Load())
		}
	})
	t.Run("a window gathers", func(t *testing.T) {
		m := newMailbox(t, nil)
		var seen batches
		h := hosttest.BrainIn(t, dir, "worker", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
		q := m.mapping(h)
		q.BatchSize, q.Window = 25, time.Second
		start(t, q.Run)
		for i := range 30 {
			m.send(t, fmt.Sprint(i))
		}
		waitFor(t, "messages were left", func() bool { return m.left(t) == 0 })
		if got := seen.all(); len(got) != 2 || len(got[0]) != 25 || len(got[1]) != 5 {
			t.Errorf("%v", got)
		}
	})
	t.Run("what the filter refuses is dropped", func(t *testing.T) {
		m := newMailbox(t, nil)
		var seen batches
		h := hosttest.BrainIn(t, dir, "worker", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
		q := m.mapping(h)
		var err error
		if q.Filter, err = pump.NewFilter(`{"body":{"kind":["mail"]}}`); err != nil {
			t.Fatal(err)
		}
		m.send(t, `{"kind":"sms"}`, "plain text", `{"kind":"mail"}`)
		start(t, q.Run)
		waitFor(t, "messages were left", func() bool { return m.left(t) == 0 })
		if seen.count(`{"kind":"mail"}`) != 1 || seen.count(`{"kind":"sms"}`)+seen.count("plain text") != 0 {
			t.Errorf("%v", seen.all())
		}
	})
}

func TestQueueStops(t *testing.T) {
	dir := hosttest.Build(t)
	t.Run("what is being handled may end", func(t *testing.T) {
		m := newMailbox(t, nil)
		begun := make(chan struct{})
		h := hosttest.BrainIn(t, dir, "worker", func([]byte) hosttest.Answer {
			close(begun)
			time.Sleep(1200 * time.Millisecond) // longer than the poll that is under way
			return hosttest.Answer{}
		})
		stop := start(t, m.mapping(h).Run)
		m.send(t, "a")
		<-begun
		stop()
		if m.left(t) != 0 {
			t.Error("the message was handled but not deleted")
		}
	})
	t.Run("what hangs is left for its visibility to run out", func(t *testing.T) {
		m := newMailbox(t, nil)
		begun, release := make(chan struct{}), make(chan struct{})
		h := hosttest.BrainIn(t, dir, "worker", func([]byte) hosttest.Answer {
			close(begun)
			<-release
			return hosttest.Answer{}
		})
		defer close(release)
		stop := start(t, m.mapping(h).Run)
		m.send(t, "a")
		<-begun
		stop()
		if m.left(t) != 1 {
			t.Error("the message is gone")
		}
	})
}

func TestQueueRefusesFIFO(t *testing.T) {
	if err := (pump.Queue{URL: "http://127.0.0.1/q.fifo"}).Run(t.Context()); err == nil {
		t.Error("accepted")
	}
}
