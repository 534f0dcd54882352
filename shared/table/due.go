package table

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// DueShards is the number of partitions that Due reads, 0 to DueShards-1.
const DueShards = 8

const dueList = "DUE#"

// Due is one record whose time has come: which organisation's, and its id.
type Due struct {
	Org string
	ID  string
	At  time.Time
}

// DueAt places a record in the list of what is to be looked at from an instant on. It is the second view across
// organisations, besides the outbox, and as that one knows ids only.
func (c Clinic) DueAt(at time.Time, id string) Index {
	return Index{
		pk: dueList + strconv.Itoa(shardOf(id)%DueShards),
		sk: at.UTC().Format(time.RFC3339) + "#" + c.by.Org() + "#" + id,
	}
}

func (i Index) due() bool { return strings.HasPrefix(i.pk, dueList) }

// Due lists up to limit records of a shard whose time had come before the instant, longest overdue first. The list may
// lag behind a write by a moment.
func (t *Table) Due(ctx context.Context, shard int, before time.Time, limit int) ([]Due, error) {
	page, err := t.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &t.name, IndexName: aws.String(index),
		KeyConditionExpression: aws.String("GPK = :p AND GSK < :before"),
		ProjectionExpression:   aws.String("GSK"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p":      &types.AttributeValueMemberS{Value: dueList + strconv.Itoa(shard)},
			":before": &types.AttributeValueMemberS{Value: before.UTC().Format(time.RFC3339)},
		},
		Limit: aws.Int32(int32(limit)), //nolint:gosec // a small constant
	})
	if err != nil {
		return nil, readFault(err)
	}
	out := make([]Due, 0, len(page.Items))
	for _, item := range page.Items {
		part := strings.SplitN(text(item[attrGSK]), "#", 3)
		if len(part) < 3 {
			continue
		}
		at, err := time.Parse(time.RFC3339, part[0])
		if err != nil {
			continue
		}
		out = append(out, Due{Org: part[1], ID: part[2], At: at})
	}
	return out, nil
}
