// Package queue is the edge between the queues and the workers, and the form of the messages in between. Its rules: a
// message either was dealt with or is reported as failed, never dropped in silence; one that fails does not take its
// siblings with it, and comes again soon at first, then ever later; and what is logged of it is ids and codes.
package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/cause"
	"almanac/shared/delay"
	"almanac/shared/event"
	"almanac/shared/fault"
)

// Work is what a worker does about one message, as a job of the organisation that the message is about. A message
// can come several times, late, and after later ones, so the same work twice must be the same as once.
//
// nil and fault.NotFound, which says that the subject is gone and nothing is left to do, take the message off the
// queue; so does an error of what is done without the message, after as many tries as it says (Enough). Any other error
// leaves it there: it comes again, not before the error's RetryAfter if it has one, and after the redrive policy's
// number of times goes to the dead letters; so does one that can never succeed (fault.Invalid, fault.Denied).
type Work func(ctx context.Context, by access.Caller, m event.Message) error

// Handler is what Lambda calls with a batch of messages.
type Handler func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error)

// share is the part of the time there was at first that must be left to begin with a message. Of the 30 seconds that
// a worker has, 10 are more than one message may take.
const share = 3

// Edge is what the edge of every worker needs.
type Edge struct {
	Log *slog.Logger
	// Hide hides messages that failed. Without it they come again when the queue's own visibility runs out.
	Hide Hide
}

// Hide has a queue hide a message that was received until a time between least and most from now. It is drawn at
// random, so that those that failed together do not come back together.
type Hide func(ctx context.Context, rec events.SQSMessage, least, most time.Duration) error

// Each makes the handler of the worker of a queue, which acts as the job. It needs ReportBatchItemFailures in the
// template: without it, Lambda takes the messages that failed for done.
//
// A function that works on several queues, so that what somebody waits for does not wait behind what nobody does, names
// the others too.
func (e Edge) Each(of event.Queue, as access.Role, work Work, also ...event.Queue) Handler {
	w := worker{edge: e, of: append([]event.Queue{of}, also...), as: as, work: work}
	return batched(w.handle)
}

// batched makes the handler of a batch from what deals with one message and tells whether it is done with. late says
// that there is no time left to begin with it.
func batched(handle func(ctx context.Context, rec events.SQSMessage, late bool) bool) Handler {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		deadline, bounded := ctx.Deadline()
		margin := time.Until(deadline) / share
		var res events.SQSEventResponse
		for _, rec := range batch.Records {
			late := ctx.Err() != nil || bounded && time.Until(deadline) < margin
			if !handle(ctx, rec, late) {
				res.BatchItemFailures = append(res.BatchItemFailures,
					events.SQSBatchItemFailure{ItemIdentifier: rec.MessageId})
			}
		}
		return res, nil
	}
}

type worker struct {
	edge Edge
	of   []event.Queue
	as   access.Role
	work Work
}

var (
	errPanic = errors.New("panic")
	errLate  = fault.New(fault.Unavailable, "no_time", "There was no time left for this message.")
)

// handle deals with one message, writes its one log line, and tells whether the message is done with.
func (w worker) handle(ctx context.Context, rec events.SQSMessage, late bool) bool {
	began := time.Now()
	m, err := Decode(rec.Body)
	switch {
	case err != nil:
	case !slices.ContainsFunc(w.of, func(q event.Queue) bool { return slices.Contains(event.Queues(m.Name), q) }):
		err = fault.New(fault.Invalid, unknownName, "This queue is not told of events of this name.")
	case late:
		err = errLate
	default:
		err = w.attempt(patient(ctx, rec), m)
	}
	var about []slog.Attr
	if m.Event != "" {
		about = []slog.Attr{
			slog.String("event", m.Event), slog.String("name", string(m.Name)),
			slog.String("org", m.Org), slog.String("target", m.Target), slog.Int64("sequence", m.Sequence),
		}
	}
	return w.edge.conclude(ctx, string(w.of[0]), rec, began, err, about)
}

// conclude hides a message that comes again, writes its one log line, and tells whether it is done with.
func (e Edge) conclude(
	ctx context.Context, queue string, rec events.SQSMessage, began time.Time, err error, about []slog.Attr,
) bool {
	n := receives(rec)
	outcome, level := judge(err, n)
	line := []slog.Attr{
		slog.String("outcome", outcome), slog.String("queue", queue), slog.String("message", rec.MessageId),
		slog.Int("receives", n), slog.Int64("took_ms", time.Since(began).Milliseconds()),
	}
	line = append(append(line, about...), Why(err)...)
	isDone := outcome == done || outcome == gone || outcome == left
	if !isDone && e.Hide != nil {
		least, most := pause(fault.Of(err), n)
		hidden := slog.Int64("hidden_ms", most.Milliseconds())
		if err := e.Hide(ctx, rec, least, most); err != nil { // then it comes when the queue's visibility runs out
			hidden = slog.Any("not_hidden", cause.Chain(err))
		}
		line = append(line, hidden)
	}
	e.Log.LogAttrs(ctx, level, "message", line...)
	return isDone
}

// patient has the work's own clients call once where the message failed before: its pause is the longer one, and while
// somebody is away, each try more is one more call to them.
func patient(ctx context.Context, rec events.SQSMessage) context.Context {
	if receives(rec) > 1 {
		return delay.Once(ctx)
	}
	return ctx
}

// receives is how often a message was received, this time included.
func receives(rec events.SQSMessage) int {
	n, err := strconv.Atoi(rec.Attributes["ApproximateReceiveCount"])
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// attempt does the work as a job of the message's organisation.
func (w worker) attempt(ctx context.Context, m event.Message) error {
	return guarded(func() error { return w.work(ctx, access.System(m.Org, string(w.as)), m) })
}

// The outcomes of a message.
const (
	done    = "done"
	gone    = "gone"    // there is nothing left that it is about
	again   = "again"   // it comes again
	refused = "refused" // it comes again too, and will be refused again until it is a dead letter
	left    = "left"    // it was tried often enough, and is planned to be done without the message
)

// judge tells what becomes of a message that was received so often.
func judge(err error, receives int) (string, slog.Level) {
	if err == nil {
		return done, slog.LevelInfo
	}
	f := fault.Of(err)
	outcome, level := byKind(f.Kind)
	if outcome != gone && f.Enough > 0 && receives >= f.Enough {
		outcome = left
	}
	return outcome, level
}

// byKind is what becomes of a message by the kind of its error alone.
func byKind(k fault.Kind) (string, slog.Level) {
	switch k {
	case fault.NotFound:
		return gone, slog.LevelInfo
	case fault.Invalid, fault.Denied:
		return refused, slog.LevelError
	case fault.Conflict, fault.Stale, fault.Limited, fault.Unavailable:
		return again, slog.LevelWarn
	case fault.Internal:
		return again, slog.LevelError
	}
	return again, slog.LevelError
}
