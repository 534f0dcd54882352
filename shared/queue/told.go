package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Told makes the handler of the worker of a queue into which something from outside is put, so that its messages are no
// events of ours and no organisation stands in them. name is the queue's, for the log; decode reads a message, and
// about gives the codes that stand in the log for it, never what somebody wrote. What work answers means the same as
// that of Work.
func Told[T any](
	e Edge, name string, decode func(body string) (T, error), about func(T) []slog.Attr,
	work func(ctx context.Context, told T) error,
) Handler {
	return batched(func(ctx context.Context, rec events.SQSMessage, late bool) bool {
		began := time.Now()
		m, err := decode(rec.Body)
		var codes []slog.Attr
		if err == nil {
			codes = about(m)
			err = errLate
			if !late {
				err = guarded(func() error { return work(patient(ctx, rec), m) })
			}
		}
		return e.conclude(ctx, name, rec, began, err, codes)
	})
}

// guarded does the work and turns a panic into an error, so that it costs one message and not the batch.
func guarded(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Panicked(p)
		}
	}()
	return work()
}
