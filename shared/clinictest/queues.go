package clinictest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/faultproxy"
	"almanac/shared/id"
)

// Queues are queues on the real engine, each for the time of a test.
type Queues struct {
	*sqs.Client
	Direct  aws.Config        // of the engine
	Proxied aws.Config        // of the engine behind Proxy; whoever has it tries everything once
	Proxy   *faultproxy.Proxy // fails on demand
}

// NewQueues connects to the engine, which must run at SQS_ENDPOINT.
func NewQueues(tb testing.TB) *Queues {
	tb.Helper()
	engine := os.Getenv("SQS_ENDPOINT")
	if engine == "" {
		tb.Fatal("SQS_ENDPOINT is not set: run tests with `make test`")
	}
	proxy, err := faultproxy.New(engine)
	if err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(proxy)
	tb.Cleanup(srv.Close)
	q := &Queues{Direct: Config(engine), Proxied: Config(srv.URL), Proxy: proxy}
	q.Proxied.RetryMaxAttempts = 1
	q.Client = sqs.NewFromConfig(q.Direct)
	return q
}

// Config is that of AWS's clients for an engine or a stand-in at an address.
func Config(endpoint string) aws.Config {
	return aws.Config{
		Region: "eu-west-2", BaseEndpoint: &endpoint, Credentials: aws.CredentialsProviderFunc(credentials),
	}
}

// New makes a queue with the attributes and gives its address.
func (q *Queues) New(tb testing.TB, attributes map[string]string) string {
	tb.Helper()
	out, err := q.CreateQueue(tb.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("test-" + id.New("tst")), Attributes: attributes,
	})
	if err != nil {
		tb.Fatalf("create the test's queue: %v", err)
	}
	tb.Cleanup(func() {
		_, _ = q.DeleteQueue(context.WithoutCancel(tb.Context()), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
	})
	return aws.ToString(out.QueueUrl)
}

// Take takes everything off a queue.
func (q *Queues) Take(tb testing.TB, url string) []types.Message {
	tb.Helper()
	var out []types.Message
	for {
		got, err := q.ReceiveMessage(tb.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			tb.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return out
		}
		done := make([]types.DeleteMessageBatchRequestEntry, len(got.Messages))
		for i, m := range got.Messages {
			done[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
		}
		if _, err := q.DeleteMessageBatch(tb.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: done}); err != nil {
			tb.Fatal(err)
		}
		out = append(out, got.Messages...)
	}
}

// Invoked is a function as a trigger invokes it: with an event, and giving an answer, in JSON.
func Invoked[E, R any](f func(context.Context, E) (R, error)) func(context.Context, string, []byte) ([]byte, error) {
	return func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
		var e E
		if err := json.Unmarshal(payload, &e); err != nil {
			return nil, err
		}
		res, err := f(ctx, e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(res)
	}
}

// RunUntil runs a trigger until ok, and waits for its end; it tells whether that came before the limit.
func RunUntil(tb testing.TB, limit time.Duration, run func(context.Context) error, ok func() bool) bool {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			tb.Error(err)
		}
	})
	for !ok() && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	inTime := ctx.Err() == nil
	cancel()
	ended.Wait()
	return inTime
}
