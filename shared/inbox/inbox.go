// Package inbox keeps what outside services tell until a worker takes it. Its rule: what was put here is on a queue
// that does not lose it, or the service is told that it was not taken and tells it again.
package inbox

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/shared/fault"
)

// Inbox is one queue. It is safe for concurrent use.
type Inbox struct {
	sqs *sqs.Client
	url string
}

// New makes an Inbox that reaches its queue at the URL.
func New(cfg aws.Config, url string) *Inbox {
	return &Inbox{sqs: sqs.NewFromConfig(cfg), url: url}
}

// Put puts messages into the queue, in order. When one was not taken it is fault.Unavailable, and those before it may
// be there twice once all are put again.
func (i *Inbox) Put(ctx context.Context, bodies ...string) error {
	for _, body := range bodies {
		_, err := i.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &i.url, MessageBody: aws.String(body)})
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "queue_unavailable", "It could not be taken. Tell it again.")
		}
	}
	return nil
}
