package table

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Pointer says whose something from outside is, such as a user's account at a provider: which organisation's, and the
// id of the record there. It stands outside every organisation's slice, because what comes from outside does not say
// whom it is for, and because the same account must not be two organisations'.
type Pointer struct {
	Org string `dynamodbav:"org"`
	Ref string `dynamodbav:"ref"`
	// Subject is the person whose account it is.
	Subject string `dynamodbav:"sub,omitempty"`
	Version int64  `dynamodbav:"v"`
}

const pointers = "X#"

// Pointer is the key of a pointer. An organisation may write only one that is new or its own: the table checks both in
// the transaction.
func (c Clinic) Pointer(kind, name string) Key { return pointerKey(kind, name) }

func pointerKey(kind, name string) Key { return Key{pk: pointers + kind + "#" + name, sk: "WHOSE"} }

func (k Key) points() bool { return strings.HasPrefix(k.pk, pointers) }

// WhoseIs reads a pointer, strongly consistent. One that there is not is fault.NotFound.
func (t *Table) WhoseIs(ctx context.Context, kind, name string) (Pointer, error) {
	var p Pointer
	k := pointerKey(kind, name)
	if len(k.pk) > maxPK {
		return p, gone()
	}
	out, err := t.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, Key: k.attributes(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return p, readFault(err)
	}
	if out.Item == nil {
		return p, gone()
	}
	return p, attributevalue.UnmarshalMap(out.Item, &p)
}

// mine narrows the condition of a write to a pointer to those that are the caller's organisation's.
func (c Clinic) mine(it Item, cond string, values map[string]types.AttributeValue) string {
	if !it.Key.points() || it.New {
		return cond
	}
	values[":org"] = &types.AttributeValueMemberS{Value: c.by.Org()}
	return cond + " AND org = :org"
}

// pointed tells whether a pointer that is to be written names the caller's own organisation.
func (c Clinic) pointed(it Item) bool {
	if !it.Key.points() || it.Delete || it.Check {
		return true
	}
	p, ok := it.Value.(Pointer)
	return ok && p.Org == c.by.Org() && c.by.Org() != ""
}
