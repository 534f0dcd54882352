package faultproxy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"almanac/infra/faultproxy"
)

// TestSendFaults shows for each fault what the SDK reports after one attempt and how many messages the queue then holds,
// and how many after the SDK's own retries: SendMessage has no token, so a lost reply ends in two messages.
func TestSendFaults(t *testing.T) {
	for _, test := range []struct {
		fault      faultproxy.Fault
		status     int
		says       string
		sent       int
		afterRetry int
	}{
		{faultproxy.LostRequest, 0, "EOF", 0, 1},
		{faultproxy.LostReply, 0, "EOF", 1, 2},
		{faultproxy.CutReply, 200, "unexpected EOF", 1, 1},
		{faultproxy.InternalError, 500, "InternalFailure: The request processing has failed", 0, 1},
		{faultproxy.InternalErrorAfter, 500, "InternalFailure: The request processing has failed", 1, 2},
		{faultproxy.Throttled, 400, "RequestThrottled: Request is throttled.", 0, 1},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			rule := faultproxy.Rule{Op: "SendMessage", Fault: test.fault, Nth: 1}
			q := newQueue(t)
			must(t, q.proxy.Set(1, rule))
			if err := q.send(t, q.client, "one"); status(err) != test.status || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("the SDK says: %v\nwant: %d %s", err, test.status, test.says)
			}
			if got := len(q.drain(t, q.direct)); got != test.sent {
				t.Errorf("the queue holds %d messages, want %d", got, test.sent)
			}

			must(t, q.proxy.Set(1, rule))
			err := q.send(t, q.retrying, "two")
			if cut := test.fault == faultproxy.CutReply; (err != nil) != cut {
				t.Errorf("with retries: %v", err)
			}
			if got := len(q.drain(t, q.direct)); got != test.afterRetry {
				t.Errorf("with retries the queue holds %d messages, want %d", got, test.afterRetry)
			}
		})
	}
}

func TestThrottledQueueIsTyped(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(1, faultproxy.Rule{Fault: faultproxy.Throttled, Probability: 1}))
	_, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url})
	if _, ok := errors.AsType[*types.RequestThrottled](err); !ok {
		t.Fatal(err)
	}
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answer.Response.Header.Get("X-Amzn-Query-Error") != "RequestThrottled;Sender" {
		t.Errorf("%+v", answer)
	}
}

func TestDuplicateMessage(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(1, faultproxy.Rule{Op: "ReceiveMessage", Fault: faultproxy.Duplicate, Nth: 2}))
	for _, body := range []string{"one", "two", "three"} {
		must(t, q.send(t, q.client, body))
	}
	first := q.receive(t, q.client, 0)
	if got := bodies(first); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Fatalf("first delivery: %v", got)
	}
	q.delete(t, first...) // the duplicate comes even though the message is gone
	again := q.receive(t, q.client, 20)
	if len(again) != 1 || *again[0].MessageId != *first[1].MessageId || *again[0].Body != "two" ||
		*again[0].ReceiptHandle == *first[1].ReceiptHandle || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("second delivery: %v", again)
	}
	// The consumer treats it like any other message.
	_, err := q.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: q.url, ReceiptHandle: again[0].ReceiptHandle, VisibilityTimeout: 5,
	})
	must(t, err)
	_, err = q.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: q.url, ReceiptHandle: again[0].ReceiptHandle})
	must(t, err)
	if got := q.receive(t, q.client, 0); len(got) != 0 {
		t.Errorf("third delivery: %v", got)
	}
}

// TestDuplicateInBatch deletes a duplicate together with a message that the engine knows.
func TestDuplicateInBatch(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(1, faultproxy.Rule{Op: "ReceiveMessage", Fault: faultproxy.Duplicate, Nth: 1, Polls: 1}))
	must(t, q.send(t, q.client, "one"))
	q.delete(t, q.receive(t, q.client, 0)...)
	must(t, q.send(t, q.client, "two"))
	both := q.receive(t, q.client, 0)
	if got := bodies(both); !slices.Equal(got, []string{"one", "two"}) {
		t.Fatalf("got %v", got)
	}
	q.delete(t, both...)
	if got := q.drain(t, q.direct); len(got) != 0 {
		t.Errorf("the queue still holds %v", bodies(got))
	}
}

// TestMaxNumberOfMessages: what was held back counts as well.
func TestMaxNumberOfMessages(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(1, faultproxy.Rule{Op: "ReceiveMessage", Fault: faultproxy.Duplicate, Probability: 1, Times: 3}))
	for _, body := range []string{"1", "2", "3", "4", "5", "6"} {
		must(t, q.send(t, q.client, body))
	}
	var sizes []int
	for range 5 {
		out, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url, MaxNumberOfMessages: 2})
		must(t, err)
		sizes = append(sizes, len(out.Messages))
	}
	if want := []int{2, 2, 2, 2, 1}; !slices.Equal(sizes, want) {
		t.Errorf("got %v messages, want %v", sizes, want)
	}
}

func TestLateMessage(t *testing.T) {
	q := newQueue(t)
	late := faultproxy.Rule{Op: "ReceiveMessage", Fault: faultproxy.Late, Contains: "one"}

	t.Run("by polls", func(t *testing.T) {
		rule := late
		rule.Nth, rule.Polls = 1, 2
		must(t, q.proxy.Set(1, rule))
		must(t, q.send(t, q.client, "one"))
		must(t, q.send(t, q.client, "two"))
		var got []string
		start := time.Now()
		for range 3 {
			messages := q.receive(t, q.client, 20)
			got = append(got, fmt.Sprint(bodies(messages)))
			q.delete(t, messages...)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("a poll that only counts took %s", took)
		}
		if want := []string{"[two]", "[]", "[one]"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})

	t.Run("by time, and a long poll waits for it", func(t *testing.T) {
		const delay = time.Second
		rule := late
		rule.Nth, rule.Delay = 1, faultproxy.Duration(delay)
		must(t, q.proxy.Set(1, rule))
		must(t, q.send(t, q.client, "one"))
		start := time.Now()
		if got := q.receive(t, q.client, 0); len(got) != 0 {
			t.Fatalf("got %v at once", bodies(got))
		}
		messages := q.receive(t, q.client, 20)
		if took := time.Since(start); !slices.Equal(bodies(messages), []string{"one"}) || took < delay || took > 5*time.Second {
			t.Errorf("got %v after %s", bodies(messages), took)
		}
		q.delete(t, messages...)
		if got := q.drain(t, q.direct); len(got) != 0 {
			t.Errorf("its receipt did not delete it: %v", bodies(got))
		}
	})

	t.Run("a message that comes meanwhile does not wait", func(t *testing.T) {
		rule := late
		rule.Nth, rule.Delay = 1, faultproxy.Duration(time.Minute)
		must(t, q.proxy.Set(1, rule))
		must(t, q.send(t, q.client, "one"))
		q.receive(t, q.client, 0)
		go func() {
			time.Sleep(100 * time.Millisecond)
			_ = q.send(t, q.client, "two") // the receive below finds out
		}()
		if got := bodies(q.receive(t, q.client, 20)); !slices.Equal(got, []string{"two"}) {
			t.Errorf("got %v", got)
		}
		q.proxy.Clear() // releases it
		if got := bodies(q.receive(t, q.client, 20)); !slices.Equal(got, []string{"one"}) {
			t.Errorf("after the rule is gone: %v", got)
		}
	})
}

// TestLateSend delays in the engine, on the way in.
func TestLateSend(t *testing.T) {
	for _, op := range []string{"SendMessage", "SendMessageBatch"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t)
			must(t, q.proxy.Set(1, faultproxy.Rule{
				Op: op, Fault: faultproxy.Late, Probability: 1, Delay: faultproxy.Duration(600 * time.Millisecond),
			}))
			start := time.Now()
			if op == "SendMessage" {
				must(t, q.send(t, q.client, "one"))
			} else {
				q.sendBatch(t, "one")
			}
			got := q.receive(t, q.direct, 5)
			if took := time.Since(start); !slices.Equal(bodies(got), []string{"one"}) || took < 900*time.Millisecond {
				t.Errorf("got %v after %s", bodies(got), took) // in whole seconds
			}
		})
	}
}

func TestReorderMessages(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(3, faultproxy.Rule{Op: "ReceiveMessage", Fault: faultproxy.Reorder, Probability: 1}))
	sent := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	for _, body := range sent {
		must(t, q.send(t, q.client, body))
	}
	got := bodies(q.receive(t, q.client, 0))
	if slices.Equal(got, sent) {
		t.Errorf("in order: %v", got)
	}
	if slices.Sort(got); !slices.Equal(got, sent) {
		t.Errorf("lost or doubled: %v", got)
	}
}

func TestEntryFailed(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(1, faultproxy.Rule{Fault: faultproxy.EntryFailed, Op: "SendMessageBatch", Probability: 1}))
	out := q.sendBatch(t, "one", "two", "three")
	if len(out.Failed) != 1 || len(out.Successful) != 2 || out.Failed[0].SenderFault {
		t.Fatalf("%+v", out)
	}
	want := slices.DeleteFunc([]string{"one", "two", "three"}, func(id string) bool { return id == *out.Failed[0].Id })
	if got := bodies(q.drain(t, q.direct)); !slices.Equal(got, want) {
		t.Errorf("the queue holds %v, want %v", got, want)
	}
	if out := q.sendBatch(t, "only"); len(out.Failed) != 1 || len(out.Successful) != 0 {
		t.Errorf("a batch of one: %+v", out)
	}

	// A failed deletion comes again.
	must(t, q.send(t, q.direct, "kept"))
	must(t, q.proxy.Set(1, faultproxy.Rule{Fault: faultproxy.EntryFailed, Op: "DeleteMessageBatch", Probability: 1}))
	got := q.receive(t, q.client, 0)
	deleted, err := q.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{
		QueueUrl: q.url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("x"), ReceiptHandle: got[0].ReceiptHandle}},
	})
	must(t, err)
	if len(deleted.Failed) != 1 || *deleted.Failed[0].Id != "x" {
		t.Errorf("%+v", deleted)
	}
}

// TestLostReplyOfReceive: the messages stay in flight until the visibility timeout ends.
func TestLostReplyOfReceive(t *testing.T) {
	q := newQueue(t)
	must(t, q.proxy.Set(1, faultproxy.Rule{Op: "ReceiveMessage", Fault: faultproxy.LostReply, Nth: 1}))
	must(t, q.send(t, q.client, "one"))
	in := &sqs.ReceiveMessageInput{QueueUrl: q.url, VisibilityTimeout: 1}
	if _, err := q.client.ReceiveMessage(t.Context(), in); status(err) != 0 {
		t.Error(err)
	}
	if got := q.receive(t, q.client, 0); len(got) != 0 {
		t.Errorf("at once again: %v", bodies(got))
	}
	if got := q.receive(t, q.client, 5); !slices.Equal(bodies(got), []string{"one"}) {
		t.Errorf("after the timeout: %v", bodies(got))
	}
}

func (q *queue) send(tb testing.TB, c *sqs.Client, body string) error {
	tb.Helper()
	_, err := c.SendMessage(tb.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: &body})
	return err
}

// sendBatch sends messages whose ids are their bodies.
func (q *queue) sendBatch(tb testing.TB, list ...string) *sqs.SendMessageBatchOutput {
	tb.Helper()
	in := &sqs.SendMessageBatchInput{QueueUrl: q.url}
	for _, body := range list {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: &body, MessageBody: &body})
	}
	out, err := q.client.SendMessageBatch(tb.Context(), in)
	must(tb, err)
	return out
}

func (q *queue) receive(tb testing.TB, c *sqs.Client, wait int32) []types.Message {
	tb.Helper()
	out, err := c.ReceiveMessage(tb.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: q.url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	must(tb, err)
	return out.Messages
}

// drain receives and deletes all messages.
func (q *queue) drain(tb testing.TB, c *sqs.Client) []types.Message {
	tb.Helper()
	var all []types.Message
	for {
		got := q.receive(tb, c, 0)
		if len(got) == 0 {
			return all
		}
		q.delete(tb, got...)
		all = append(all, got...)
	}
}

// delete deletes messages through the proxy and expects each to be reported as deleted.
func (q *queue) delete(tb testing.TB, messages ...types.Message) {
	tb.Helper()
	if len(messages) == 0 {
		return
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: q.url}
	for i, m := range messages {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
	}
	out, err := q.client.DeleteMessageBatch(tb.Context(), in)
	must(tb, err)
	if len(out.Successful) != len(messages) || len(out.Failed) != 0 {
		tb.Errorf("deleted %d of %d", len(out.Successful), len(messages))
	}
}

func bodies(messages []types.Message) []string {
	list := []string{}
	for _, m := range messages {
		list = append(list, *m.Body)
	}
	return list
}
