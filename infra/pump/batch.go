package pump

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"almanac/infra/lambdahost"
)

// Conditions under which a batch is given up, in Lambda's words.
const (
	retriesSpent = "RetryAttemptsExhausted"
	tooOld       = "RecordAgeExceeded"
)

// handle brings a batch to its end: every record succeeded or was given up. It is false if ctx ended before.
//
// A failure of the whole batch halves it, where Bisect is set and it has more than one record. A report of failed
// records leaves those from the first of them on; if that is the very first, the batch is halved all the same, or a
// record that always fails would drag down all behind it. Neither counts as a retry, as Lambda has it: only a batch
// that is tried again as it was does.
func (r *reader) handle(ctx, long context.Context, batch []*record) bool {
	for attempt := 0; ; attempt++ {
		var ok bool
		if batch, ok = r.passOver(ctx, batch); !ok || len(batch) == 0 {
			return ok
		}
		left, err := r.try(long, batch)
		switch {
		case err == nil:
			return true
		case len(left) < len(batch):
			batch, attempt = left, -1
			continue
		case r.Bisect && len(batch) > 1:
			half := len(batch) / 2
			return r.handle(ctx, long, batch[:half]) && r.handle(ctx, long, batch[half:])
		case r.MaxRetries >= 0 && attempt >= r.MaxRetries:
			return r.giveUp(ctx, batch, retriesSpent, attempt+1, err)
		}
		r.Log.LogAttrs(ctx, slog.LevelWarn, "batch failed", slog.Int("records", len(batch)),
			slog.Int("attempt", attempt+1), slog.Any("error", err))
		if !sleep(ctx, backoff(r.RetryDelay, 10*time.Second, attempt)) {
			return false
		}
	}
}

// try invokes the function and returns what is left to do.
func (r *reader) try(ctx context.Context, batch []*record) ([]*record, error) {
	answer, err := r.Invoke(ctx, r.Function, payload(batch))
	if err != nil || !r.ReportFailures {
		return batch, err
	}
	place := map[string]int{}
	for i, x := range batch {
		place[x.Change.SequenceNumber] = i
	}
	ids, all := failures(answer, func(id string) bool { _, ok := place[id]; return ok })
	if all {
		return batch, errPartial
	}
	if len(ids) == 0 {
		return nil, nil
	}
	first := len(batch)
	for _, id := range ids {
		first = min(first, place[id])
	}
	return batch[first:], errPartial
}

// payload is the event; the records were encoded when they came.
func payload(batch []*record) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, x := range batch {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(x.encoded)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// passOver gives up the records at the head that have grown too old. It is false if ctx has ended.
func (r *reader) passOver(ctx context.Context, batch []*record) ([]*record, bool) {
	if r.MaxAge <= 0 || ctx.Err() != nil {
		return batch, ctx.Err() == nil
	}
	n := 0
	for n < len(batch) && r.Now().Sub(batch[n].created) > r.MaxAge {
		n++
	}
	if n > 0 && !r.giveUp(ctx, batch[:n], tooOld, 0, nil) {
		return batch, false
	}
	return batch[n:], true
}

// giveUp tells the failure queue where in the stream the batch is. It goes on trying to, as nothing else will remember.
func (r *reader) giveUp(ctx context.Context, batch []*record, condition string, attempts int, cause error) bool {
	r.Log.LogAttrs(ctx, slog.LevelError, "batch given up", slog.Int("records", len(batch)),
		slog.String("condition", condition), slog.Any("error", cause))
	if r.OnFailure == nil {
		return true
	}
	message, err := json.Marshal(r.notice(batch, condition, attempts, cause))
	if err != nil {
		r.Log.LogAttrs(ctx, slog.LevelError, "encode", slog.Any("error", err))
		return true
	}
	for attempt := 0; ; attempt++ {
		if err = r.OnFailure(ctx, message); err == nil {
			return true
		}
		r.Log.LogAttrs(ctx, slog.LevelError, "on-failure queue", slog.Any("error", err))
		if !sleep(ctx, backoff(100*time.Millisecond, 10*time.Second, attempt)) {
			return false
		}
	}
}

// notice is what Lambda sends to a failure queue: where the records are, not what they hold.
type notice struct {
	RequestContext  requestContext   `json:"requestContext"`
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	Batch           batchInfo        `json:"DDBStreamBatchInfo"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Attempts    int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

type batchInfo struct {
	ShardID   string `json:"shardId"`
	Start     string `json:"startSequenceNumber"`
	End       string `json:"endSequenceNumber"`
	First     string `json:"approximateArrivalOfFirstRecord"`
	Last      string `json:"approximateArrivalOfLastRecord"`
	BatchSize int    `json:"batchSize"`
	StreamARN string `json:"streamArn"`
}

func (r *reader) notice(batch []*record, condition string, attempts int, cause error) notice {
	const layout = "2006-01-02T15:04:05.000Z"
	first, last := batch[0], batch[len(batch)-1]
	n := notice{
		RequestContext: requestContext{
			FunctionARN: fmt.Sprintf("arn:aws:lambda:%s:000000000000:function:%s", r.Region, r.Function),
			Condition:   condition, Attempts: attempts,
		},
		Version: "1.0", Timestamp: r.Now().UTC().Format(layout),
		Batch: batchInfo{
			ShardID: r.shard, Start: first.Change.SequenceNumber, End: last.Change.SequenceNumber,
			First: first.created.UTC().Format(layout), Last: last.created.UTC().Format(layout), BatchSize: len(batch),
			StreamARN: r.ARN,
		},
	}
	if failed, ok := errors.AsType[*lambdahost.FunctionError](cause); ok {
		n.RequestContext.RequestID = failed.RequestID
		n.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"}
	} else if cause != nil {
		n.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST"}
	}
	return n
}
