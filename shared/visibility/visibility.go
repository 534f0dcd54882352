// Package visibility has a queue hide a message until it is to come again. Its rules: when a message comes back is
// drawn at random, so that those that failed together do not come back together; and whoever cannot hide one has lost
// nothing, because the queue's own visibility stays in force.
package visibility

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/shared/app"
	"almanac/shared/queue"
)

// Queues are those that a function works on. It is safe for concurrent use.
type Queues struct {
	sqs  *sqs.Client
	urls []string
}

// New makes Queues that are reached at the URLs.
func New(cfg aws.Config, urls ...string) *Queues {
	return &Queues{sqs: sqs.NewFromConfig(cfg), urls: urls}
}

// Edge is the edge of a worker's main, with the queues that the worker was given.
func Edge(a *app.App) queue.Edge {
	return queue.Edge{Log: a.Log, Hide: New(a.Config("SQS"), app.Must(a.WorkQueues())...).Hide}
}

// longest is for how long a message can be hidden from now on. SQS hides one for twelve hours at the most, counted from
// when it was received, and of that a function has used what it takes to fail.
const longest = 12*time.Hour - 10*time.Minute

// patience is how long is waited for SQS, or for half of the time that is left: the siblings of the message wait as
// well, and what became of them must still be told.
const patience = 2 * time.Second

// Hide hides a message that was received for a time between least and most.
func (q *Queues) Hide(ctx context.Context, rec events.SQSMessage, least, most time.Duration) error {
	url, err := q.of(rec)
	if err != nil {
		return err
	}
	wait := patience
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_, err = q.sqs.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: &rec.ReceiptHandle, VisibilityTimeout: seconds(least, most),
	})
	if err != nil {
		return fmt.Errorf("hide a message: %w", err)
	}
	return nil
}

// seconds draws a time. SQS knows whole seconds only, and what somebody asked for as least is not cut short but where
// it is longer than SQS can hide a message; then, too, those that failed together come back apart.
func seconds(least, most time.Duration) int32 {
	spread := min(max(most-least, 0), longest)
	least = min(max(least, 0), longest-spread)
	if spread > 0 {
		least += rand.N(spread) //nolint:gosec // spreads load only
	}
	return int32((least + time.Second - 1) / time.Second)
}

var errUnknown = errors.New("the message is of a queue whose address is not known")

// of is the URL of the queue that a message came from. The message has the ARN, which ends with the same name.
func (q *Queues) of(rec events.SQSMessage) (string, error) {
	name := rec.EventSourceARN[strings.LastIndex(rec.EventSourceARN, ":")+1:]
	for _, url := range q.urls {
		if name != "" && strings.HasSuffix(url, "/"+name) {
			return url, nil
		}
	}
	return "", errUnknown
}
