package faultproxy_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/faultproxy"
)

// BenchmarkGetItem compares a read straight from the engine with one through the proxy, bare and with rules that do not
// fire.
func BenchmarkGetItem(b *testing.B) {
	tab := newTable(b)
	for range 5000 { // or the first one measured pays for the engine's compiler
		tab.has(b, "a")
	}
	for _, c := range []struct {
		name   string
		client *dynamodb.Client
		rules  []faultproxy.Rule
	}{
		{"direct", tab.direct, nil},
		{"proxy", tab.client, nil},
		{"proxy with rules", tab.client, []faultproxy.Rule{
			{Fault: faultproxy.TransactionConflict, Probability: 0.01},
			{Fault: faultproxy.LostReply, Op: "TransactWriteItems", Probability: 0.01},
			{Fault: faultproxy.InternalError, Contains: "nowhere", Probability: 1},
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			must(b, tab.proxy.Set(1, c.rules...))
			for b.Loop() {
				_, err := c.client.GetItem(b.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")})
				must(b, err)
			}
		})
		b.Run(c.name+" parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, err := c.client.GetItem(b.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkSendMessage(b *testing.B) {
	q := newQueue(b)
	body := "hello"
	for _, c := range []struct {
		name   string
		client *sqs.Client
	}{{"direct", q.direct}, {"proxy", q.client}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				_, err := c.client.SendMessage(b.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: &body})
				must(b, err)
			}
		})
	}
}
