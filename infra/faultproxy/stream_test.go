package faultproxy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"almanac/infra/faultproxy"
)

func TestDuplicateRecord(t *testing.T) {
	tab := newTable(t)
	r := tab.newReader(t)
	tab.change(t, "a1", "b1", "a2")

	must(t, tab.proxy.Set(1, records(faultproxy.Duplicate, func(rule *faultproxy.Rule) { rule.Nth = 1 })))
	if got := r.poll(t); got != "a1 a1 b1 a2" {
		t.Errorf("at once: %s", got)
	}
	tab.change(t, "a3", "b2")
	must(t, tab.proxy.Set(1, records(faultproxy.Duplicate, func(rule *faultproxy.Rule) { rule.Nth, rule.Polls = 1, 2 })))
	got := r.poll(t)
	tab.change(t, "a4") // does not wait for the copy
	if got += "|" + r.polls(t, 3); got != "a3 b2|a4|a3|" {
		t.Errorf("later: %s", got)
	}
}

func TestLateRecord(t *testing.T) {
	t.Run("by polls, and the same item's next records wait behind it", func(t *testing.T) {
		tab := newTable(t)
		r := tab.newReader(t)
		must(t, tab.proxy.Set(1, records(faultproxy.Late, func(rule *faultproxy.Rule) { rule.Nth, rule.Polls = 1, 2 })))
		tab.change(t, "a1", "b1", "a2")
		first := r.poll(t)
		tab.change(t, "a3", "b2")
		if got := first + "|" + r.polls(t, 3); got != "b1|b2|a1 a2 a3|" {
			t.Errorf("got %s", got)
		}
	})

	t.Run("by time", func(t *testing.T) {
		const delay = time.Second
		tab := newTable(t)
		r := tab.newReader(t)
		must(t, tab.proxy.Set(1, records(faultproxy.Late, func(rule *faultproxy.Rule) {
			rule.Contains, rule.Probability, rule.Delay = `"S":"a"`, 1, faultproxy.Duration(delay)
		})))
		tab.change(t, "a1", "b1")
		start := time.Now()
		if got := r.poll(t); got != "b1" {
			t.Errorf("at first: %s", got)
		}
		eventually(t, func() bool { return r.poll(t) == "a1" })
		if took := time.Since(start); took < delay {
			t.Errorf("came after %s", took)
		}
	})
}

// TestLateRecordIsNotLost: whatever the reader does, what was held back comes.
func TestLateRecordIsNotLost(t *testing.T) {
	t.Run("the same iterator again gives the same records", func(t *testing.T) {
		tab := newTable(t)
		r := tab.newReader(t)
		must(t, tab.proxy.Set(1,
			records(faultproxy.Late, func(rule *faultproxy.Rule) { rule.Nth, rule.Polls = 1, 1 }),
			faultproxy.Rule{Op: "GetRecords", Fault: faultproxy.LostReply, Nth: 2},
		))
		tab.change(t, "a1", "b1")
		if got := r.poll(t); got != "b1" {
			t.Fatalf("at first: %s", got)
		}
		if _, err := r.get(t); status(err) != 0 {
			t.Fatalf("the reply is not lost: %v", err)
		}
		if got := r.poll(t); got != "a1" {
			t.Errorf("held records are lost with a reply: %s", got)
		}
	})

	t.Run("a new reader behind it gets it, one from the start gets all once", func(t *testing.T) {
		tab := newTable(t)
		r := tab.newReader(t)
		must(t, tab.proxy.Set(1, records(faultproxy.Late, func(rule *faultproxy.Rule) { rule.Nth, rule.Polls = 1, 5 })))
		tab.change(t, "a1", "b1")
		if got := r.poll(t); got != "b1" {
			t.Fatalf("at first: %s", got)
		}
		tab.proxy.Clear()
		if got := tab.newReader(t).polls(t, 2); got != "a1 b1|" {
			t.Errorf("from the start: %s", got)
		}
		if got := tab.newReaderAt(t, streamtypes.ShardIteratorTypeLatest).poll(t); got != "a1" {
			t.Errorf("behind: %s", got)
		}
		if got := tab.newReaderAt(t, streamtypes.ShardIteratorTypeLatest).poll(t); got != "" {
			t.Errorf("behind, when all has come: %s", got)
		}
	})

	t.Run("a shard that ends gives everything", func(t *testing.T) {
		tab := newTable(t)
		r := tab.newReader(t)
		must(t, tab.proxy.Set(1, records(faultproxy.Late, func(rule *faultproxy.Rule) { rule.Nth, rule.Polls = 1, 100 })))
		tab.change(t, "a1", "b1")
		if got := r.poll(t); got != "b1" {
			t.Fatalf("at first: %s", got)
		}
		_, err := tab.direct.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
			TableName: &tab.name, StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)},
		})
		must(t, err)
		if got := r.poll(t); got != "a1" || r.next != nil {
			t.Errorf("at the end: %s", got)
		}
	})
}

func TestReorderRecords(t *testing.T) {
	tab := newTable(t)
	r := tab.newReader(t)
	must(t, tab.proxy.Set(2, records(faultproxy.Reorder, func(rule *faultproxy.Rule) { rule.Probability = 1 })))
	written := []string{"a1", "b1", "a2", "c1", "b2", "a3", "c2", "b3"}
	tab.change(t, written...)
	got := strings.Fields(r.poll(t))
	if slices.Equal(got, written) {
		t.Errorf("in order: %v", got)
	}
	for _, item := range []string{"a", "b", "c"} {
		others := func(s string) bool { return !strings.HasPrefix(s, item) }
		want := slices.DeleteFunc(slices.Clone(written), others)
		if of := slices.DeleteFunc(slices.Clone(got), others); !slices.Equal(of, want) {
			t.Errorf("item %s: %v", item, of)
		}
	}
}

// TestStorm reads many records through all faults at once: every record comes, those of an item in order, and the same
// seed gives the same deliveries.
func TestStorm(t *testing.T) {
	tab := newTable(t)
	var written []string
	for i := range 60 {
		written = append(written, fmt.Sprintf("%c%d", 'a'+i%7, i))
	}
	tab.change(t, written...)
	deliveries := func() string {
		r := tab.newReader(t)
		must(t, tab.proxy.Set(11,
			records(faultproxy.Late, func(rule *faultproxy.Rule) { rule.Probability, rule.Polls = 0.3, 3 }),
			records(faultproxy.Duplicate, func(rule *faultproxy.Rule) { rule.Probability = 0.3 }),
			records(faultproxy.Reorder, func(rule *faultproxy.Rule) { rule.Probability = 0.5 }),
		))
		r.limit = aws.Int32(10)
		return r.polls(t, 30)
	}
	first := deliveries()
	seen := make(map[string]bool)
	last := make(map[byte]string)
	for record := range strings.FieldsSeq(strings.ReplaceAll(first, "|", " ")) {
		if !seen[record] && slices.Index(written, record) < slices.Index(written, last[record[0]]) {
			t.Errorf("%s comes after %s", record, last[record[0]])
		}
		seen[record], last[record[0]] = true, record
	}
	if len(seen) != len(written) {
		t.Errorf("%d of %d records came", len(seen), len(written))
	}
	if again := deliveries(); again != first {
		t.Errorf("the same seed:\n%s\n%s", first, again)
	}
}

// TestStreamErrors: a custom error of the stream has its type.
func TestStreamErrors(t *testing.T) {
	tab := newTable(t)
	r := tab.newReader(t)
	must(t, tab.proxy.Set(1, faultproxy.Rule{
		Op: "GetRecords", Fault: faultproxy.CustomError, Nth: 1, Error: &faultproxy.Error{Code: "ExpiredIteratorException"},
	}))
	if _, err := r.get(t); status(err) != 400 || !strings.Contains(err.Error(), "ExpiredIteratorException") {
		t.Error(err)
	}
}

func records(f faultproxy.Fault, set func(*faultproxy.Rule)) faultproxy.Rule {
	rule := faultproxy.Rule{Op: "GetRecords", Fault: f}
	set(&rule)
	return rule
}

// change writes to the table, "a2" meaning value 2 into item a.
func (tab *table) change(tb testing.TB, changes ...string) {
	tb.Helper()
	for _, c := range changes {
		item := key(c[:1])
		item["value"] = &types.AttributeValueMemberS{Value: c}
		_, err := tab.direct.PutItem(tb.Context(), &dynamodb.PutItemInput{TableName: &tab.name, Item: item})
		must(tb, err)
	}
}

// reader reads the table's only shard through the proxy.
type reader struct {
	tab   *table
	next  *string
	limit *int32
}

func (tab *table) newReader(tb testing.TB) *reader {
	tb.Helper()
	return tab.newReaderAt(tb, streamtypes.ShardIteratorTypeTrimHorizon)
}

func (tab *table) newReaderAt(tb testing.TB, start streamtypes.ShardIteratorType) *reader {
	tb.Helper()
	stream, err := tab.streams.DescribeStream(tb.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: tab.streamARN})
	must(tb, err)
	if n := len(stream.StreamDescription.Shards); n != 1 {
		tb.Fatalf("%d shards", n)
	}
	out, err := tab.streams.GetShardIterator(tb.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: tab.streamARN, ShardId: stream.StreamDescription.Shards[0].ShardId, ShardIteratorType: start,
	})
	must(tb, err)
	return &reader{tab: tab, next: out.ShardIterator}
}

func (r *reader) get(tb testing.TB) (*dynamodbstreams.GetRecordsOutput, error) {
	tb.Helper()
	out, err := r.tab.streams.GetRecords(tb.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: r.next, Limit: r.limit})
	// DynamoDB Local now and then says for some milliseconds that it trimmed a stream which is seconds old. The proxy
	// cannot say so, so nothing is to be learned of it then.
	if trimmed(err) {
		tb.Skip("the engine says that it trimmed a fresh stream")
	}
	return out, err
}

func trimmed(err error) bool {
	_, is := errors.AsType[*streamtypes.TrimmedDataAccessException](err)
	return is
}

// poll returns the values that the next records carry.
func (r *reader) poll(tb testing.TB) string {
	tb.Helper()
	out, err := r.get(tb)
	must(tb, err)
	r.next = out.NextShardIterator
	var values []string
	for _, record := range out.Records {
		values = append(values, record.Dynamodb.NewImage["value"].(*streamtypes.AttributeValueMemberS).Value)
	}
	return strings.Join(values, " ")
}

func (r *reader) polls(tb testing.TB, n int) string {
	tb.Helper()
	var all []string
	for range n {
		all = append(all, r.poll(tb))
	}
	return strings.Join(all, "|")
}
