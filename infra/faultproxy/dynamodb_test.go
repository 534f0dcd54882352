package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"almanac/infra/faultproxy"
)

const transact = "TransactWriteItems"

// TestTransactionFaults shows for each fault what the SDK reports after one attempt, whether the engine committed, and
// how the SDK's own retries end: the second attempt meets no fault.
func TestTransactionFaults(t *testing.T) {
	const cancelled = "TransactionCanceledException: Transaction cancelled, please refer cancellation reasons for specific reasons ["
	for _, test := range []struct {
		fault     faultproxy.Fault
		status    int    // of the answer, 0 for none
		says      string // what the error says after one attempt
		committed bool   // after one attempt
		attempts  int    // of the SDK's standard retryer
		done      bool   // whether it reports success
		commits   bool   // whether the engine committed by then
	}{
		{faultproxy.LostRequest, 0, "EOF", false, 2, true, true},
		{faultproxy.LostReply, 0, "EOF", true, 2, true, true},
		// Status 200 and half a body: the SDK does not try again, though the transaction is done.
		{faultproxy.CutReply, 200, "deserialization failed", true, 1, false, true},
		{faultproxy.InternalError, 500, "InternalServerError: An error occurred on the server side.", false, 2, true, true},
		{faultproxy.InternalErrorAfter, 500, "InternalServerError: An error occurred on the server side.", true, 2, true, true},
		{faultproxy.Throttled, 400, "ThrottlingException: Throughput exceeds the current capacity", false, 2, true, true},
		{faultproxy.ThroughputExceeded, 400, "ProvisionedThroughputExceededException: The level of", false, 2, true, true},
		{faultproxy.TransactionInProgress, 400, "TransactionInProgressException: The transaction with", false, 2, true, true},
		// A cancelled transaction is for the application to judge: the SDK never repeats it.
		{faultproxy.TransactionConflict, 400, cancelled, false, 1, false, false},
		{faultproxy.TransactionThrottled, 400, cancelled, false, 1, false, false},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			tab := newTable(t)
			rule := faultproxy.Rule{Op: transact, Fault: test.fault, Nth: 1}
			must(t, tab.proxy.Set(1, rule))
			err := tab.book(t, tab.client, "a", "b")
			if status(err) != test.status || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("the SDK says: %v\nwant: %d %s", err, test.status, test.says)
			}
			if tab.has(t, "a") != test.committed || tab.has(t, "b") != test.committed {
				t.Errorf("committed: %t, want %t", !test.committed, test.committed)
			}

			must(t, tab.proxy.Set(1, rule))
			err = tab.book(t, tab.retrying, "c", "d")
			if (err == nil) != test.done {
				t.Errorf("with retries: %v", err)
			}
			if got := tab.proxy.Counts()[transact]; got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
			if tab.has(t, "c") != test.commits {
				t.Errorf("with retries, committed: %t, want %t", !test.commits, test.commits)
			}
		})
	}
}

// status returns the HTTP status of the answer that an error is about, or 0.
func status(err error) int {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return r.HTTPStatusCode()
	}
	return -1
}

func TestCancellationReasons(t *testing.T) {
	tab := newTable(t)
	reasons := func(rule faultproxy.Rule) []string {
		t.Helper()
		rule.Probability = 1
		must(t, tab.proxy.Set(7, rule))
		cancelled, ok := errors.AsType[*types.TransactionCanceledException](tab.book(t, tab.client, "a", "b"))
		if !ok {
			t.Fatal("not cancelled")
		}
		var list []string
		for _, r := range cancelled.CancellationReasons {
			list = append(list, strings.TrimSuffix(*r.Code+": "+aws.ToString(r.Message), ": "))
		}
		return list
	}
	const conflict = "TransactionConflict: Transaction is ongoing for the item"
	one := reasons(faultproxy.Rule{Fault: faultproxy.TransactionConflict})
	if slices.Sort(one); !slices.Equal(one, []string{"None", conflict}) {
		t.Errorf("one drawn item: %q", one)
	}
	mixed := reasons(faultproxy.Rule{
		Fault: faultproxy.TransactionConflict, Reasons: []string{"ConditionalCheckFailed", "TransactionConflict"},
	})
	if want := []string{"ConditionalCheckFailed: The conditional request failed", conflict}; !slices.Equal(mixed, want) {
		t.Errorf("reasons given: %q", mixed)
	}
	short := reasons(faultproxy.Rule{
		Fault: faultproxy.TransactionThrottled, Reasons: []string{"ProvisionedThroughputExceeded"},
	})
	if !strings.HasPrefix(short[0], "ProvisionedThroughputExceeded: The level of configured") || short[1] != "None" {
		t.Errorf("fewer reasons than items: %q", short)
	}
}

// TestConflictOfOneWrite: a write outside a transaction meets another error, which the SDK does not repeat either.
func TestConflictOfOneWrite(t *testing.T) {
	tab := newTable(t)
	must(t, tab.proxy.Set(1, faultproxy.Rule{Fault: faultproxy.TransactionConflict, Probability: 1}))
	_, err := tab.retrying.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &tab.name, Item: key("a")})
	if conflict, ok := errors.AsType[*types.TransactionConflictException](err); !ok ||
		*conflict.Message != "Transaction is ongoing for the item" || tab.proxy.Counts()["PutItem"] != 1 {
		t.Errorf("%v, %v", err, tab.proxy.Counts())
	}
	// Reads conflict with nothing.
	if _, err := tab.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")}); err != nil {
		t.Error(err)
	}
}

// TestLostReplyOfConditionalWrite is the trap that the fault is for: the SDK's own retry meets its own first write.
func TestLostReplyOfConditionalWrite(t *testing.T) {
	tab := newTable(t)
	must(t, tab.proxy.Set(1, faultproxy.Rule{Op: "PutItem", Fault: faultproxy.LostReply, Nth: 1}))
	_, err := tab.retrying.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &tab.name, Item: key("a"), ConditionExpression: aws.String("attribute_not_exists(PK)"),
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); !ok || !tab.has(t, "a") {
		t.Errorf("%v, has %t", err, tab.has(t, "a"))
	}
}

func TestSlow(t *testing.T) {
	const delay = time.Second
	for _, test := range []struct {
		fault     faultproxy.Fault
		committed bool // when the client gives up
	}{{faultproxy.SlowRequest, false}, {faultproxy.SlowReply, true}} {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			tab := newTable(t)
			must(t, tab.proxy.Set(1, faultproxy.Rule{Op: transact, Fault: test.fault, Probability: 1, Delay: faultproxy.Duration(delay)}))
			start := time.Now()
			must(t, tab.book(t, tab.client, "a", "b"))
			if took := time.Since(start); took < delay {
				t.Errorf("took %s", took)
			}

			ctx, cancel := context.WithTimeout(t.Context(), delay/2)
			defer cancel()
			_, err := tab.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
				TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: &tab.name, Item: key("c")}}},
			})
			if !errors.Is(err, context.DeadlineExceeded) || tab.has(t, "c") != test.committed {
				t.Errorf("given up: %v, committed %t", err, tab.has(t, "c"))
			}
			// The write arrives although nobody waits for it any more.
			eventually(t, func() bool { return tab.has(t, "c") })
		})
	}
}

func TestCustomError(t *testing.T) {
	tab := newTable(t)
	must(t, tab.proxy.Set(1, faultproxy.Rule{
		Op: "GetItem", Fault: faultproxy.CustomError, Probability: 1,
		Error: &faultproxy.Error{Code: "RequestLimitExceeded", Message: "Too many."},
	}))
	_, err := tab.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")})
	if limit, ok := errors.AsType[*types.RequestLimitExceeded](err); !ok || *limit.Message != "Too many." {
		t.Error(err)
	}
}

func TestUnprocessed(t *testing.T) {
	tab := newTable(t)
	must(t, tab.proxy.Set(1, faultproxy.Rule{Fault: faultproxy.Unprocessed, Probability: 1}))
	var writes []types.WriteRequest
	var keys []map[string]types.AttributeValue
	for i := range 5 {
		keys = append(keys, key(fmt.Sprint(i)))
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: keys[i]}})
	}
	written, err := tab.client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{tab.name: writes},
	})
	must(t, err)
	left := written.UnprocessedItems[tab.name]
	if len(left) != 3 || !tab.has(t, "1") || tab.has(t, "2") {
		t.Fatalf("%d writes unprocessed, want 3", len(left))
	}
	tab.mustPut(t, "2", "3", "4")

	read, err := tab.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{tab.name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
	})
	must(t, err)
	rest := read.UnprocessedKeys[tab.name]
	if len(read.Responses[tab.name]) != 2 || len(rest.Keys) != 3 || !aws.ToBool(rest.ConsistentRead) {
		t.Errorf("read %v, left %v", read.Responses, rest)
	}
	one, err := tab.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{tab.name: {Keys: keys[:1]}},
	})
	if err != nil || len(one.Responses[tab.name]) != 1 || len(one.UnprocessedKeys) != 0 {
		t.Errorf("a batch of one: %v, %v", one, err)
	}
}

func TestShortPage(t *testing.T) {
	tab := newTable(t)
	must(t, tab.proxy.Set(1, faultproxy.Rule{Fault: faultproxy.ShortPage, Probability: 1, After: 1}))
	tab.mustPut(t, "0", "1", "2")
	query := func() []int {
		t.Helper()
		pages := dynamodb.NewQueryPaginator(tab.client, &dynamodb.QueryInput{
			TableName: &tab.name, KeyConditionExpression: aws.String("PK = :p"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":p": key("")["PK"]},
		})
		var sizes []int
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			must(t, err)
			sizes = append(sizes, len(page.Items))
		}
		return sizes
	}
	if got, want := query(), []int{3}; !slices.Equal(got, want) {
		t.Errorf("pages of %v items, want %v", got, want)
	}
	if got, want := query(), []int{1, 1, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("pages of %v items, want %v", got, want)
	}
}

// TestSeed: the same seed and calls meet the same faults, whatever other operations do in between; another seed differs.
func TestSeed(t *testing.T) {
	tab := newTable(t)
	pattern := func(seed uint64, noise bool) string {
		t.Helper()
		must(t, tab.proxy.Set(seed, faultproxy.Rule{Fault: faultproxy.TransactionConflict, Probability: 0.3}))
		var b strings.Builder
		for range 100 {
			if noise {
				_, err := tab.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")})
				must(t, err)
			}
			_, err := tab.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &tab.name, Key: key("a")})
			if err == nil {
				b.WriteByte('.')
			} else {
				b.WriteByte('x')
			}
		}
		return b.String()
	}
	first := pattern(42, false)
	if again := pattern(42, true); again != first {
		t.Errorf("the same seed:\n%s\n%s", first, again)
	}
	if other := pattern(43, false); other == first {
		t.Errorf("another seed is the same: %s", other)
	}
	if n := strings.Count(first, "x"); n < 20 || n > 40 {
		t.Errorf("%d faults of 100 with probability 0.3", n)
	}
}

func TestChoice(t *testing.T) {
	tab := newTable(t)
	for _, test := range []struct {
		rule faultproxy.Rule
		want string
	}{
		{faultproxy.Rule{Nth: 3}, "..x..."},
		{faultproxy.Rule{Probability: 1, After: 2}, "..xxxx"},
		{faultproxy.Rule{Probability: 1, Times: 2}, "xx...."},
		{faultproxy.Rule{Probability: 1, After: 1, Times: 3}, ".xxx.."},
		{faultproxy.Rule{Probability: 1, Contains: `"SK":{"S":"4"}`}, "....x."},
		{faultproxy.Rule{Probability: 1, Match: func(q faultproxy.Request) bool {
			return q.Service == "DynamoDB" && q.Op == "GetItem" && strings.Contains(string(q.Body), `"S":"5"`)
		}}, ".....x"},
		{faultproxy.Rule{Probability: 1, Op: "PutItem"}, "......"},
	} {
		test.rule.Fault = faultproxy.InternalError
		must(t, tab.proxy.Set(1, test.rule))
		var got strings.Builder
		for i := range 6 {
			_, err := tab.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key(fmt.Sprint(i))})
			if err == nil {
				got.WriteByte('.')
			} else {
				got.WriteByte('x')
			}
		}
		if got.String() != test.want {
			t.Errorf("%+v: %s, want %s", test.rule, got.String(), test.want)
		}
	}
}

func (tab *table) mustPut(tb testing.TB, ids ...string) {
	tb.Helper()
	for _, id := range ids {
		_, err := tab.direct.PutItem(tb.Context(), &dynamodb.PutItemInput{TableName: &tab.name, Item: key(id)})
		must(tb, err)
	}
}

func eventually(tb testing.TB, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("it does not happen")
		}
	}
}
