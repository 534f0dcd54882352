package pump

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	receiveMax         = 10 // messages that SQS hands out at once
	defaultConcurrency = 5  // Lambda starts with as many pollers
	// pollSeconds is short, so that a poll need not be cut off on stopping: a message received by a call that was cut
	// off would stay hidden. A long poll is answered the moment a message comes, however long it would have waited.
	pollSeconds = 1
)

// Queue is the mapping of an SQS queue to a function.
type Queue struct {
	Client   *sqs.Client
	URL, ARN string
	Region   string
	Function string
	Invoke   Invoke
	// BatchSize is at most 10 unless there is a Window; 10 if zero.
	BatchSize int
	// Window is how long a batch may wait to fill.
	Window time.Duration
	// MaximumConcurrency is the greatest number of batches at once; 5 if zero.
	MaximumConcurrency int
	// ReportFailures says that the function names the messages that failed.
	ReportFailures bool
	Filter         Filter
	Log            *slog.Logger
	// Disabled leaves the queue unread.
	Disabled bool
}

// Run receives messages until ctx ends. What is being handled then has a second and a half to end. What was not
// finished comes back to the queue when its visibility runs out, as everything that fails does: redrive is the
// queue's matter.
func (q Queue) Run(ctx context.Context) error {
	if strings.HasSuffix(q.URL, ".fifo") {
		return fmt.Errorf("pump: %s: FIFO queues are not supported", q.URL)
	}
	if q.Disabled {
		<-ctx.Done()
		return nil
	}
	q.Log = orSilent(q.Log).With(slog.String("function", q.Function))
	if q.BatchSize == 0 {
		q.BatchSize = receiveMax
	}
	if q.MaximumConcurrency == 0 {
		q.MaximumConcurrency = defaultConcurrency
	}
	long, cancel := outlive(ctx, grace)
	defer cancel()
	slots := make(chan struct{}, q.MaximumConcurrency)
	var running sync.WaitGroup
	for failed := 0; ctx.Err() == nil; {
		select {
		case slots <- struct{}{}: // a batch is taken only when it can be handled
		case <-ctx.Done():
			continue
		}
		batch, err := q.gather(ctx, long)
		if err != nil {
			q.Log.LogAttrs(ctx, slog.LevelWarn, "receive", slog.Any("error", err))
			sleep(ctx, backoff(100*time.Millisecond, 5*time.Second, failed))
			failed++
		} else {
			failed = 0
		}
		if len(batch) == 0 {
			<-slots
			continue
		}
		running.Go(func() {
			defer func() { <-slots }()
			q.handle(long, batch)
		})
	}
	running.Wait()
	return nil
}

// gather receives a batch: what one call gives, or, with a window, what comes until the batch is full or the window
// over.
func (q Queue) gather(ctx, long context.Context) ([]types.Message, error) {
	batch, err := q.receive(long, q.BatchSize, pollSeconds)
	if err != nil || len(batch) == 0 || q.Window == 0 {
		return batch, err
	}
	for end := time.Now().Add(q.Window); len(batch) < q.BatchSize && ctx.Err() == nil; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		wait := 0
		if left > pollSeconds*time.Second {
			wait = pollSeconds
		}
		more, err := q.receive(long, q.BatchSize-len(batch), wait)
		if err != nil {
			q.Log.LogAttrs(ctx, slog.LevelWarn, "receive", slog.Any("error", err))
			break // what is there is handled
		}
		batch = append(batch, more...)
		if len(more) == 0 && wait == 0 {
			sleep(ctx, min(left, 50*time.Millisecond))
		}
	}
	return batch, nil
}

func (q Queue) receive(ctx context.Context, n, wait int) ([]types.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := q.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(q.URL),
		MaxNumberOfMessages:         int32(min(n, receiveMax)), //nolint:gosec // at most 10
		WaitTimeSeconds:             int32(wait),               //nolint:gosec // at most 1
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// handle filters the batch, invokes the function, and deletes what succeeded.
func (q Queue) handle(ctx context.Context, batch []types.Message) {
	var done []types.Message
	var records []events.SQSMessage
	kept := map[string]types.Message{}
	for _, m := range batch {
		r := q.record(m)
		if !q.matches(r) {
			done = append(done, m) // Lambda drops what its filter refuses
			continue
		}
		records = append(records, r)
		kept[r.MessageId] = m
	}
	q.delete(ctx, done)
	for _, part := range split(records) {
		q.delete(ctx, q.succeeded(ctx, part, kept))
	}
}

// succeeded invokes the function with the records and returns the messages that it has dealt with.
func (q Queue) succeeded(
	ctx context.Context, records []events.SQSMessage, kept map[string]types.Message,
) []types.Message {
	payload, err := json.Marshal(events.SQSEvent{Records: records})
	if err != nil {
		q.Log.LogAttrs(ctx, slog.LevelError, "encode", slog.Any("error", err))
		return nil
	}
	answer, err := q.Invoke(ctx, q.Function, payload)
	if err != nil {
		q.Log.LogAttrs(ctx, slog.LevelWarn, "batch failed", slog.Int("messages", len(records)), slog.Any("error", err))
		return nil
	}
	failed := map[string]bool{}
	if q.ReportFailures {
		ids, all := failures(answer, func(id string) bool { _, ok := kept[id]; return ok })
		if all {
			q.Log.LogAttrs(ctx, slog.LevelWarn, "batch failed", slog.Int("messages", len(records)),
				slog.Any("error", errPartial))
			return nil
		}
		for _, id := range ids {
			failed[id] = true
		}
	}
	var done []types.Message
	for _, r := range records {
		if !failed[r.MessageId] {
			done = append(done, kept[r.MessageId])
		}
	}
	return done
}

func (q Queue) delete(ctx context.Context, messages []types.Message) {
	for len(messages) > 0 {
		n := min(len(messages), receiveMax)
		in := &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(q.URL)}
		for i, m := range messages[:n] {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle,
			})
		}
		messages = messages[n:]
		out, err := q.Client.DeleteMessageBatch(ctx, in)
		if err == nil && len(out.Failed) > 0 {
			err = errors.New(aws.ToString(out.Failed[0].Message))
		}
		if err != nil { // the messages will come again: functions must bear that
			q.Log.LogAttrs(ctx, slog.LevelWarn, "delete", slog.Any("error", err))
		}
	}
}

// record is the message as Lambda hands it to a function.
func (q Queue) record(m types.Message) events.SQSMessage {
	r := events.SQSMessage{
		MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
		Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{}, EventSourceARN: q.ARN,
		EventSource: "aws:sqs", AWSRegion: q.Region,
	}
	for k, a := range m.MessageAttributes {
		r.MessageAttributes[k] = events.SQSMessageAttribute{
			StringValue: a.StringValue, BinaryValue: a.BinaryValue, StringListValues: []string{},
			BinaryListValues: [][]byte{}, DataType: aws.ToString(a.DataType),
		}
	}
	return r
}

// matches asks the filter, which sees a JSON body as JSON and any other as text.
func (q Queue) matches(r events.SQSMessage) bool {
	if len(q.Filter.patterns) == 0 {
		return true
	}
	whole := struct {
		events.SQSMessage

		Body any `json:"body"`
	}{SQSMessage: r, Body: r.Body}
	if json.Valid([]byte(r.Body)) {
		whole.Body = json.RawMessage(r.Body)
	}
	event, err := json.Marshal(whole)
	return err == nil && q.Filter.Match(event)
}

// split keeps each invocation below Lambda's 6 MB.
func split(records []events.SQSMessage) [][]events.SQSMessage {
	var out [][]events.SQSMessage
	var part []events.SQSMessage
	size := 0
	for _, r := range records {
		n := 2*len(r.Body) + 1024 // escaped text can be longer than plain
		if size+n > maxPayload && len(part) > 0 {
			out, part, size = append(out, part), nil, 0
		}
		part, size = append(part, r), size+n
	}
	if len(part) > 0 {
		out = append(out, part)
	}
	return out
}
