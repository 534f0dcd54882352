package table

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"almanac/shared/delay"
	"almanac/shared/fault"
)

const (
	maxRetries  = 5
	firstDelay  = 10 * time.Millisecond
	longestWait = 160 * time.Millisecond
	retryAfter  = time.Second
)

// backOff waits before a further try, so that those who collided once do not collide again.
func (t *Table) backOff(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return nil
	}
	if err := t.sleep(ctx, delay.Drawn(attempt, firstDelay, longestWait)); err != nil {
		return unavailable(err)
	}
	return nil
}

func unavailable(cause error) *fault.Error {
	e := fault.Wrap(cause, fault.Unavailable, "busy",
		"The diary is too busy to answer just now. Try again in a moment with the same Idempotency-Key.")
	e.RetryAfter = retryAfter
	return e
}

// readFault judges an error of a read. A read that the table does not understand will never succeed.
func readFault(err error) error {
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) && apiErr.ErrorCode() == "ValidationException" {
		return fault.Wrap(err, fault.Internal, "internal", "Something went wrong on our side.")
	}
	return unavailable(err)
}

// writeFault judges an error that is no cancelled transaction.
func writeFault(err error) (int, error) {
	var conflict *types.TransactionConflictException
	var apiErr smithy.APIError
	switch {
	case errors.As(err, &conflict):
		return maxRetries, unavailable(err)
	case errors.As(err, &apiErr) && apiErr.ErrorCode() == "ValidationException":
		return 0, fault.Wrap(err, fault.Internal, "internal", "Something went wrong on our side. Nothing was changed.")
	}
	// A reply was lost, cut short or came as a server error, and the SDK's own tries are over or, for a reply cut
	// short, were never made: whether it was carried out is unknown, and the same token asks, once. Each of our tries
	// can be several of the SDK's, and a table in trouble must not get many times the calls it had.
	if apiErr != nil && apiErr.ErrorFault() != smithy.FaultServer {
		return 1, unavailable(err) // refused, as by throttling: it was not carried out
	}
	return 1, unknown(err)
}

// unknown is the refusal of a write of which nobody can tell whether it was carried out.
func unknown(cause error) *fault.Error {
	e := fault.Wrap(cause, fault.Unavailable, "outcome_unknown",
		"It is not known whether this was carried out. Send the same request again with the same Idempotency-Key.")
	e.RetryAfter = retryAfter
	return e
}
