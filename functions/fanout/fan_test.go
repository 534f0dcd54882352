package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"almanac/infra/cfn"
	"almanac/infra/faultproxy"
	"almanac/infra/pump"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/table"
)

// bench is the handler over the real engines: a table with its stream, and a queue behind a proxy that can fail.
type bench struct {
	*clinictest.House
	org string
	fan handler
	sqs *clinictest.Queues
	url string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{House: clinictest.Streamed(t), org: id.New("org"), sqs: clinictest.NewQueues(t)}
	b.url = b.sqs.New(t, nil)
	r := relay.New(b.sqs.Proxied, map[event.Queue]string{event.Email: b.url, event.PDS: b.sqs.New(t, nil), event.Video: b.sqs.New(t, nil)}, b.Table.Outbox())
	b.fan = fan(slog.New(slog.NewJSONHandler(b.Log, nil)), r, time.Now)
	return b
}

// received takes what is on the queue and gives how often each event came.
func (b *bench) received(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, m := range b.sqs.Take(t, b.url) {
		read, err := queue.Decode(aws.ToString(m.Body))
		if err != nil {
			t.Fatalf("%s: %v", aws.ToString(m.Body), err)
		}
		out[read.Event]++
	}
	return out
}

func (b *bench) invoke(t *testing.T, payload []byte) []string {
	t.Helper()
	var e events.DynamoDBEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		t.Fatal(err)
	}
	res, err := b.fan(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range res.BatchItemFailures {
		out = append(out, f.ItemIdentifier)
	}
	return out
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestFan(t *testing.T) {
	t.Run("relays a booking", func(t *testing.T) {
		b := newBench(t)
		if failed := b.invoke(t, sample(t, "fanout.booked.json")); len(failed) > 0 {
			t.Errorf("failed %v", failed)
		}
		if got := b.received(t); len(got) != 1 || got["evt_01m7yq1we0ev5b9ts55c7j3qdp"] != 1 {
			t.Errorf("the queue got %v", got)
		}
	})

	t.Run("relays a batch, what comes in it twice once", func(t *testing.T) {
		b := newBench(t)
		if failed := b.invoke(t, sample(t, "fanout.batch.json")); len(failed) > 0 {
			t.Errorf("failed %v", failed)
		}
		if got := b.received(t); len(got) != 2 || got["evt_01m7yq3q10f46bs8r42wfv2z13"] != 1 {
			t.Errorf("the queue got %v", got)
		}
	})

	t.Run("reports a malformed event and relays its siblings", func(t *testing.T) {
		b := newBench(t)
		if failed := b.invoke(t, sample(t, "fanout.malformed.json")); !slices.Equal(failed, []string{"111000000000000000005"}) {
			t.Errorf("failed %v", failed)
		}
		if got := b.received(t); len(got) != 2 {
			t.Errorf("the queue got %v", got)
		}
		if log := b.Log.String(); !strings.Contains(log, `"code":"malformed_message"`) || !strings.Contains(log, `"record":"111000000000000000005"`) {
			t.Errorf("logged %s", log)
		}
	})

	t.Run("reports the first record when the queue takes nothing", func(t *testing.T) {
		b := newBench(t)
		if err := b.sqs.Proxy.Set(1, faultproxy.Rule{Op: "SendMessageBatch", Fault: faultproxy.InternalError, Probability: 1}); err != nil {
			t.Fatal(err)
		}
		if failed := b.invoke(t, sample(t, "fanout.batch.json")); !slices.Equal(failed, []string{"111000000000000000002"}) {
			t.Errorf("failed %v", failed)
		}
	})

	t.Run("passes over what is no new event", func(t *testing.T) {
		b := newBench(t)
		removed := bytes.ReplaceAll(sample(t, "fanout.booked.json"), []byte(`"INSERT"`), []byte(`"MODIFY"`))
		other := bytes.ReplaceAll(sample(t, "fanout.booked.json"), []byte(`OUT#`), []byte(`T#`))
		if failed := append(b.invoke(t, removed), b.invoke(t, other)...); len(failed) > 0 || len(b.received(t)) > 0 {
			t.Errorf("failed %v", failed)
		}
	})

	t.Run("bears attributes of any kind", func(t *testing.T) {
		b := newBench(t)
		odd := bytes.ReplaceAll(sample(t, "fanout.booked.json"), []byte(`"ver": {
            "N": "1"
          }`), []byte(`"ver":{"L":[]},"seq":{"N":"x"},"org":{"BOOL":true},"tgt":{"NULL":true},"more":{"M":{}}`))
		if failed := b.invoke(t, odd); len(failed) != 1 || len(b.received(t)) > 0 {
			t.Errorf("failed %v", failed)
		}
	})
}

// book writes events that the mail queue waits for, beside others that it does not, and gives the ids of the former.
func (b *bench) book(t *testing.T, n int) []string {
	t.Helper()
	c := b.Table.For(access.System(b.org, string(access.EmailDispatch)))
	for i := range n {
		apt := id.New("apt")
		for _, name := range []event.Name{event.AppointmentBooked, event.MessageSettled} {
			put := table.Item{Key: c.Delivery(apt, fmt.Sprint(i, name)), Value: map[string]string{"id": apt}, New: true}
			err := c.Write(t.Context(), table.Change{
				Action: access.MessageSend, Target: apt, Put: []table.Item{put}, Event: event.Event{Name: name, Version: 1},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.waiting(t)
}

func (b *bench) waiting(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, e := range b.Waiting(t) {
		out = append(out, e.ID)
	}
	return out
}

// stream is the mapping that template.yaml declares, over the table's own stream.
func (b *bench) stream(t *testing.T, given func(message []byte)) pump.Stream {
	t.Helper()
	tpl, err := cfn.Load("../../template.yaml", cfn.Values{Parameters: map[string]string{"MailFrom": "clinic@example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tpl.Functions, func(f cfn.Function) bool { return f.ID == "Fanout" })
	s, err := pump.FromStreamTrigger(tpl.Functions[i], tpl.Functions[i].Streams[0])
	if err != nil {
		t.Fatal(err)
	}
	desc, err := b.DB.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &b.Name})
	if err != nil {
		t.Fatal(err)
	}
	s.Client = dynamodbstreams.NewFromConfig(clinictest.Config(os.Getenv("DYNAMODB_ENDPOINT")))
	s.ARN, s.Region, s.RetryDelay = aws.ToString(desc.Table.LatestStreamArn), "eu-west-2", time.Millisecond
	s.Invoke = clinictest.Invoked(b.fan)
	s.OnFailure = func(_ context.Context, message []byte) error {
		given(message)
		return nil
	}
	return s
}

// run reads the stream from its beginning until ok, or for too long.
func run(t *testing.T, s pump.Stream, ok func() bool) {
	t.Helper()
	clinictest.RunUntil(t, 30*time.Second, s.Run, ok)
}

// The whole stream is read, and then read again from its beginning, as after a lost checkpoint: every event reaches
// the queue, no other does, and the second reading changes nothing in the table.
func TestFanOverTheStreamTwice(t *testing.T) {
	b := newBench(t)
	booked := b.book(t, 12)
	s := b.stream(t, func(message []byte) { t.Errorf("given up: %s", message) })
	got := map[string]int{}
	collect := func() {
		for event, n := range b.received(t) {
			got[event] += n
		}
	}
	run(t, s, func() bool { collect(); return len(got) >= 12 && len(b.waiting(t)) == 0 })
	for reading := 1; reading <= 2; reading++ {
		if len(got) != 12 {
			t.Fatalf("after reading %d the queue got %d events, want 12", reading, len(got))
		}
		for _, e := range booked {
			if got[e] != reading {
				t.Errorf("%s came %d times in %d readings", e, got[e], reading)
			}
		}
		if left := b.waiting(t); len(left) > 0 {
			t.Errorf("%d still wait", len(left))
		}
		if reading == 1 {
			total := func() int {
				n := 0
				for _, v := range got {
					n += v
				}
				return n
			}
			run(t, s, func() bool { collect(); return total() >= 24 })
		}
	}
}

// An event that cannot be read is given up after its retries, tells the dead-letter queue, and holds up nobody.
func TestFanPoison(t *testing.T) {
	b := newBench(t)
	first := b.book(t, 3)
	evt := id.New("evt")
	item := map[string]types.AttributeValue{}
	for k, v := range map[string]string{"PK": "T#x#y", "SK": "EVT#" + evt, "GPK": "OUT#1", "GSK": evt, "id": evt, "name": "appointment.booked"} {
		item[k] = &types.AttributeValueMemberS{Value: v}
	}
	if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Name, Item: item}); err != nil {
		t.Fatal(err)
	}
	all := append(b.book(t, 3), first...)
	var mu sync.Mutex
	given := 0
	s := b.stream(t, func([]byte) { mu.Lock(); given++; mu.Unlock() })
	got := map[string]int{}
	run(t, s, func() bool {
		for event, n := range b.received(t) {
			got[event] += n
		}
		mu.Lock()
		defer mu.Unlock()
		return len(got) == 6 && given == 1
	})
	mu.Lock()
	defer mu.Unlock()
	if given != 1 || len(got) != 6 || got[evt] != 0 {
		t.Errorf("%d given up, the queue got %d events", given, len(got))
	}
	for _, e := range all {
		if e != evt && got[e] == 0 {
			t.Errorf("%s never came", e)
		}
	}
	if left := b.waiting(t); !slices.Equal(left, []string{evt}) {
		t.Errorf("%v still wait; the sweep must find the one that failed", left)
	}
}
