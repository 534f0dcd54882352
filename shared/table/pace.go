package table

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/fault"
)

// Pace is one queue for the calls that all functions and all organisations make to a service that counts them together.
// It is one item outside every organisation's slice, which holds when the next call may be made: whoever wants to call
// moves that instant on by one distance, in one conditional update without reading first, and waits until it comes
// (the generic cell rate algorithm, by reservation). It is safe for concurrent use.
//
//	item   PK           SK     attributes
//	pace   PACE#<name>  PACE   all, background: the next free instants, in milliseconds
type Pace struct {
	t    *Table
	name string
	now  func() time.Time
}

// Pace gives the queue of a service, by name. now is the computer's own clock: a clock that people set would let calls
// through at once, or none for years.
func (t *Table) Pace(name string, now func() time.Time) *Pace {
	return &Pace{t: t, name: name, now: now}
}

const (
	// distance is between two calls. Six calls span five distances: with no call later than latest after its place,
	// they take more than a second, so that no second, wherever it begins, has more than five calls in it.
	distance = 206 * time.Millisecond
	latest   = 20 * time.Millisecond
	// apart is between two calls that nobody waits for: four a second at the most, so that a fifth of all places is
	// always left for people.
	apart = 256 * time.Millisecond
	// How far ahead a place is taken. Whoever would have to wait for longer comes back later.
	horizon       = 10 * time.Second
	behindHorizon = 8 * time.Second
)

// The attributes of the two rows of places.
const (
	paceAll        = "all"
	paceBackground = "background"
)

// Wait waits for the next place. Who is not waiting for an answer himself first takes a place in the slower row of such
// calls, so that however many they are people get through. When the row is too long it is fault.Limited with the time
// after which to come back, and no place is taken.
func (p *Pace) Wait(ctx context.Context, waiting bool) error {
	for {
		if !waiting {
			if _, err := p.take(ctx, paceBackground, apart, behindHorizon); err != nil {
				return err
			}
		}
		at, err := p.take(ctx, paceAll, distance, horizon)
		if err != nil {
			return err
		}
		// Who was held up and comes late would be too near to the next: the place is lost, and another one taken, in
		// both rows, or calls that nobody waits for would take more than their share.
		if p.now().Sub(at) <= latest {
			return nil
		}
	}
}

// take takes the next place of a row, waits for it, and gives its instant.
func (p *Pace) take(ctx context.Context, row string, step, within time.Duration) (time.Time, error) {
	at, err := p.reserve(ctx, row, step, within)
	if err != nil {
		return at, err
	}
	return at, p.until(ctx, at)
}

// Hold keeps everybody back for a while: the service said that it had too many calls.
func (p *Pace) Hold(ctx context.Context, d time.Duration) error {
	_, err := p.reserve(ctx, paceAll, d, horizon)
	return err
}

func (p *Pace) until(ctx context.Context, at time.Time) error {
	if err := p.t.sleep(ctx, at.Sub(p.now())); err != nil {
		return unavailable(err)
	}
	return nil
}

// reserve takes the next place of a row and gives its instant. Each of its updates either takes a place or fails
// because another one took it meanwhile, so some call always gets on.
func (p *Pace) reserve(ctx context.Context, row string, step, within time.Duration) (time.Time, error) {
	for free := false; ; {
		now := p.now().UnixMilli()
		update, condition := "SET #r = #r + :step", "#r BETWEEN :now AND :far" // there is a row: behind its end
		values := map[string]types.AttributeValue{
			":step": num(step.Milliseconds()), ":now": num(now), ":far": num(now + within.Milliseconds()),
		}
		if free { // there was none when we looked: a new one begins now
			update, condition = "SET #r = :next", "attribute_not_exists(#r) OR #r < :now"
			values = map[string]types.AttributeValue{":now": num(now), ":next": num(now + step.Milliseconds())}
		}
		out, err := p.t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &p.t.name, Key: Key{pk: "PACE#" + p.name, sk: "PACE"}.attributes(),
			UpdateExpression: &update, ConditionExpression: &condition,
			ExpressionAttributeNames: map[string]string{"#r": row}, ExpressionAttributeValues: values,
			ReturnValues:                        types.ReturnValueUpdatedNew,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
			next := number(refused.Item[row])
			if next > now+within.Milliseconds() {
				return time.Time{}, p.tooMany(time.Duration(next-now)*time.Millisecond - within)
			}
			free = next < now
			continue
		}
		if err != nil {
			return time.Time{}, unavailable(err)
		}
		return time.UnixMilli(number(out.Attributes[row]) - step.Milliseconds()), nil
	}
}

// tooMany is the refusal of a place that is too far ahead.
func (p *Pace) tooMany(after time.Duration) error {
	e := fault.New(fault.Limited, "busy", "Too many calls wait for this service. Come back later.")
	e.RetryAfter = max(after, time.Second)
	return e
}
