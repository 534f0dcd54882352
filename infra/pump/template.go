package pump

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/cfn"
)

// FromQueueTrigger is the mapping that the template declares. Client, URL, ARN, Region, Invoke and Log are the
// caller's.
func FromQueueTrigger(f cfn.Function, t cfn.QueueTrigger) (Queue, error) {
	filter, err := NewFilter(t.Filters...)
	if err != nil {
		return Queue{}, fmt.Errorf("line %d: %w", t.Line, err)
	}
	return Queue{
		Function: f.ID, BatchSize: t.BatchSize, Window: t.Window, MaximumConcurrency: t.MaximumConcurrency,
		ReportFailures: t.ReportFailures, Filter: filter, Disabled: !t.Enabled,
	}, nil
}

// FromStreamTrigger is the mapping that the template declares. Client, ARN, Region, Invoke, OnFailure, Now and Log
// are the caller's; so is the queue that t.OnFailure names.
func FromStreamTrigger(f cfn.Function, t cfn.StreamTrigger) (Stream, error) {
	filter, err := NewFilter(t.Filters...)
	if err != nil {
		return Stream{}, fmt.Errorf("line %d: %w", t.Line, err)
	}
	return Stream{
		Function: f.ID, StartingPosition: t.StartingPosition, BatchSize: t.BatchSize, Window: t.Window, Filter: filter,
		Bisect: t.Bisect, MaxRetries: t.MaxRetries, MaxAge: t.MaxAge, ReportFailures: t.ReportFailures,
		Disabled: !t.Enabled,
	}, nil
}

// FromSchedule is the schedule that the template declares. The scheduler invokes asynchronously, so retries and age are
// those of the function's asynchronous invocations. OnFailure is the caller's; f.Async.OnFailure names its queue.
func FromSchedule(f cfn.Function, s cfn.Schedule) Schedule {
	return Schedule{
		Name: s.Name, Function: f.ID, Expression: s.Expression, Zone: s.Zone, Input: s.Input,
		Retries: f.Async.MaxRetries, MaxAge: f.Async.MaxAge, Disabled: !s.Enabled,
	}
}

// SendTo is an OnFailure that sends to the queue.
func SendTo(client *sqs.Client, url string) func(ctx context.Context, message []byte) error {
	return func(ctx context.Context, message []byte) error {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: aws.String(url), MessageBody: aws.String(string(message)),
		})
		return err
	}
}
