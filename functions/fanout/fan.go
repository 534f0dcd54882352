package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/event"
	"almanac/shared/queue"
	"almanac/shared/relay"
)

type handler func(ctx context.Context, batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error)

// margin is left of Lambda's deadline to answer in: a batch without an answer is read again from its beginning.
const margin = 3 * time.Second

// fan relays a batch of the stream. It reports the first record that failed, and all after it are read again: the
// stream goes on from the lowest number reported, so naming others would change nothing. A record that cannot be
// understood is reported too: the mapping cuts the batch down to it, gives it up after its retries and tells the
// dead-letter queue, while the event itself stands in the outbox, where every sweep will complain of it.
func fan(log *slog.Logger, r *relay.Relay, now func() time.Time) handler {
	return func(ctx context.Context, batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		began := now()
		var messages []event.Message
		for _, rec := range batch.Records {
			if waits(rec) {
				messages = append(messages, message(rec))
			}
		}
		rep := r.Send(ctx, messages)
		res := answer(ctx, log, batch, rep)
		level := slog.LevelInfo
		if len(rep.Failed) > 0 {
			level = slog.LevelError
		} else if len(rep.Unmarked) > 0 {
			level = slog.LevelWarn
		}
		log.LogAttrs(ctx, level, "batch",
			slog.Int("records", len(batch.Records)), slog.Int("sent", rep.Sent), slog.Int("failed", len(rep.Failed)),
			slog.Int("unmarked", len(rep.Unmarked)), slog.Int64("took_ms", now().Sub(began).Milliseconds()))
		return res, nil
	}
}

// answer logs what went wrong and names the first record that failed.
func answer(
	ctx context.Context, log *slog.Logger, batch events.DynamoDBEvent, rep relay.Report,
) events.DynamoDBEventResponse {
	var res events.DynamoDBEventResponse
	for _, rec := range batch.Records {
		if !waits(rec) {
			continue
		}
		m := message(rec)
		ids := []slog.Attr{slog.String("event", m.Event), slog.String("record", rec.Change.SequenceNumber)}
		if err := rep.Unmarked[m.Event]; err != nil { // sent: the sweep takes it off the outbox
			log.LogAttrs(ctx, slog.LevelWarn, "not taken off the outbox", append(ids, queue.Why(err)...)...)
		}
		if err := rep.Failed[m.Event]; err != nil {
			log.LogAttrs(ctx, slog.LevelError, "not relayed", append(ids, queue.Why(err)...)...)
			if len(res.BatchItemFailures) == 0 {
				res.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: rec.Change.SequenceNumber}}
			}
		}
	}
	return res
}

// waits tells whether the record is of a new event that a queue waits for, as the mapping's filter does. A record
// without a readable event that stands in the outbox is one that went wrong, not one to pass over.
func waits(rec events.DynamoDBEventRecord) bool {
	return rec.EventName == string(events.DynamoDBOperationTypeInsert) &&
		strings.HasPrefix(text(rec.Change.NewImage["GPK"]), "OUT#")
}

func message(rec events.DynamoDBEventRecord) event.Message {
	return event.FromAttributes(func(name string) string { return text(rec.Change.NewImage[name]) })
}

// text gives a text or a number; of any other kind of attribute, or one that is absent, nothing.
func text(v events.DynamoDBAttributeValue) string {
	switch v.DataType() { //nolint:exhaustive // the rest gives nothing
	case events.DataTypeString:
		return v.String()
	case events.DataTypeNumber:
		return v.Number()
	default:
		return ""
	}
}
