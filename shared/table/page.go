package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// List reads one page of GSI1 under the index's partition, in order of its sort key, newest first when back is set.
// after is the sort key to go on from, or empty; next is the one to go on from later, or empty at the end.
func List[T any](ctx context.Context, c Clinic, at Index, after string, limit int, back bool) ([]T, string, error) {
	if c.by.Org() == "" {
		return nil, "", errNoCaller
	}
	if !c.reaches(at.key()) {
		return []T{}, "", nil
	}
	q := &dynamodb.QueryInput{
		TableName: &c.t.name, IndexName: aws.String(index),
		KeyConditionExpression: aws.String("GPK = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: at.pk},
		},
		Limit: aws.Int32(int32(limit)), ScanIndexForward: aws.Bool(!back), //nolint:gosec // at most 200
	}
	if after != "" {
		q.KeyConditionExpression = aws.String("GPK = :p AND GSK > :after")
		if back {
			q.KeyConditionExpression = aws.String("GPK = :p AND GSK < :after")
		}
		q.ExpressionAttributeValues[":after"] = &types.AttributeValueMemberS{Value: after}
	}
	page, err := c.t.db.Query(ctx, q)
	if err != nil {
		return nil, "", readFault(err)
	}
	out := make([]T, len(page.Items))
	if err := attributevalue.UnmarshalListOfMaps(page.Items, &out); err != nil {
		return nil, "", fmt.Errorf("decode items: %w", err)
	}
	next := ""
	if page.LastEvaluatedKey != nil {
		next = text(page.LastEvaluatedKey[attrGSK])
	}
	return out, next, nil
}

// Under reads all items of a record whose sort key begins with the prefix, such as an appointment's deliveries.
func (c Clinic) Under(ctx context.Context, of Key, prefix string) ([]Row, error) {
	if c.by.Org() != "" && !c.reaches(of) {
		return []Row{}, nil
	}
	items, err := c.query(ctx, between(of.pk, prefix, prefix+"~"))
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(items))
	for i, item := range items {
		rows[i] = Row{SK: text(item[attrSK]), item: item}
	}
	return rows, nil
}

// Sort-key prefixes for Under.
const (
	Deliveries   = "MSG#"
	Events       = "EVT#"
	Consents     = "CNS#"
	Disclosures  = "DSC#"
	RecordViews  = "VIW#"
	ConsentTexts = "TXT#"
	Connections  = "CON#"
	RoomsOf      = "ROO#"
	PastRoomsOf  = "OLD#"
	Makings      = "NEW#"
	VisitLogs    = "LOG#"
	Usages       = "USE#"
	Matters      = "MAT#"
)

// UnderPage reads one page of a record's items whose sort key begins with the prefix, newest first when back is set:
// ids are in order of time. after is the sort key to go on from, or empty; next is the one to go on from later.
func (c Clinic) UnderPage(
	ctx context.Context, of Key, prefix, after string, limit int, back bool,
) ([]Row, string, error) {
	if c.by.Org() == "" {
		return nil, "", errNoCaller
	}
	if !c.reaches(of) {
		return []Row{}, "", nil
	}
	from, to := bounds(prefix, after, back)
	q := between(of.pk, from, to)
	q.TableName = &c.t.name
	q.Limit, q.ScanIndexForward = aws.Int32(int32(limit+1)), aws.Bool(!back) //nolint:gosec // at most a few hundred
	page, err := c.t.db.Query(ctx, q)
	if err != nil {
		return nil, "", readFault(err)
	}
	rows := make([]Row, 0, limit)
	for _, item := range page.Items {
		sk := text(item[attrSK])
		if sk == after { // BETWEEN includes its ends
			continue
		}
		if len(rows) == limit {
			return rows, rows[limit-1].SK, nil
		}
		rows = append(rows, Row{SK: sk, item: item})
	}
	if page.LastEvaluatedKey != nil && len(rows) > 0 {
		return rows, rows[len(rows)-1].SK, nil
	}
	return rows, "", nil
}

// bounds are the sort keys between which a page lies.
func bounds(prefix, after string, back bool) (string, string) {
	from, to := prefix, prefix+"~"
	switch {
	case after != "" && back:
		to = after
	case after != "":
		from = after
	}
	if from == "" {
		from = "!" // DynamoDB compares with no empty text
	}
	return from, to
}

// Lookups lists, in the order of their paths, patients that can be found under the digest by a path that begins with
// prefix. after is what the page before gave as next. It is strongly consistent.
func (c Clinic) Lookups(
	ctx context.Context, digest, prefix, after string, limit int,
) ([]string, string, error) {
	rows, next, err := c.UnderPage(ctx, c.Lookup(digest, "", ""), prefix, after, limit, false)
	if err != nil {
		return nil, "", err
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		_, out[i], _ = strings.Cut(row.SK[strings.LastIndexByte(row.SK, '#'):], "#")
	}
	return out, next, nil
}

func raws(from [][]byte) [][16]byte {
	var out [][16]byte
	for _, raw := range from {
		if len(raw) == 16 {
			out = append(out, [16]byte(raw))
		}
	}
	return out
}
