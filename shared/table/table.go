// Package table is the one store. Its rule: all that Almanac knows goes in through Clinic.Write, one transaction with
// exactly one event item in it, and comes out by Get or Query within the caller's organisation. No other package
// speaks DynamoDB, and a Scan does not exist.
package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/access"
	"almanac/shared/delay"
	"almanac/shared/fault"
	"almanac/shared/id"
)

// Table is the DynamoDB table of all organisations. It is safe for concurrent use.
type Table struct {
	db    *dynamodb.Client
	name  string
	keys  string // the table of keys
	now   func() time.Time
	newID id.Source
	sleep func(ctx context.Context, d time.Duration) error
}

// New makes a Table from a client, the table's name, the clock and the id source.
func New(db *dynamodb.Client, name string, now func() time.Time, newID id.Source) *Table {
	return &Table{db: db, name: name, now: now, newID: newID, sleep: delay.For}
}

// WithKeys gives the table with the table of keys beside it. Without one, nothing that needs a key can be done.
func (t *Table) WithKeys(name string) *Table {
	with := *t
	with.keys = name
	return &with
}

// of names the table that a key is of.
func (t *Table) of(k Key) *string {
	if k.secret {
		return &t.keys
	}
	return &t.name
}

// Clinic is one organisation's slice of the table, as one caller sees it.
type Clinic struct {
	t  *Table
	by access.Caller
}

// For gives the caller's slice of the table.
func (t *Table) For(by access.Caller) Clinic { return Clinic{t: t, by: by} }

// Touch opens a connection to the table, so that a first request need not wait for one. It reads one item that
// does not exist; its outcome does not matter.
func (t *Table) Touch(ctx context.Context) {
	_, _ = t.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: Key{pk: "-", sk: "-"}.attributes()})
}

func (k Key) attributes() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		attrPK: &types.AttributeValueMemberS{Value: k.pk},
		attrSK: &types.AttributeValueMemberS{Value: k.sk},
	}
}

// Get reads one item, strongly consistent, into out, a pointer to a struct with dynamodbav tags; a field tagged "v"
// gets the item's version. An item that does not exist, or is another organisation's, is fault.NotFound.
func (c Clinic) Get(ctx context.Context, k Key, out any) error {
	item, err := c.get(ctx, k)
	if err != nil {
		return err
	}
	if len(item) == 0 {
		return fault.New(fault.NotFound, "not_found", "There is no such record.")
	}
	if err := attributevalue.UnmarshalMap(item, out); err != nil {
		return fmt.Errorf("decode item: %w", err)
	}
	return nil
}

// get reads one item, strongly consistent; nothing where there is none.
func (c Clinic) get(ctx context.Context, k Key) (map[string]types.AttributeValue, error) {
	if c.by.Org() == "" {
		return nil, errNoCaller
	}
	if !c.reaches(k) {
		return map[string]types.AttributeValue{}, nil
	}
	got, err := c.t.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: c.t.of(k), Key: k.attributes(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, readFault(err)
	}
	return got.Item, nil
}

// GetAll reads up to 100 items, strongly consistent, in one call, and gives those that exist in the order of the
// keys. More than 100 keys are read in several calls.
func GetAll[T any](ctx context.Context, c Clinic, keys []Key) ([]T, error) {
	found, err := Together(ctx, c, keys...)
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, len(found))
	for _, k := range keys {
		row, ok := found[k]
		if !ok {
			continue
		}
		var v T
		if err := row.Decode(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Together reads items of any kind, those of the table of keys included, strongly consistent, up to 100 in one call,
// and gives those that exist. Each item is read as it is at its own moment: what must fit together is checked by the
// write that rests on it.
func Together(ctx context.Context, c Clinic, keys ...Key) (map[Key]Row, error) {
	if c.by.Org() == "" {
		return nil, errNoCaller
	}
	found, seen := make(map[Key]Row, len(keys)), make(map[Key]bool, len(keys))
	within := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool {
		again := seen[k] // the engine refuses a key that is asked for twice
		seen[k] = true
		return again || !c.reaches(k)
	})
	for batch := range slices.Chunk(within, batchGetLimit) {
		if err := c.batchGet(ctx, batch, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

const batchGetLimit = 100

func (c Clinic) batchGet(ctx context.Context, keys []Key, found map[Key]Row) error {
	ask := map[string]types.KeysAndAttributes{}
	for _, k := range keys {
		name := *c.t.of(k)
		of := ask[name]
		of.ConsistentRead = aws.Bool(true)
		of.Keys = append(of.Keys, k.attributes())
		ask[name] = of
	}
	for attempt := 0; len(ask) > 0; attempt++ {
		if attempt > maxRetries {
			return unavailable(errors.New("keys left unprocessed"))
		}
		if err := c.t.backOff(ctx, attempt); err != nil {
			return err
		}
		got, err := c.t.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err != nil {
			return readFault(err)
		}
		for name, items := range got.Responses {
			for _, item := range items {
				k := keyOf(item)
				k.secret = c.t.keys != "" && name == c.t.keys
				found[k] = Row{SK: k.sk, item: item}
			}
		}
		ask = got.UnprocessedKeys
	}
	return nil
}

func keyOf(item map[string]types.AttributeValue) Key {
	return Key{pk: text(item[attrPK]), sk: text(item[attrSK])}
}

func text(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Row is one item of a query, still encoded: its sort key tells its kind.
type Row struct {
	SK   string
	item map[string]types.AttributeValue
}

// Occupancy reads a patient's diary out of its row.
func (r Row) Occupancy() Occupancy {
	var out Occupancy
	out.add(r.item, 0)
	return out
}

// Decode reads the row into out, as Get does.
func (r Row) Decode(out any) error {
	if err := attributevalue.UnmarshalMap(r.item, out); err != nil {
		return fmt.Errorf("decode item: %w", err)
	}
	return nil
}

// query reads every page of a query.
func (c Clinic) query(ctx context.Context, q *dynamodb.QueryInput) ([]map[string]types.AttributeValue, error) {
	if c.by.Org() == "" {
		return nil, errNoCaller
	}
	q.TableName = &c.t.name
	var items []map[string]types.AttributeValue
	for {
		page, err := c.t.db.Query(ctx, q)
		if err != nil {
			return nil, readFault(err)
		}
		items = append(items, page.Items...)
		if page.LastEvaluatedKey == nil {
			return items, nil
		}
		q.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

func between(pk, from, to string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :p AND SK BETWEEN :a AND :b"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: pk},
			":a": &types.AttributeValueMemberS{Value: from},
			":b": &types.AttributeValueMemberS{Value: to},
		},
		ConsistentRead: aws.Bool(true),
	}
}

// Occupancy is what is claimed on one resource, or in one patient's diary.
type Occupancy struct {
	Taken []Tenure
	// Ended lists appointments that no longer hold their time but still belong to the day's list.
	Ended [][16]byte
	// Met lists whom the patient meets, of a patient's diary.
	Met []Meeting
	// Closed says why nobody can be booked into a patient's diary; empty while one can.
	Closed string
	// Version is a patient's diary's; it goes up with every claim on it.
	Version int64
}

// Days reads the claims on a resource over the UTC days that the span touches: one query, strongly consistent.
func (c Clinic) Days(ctx context.Context, resource string, span Span) (Occupancy, error) {
	from, to := c.day(resource, span.From.Time()), c.day(resource, (span.To-1).Time())
	items, err := c.query(ctx, between(from.pk, from.sk, to.sk))
	if err != nil {
		return Occupancy{}, err
	}
	var out Occupancy
	for _, item := range items {
		day, err := time.Parse("D#"+time.DateOnly, text(item[attrSK]))
		if err != nil {
			return Occupancy{}, fmt.Errorf("day item: %w", err)
		}
		out.add(item, TickOf(day))
	}
	return out, nil
}

// DiaryOf reads the claims in a patient's diary. A patient without one is fault.NotFound.
func (c Clinic) DiaryOf(ctx context.Context, patient string) (Occupancy, error) {
	item, err := c.get(ctx, c.Diary(patient))
	if err != nil {
		return Occupancy{}, err
	}
	if len(item) == 0 {
		return Occupancy{}, noPatient()
	}
	var out Occupancy
	out.add(item, 0)
	return out, nil
}

func noPatient() error {
	return fault.New(fault.NotFound, "patient_not_found", "There is no such patient.")
}

func (o *Occupancy) add(item map[string]types.AttributeValue, day Tick) {
	for name, value := range item {
		switch v := value.(type) {
		case *types.AttributeValueMemberB:
			if tick, ok := parseName(name, day); ok {
				if held, ok := parseTenure(tick, v.Value); ok {
					o.Taken = append(o.Taken, held)
				}
			}
		case *types.AttributeValueMemberBS:
			if name == attrEnded {
				o.Ended = append(o.Ended, raws(v.Value)...)
			} else {
				o.meet(name, v.Value)
			}
		case *types.AttributeValueMemberN:
			if name == attrVersion {
				o.Version = number(v)
			}
		case *types.AttributeValueMemberS:
			if name == attrClosed {
				o.Closed = v.Value
			}
		}
	}
}

// Configuration is everything that an organisation has set up, as it was at Version.
type Configuration struct {
	Version int64
	Rows    []Row
}

// rereads is how often a configuration is read again while a change of it is only half to be seen, pause how long
// after. A transaction shows in all its items within milliseconds of its commit.
const (
	rereads = 20
	pause   = 25 * time.Millisecond
)

// Configuration reads everything that the organisation has set up, and the version it is at. Leave that ended before
// the given day is left out.
//
// A query is not isolated from transactions (DynamoDB: read-committed), so it may see the raised guard beside a row
// that is still the old one. The guard therefore tells what the change that raised it wrote, and while that is not all
// there, everything is read again. If it does not come, the error is fault.Unavailable.
func (c Clinic) Configuration(ctx context.Context, since time.Time) (Configuration, error) {
	for range rereads {
		conf, whole, err := c.configuration(ctx, c.Leave("", since).sk)
		if err != nil || whole {
			return conf, err
		}
		if err := c.t.sleep(ctx, pause); err != nil {
			return Configuration{}, unavailable(err)
		}
	}
	return Configuration{}, unavailable(errors.New("a change of the configuration stays half to be seen"))
}

func (c Clinic) configuration(ctx context.Context, leaveFrom string) (Configuration, bool, error) {
	// The guard sorts first and is read first, so the rows are at least as new as the version: a change in between
	// makes the version older than the rows, and the next write notices.
	pk := c.conf("").pk
	items, err := c.query(ctx, between(pk, "!", "LEV#"))
	if err != nil {
		return Configuration{}, false, err
	}
	rest, err := c.query(ctx, between(pk, leaveFrom, "~"))
	if err != nil {
		return Configuration{}, false, err
	}
	out := Configuration{Rows: make([]Row, 0, len(items)+len(rest))}
	var last map[string]int64
	versions := map[string]int64{}
	for _, item := range append(items, rest...) {
		sk := text(item[attrSK])
		if sk == c.guard(0).sk {
			out.Version = number(item[attrVersion])
			if err := attributevalue.Unmarshal(item[attrChanged], &last); err != nil {
				return Configuration{}, false, fmt.Errorf("decode guard: %w", err)
			}
		}
		if sk[0] != '!' {
			versions[sk] = number(item[attrVersion])
			out.Rows = append(out.Rows, Row{SK: sk, item: item})
		}
	}
	if out.Version == 0 {
		return Configuration{}, false, fault.New(fault.NotFound, "not_found", "There is no such organisation.")
	}
	return out, shows(last, versions, leaveFrom), nil
}

// shows tells whether every item of the last change is to be seen among the versions that were read.
func shows(last, versions map[string]int64, leaveFrom string) bool {
	for sk, version := range last {
		over := strings.HasPrefix(sk, "LEV#") && sk < leaveFrom // not read, because it is over
		if over || version == 0 && versions[sk] == 0 || version > 0 && versions[sk] >= version {
			continue
		}
		return false
	}
	return true
}

// Standing reads the version that the organisation's configuration is at.
func (c Clinic) Standing(ctx context.Context) (int64, error) {
	var guard struct {
		Version int64 `dynamodbav:"v"`
	}
	if err := c.Get(ctx, c.guard(0), &guard); err != nil {
		return 0, err
	}
	return guard.Version, nil
}

func number(v types.AttributeValue) int64 {
	var n int64
	_ = attributevalue.Unmarshal(v, &n) // absent or malformed reads as zero
	return n
}

func encode(it Item) (map[string]types.AttributeValue, error) {
	m, err := attributevalue.MarshalMap(it.Value)
	if err != nil {
		return nil, fmt.Errorf("encode item: %w", err)
	}
	maps.Copy(m, it.Key.attributes())
	m[attrVersion] = num(it.Version + 1)
	if it.Index != (Index{}) {
		m[attrGPK] = &types.AttributeValueMemberS{Value: it.Index.pk}
		m[attrGSK] = &types.AttributeValueMemberS{Value: it.Index.sk}
	}
	if !it.Expires.IsZero() {
		m[attrTTL] = num(it.Expires.Unix())
	}
	return m, nil
}
