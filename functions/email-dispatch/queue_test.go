package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/pump"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/relay"
)

// mailQueue is the worker's queue with its dead letters, on the real engine.
type mailQueue struct {
	sqs       *sqs.Client
	cfg       aws.Config
	url, dead string
}

func newMailQueue(t *testing.T) mailQueue {
	t.Helper()
	endpoint := os.Getenv("SQS_ENDPOINT")
	if endpoint == "" {
		t.Fatal("SQS_ENDPOINT is not set: run tests with `make test`")
	}
	q := mailQueue{cfg: aws.Config{
		Region: "eu-west-2", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}}
	q.sqs = sqs.NewFromConfig(q.cfg)
	q.dead = q.create(t, nil)
	out, err := q.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	q.url = q.create(t, map[string]string{
		"VisibilityTimeout": "1",
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, out.Attributes["QueueArn"]),
	})
	return q
}

func (q mailQueue) create(t *testing.T, attributes map[string]string) string {
	t.Helper()
	out, err := q.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("dispatch-" + id.New("tst")), Attributes: attributes,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = q.sqs.DeleteQueue(context.WithoutCancel(t.Context()), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
	})
	return aws.ToString(out.QueueUrl)
}

func (q mailQueue) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := q.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(body)}); err != nil {
			t.Fatal(err)
		}
	}
}

// deadLetters takes what lies in the dead-letter queue.
func (q mailQueue) deadLetters(t *testing.T) []string {
	t.Helper()
	var out []string
	for {
		got, err := q.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.dead, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return out
		}
		for _, m := range got.Messages {
			out = append(out, aws.ToString(m.Body))
			if _, err := q.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.dead, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// run lets the worker work on the queue until ok, or for too long.
func (b *bench) run(t *testing.T, q mailQueue, ok func() bool) {
	t.Helper()
	p := pump.Queue{
		Client: q.sqs, URL: q.url, Region: "eu-west-2", Function: "EmailDispatch", ReportFailures: true,
		Invoke: func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
			var e events.SQSEvent
			if err := json.Unmarshal(payload, &e); err != nil {
				return nil, err
			}
			res, err := b.each(ctx, e)
			if err != nil {
				return nil, err
			}
			return json.Marshal(res)
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var ended sync.WaitGroup
	ended.Go(func() { _ = p.Run(ctx) })
	for !ok() && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("it took too long")
	}
	cancel()
	ended.Wait()
}

// Poison among good messages ends as dead letters, its siblings as mails; and redriving the dead letters, or sending
// the good messages again, changes nothing.
func TestDispatchPoison(t *testing.T) {
	b, q := newBench(t), newMailQueue(t)
	apt := b.book(t, "2027-01-05T09:30")
	good, err := queue.Encode(b.outbox(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	poison := []string{"not json", strings.Replace(good, `"v":1`, `"v":2`, 1), strings.Replace(good, apt.ID, email, 1)}
	q.send(t, append(poison, good)...)
	for round := range 3 {
		var dead []string
		b.run(t, q, func() bool {
			dead = append(dead, q.deadLetters(t)...)
			return len(dead) == len(poison) && len(b.mails()) == 1
		})
		if len(dead) != len(poison) {
			t.Fatalf("round %d: %d dead letters, want %d", round, len(dead), len(poison))
		}
		b.subjects(t, booked)
		b.ledgerIs(t, apt.ID, "done")
		q.send(t, append(dead, good)...)
	}
	b.clean(t)
}

// From the outbox through the real queue to the mailbox; what is in the queue meanwhile is ids.
func TestDispatchFromTheOutbox(t *testing.T) {
	b, q := newBench(t), newMailQueue(t)
	apt := b.book(t, "2027-01-05T09:30")
	urls := map[event.Queue]string{event.Email: q.url, event.PDS: q.create(t, nil)}
	r := relay.New(q.cfg, urls, b.Table.Outbox())
	for range 2 { // the sweep, and a stream that was slow after all
		if rep := r.Send(t.Context(), b.outbox(t)); len(rep.Failed)+len(rep.Unmarked) > 0 {
			t.Fatalf("%+v", rep)
		}
	}
	if left := b.outbox(t); len(left) > 0 {
		t.Errorf("%d wait in the outbox", len(left))
	}
	b.run(t, q, func() bool {
		return len(b.mails()) == 1 && len(b.ledger(t, apt.ID)) == 1 && b.ledger(t, apt.ID)[0] == "done"
	})
	b.subjects(t, booked)
	b.clean(t)
}
