// Package pump brings events to functions, as Lambda's event source mappings and EventBridge Scheduler do: messages of
// queues, records of a table's stream, and the time.
//
// Its rule: a source does what the template says and AWS documents, no more. A message is deleted only when its
// function reported success; a record is passed over only when its retries or its age are spent, and then a queue
// hears of it.
package pump

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"
)

const (
	maxPayload = 6 << 20                 // of an invocation
	grace      = 1500 * time.Millisecond // what an invocation may take once its source is told to stop
)

// Invoke calls a function; see lambdahost.
type Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)

// errPartial is why a batch is tried again though its function returned no error.
var errPartial = errors.New("the function reported failures")

// failures reads what a function with ReportBatchItemFailures returned: the messages that failed. It is true if the
// whole batch failed: the answer is not JSON, or an identifier is missing, empty, or none of the batch's. No answer,
// null, or an empty list is success.
func failures(answer []byte, known func(id string) bool) ([]string, bool) {
	answer = bytes.TrimSpace(answer)
	if len(answer) == 0 {
		return nil, false
	}
	var r struct {
		Items []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return nil, true
	}
	var ids []string
	for _, item := range r.Items {
		if item.ID == nil || !known(*item.ID) {
			return nil, true
		}
		ids = append(ids, *item.ID)
	}
	return ids, false
}

// outlive gives a context that lives on for a while when ctx ends, so that what has begun can end well.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return long, func() { stop(); cancel() }
}

// sleep waits; it is false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff doubles from start up to limit.
func backoff(start, limit time.Duration, attempt int) time.Duration {
	for range attempt {
		if start >= limit {
			break
		}
		start *= 2
	}
	return min(start, limit)
}

func orSilent(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
