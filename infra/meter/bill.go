package meter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// request is what the meter reads of any operation's request.
type request struct {
	TableName      string `json:"TableName"`
	Key            item   `json:"Key"`
	Item           item   `json:"Item"`
	ConsistentRead bool   `json:"ConsistentRead"`
	// A read that leaves something out is billed for what it read, not for what it gave.
	ProjectionExpression string               `json:"ProjectionExpression"`
	FilterExpression     string               `json:"FilterExpression"`
	Select               string               `json:"Select"`
	RequestItems         json.RawMessage      `json:"RequestItems"`
	TransactItems        []map[string]request `json:"TransactItems"`
}

// transactional: "DynamoDB performs two underlying reads or writes of every item in the transaction: one to prepare
// the item for the transaction and one to commit the transaction."
const transactional = 2

// eventual: "one strongly consistent read per second, or two eventually consistent reads per second".
const eventual = 0.5

func writes(op string) bool {
	return slices.Contains([]string{"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}, op)
}

// prepare looks at what a request will touch, before it is sent, and gives what bills it afterwards. It is nil for
// operations that cost no units.
func (w *wire) prepare(ctx context.Context, op string, body []byte) (bill, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	switch op {
	case "GetItem":
		return w.reading([]touch{{table: r.TableName, key: r.Key}}, share(r.ConsistentRead)), nil
	case "BatchGetItem":
		return w.batchGet(r)
	case "TransactGetItems":
		return w.transactGet(r), nil
	case "Query":
		return w.querying(r, body), nil
	case "PutItem", "UpdateItem", "DeleteItem":
		return w.writing(ctx, []request{r}, 1)
	case "BatchWriteItem":
		return w.batchWrite(ctx, r)
	case "TransactWriteItems":
		return w.transactWrite(ctx, r)
	case "CreateTable", "DeleteTable", "DescribeTable", "ListTables", "UpdateTable", "UpdateTimeToLive",
		"DescribeTimeToLive", "DescribeEndpoints", "DescribeLimits":
		return nil, nil //nolint:nilnil // they cost no units
	}
	return nil, errors.New("the meter has no rule for it")
}

func share(consistent bool) float64 {
	if consistent {
		return 1
	}
	return eventual
}

// touch is one item that a request reads or writes.
type touch struct {
	table string
	key   item
}

// images reads items as they are, strongly consistent; one that does not exist is nil. It goes on when the client
// that is metered has given up: what it asked for may have been done.
func (w *wire) images(ctx context.Context, of []touch) ([]item, error) {
	ctx = context.WithoutCancel(ctx)
	out := make([]item, len(of))
	for start := 0; start < len(of); start += batchLimit {
		end := min(start+batchLimit, len(of))
		if err := w.batch(ctx, of[start:end], out[start:end]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// batchLimit is the number of keys that BatchGetItem takes.
const batchLimit = 100

type keysAndAttributes struct {
	Keys           []item `json:"Keys"`
	ConsistentRead bool   `json:"ConsistentRead"`
}

func (w *wire) batch(ctx context.Context, of []touch, out []item) error {
	left := map[string]keysAndAttributes{}
	places := map[string][]int{} // several reads of one item are asked for once
	for i, t := range of {
		at := place(t.table, t.key)
		if places[at] == nil {
			left[t.table] = keysAndAttributes{append(left[t.table].Keys, t.key), true}
		}
		places[at] = append(places[at], i)
	}
	for len(left) > 0 {
		var got struct {
			Responses       map[string][]item            `json:"Responses"`
			UnprocessedKeys map[string]keysAndAttributes `json:"UnprocessedKeys"`
		}
		if err := w.ask(ctx, "BatchGetItem", map[string]any{"RequestItems": left}, &got); err != nil {
			return err
		}
		for name, items := range got.Responses {
			t, err := w.describe(ctx, name)
			if err != nil {
				return err
			}
			for _, found := range items {
				for _, i := range places[place(name, t.keyOf(found))] {
					out[i] = found
				}
			}
		}
		left = got.UnprocessedKeys
	}
	return nil
}

// place names an item among those of a request; maps print in the order of their keys.
func place(table string, key item) string { return fmt.Sprint(table, key) }

// reading bills reads of single items, each rounded up by itself.
func (w *wire) reading(of []touch, factor float64) bill {
	return func(ctx context.Context, o outcome) (float64, float64, error) {
		if o.failure() != "" {
			return 0, 0, nil
		}
		images, err := w.images(ctx, of)
		total := 0.0
		for _, i := range images {
			total += factor * units(i.size(), readUnit)
		}
		return total, 0, err
	}
}

func (w *wire) transactGet(r request) bill {
	var all []touch
	for _, each := range r.TransactItems {
		all = append(all, touch{table: each["Get"].TableName, key: each["Get"].Key})
	}
	return w.reading(all, transactional)
}

func (w *wire) batchGet(r request) (bill, error) {
	var tables map[string]keysAndAttributes
	if err := json.Unmarshal(r.RequestItems, &tables); err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	var parts []bill
	for name, t := range tables {
		var all []touch
		for _, k := range t.Keys {
			all = append(all, touch{table: name, key: k})
		}
		parts = append(parts, w.reading(all, share(t.ConsistentRead)))
	}
	return func(ctx context.Context, o outcome) (float64, float64, error) {
		reads := 0.0
		for _, part := range parts {
			n, _, err := part(ctx, o)
			if err != nil {
				return reads, 0, err
			}
			reads += n
		}
		return reads, 0, nil
	}, nil
}

// querying bills a query: "DynamoDB treats all of the items read as a single read operation", adds their sizes, those
// that a filter then leaves out included, and rounds up once.
func (w *wire) querying(r request, body []byte) bill {
	return func(ctx context.Context, o outcome) (float64, float64, error) {
		if o.failure() != "" {
			return 0, 0, nil
		}
		var got page
		if err := json.Unmarshal(o.body, &got); err != nil {
			return 0, 0, err
		}
		if r.ProjectionExpression != "" || r.FilterExpression != "" || r.Select != "" {
			var err error
			if got, err = w.whole(ctx, body, got.ScannedCount); err != nil {
				return 0, 0, err
			}
		}
		size := 0
		for _, i := range got.Items {
			size += i.size()
		}
		return share(r.ConsistentRead) * units(size, readUnit), 0, nil
	}
}

type page struct {
	Items        []item `json:"Items"`
	ScannedCount int    `json:"ScannedCount"`
}

// whole asks a query again without what narrows its answer, for the items that it went through.
func (w *wire) whole(ctx context.Context, body []byte, scanned int) (page, error) {
	if scanned == 0 {
		return page{}, nil
	}
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return page{}, err
	}
	for _, narrow := range []string{"ProjectionExpression", "FilterExpression", "Select"} {
		delete(in, narrow)
	}
	in["Limit"] = scanned
	used := strings.FieldsFunc(text(in["KeyConditionExpression"]), func(r rune) bool {
		return strings.ContainsRune(" ,()=<>", r)
	})
	for _, names := range []string{"ExpressionAttributeNames", "ExpressionAttributeValues"} {
		kept := nested(in[names])
		maps.DeleteFunc(kept, func(name string, _ any) bool { return !slices.Contains(used, name) })
		if len(kept) == 0 {
			delete(in, names)
		}
	}
	var out page
	return out, w.ask(ctx, "Query", in, &out)
}

// writing bills writes: the larger of the item's sizes before and after, whole units, and every index entry that
// changes. "DynamoDB consumes write capacity … based on the size of the item" also when a condition fails.
func (w *wire) writing(ctx context.Context, all []request, factor float64) (bill, error) {
	touched := make([]touch, len(all))
	tables := make([]table, len(all))
	for i, r := range all {
		t, err := w.describe(ctx, r.TableName)
		if err != nil {
			return nil, err
		}
		tables[i], touched[i] = t, touch{table: r.TableName, key: r.Key}
		if r.Item != nil {
			touched[i].key = t.keyOf(r.Item)
		}
	}
	before, err := w.images(ctx, touched)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, o outcome) (float64, float64, error) {
		after := before
		switch o.failure() {
		case "":
			var err error
			if after, err = w.images(ctx, touched); err != nil {
				return 0, 0, err
			}
		case "ConditionalCheckFailedException", "TransactionCanceledException":
		default: // refused before it began
			return 0, 0, nil
		}
		total := 0.0
		for i, r := range all {
			size := max(before[i].size(), after[i].size(), r.Item.size())
			total += factor*units(size, writeUnit) + tables[i].indexUnits(before[i], after[i])
		}
		return 0, total, nil
	}, nil
}

func (w *wire) transactWrite(ctx context.Context, r request) (bill, error) {
	var all []request
	for _, each := range r.TransactItems {
		for _, part := range each {
			all = append(all, part)
		}
	}
	return w.writing(ctx, all, transactional)
}

func (w *wire) batchWrite(ctx context.Context, r request) (bill, error) {
	var tables map[string][]map[string]request
	if err := json.Unmarshal(r.RequestItems, &tables); err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	var all []request
	for name, changes := range tables {
		for _, change := range changes {
			for _, part := range change {
				part.TableName = name
				all = append(all, part)
			}
		}
	}
	return w.writing(ctx, all, 1)
}
