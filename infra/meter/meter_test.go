package meter_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"almanac/infra/meter"
	"almanac/shared/id"
)

// bench is a table of the test's own on the real engine: key PK and SK, an index on GPK and GSK with everything in it.
type bench struct {
	*dynamodb.Client // metered
	plain            *dynamodb.Client
	meter            *meter.Meter
	name             *string
}

func newBench(t *testing.T) bench {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Fatal("DYNAMODB_ENDPOINT is not set: run tests with `make test`")
	}
	m := meter.New(http.DefaultTransport)
	b := bench{
		Client: client(endpoint, &http.Client{Transport: m}), plain: client(endpoint, nil), meter: m,
		name: aws.String("meter-" + id.New("tst")),
	}
	in := &dynamodb.CreateTableInput{
		TableName: b.name, BillingMode: types.BillingModePayPerRequest, KeySchema: keys("PK", "SK"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("listing"), KeySchema: keys("GPK", "GSK"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	}
	for _, a := range []string{"PK", "SK", "GPK", "GSK"} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(a), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	if _, err := b.plain.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		_, _ = b.plain.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: b.name})
	})
	return b
}

func client(endpoint string, h *http.Client) *dynamodb.Client {
	o := dynamodb.Options{
		Region: "eu-west-2", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
	if h != nil {
		o.HTTPClient = h
	}
	return dynamodb.New(o)
}

func keys(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

type attributes = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// sized is an item of exactly so many bytes, its attributes PK, SK and f: 2+1, 2+1 and 1+n.
func sized(pk string, bytes int) attributes {
	return attributes{"PK": str(pk), "SK": str("s"), "f": str(strings.Repeat("x", bytes-7))}
}

// listed adds the attributes that put an item of so many bytes into the index: GPK, GSK are 3+1 bytes each.
func listed(pk string, bytes int, gpk string) attributes {
	i := sized(pk, bytes-8)
	i["GPK"], i["GSK"] = str(gpk), str("g")
	return i
}

func key(pk string) attributes { return attributes{"PK": str(pk), "SK": str("s")} }

func (b bench) put(i attributes) *types.Put { return &types.Put{TableName: b.name, Item: i} }

func (b bench) seed(t *testing.T, items ...attributes) {
	t.Helper()
	for _, i := range items {
		if _, err := b.plain.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: b.name, Item: i}); err != nil {
			t.Fatal(err)
		}
	}
}

func (b bench) update(pk, expression string, values attributes) *types.Update {
	return &types.Update{
		TableName: b.name, Key: key(pk), UpdateExpression: &expression, ExpressionAttributeValues: values,
	}
}

func (b bench) transact(ctx context.Context, items ...types.TransactWriteItem) error {
	_, err := b.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

// units are read and write units.
type units struct{ Read, Write float64 }

// TestUnits compares what the meter says with what the rules give by hand.
func TestUnits(t *testing.T) {
	b := newBench(t)
	never := aws.String("attribute_exists(nothing)")
	var conditional *types.ConditionalCheckFailedException
	var cancelled *types.TransactionCanceledException
	for _, c := range []struct {
		name string
		seed []attributes
		do   func(ctx context.Context) error
		want units
		as   any // the error that is meant to come
	}{
		{name: "a put of 1024 bytes is one unit", want: units{0, 1}, do: func(ctx context.Context) error {
			_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: sized("a", 1024)})
			return err
		}},
		{name: "a put of 1025 bytes is two", want: units{0, 2}, do: func(ctx context.Context) error {
			_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: sized("b", 1025)})
			return err
		}},
		{
			name: "a small put over an item of 3 kB is three", seed: []attributes{sized("c", 3072)}, want: units{0, 3},
			do: func(ctx context.Context) error {
				_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: sized("c", 100)})
				return err
			},
		},
		{
			name: "a failed condition costs the larger item", seed: []attributes{sized("d", 2000)}, want: units{0, 3},
			as: &conditional, do: func(ctx context.Context) error {
				_, err := b.PutItem(ctx, &dynamodb.PutItemInput{
					TableName: b.name, Item: sized("d", 2049), ConditionExpression: never,
				})
				return err
			},
		},
		{name: "a put into the index costs its entry too", want: units{0, 4}, do: func(ctx context.Context) error {
			_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: listed("e", 2000, "1")})
			return err
		}},
		{
			name: "a change of the index's key costs the old entry and the new one",
			seed: []attributes{listed("f", 1000, "1")}, want: units{0, 1 + 1 + 1}, do: func(ctx context.Context) error {
				_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: listed("f", 1000, "2")})
				return err
			},
		},
		{
			name: "a change of what the entry holds costs one entry", seed: []attributes{listed("g", 1000, "1")},
			want: units{0, 2 + 2}, do: func(ctx context.Context) error {
				_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: listed("g", 1100, "1")})
				return err
			},
		},
		{
			name: "an update that takes the item out of the index costs the old entry",
			seed: []attributes{listed("h", 500, "1")}, want: units{0, 1 + 1}, do: func(ctx context.Context) error {
				_, err := b.UpdateItem(ctx, &dynamodb.UpdateItemInput{
					TableName: b.name, Key: key("h"), UpdateExpression: aws.String("REMOVE GPK, GSK"),
				})
				return err
			},
		},
		{
			name: "an update that shrinks the item costs what it was", seed: []attributes{sized("i", 1500)},
			want: units{0, 2}, do: func(ctx context.Context) error {
				_, err := b.UpdateItem(ctx, &dynamodb.UpdateItemInput{
					TableName: b.name, Key: key("i"), UpdateExpression: aws.String("REMOVE f"),
				})
				return err
			},
		},
		{
			name: "a delete costs what it was, and its entry", seed: []attributes{listed("j", 1500, "1")},
			want: units{0, 2 + 2}, do: func(ctx context.Context) error {
				_, err := b.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: b.name, Key: key("j")})
				return err
			},
		},
		{name: "a delete of nothing is one unit", want: units{0, 1}, do: func(ctx context.Context) error {
			_, err := b.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: b.name, Key: key("none")})
			return err
		}},
		{
			// Items twice, the index's entry once: 2×1 + 2×2 + 2×1 (a check is billed as a write) + 1.
			name: "a transaction is billed twice, its entries once",
			seed: []attributes{sized("k", 1024), sized("l", 100)}, want: units{0, 2 + 4 + 2 + 1},
			do: func(ctx context.Context) error {
				return b.transact(ctx,
					types.TransactWriteItem{Put: b.put(listed("m", 300, "1"))},
					types.TransactWriteItem{Update: b.update("k", "SET a = :a", attributes{":a": str("")})},
					types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
						TableName: b.name, Key: key("l"), ConditionExpression: aws.String("attribute_exists(PK)"),
					}},
				)
			},
		},
		{
			name: "a cancelled transaction is billed in full", seed: []attributes{sized("n", 1500)},
			want: units{0, 2*2 + 2*3}, as: &cancelled, do: func(ctx context.Context) error {
				p := b.put(sized("o", 2100))
				return b.transact(ctx, types.TransactWriteItem{Put: p}, types.TransactWriteItem{
					Delete: &types.Delete{TableName: b.name, Key: key("n"), ConditionExpression: never},
				})
			},
		},
		{
			name: "a batch of writes is so many writes", seed: []attributes{sized("p", 1500)}, want: units{0, 2 + 1},
			do: func(ctx context.Context) error {
				_, err := b.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
					RequestItems: map[string][]types.WriteRequest{*b.name: {
						{DeleteRequest: &types.DeleteRequest{Key: key("p")}},
						{PutRequest: &types.PutRequest{Item: sized("q", 900)}},
					}},
				})
				return err
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) { b.check(t, c.seed, c.do, c.want, c.as) })
	}
}

// TestReadUnits is TestUnits for reads.
func TestReadUnits(t *testing.T) {
	b := newBench(t)
	run := []attributes{}
	for _, sk := range []string{"1", "2", "3"} { // 3 × 1500 bytes
		i := sized("run", 1500)
		i["SK"] = str(sk)
		run = append(run, i)
	}
	query := func(change func(*dynamodb.QueryInput)) func(context.Context) error {
		return func(ctx context.Context) error {
			in := &dynamodb.QueryInput{
				TableName: b.name, KeyConditionExpression: aws.String("#k = :p"),
				ExpressionAttributeNames:  map[string]string{"#k": "PK"},
				ExpressionAttributeValues: attributes{":p": str("run")},
			}
			change(in)
			_, err := b.Query(ctx, in)
			return err
		}
	}
	get := func(in dynamodb.GetItemInput) func(context.Context) error {
		return func(ctx context.Context) error {
			in.TableName = b.name
			_, err := b.GetItem(ctx, &in)
			return err
		}
	}
	yes := aws.Bool(true)
	for _, c := range []struct {
		name string
		seed []attributes
		do   func(ctx context.Context) error
		want units
	}{
		{
			"4096 bytes read eventually are half a unit",
			[]attributes{sized("a", 4096)},
			get(dynamodb.GetItemInput{Key: key("a")}),
			units{.5, 0},
		},
		{
			"4097 bytes read strongly are two",
			[]attributes{sized("b", 4097)},
			get(dynamodb.GetItemInput{Key: key("b"), ConsistentRead: yes}),
			units{2, 0},
		},
		{
			"a projection does not make it cheaper",
			[]attributes{sized("c", 4097)},
			get(dynamodb.GetItemInput{Key: key("c"), ConsistentRead: yes, ProjectionExpression: aws.String("SK")}),
			units{2, 0},
		},
		{
			"what does not exist costs the least", nil,
			get(dynamodb.GetItemInput{Key: key("none"), ConsistentRead: yes}),
			units{1, 0},
		},
		{
			"a query rounds up once: 4500 bytes are two units", run,
			query(func(in *dynamodb.QueryInput) { in.ConsistentRead = yes }),
			units{2, 0},
		},
		{"an eventual query is half of it", nil, query(func(*dynamodb.QueryInput) {}), units{1, 0}},
		{"a query that finds nothing costs the least", nil, query(func(in *dynamodb.QueryInput) {
			in.ExpressionAttributeValues[":p"] = str("none")
			in.ConsistentRead = yes
		}), units{1, 0}},
		{"what a filter leaves out was read too", nil, query(func(in *dynamodb.QueryInput) {
			in.ConsistentRead, in.FilterExpression = yes, aws.String("#s = :none")
			in.ExpressionAttributeNames["#s"], in.ExpressionAttributeValues[":none"] = "f", str("none")
		}), units{2, 0}},
		{
			"a batch rounds each item up",
			[]attributes{sized("d", 100), sized("e", 5000)},
			func(ctx context.Context) error {
				_, err := b.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
					RequestItems: map[string]types.KeysAndAttributes{
						*b.name: {Keys: []map[string]types.AttributeValue{key("d"), key("e")}, ConsistentRead: yes},
					},
				})
				return err
			},
			units{1 + 2, 0},
		},
		{"a transaction reads twice", []attributes{sized("f", 100)}, func(ctx context.Context) error {
			_, err := b.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
				{Get: &types.Get{TableName: b.name, Key: key("f")}},
			}})
			return err
		}, units{2, 0}},
	} {
		t.Run(c.name, func(t *testing.T) { b.check(t, c.seed, c.do, c.want, nil) })
	}
}

// check seeds, does one operation and compares: it was one round trip, and cost what was wanted.
func (b bench) check(t *testing.T, seed []attributes, do func(context.Context) error, want units, as any) {
	t.Helper()
	b.seed(t, seed...)
	before := b.meter.Usage()
	err := do(t.Context())
	if as == nil && err != nil || as != nil && !errors.As(err, as) {
		t.Fatalf("error %v", err)
	}
	got := b.meter.Usage().Since(before)
	if diff := cmp.Diff(want, units{got.ReadUnits, got.WriteUnits}); diff != "" {
		t.Error(diff)
	}
	if got.Trips() != 1 || len(got.Unmetered) > 0 {
		t.Errorf("calls %v, unmetered %v; want one call, metered", got.Calls, got.Unmetered)
	}
}

// TestSizes writes items whose sizes were added up by hand, at and just above a unit.
func TestSizes(t *testing.T) {
	b := newBench(t)
	n := func(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
	for _, c := range []struct {
		name  string
		value types.AttributeValue
		size  int // of the value
	}{
		{"text counts in UTF-8", str("é€"), 5},
		{"bytes count raw", &types.AttributeValueMemberB{Value: make([]byte, 17)}, 17},
		{"a truth is one byte", &types.AttributeValueMemberBOOL{Value: true}, 1},
		{"null is one byte", &types.AttributeValueMemberNULL{Value: true}, 1},
		{"12345 is three pairs and one", n("12345"), 4},
		{"zeroes are trimmed", n("1200"), 2},
		{"zeroes inside are not", n("1001"), 3},
		{"a fraction's zeroes are trimmed", n("0.0025"), 2},
		{"a minus is one byte", n("-12"), 3},
		{"a set is its members", &types.AttributeValueMemberBS{Value: [][]byte{make([]byte, 16), {1}}}, 17},
		{"a set of numbers", &types.AttributeValueMemberNS{Value: []string{"1", "123"}}, 2 + 3},
		{"a set of texts", &types.AttributeValueMemberSS{Value: []string{"ab", "c"}}, 3},
		{"a list is 3, and 1 for each member", &types.AttributeValueMemberL{
			Value: []types.AttributeValue{str("ab"), n("7")},
		}, 3 + 1 + 2 + 1 + 2},
		{"a map is 3, and 1 and the name for each member", &types.AttributeValueMemberM{
			Value: attributes{"abc": str("de"), "f": &types.AttributeValueMemberL{}},
		}, 3 + 1 + 3 + 2 + 1 + 1 + 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			for bytes, want := range map[int]float64{1024: 1, 1025: 2} {
				i := sized("a", bytes-1-c.size)
				i["v"] = c.value
				b.check(t, nil, func(ctx context.Context) error {
					_, err := b.PutItem(ctx, &dynamodb.PutItemInput{TableName: b.name, Item: i})
					return err
				}, units{0, want}, nil)
				_, err := b.plain.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: b.name, Key: key("a")})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestHandler meters from outside, as between a program and its engine, and does not change what passes.
func TestHandler(t *testing.T) {
	b := newBench(t)
	target, err := url.Parse(os.Getenv("DYNAMODB_ENDPOINT"))
	if err != nil {
		t.Fatal(err)
	}
	m := meter.New(http.DefaultTransport)
	server := httptest.NewServer(m.Handler(target))
	defer server.Close()
	b.seed(t, sized("a", 100))
	got, err := client(server.URL, nil).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: b.name, Key: key("a")})
	if err != nil || len(got.Item) != 3 {
		t.Fatalf("item %v, error %v", got, err)
	}
	if u := m.Usage(); u.ReadUnits != .5 || u.Trips() != 1 || u.WriteTrips() != 0 {
		t.Errorf("usage %+v, want half a read unit in one trip", u)
	}
}

// TestUnmetered: what there is no rule for is said, not passed over.
func TestUnmetered(t *testing.T) {
	b := newBench(t)
	if _, err := b.Scan(t.Context(), &dynamodb.ScanInput{TableName: b.name}); err != nil {
		t.Fatal(err)
	}
	if u := b.meter.Usage(); len(u.Unmetered) != 1 || u.Trips() != 1 {
		t.Errorf("usage %+v, want one unmetered trip", u)
	}
}

// TestRepeats counts what the SDK sends again.
func TestRepeats(t *testing.T) {
	b := newBench(t)
	failures := 1
	m := meter.New(roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetItem") && failures > 0 {
			failures--
			return nil, errors.New("connection cut")
		}
		return http.DefaultTransport.RoundTrip(r)
	}))
	c := client(os.Getenv("DYNAMODB_ENDPOINT"), &http.Client{Transport: m})
	if _, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: b.name, Key: key("a")}); err != nil {
		t.Fatal(err)
	}
	if u := m.Usage(); u.Trips() != 2 || len(u.Unmetered) != 1 {
		t.Errorf("usage %+v, want two trips, one of them unmetered", u)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
