// Package relay tells the queues what happened. Its rules: it is the only sender; a message carries ids alone; and an
// event leaves the outbox only after every queue that wants it has it, so that nothing is lost, and what is told twice
// is for the workers to bear.
package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/shared/event"
	"almanac/shared/queue"
	"almanac/shared/table"
)

// Relay sends events to queues. It is safe for concurrent use.
type Relay struct {
	sqs    *sqs.Client
	urls   map[event.Queue]string
	outbox table.Outbox
}

// New makes a Relay that reaches the queues at their URLs.
func New(cfg aws.Config, urls map[event.Queue]string, outbox table.Outbox) *Relay {
	return &Relay{sqs: sqs.NewFromConfig(cfg), urls: urls, outbox: outbox}
}

// Report is what became of messages, by the event's id where something went wrong.
type Report struct {
	Sent int
	// Failed are those that did not reach every queue that wants them: they wait on.
	Failed map[string]error
	// Unmarked are those that did, but could not be taken off the outbox: the sweep will send them again.
	Unmarked map[string]error
}

// perBatch is how many messages one call to SQS takes.
const perBatch = 10

// Send tells every queue that wants each message, and takes those that all of them have off the outbox. The same
// event given twice is sent once.
func (r *Relay) Send(ctx context.Context, messages []event.Message) Report {
	rep := Report{Failed: map[string]error{}, Unmarked: map[string]error{}}
	post, accepted := r.sort(messages, rep.Failed)
	for _, to := range slices.Sorted(maps.Keys(post)) {
		for batch := range slices.Chunk(post[to], perBatch) {
			r.sendBatch(ctx, to, batch, rep.Failed)
		}
	}
	sent := slices.DeleteFunc(accepted, func(m event.Message) bool { return rep.Failed[m.Event] != nil })
	rep.Sent = len(sent)
	r.mark(ctx, sent, rep.Unmarked)
	return rep
}

// letter is a message on its way to one queue.
type letter struct{ event, body string }

// sort gives what goes to each queue, and the messages that go anywhere.
func (r *Relay) sort(messages []event.Message, failed map[string]error) (map[event.Queue][]letter, []event.Message) {
	post, seen := map[event.Queue][]letter{}, map[string]bool{}
	var accepted []event.Message
	for _, m := range messages {
		if seen[m.Event] {
			continue
		}
		seen[m.Event] = true
		body, err := queue.Encode(m)
		for _, to := range event.Queues(m.Name) {
			if r.urls[to] == "" {
				err = errors.Join(err, fmt.Errorf("the address of the %s queue is not known", to))
			}
		}
		if err != nil {
			failed[m.Event] = err
			continue
		}
		accepted = append(accepted, m)
		for _, to := range event.Queues(m.Name) {
			post[to] = append(post[to], letter{m.Event, body})
		}
	}
	return post, accepted
}

func (r *Relay) sendBatch(ctx context.Context, to event.Queue, batch []letter, failed map[string]error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(r.urls[to])}
	for i, l := range batch {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(l.body),
		})
	}
	out, err := r.sqs.SendMessageBatch(ctx, in)
	if err != nil {
		for _, l := range batch {
			failed[l.event] = fmt.Errorf("send to the %s queue: %w", to, err)
		}
		return
	}
	taken := map[string]bool{}
	for _, ok := range out.Successful {
		taken[aws.ToString(ok.Id)] = true
	}
	// What the answer does not name as taken was not taken.
	for i, l := range batch {
		if !taken[strconv.Itoa(i)] {
			failed[l.event] = fmt.Errorf("the %s queue did not take it: %s", to, codeOf(out.Failed, strconv.Itoa(i)))
		}
	}
}

func codeOf(failed []types.BatchResultErrorEntry, id string) string {
	for _, f := range failed {
		if aws.ToString(f.Id) == id {
			return aws.ToString(f.Code)
		}
	}
	return "not in the answer"
}

// marking is how many events are taken off the outbox at a time.
const marking = 8

func (r *Relay) mark(ctx context.Context, sent []event.Message, unmarked map[string]error) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, marking)
	for _, m := range sent {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := r.outbox.Relayed(ctx, m); err != nil {
				mu.Lock()
				defer mu.Unlock()
				unmarked[m.Event] = fmt.Errorf("take off the outbox: %w", err)
			}
		})
	}
	wait.Wait()
}
