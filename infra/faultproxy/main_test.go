package faultproxy_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/engine"
	"almanac/infra/faultproxy"
)

// engines are the endpoints that all tests share, each with tables and queues of its own.
var engines struct{ dynamoDB, sqs string }

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run uses the engines of the environment, or starts some.
func run(m *testing.M) (int, error) {
	engines.dynamoDB, engines.sqs = os.Getenv("DYNAMODB_ENDPOINT"), os.Getenv("SQS_ENDPOINT")
	if engines.dynamoDB != "" && engines.sqs != "" {
		return m.Run(), nil
	}
	e, err := engine.Start(context.Background(), engine.Options{})
	if err != nil {
		return 1, err
	}
	engines.dynamoDB, engines.sqs = e.DynamoDB(), e.SQS()
	code := m.Run()
	return code, e.Close()
}

// newProxy returns a proxy before the given engine and the endpoint at which it listens.
func newProxy(t testing.TB, target string) (*faultproxy.Proxy, string) {
	t.Helper()
	p, err := faultproxy.New(target)
	must(t, err)
	s, err := p.Listen(0)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return p, s.URL()
}

// table is a table of one test, reached through the proxy and, to see what truly happened, directly.
type table struct {
	name          string
	proxy         *faultproxy.Proxy
	client        *dynamodb.Client // through the proxy, one attempt
	retrying      *dynamodb.Client // through the proxy, with the SDK's own retries
	direct        *dynamodb.Client
	streams       *dynamodbstreams.Client // through the proxy, one attempt
	directStreams *dynamodbstreams.Client
	streamARN     *string
}

func newTable(t testing.TB) *table {
	t.Helper()
	p, url := newProxy(t, engines.dynamoDB)
	tab := &table{
		name:          unique(t),
		proxy:         p,
		client:        dynamodb.New(dynamodb.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: aws.NopRetryer{}}),
		retrying:      dynamodb.New(dynamodb.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: quick()}),
		direct:        dynamodb.New(dynamodb.Options{BaseEndpoint: &engines.dynamoDB, Region: region, Credentials: nobody()}),
		streams:       dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: aws.NopRetryer{}}),
		directStreams: dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &engines.dynamoDB, Region: region, Credentials: nobody()}),
	}
	out, err := tab.direct.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:   &tab.name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("PK"), AttributeType: "S"}, {AttributeName: aws.String("SK"), AttributeType: "S"},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("SK"), KeyType: types.KeyTypeRange},
		},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	must(t, err)
	tab.streamARN = out.TableDescription.LatestStreamArn
	return tab
}

const region = "eu-west-2"

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: "all"}, "SK": &types.AttributeValueMemberS{Value: id},
	}
}

// book writes two new items in one transaction through the given client.
func (tab *table) book(t testing.TB, c *dynamodb.Client, a, b string) error {
	t.Helper()
	var puts []types.TransactWriteItem
	for _, id := range []string{a, b} {
		puts = append(puts, types.TransactWriteItem{Put: &types.Put{
			TableName: &tab.name, Item: key(id), ConditionExpression: aws.String("attribute_not_exists(PK)"),
		}})
	}
	_, err := c.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: puts})
	return err
}

// has reports whether the engine holds the item.
func (tab *table) has(t testing.TB, id string) bool {
	t.Helper()
	out, err := tab.direct.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key(id)})
	must(t, err)
	return len(out.Item) > 0
}

// queue is a queue of one test.
type queue struct {
	url      *string
	proxy    *faultproxy.Proxy
	client   *sqs.Client // through the proxy, one attempt
	retrying *sqs.Client
	direct   *sqs.Client
}

func newQueue(t testing.TB) *queue {
	t.Helper()
	p, url := newProxy(t, engines.sqs)
	q := &queue{
		proxy:    p,
		client:   sqs.New(sqs.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: aws.NopRetryer{}}),
		retrying: sqs.New(sqs.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: quick()}),
		direct:   sqs.New(sqs.Options{BaseEndpoint: &engines.sqs, Region: region, Credentials: nobody()}),
	}
	out, err := q.direct.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(unique(t))})
	must(t, err)
	q.url = out.QueueUrl
	return q
}

// unique makes a name from the test's own.
func unique(t testing.TB) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name()) + fmt.Sprint(time.Now().UnixNano()%1e9)
}

// quick is the SDK's standard retryer without its waiting.
func quick() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
}

func nobody() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
