package table

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/fault"
)

// Bucket is a limit on how often the same stranger may ask for the same: so many times in every window.
type Bucket struct {
	Name   string // what is counted, such as "visit-address"
	Most   int
	Window time.Duration
}

// Buckets counts what strangers ask for, across all instances of all functions. A counter is one item outside every
// organisation's slice, of one window, which the table removes by itself. Who asked stands in it as a keyed digest that
// is another one in every window, so that a counter tells nothing of anybody and no two can be linked; the key lies in
// the table of keys, of which no backup lasts. It is safe for concurrent use.
//
//	item     PK                     SK       attributes
//	counter  BUCKET#<digest>        BUCKET   n, ttl
//	key      BUCKET (table of keys) KEY      k
type Buckets struct {
	t   *Table
	now func() time.Time

	mu  sync.Mutex
	key []byte
}

// Buckets gives the counters.
func (t *Table) Buckets(now func() time.Time) *Buckets { return &Buckets{t: t, now: now} }

const (
	attrCount = "n"
	bucketKey = "k"
	bucketPK  = "BUCKET"
)

// Take counts one request. When the bucket is empty it is fault.Limited with the time until the next window, and
// without the table fault.Unavailable: a limit that cannot be kept lets nobody through.
func (b *Buckets) Take(ctx context.Context, of Bucket, who string) error {
	key, err := b.secret(ctx)
	if err != nil {
		return err
	}
	now := b.now()
	ends := now.Truncate(of.Window).Add(of.Window)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(of.Name + "\x00" + strconv.FormatInt(ends.Unix(), 10) + "\x00" + who))
	at := Key{pk: bucketPK + "#" + hex.EncodeToString(mac.Sum(nil)[:16]), sk: bucketPK}
	_, err = b.t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &b.t.name, Key: at.attributes(),
		UpdateExpression:         aws.String("ADD #n :one SET #ttl = :ttl"),
		ConditionExpression:      aws.String("attribute_not_exists(#n) OR #n < :most"),
		ExpressionAttributeNames: map[string]string{"#n": attrCount, "#ttl": attrTTL},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":one": num(1), ":most": num(int64(of.Most)), ":ttl": num(ends.Unix()),
		},
	})
	if _, full := errors.AsType[*types.ConditionalCheckFailedException](err); full {
		e := fault.New(fault.Limited, "busy", "That was too often. Come back later.")
		e.RetryAfter = time.Duration(math.Ceil(ends.Sub(now).Seconds())) * time.Second
		return e
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// secret gives the key of the digests. Whoever comes first makes it; it is read once in a process's life.
func (b *Buckets) secret(ctx context.Context) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.key != nil {
		return b.key, nil
	}
	at := Key{pk: bucketPK, sk: "KEY"}
	for range 2 {
		out, err := b.t.db.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &b.t.keys, Key: at.attributes(), ConsistentRead: aws.Bool(true),
		})
		if err != nil {
			return nil, unavailable(err)
		}
		if k, ok := out.Item[bucketKey].(*types.AttributeValueMemberB); ok {
			b.key = k.Value
			return b.key, nil
		}
		fresh := make([]byte, sha256.Size)
		_, _ = rand.Read(fresh) // never fails
		item := at.attributes()
		item[bucketKey] = &types.AttributeValueMemberB{Value: fresh}
		_, err = b.t.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &b.t.keys, Item: item, ConditionExpression: aws.String("attribute_not_exists(PK)"),
		})
		if _, other := errors.AsType[*types.ConditionalCheckFailedException](err); err != nil && !other {
			return nil, unavailable(err)
		}
	}
	return nil, unavailable(errors.New("no key for counters"))
}
