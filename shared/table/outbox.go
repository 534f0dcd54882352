package table

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/id"
)

// Outbox is the one view across organisations: the events that a queue waits for. It knows ids only.
type Outbox struct{ t *Table }

// Outbox gives the view of events not yet relayed.
func (t *Table) Outbox() Outbox { return Outbox{t: t} }

// OutboxShards is the number of partitions that Waiting reads, 0 to OutboxShards-1.
const OutboxShards = outboxShards

// Waiting lists up to limit events of a shard that were written before the instant and are not yet relayed, oldest
// first.
func (o Outbox) Waiting(ctx context.Context, shard int, before time.Time, limit int) ([]event.Event, error) {
	page, err := o.t.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &o.t.name, IndexName: aws.String(index),
		KeyConditionExpression: aws.String("GPK = :p AND GSK < :before"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p":      &types.AttributeValueMemberS{Value: outbox + strconv.Itoa(shard)},
			":before": &types.AttributeValueMemberS{Value: id.At("evt", before)},
		},
		Limit: aws.Int32(int32(limit)), //nolint:gosec // a small constant
	})
	if err != nil {
		return nil, readFault(err)
	}
	out := make([]event.Event, len(page.Items))
	if err := attributevalue.UnmarshalListOfMaps(page.Items, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// Relayed takes an event off the list of those waiting. Doing it again, or for an event that is gone, changes nothing.
func (o Outbox) Relayed(ctx context.Context, m event.Message) error {
	c := o.t.For(access.System(m.Org, "relay"))
	_, err := o.t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &o.t.name, Key: c.event(m.Target, m.Event).attributes(),
		UpdateExpression:    aws.String("REMOVE GPK, GSK"),
		ConditionExpression: aws.String("attribute_exists(GPK)"),
	})
	if _, gone := errors.AsType[*types.ConditionalCheckFailedException](err); gone {
		return nil
	}
	if err != nil {
		return readFault(err)
	}
	return nil
}
