package visibility_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/shared/cause"
	"almanac/shared/id"
	"almanac/shared/visibility"
)

func config(t *testing.T) aws.Config {
	t.Helper()
	endpoint := os.Getenv("SQS_ENDPOINT")
	if endpoint == "" {
		t.Fatal("SQS_ENDPOINT is not set: run with `make test`")
	}
	return aws.Config{
		Region: "eu-west-2", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}
}

// mailbox is a queue of the test's own, which hides what it gives for ten minutes, with one message in it.
type mailbox struct {
	client   *sqs.Client
	url, arn string
}

func newMailbox(t *testing.T) mailbox {
	t.Helper()
	m := mailbox{client: sqs.NewFromConfig(config(t))}
	out, err := m.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("visibility-" + id.New("que")), Attributes: map[string]string{"VisibilityTimeout": "600"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.url = *out.QueueUrl
	t.Cleanup(func() {
		_, _ = m.client.DeleteQueue(context.WithoutCancel(t.Context()), &sqs.DeleteQueueInput{QueueUrl: &m.url})
	})
	got, err := m.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &m.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.arn = got.Attributes["QueueArn"]
	if _, err := m.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &m.url, MessageBody: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	return m
}

// take receives the message as Lambda hands it on, and tells how long it was waited for; long is how long at the most.
func (m mailbox) take(t *testing.T, long time.Duration) (events.SQSMessage, time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < long; {
		out, err := m.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &m.url, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) > 0 {
			return events.SQSMessage{ReceiptHandle: *out.Messages[0].ReceiptHandle, EventSourceARN: m.arn}, time.Since(began)
		}
	}
	t.Fatalf("no message came in %s", long)
	return events.SQSMessage{}, 0
}

// A message comes again when it is to, long before the queue's own visibility would bring it.
func TestHide(t *testing.T) {
	m := newMailbox(t)
	q := visibility.New(config(t), "http://127.0.0.1:1/0/other", m.url)
	rec, _ := m.take(t, 5*time.Second)
	if err := q.Hide(t.Context(), rec, 0, 0); err != nil {
		t.Fatal(err)
	}
	rec, took := m.take(t, 5*time.Second)
	if took > time.Second {
		t.Errorf("at once took %s", took)
	}
	if err := q.Hide(t.Context(), rec, 2*time.Second, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, took := m.take(t, 10*time.Second); took < 1900*time.Millisecond || took > 5*time.Second {
		t.Errorf("two to three seconds took %s", took)
	}
}

// What cannot be hidden is told, in words that are fit for logs.
func TestHideFails(t *testing.T) {
	m := newMailbox(t)
	q := visibility.New(config(t), "http://127.0.0.1:1/0/other", m.url)
	rec, _ := m.take(t, 5*time.Second)
	for name, bad := range map[string]events.SQSMessage{
		"no ARN":            {ReceiptHandle: rec.ReceiptHandle},
		"not a queue's ARN": {ReceiptHandle: rec.ReceiptHandle, EventSourceARN: "arn:aws:sns:eu-west-2:000000000000:x"},
		"no such queue":     {ReceiptHandle: rec.ReceiptHandle, EventSourceARN: m.arn + "-other"},
		"no such message":   {ReceiptHandle: "Zebedee", EventSourceARN: m.arn},
	} {
		err := q.Hide(t.Context(), bad, 0, 0)
		if err == nil || strings.Contains(strings.Join(cause.Chain(err), " "), "Zebedee") {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent := config(t)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that whoever asked has gone
		<-r.Context().Done()
	}))
	defer server.Close()
	silent.BaseEndpoint = &server.URL
	short, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	if err := visibility.New(silent, m.url).Hide(short, rec, 0, 0); err == nil || short.Err() != nil {
		t.Errorf("SQS is silent: %v, and what is left of the time: %v", err, short.Err())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Hide(gone, rec, 0, 0); err == nil {
		t.Error("there was no time, and no error")
	}
}
