package clinictest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Erase destroys a patient's data key and diary in one step, as erasing somebody does, and leaves all else: what was
// sealed with the key can be read no more.
func (c *Clinic) Erase(tb testing.TB, patient string) {
	tb.Helper()
	pk := "T#" + c.Org + "#" + patient
	var items []types.TransactWriteItem
	for name, sk := range map[string]string{c.KeyName: "KEY", c.Name: "DIARY"} {
		items = append(items, types.TransactWriteItem{Delete: &types.Delete{
			TableName: &name, ConditionExpression: aws.String("attribute_exists(PK)"),
			Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
			},
		}})
	}
	_, err := client(tb).TransactWriteItems(tb.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: items})
	if err != nil {
		tb.Fatalf("erase a patient: %v", err)
	}
}

// Items counts what is in both tables.
func (h *House) Items(tb testing.TB) int {
	tb.Helper()
	n, db := 0, client(tb)
	for _, name := range []string{h.Name, h.KeyName} {
		pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &name, ConsistentRead: aws.Bool(true)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(tb.Context())
			if err != nil {
				tb.Fatalf("count the items: %v", err)
			}
			n += len(page.Items)
		}
	}
	return n
}
