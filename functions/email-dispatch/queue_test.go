package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/pump"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/queue"
	"almanac/shared/relay"
)

// mailQueue is the worker's queue with its dead letters, on the real engine.
type mailQueue struct {
	*clinictest.Queues
	url, dead string
}

func newMailQueue(t *testing.T) mailQueue {
	t.Helper()
	q := mailQueue{Queues: clinictest.NewQueues(t)}
	q.dead = q.New(t, nil)
	out, err := q.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	q.url = q.New(t, map[string]string{
		"VisibilityTimeout": "1",
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, out.Attributes["QueueArn"]),
	})
	return q
}

func (q mailQueue) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(body)}); err != nil {
			t.Fatal(err)
		}
	}
}

// deadLetters takes what lies in the dead-letter queue.
func (q mailQueue) deadLetters(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range q.Take(t, q.dead) {
		out = append(out, aws.ToString(m.Body))
	}
	return out
}

// run lets the worker work on the queue until ok, or for too long.
func (b *bench) run(t *testing.T, q mailQueue, ok func() bool) {
	t.Helper()
	p := pump.Queue{
		Client: q.Client, URL: q.url, Region: "eu-west-2", Function: "EmailDispatch", ReportFailures: true,
		Invoke: clinictest.Invoked(b.each),
	}
	if !clinictest.RunUntil(t, 20*time.Second, p.Run, ok) {
		t.Error("it took too long")
	}
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
	urls := map[event.Queue]string{event.Email: q.url, event.PDS: q.New(t, nil), event.Video: q.New(t, nil)}
	r := relay.New(q.Direct, urls, b.Table.Outbox())
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
