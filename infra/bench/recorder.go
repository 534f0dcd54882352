package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"almanac/shared/id"
	"almanac/shared/table"
)

type attributes = map[string]types.AttributeValue

// recorder stores a large diary fast: the real code books, but its transactions are kept back and their outcome is
// written in batches. So the items are those that the code writes, and nothing here knows how they look. Conditions
// are not checked: whoever seeds gives no time twice.
type recorder struct {
	table *table.Table // records
	plain *dynamodb.Client
	at    time.Time // the clock: a day in the past can be booked by going there

	open map[[3]string]attributes // items that updates may still change, by table and key
	full []kept                   // items to write
}

// kept is an item and the table that it is of.
type kept struct {
	table string
	item  attributes
}

func newRecorder(db *dynamodb.Client, name, keys string) *recorder {
	r := &recorder{plain: db, at: time.Now(), open: map[[3]string]attributes{}}
	o := db.Options()
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("record", r.intercept), middleware.Before)
	})
	r.table = table.New(dynamodb.New(o), name, r.now, id.New).WithKeys(keys)
	return r
}

func (r *recorder) now() time.Time { return r.at }

func (r *recorder) intercept(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	tx, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput)
	if !ok {
		return next.HandleInitialize(ctx, in)
	}
	out := middleware.InitializeOutput{Result: &dynamodb.TransactWriteItemsOutput{}}
	for _, part := range tx.TransactItems {
		if err := r.keep(part); err != nil {
			return out, middleware.Metadata{}, err
		}
	}
	if len(r.full) > 5000 {
		return out, middleware.Metadata{}, r.write(ctx)
	}
	return out, middleware.Metadata{}, nil
}

func (r *recorder) keep(part types.TransactWriteItem) error {
	switch {
	case part.Put != nil:
		i := maps.Clone(part.Put.Item)
		if strings.HasPrefix(text(i["SK"]), "EVT#") { // relayed long ago
			delete(i, "GPK")
			delete(i, "GSK")
		}
		name := aws.ToString(part.Put.TableName)
		if text(i["SK"]) == "DIARY" { // updates will follow
			r.open[keyOf(name, i)] = i
			return nil
		}
		r.full = append(r.full, kept{name, i})
	case part.Update != nil:
		return r.update(part.Update)
	case part.Delete != nil:
		return fmt.Errorf("seeding cannot delete")
	}
	return nil
}

// update carries out the one form of update that a booking makes: ADD name value, name value SET name = value REMOVE
// name, any of the three left out.
func (r *recorder) update(u *types.Update) error {
	at := keyOf(aws.ToString(u.TableName), u.Key)
	i, ok := r.open[at]
	if !ok {
		i = maps.Clone(u.Key)
		r.open[at] = i
	}
	clause := ""
	words := strings.Fields(strings.ReplaceAll(aws.ToString(u.UpdateExpression), ",", ""))
	for n := 0; n < len(words); n++ {
		if word := words[n]; word == "ADD" || word == "SET" || word == "REMOVE" {
			clause = word
			continue
		}
		name := named(u, words[n])
		n += map[string]int{"ADD": 1, "SET": 2}[clause]
		if clause == "" || name == "" || n >= len(words) {
			return fmt.Errorf("seeding cannot carry out %q", aws.ToString(u.UpdateExpression))
		}
		value := u.ExpressionAttributeValues[words[n]]
		switch clause {
		case "ADD":
			value = united(i[name], value)
		case "REMOVE":
			delete(i, name)
			continue
		}
		if value == nil {
			return fmt.Errorf("seeding cannot carry out %q", aws.ToString(u.UpdateExpression))
		}
		i[name] = value
	}
	return nil
}

// named is the attribute that a word of an expression stands for.
func named(u *types.Update, word string) string {
	if strings.HasPrefix(word, "#") {
		return u.ExpressionAttributeNames[word]
	}
	return word
}

// united is a set of byte strings with those of another, or the sum of two numbers; nil where more is neither.
func united(have, more types.AttributeValue) types.AttributeValue {
	if up, ok := more.(*types.AttributeValueMemberN); ok {
		return sum(have, up)
	}
	add, ok := more.(*types.AttributeValueMemberBS)
	if !ok {
		return nil
	}
	var all [][]byte
	if set, ok := have.(*types.AttributeValueMemberBS); ok {
		all = slices.Clone(set.Value)
	}
	for _, b := range add.Value {
		if !slices.ContainsFunc(all, func(other []byte) bool { return bytes.Equal(b, other) }) {
			all = append(all, b)
		}
	}
	return &types.AttributeValueMemberBS{Value: all}
}

func sum(have types.AttributeValue, up *types.AttributeValueMemberN) types.AttributeValue {
	was, ok := have.(*types.AttributeValueMemberN)
	if !ok {
		return up
	}
	a, err := strconv.ParseInt(was.Value, 10, 64)
	if err != nil {
		return nil
	}
	b, err := strconv.ParseInt(up.Value, 10, 64)
	if err != nil {
		return nil
	}
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(a+b, 10)}
}

// flush writes everything. What was written cannot be changed by a later seeding.
func (r *recorder) flush(ctx context.Context) error {
	for at, i := range r.open {
		r.full = append(r.full, kept{at[0], i})
	}
	clear(r.open)
	return r.write(ctx)
}

const (
	batch   = 25 // items that BatchWriteItem takes
	writers = 4
)

func (r *recorder) write(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan []kept)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for items := range work {
				if err := r.writeBatch(ctx, items); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < len(r.full); i += batch {
		work <- r.full[i:min(i+batch, len(r.full))]
	}
	close(work)
	wg.Wait()
	r.full = r.full[:0]
	return context.Cause(ctx)
}

func (r *recorder) writeBatch(ctx context.Context, items []kept) error {
	left := map[string][]types.WriteRequest{}
	for _, k := range items {
		left[k.table] = append(left[k.table], types.WriteRequest{PutRequest: &types.PutRequest{Item: k.item}})
	}
	for len(left) > 0 {
		out, err := r.plain.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: left})
		if err != nil {
			return err
		}
		left = out.UnprocessedItems
	}
	return nil
}

func keyOf(table string, i attributes) [3]string {
	return [3]string{table, text(i["PK"]), text(i["SK"])}
}

func text(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
