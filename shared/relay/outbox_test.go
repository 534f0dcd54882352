package relay_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/event"
	"almanac/shared/id"
)

// malformed puts events without an organisation into one shard of the outbox, as no code of ours would, and names it.
func (b *bench) malformed(t *testing.T, n int) string {
	t.Helper()
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() { b.item(t, "OUT#4", map[string]string{"name": string(event.AppointmentBooked)}) })
	}
	wait.Wait()
	return "OUT#4"
}

// happenIn puts sound events into a shard.
func (b *bench) happenIn(t *testing.T, shard string, n int) {
	t.Helper()
	for range n {
		b.item(t, shard, map[string]string{"name": string(event.AppointmentBooked), "org": b.org})
	}
}

func (b *bench) item(t *testing.T, shard string, more map[string]string) {
	t.Helper()
	evt, apt := id.New("evt"), id.New("apt")
	item := map[string]types.AttributeValue{}
	for k, v := range map[string]string{
		"PK": fmt.Sprintf("T#%s#%s", b.org, apt), "SK": "EVT#" + evt, "GPK": shard, "GSK": evt, "id": evt, "tgt": apt,
	} {
		item[k] = &types.AttributeValueMemberS{Value: v}
	}
	for k, v := range more {
		item[k] = &types.AttributeValueMemberS{Value: v}
	}
	if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Name, Item: item}); err != nil {
		t.Error(err)
	}
}
