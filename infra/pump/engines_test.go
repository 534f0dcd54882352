package pump_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const region = "eu-west-2"

// config points at an engine. The tests run on the real ones: without them they fail, they do not pass unseen.
func config(t *testing.T, variable string) aws.Config {
	t.Helper()
	endpoint := os.Getenv(variable)
	if endpoint == "" {
		t.Fatalf("%s is not set: start the engines (make test does) and put their address there", variable)
	}
	return aws.Config{
		Region: region, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
		BaseEndpoint: aws.String(endpoint),
	}
}

// mailbox is a queue of the test's own.
type mailbox struct {
	client   *sqs.Client
	url, arn string
}

func newMailbox(t *testing.T, attributes map[string]string) mailbox {
	t.Helper()
	c := sqs.NewFromConfig(config(t, "SQS_ENDPOINT"))
	name := fmt.Sprintf("pump-%d-%d", os.Getpid(), time.Now().UnixNano())
	out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	m := mailbox{client: c, url: aws.ToString(out.QueueUrl)}
	t.Cleanup(func() {
		_, _ = c.DeleteQueue(context.WithoutCancel(t.Context()), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl})
	})
	m.arn = m.attribute(t, sqstypes.QueueAttributeNameQueueArn)
	return m
}

func (m mailbox) attribute(t *testing.T, name sqstypes.QueueAttributeName) string {
	t.Helper()
	out, err := m.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(m.url), AttributeNames: []sqstypes.QueueAttributeName{name},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes[string(name)]
}

// left counts what is in the queue, hidden or not.
func (m mailbox) left(t *testing.T) int {
	t.Helper()
	a, err1 := strconv.Atoi(m.attribute(t, sqstypes.QueueAttributeNameApproximateNumberOfMessages))
	b, err2 := strconv.Atoi(m.attribute(t, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return a + b
}

func (m mailbox) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if _, err := m.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(m.url), MessageBody: aws.String(b)}); err != nil {
			t.Fatal(err)
		}
	}
}

// take receives one message, waiting for it, and deletes it.
func (m mailbox) take(t *testing.T) string {
	t.Helper()
	for range 20 {
		out, err := m.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(m.url), WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) > 0 {
			_, err := m.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{
				QueueUrl: aws.String(m.url), ReceiptHandle: out.Messages[0].ReceiptHandle,
			})
			if err != nil {
				t.Fatal(err)
			}
			return aws.ToString(out.Messages[0].Body)
		}
	}
	t.Fatal("no message came")
	return ""
}

// ledger is a table of the test's own, with a stream.
type ledger struct {
	client  *dynamodb.Client
	streams *dynamodbstreams.Client
	name    string
	arn     string
}

func newLedger(t *testing.T) ledger {
	t.Helper()
	cfg := config(t, "DYNAMODB_ENDPOINT")
	l := ledger{
		client: dynamodb.NewFromConfig(cfg), streams: dynamodbstreams.NewFromConfig(cfg),
		name: fmt.Sprintf("pump-%d-%d", os.Getpid(), time.Now().UnixNano()),
	}
	out, err := l.client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(l.name), BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("PK"), AttributeType: "S"}},
		KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: "HASH"}},
		StreamSpecification:  &dynamotypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_AND_OLD_IMAGES"},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.arn = aws.ToString(out.TableDescription.LatestStreamArn)
	t.Cleanup(func() {
		_, _ = l.client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: aws.String(l.name)})
	})
	return l
}

func (l ledger) put(t *testing.T, key string, more map[string]dynamotypes.AttributeValue) {
	t.Helper()
	item := map[string]dynamotypes.AttributeValue{"PK": &dynamotypes.AttributeValueMemberS{Value: key}}
	maps.Copy(item, more)
	if _, err := l.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(l.name), Item: item}); err != nil {
		t.Fatal(err)
	}
}

// batches keeps what a function was called with.
type batches struct {
	mu  sync.Mutex
	got [][]string
}

// see notes the keys or bodies of an event and returns them, and their identifiers.
func (b *batches) see(t *testing.T, payload []byte) ([]string, []string) {
	t.Helper()
	var names, ids []string
	var e struct {
		Records []struct {
			MessageID string
			Body      string
			Dynamodb  struct {
				Keys           map[string]struct{ S string }
				SequenceNumber string
			}
		}
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		t.Errorf("%s: %v", payload, err)
	}
	for _, r := range e.Records {
		if r.MessageID != "" {
			names, ids = append(names, r.Body), append(ids, r.MessageID)
		} else {
			names, ids = append(names, r.Dynamodb.Keys["PK"].S), append(ids, r.Dynamodb.SequenceNumber)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, names)
	return names, ids
}

func (b *batches) all() [][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([][]string(nil), b.got...)
}

// count is how often the function saw the name.
func (b *batches) count(name string) int {
	n := 0
	for _, batch := range b.all() {
		for _, x := range batch {
			if x == name {
				n++
			}
		}
	}
	return n
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(what)
}

// start runs a source until the test ends, or until the returned function stops it, which must be within two seconds.
func start(t *testing.T, run func(context.Context) error) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop := sync.OnceFunc(func() {
		began := time.Now()
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %s to stop", took)
		}
	})
	t.Cleanup(stop)
	return stop
}

func failing(ids ...string) string {
	type item struct {
		ID string `json:"itemIdentifier"`
	}
	out := struct {
		Items []item `json:"batchItemFailures"`
	}{Items: []item{}}
	for _, id := range ids {
		out.Items = append(out.Items, item{ID: id})
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
