package table_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
)

// TestHalfAChangeIsReadAgain shows a raised guard beside the row as it was before, as a query on AWS may see it.
func TestHalfAChangeIsReadAgain(t *testing.T) {
	c := clinictest.New(t).Found(t)
	k := c.Table.For(c.By(t, clinictest.Manager))
	site := "SIT#" + c.Site.ID
	raise := func(sk, update string, values map[string]types.AttributeValue) {
		_, err := c.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &c.Name, UpdateExpression: aws.String(update), ExpressionAttributeValues: values,
			Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: "T#" + c.Org + "#CONF"},
				"SK": &types.AttributeValueMemberS{Value: sk},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	two := &types.AttributeValueMemberN{Value: "2"}
	raise("!G#0", "SET v = :two, c = :c", map[string]types.AttributeValue{
		":two": two, ":c": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{site: two}},
	})
	if _, err := k.Configuration(t.Context(), clinictest.Monday()); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("a change that never shows is %v", err)
	}
	done := make(chan error)
	began := time.Now()
	go func() {
		_, err := k.Configuration(t.Context(), clinictest.Monday())
		done <- err
	}()
	time.Sleep(100 * time.Millisecond)
	raise(site, "SET v = :two", map[string]types.AttributeValue{":two": two})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("the configuration was told after %v, before it was whole", took)
	}
}
