package faultproxy_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
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
func newProxy(tb testing.TB, target string) (*faultproxy.Proxy, string) {
	tb.Helper()
	p, err := faultproxy.New(target)
	must(tb, err)
	s, err := p.Listen(0)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return p, s.URL()
}

// table is a table of one test, reached through the proxy and, to see what truly happened, directly.
type table struct {
	name      string
	proxy     *faultproxy.Proxy
	client    *dynamodb.Client // through the proxy, one attempt
	retrying  *dynamodb.Client // through the proxy, with the SDK's own retries
	direct    *dynamodb.Client
	streams   *dynamodbstreams.Client // through the proxy, one attempt
	streamARN *string
}

func newTable(tb testing.TB) *table {
	tb.Helper()
	p, url := newProxy(tb, engines.dynamoDB)
	client := &http.Client{Transport: checksums{tb}}
	tab := &table{
		name:     unique(tb),
		proxy:    p,
		client:   dynamodb.New(dynamodb.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: aws.NopRetryer{}, HTTPClient: client}),
		retrying: dynamodb.New(dynamodb.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: quick()}),
		direct:   dynamodb.New(dynamodb.Options{BaseEndpoint: &engines.dynamoDB, Region: region, Credentials: nobody()}),
		streams:  dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: aws.NopRetryer{}, HTTPClient: client}),
	}
	out, err := tab.direct.CreateTable(tb.Context(), &dynamodb.CreateTableInput{
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
	must(tb, err)
	tab.streamARN = out.TableDescription.LatestStreamArn
	return tab
}

// checksums is a transport that fails the test at an answer of the table whose checksum is wrong, or that the proxy made
// and gave none. The SDK itself only writes a warning to its log.
type checksums struct{ t testing.TB }

func (c checksums) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), iotest.ErrReader(err)))
		return resp, nil
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	sum := resp.Header.Get("X-Amz-Crc32")
	made := strings.HasPrefix(resp.Header.Get("X-Amzn-Requestid"), "FAULT")
	if !made && resp.StatusCode == http.StatusBadRequest && sum == "" {
		return resp, nil // the engine's own errors have none
	}
	if want := fmt.Sprint(crc32.ChecksumIEEE(body)); sum != want {
		c.t.Errorf("%s: checksum %q of %d bytes, want %s", r.Header.Get("X-Amz-Target"), sum, len(body), want)
	}
	return resp, nil
}

const region = "eu-west-2"

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: "all"}, "SK": &types.AttributeValueMemberS{Value: id},
	}
}

// book writes two new items in one transaction through the given client.
func (tab *table) book(tb testing.TB, c *dynamodb.Client, a, b string) error {
	tb.Helper()
	var puts []types.TransactWriteItem
	for _, id := range []string{a, b} {
		puts = append(puts, types.TransactWriteItem{Put: &types.Put{
			TableName: &tab.name, Item: key(id), ConditionExpression: aws.String("attribute_not_exists(PK)"),
		}})
	}
	_, err := c.TransactWriteItems(tb.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: puts})
	return err
}

// has reports whether the engine holds the item.
func (tab *table) has(tb testing.TB, id string) bool {
	tb.Helper()
	out, err := tab.direct.GetItem(tb.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key(id)})
	must(tb, err)
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

func newQueue(tb testing.TB) *queue {
	tb.Helper()
	p, url := newProxy(tb, engines.sqs)
	q := &queue{
		proxy:    p,
		client:   sqs.New(sqs.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: aws.NopRetryer{}}),
		retrying: sqs.New(sqs.Options{BaseEndpoint: &url, Region: region, Credentials: nobody(), Retryer: quick()}),
		direct:   sqs.New(sqs.Options{BaseEndpoint: &engines.sqs, Region: region, Credentials: nobody()}),
	}
	out, err := q.direct.CreateQueue(tb.Context(), &sqs.CreateQueueInput{QueueName: aws.String(unique(tb))})
	must(tb, err)
	q.url = out.QueueUrl
	return q
}

// unique makes a name from the test's own.
func unique(tb testing.TB) string {
	tb.Helper()
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, tb.Name()) + fmt.Sprint(time.Now().UnixNano()%1e9)
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

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
