package main

import (
	"context"
	"fmt"
	"maps"
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
	name  string
	at    time.Time // the clock: a day in the past can be booked by going there

	open map[[2]string]attributes // items that updates may still change
	full []attributes             // items to write
}

func newRecorder(db *dynamodb.Client, name string) *recorder {
	r := &recorder{plain: db, name: name, at: time.Now(), open: map[[2]string]attributes{}}
	o := db.Options()
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("record", r.intercept), middleware.Before)
	})
	r.table = table.New(dynamodb.New(o), name, r.now, id.New)
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
		if text(i["SK"]) == "DIARY" { // updates will follow
			r.open[keyOf(i)] = i
			return nil
		}
		r.full = append(r.full, i)
	case part.Update != nil:
		return r.update(part.Update)
	case part.Delete != nil:
		return fmt.Errorf("seeding cannot delete")
	}
	return nil
}

// update carries out the one form of update that a booking makes: SET name = value, name = value.
func (r *recorder) update(u *types.Update) error {
	sets, ok := strings.CutPrefix(aws.ToString(u.UpdateExpression), "SET ")
	if !ok {
		return fmt.Errorf("seeding cannot carry out %q", aws.ToString(u.UpdateExpression))
	}
	i, ok := r.open[keyOf(u.Key)]
	if !ok {
		i = maps.Clone(u.Key)
		r.open[keyOf(u.Key)] = i
	}
	for set := range strings.SplitSeq(sets, ", ") {
		name, value, ok := strings.Cut(set, " = ")
		v, known := u.ExpressionAttributeValues[value]
		if !ok || !known || u.ExpressionAttributeNames[name] == "" {
			return fmt.Errorf("seeding cannot carry out %q", set)
		}
		i[u.ExpressionAttributeNames[name]] = v
	}
	return nil
}

// flush writes everything. What was written cannot be changed by a later seeding.
func (r *recorder) flush(ctx context.Context) error {
	for _, i := range r.open {
		r.full = append(r.full, i)
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
	work := make(chan []attributes)
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

func (r *recorder) writeBatch(ctx context.Context, items []attributes) error {
	var requests []types.WriteRequest
	for _, i := range items {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: i}})
	}
	left := map[string][]types.WriteRequest{r.name: requests}
	for len(left) > 0 {
		out, err := r.plain.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: left})
		if err != nil {
			return err
		}
		left = out.UnprocessedItems
	}
	return nil
}

func keyOf(i attributes) [2]string { return [2]string{text(i["PK"]), text(i["SK"])} }

func text(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
