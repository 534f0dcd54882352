package clinictest

import (
	"context"
	"sync"
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

// Moment lets something happen just before one of the calls to the table that a test makes: with every number of the
// call in turn, before each of them.
type Moment struct {
	mu    sync.Mutex
	left  int
	armed bool
	do    func()
}

// At waits for the n-th call from now on, counted from 1, and then does what is to happen, once.
func (m *Moment) At(n int, do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left, m.armed, m.do = n, true, do
}

// Came tells whether there was such a call, and waits for none any more.
func (m *Moment) Came() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	came := !m.armed
	m.armed = false
	return came
}

// Option puts the Moment before the calls of a client.
func (m *Moment) Option() func(*dynamodb.Options) {
	return Intercept(func(_ context.Context, _ string, send func() error) error {
		if do := m.next(); do != nil {
			do()
		}
		return send()
	})
}

func (m *Moment) next() func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left--
	if !m.armed || m.left != 0 {
		return nil
	}
	m.armed = false
	return m.do
}
