package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// The broken variant is how diaries are often written: it looks whether the time is free, and then writes. If the
// check did not catch it, the check would be worth nothing.

// brokenService is the diary over a table whose claims have lost their conditions.
func (h *house) brokenService(newID id.Source) *booking.Service {
	db := client(h.server.URL(), options{clients: 1, workers: 1}, func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			step := middleware.InitializeMiddlewareFunc("unconditional", unconditional)
			return stack.Initialize.Add(step, middleware.Before)
		})
	})
	return booking.New(h.open(db), h.dir, h.clock.now, newID)
}

func unconditional(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	if tx, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput); ok {
		stripped := *tx
		stripped.TransactItems = slices.Clone(tx.TransactItems)
		for i, item := range stripped.TransactItems {
			if item.Update != nil {
				stripped.TransactItems[i].Update = withoutCondition(*item.Update)
			}
		}
		in.Parameters = &stripped
	}
	return next.HandleInitialize(ctx, in)
}

// withoutCondition also drops the names and values that only the condition used, which DynamoDB would refuse.
func withoutCondition(up types.Update) *types.Update {
	up.ConditionExpression = nil
	words := strings.FieldsFunc(*up.UpdateExpression, func(r rune) bool { return r == ' ' || r == ',' })
	up.ExpressionAttributeValues = maps.Clone(up.ExpressionAttributeValues)
	for name := range up.ExpressionAttributeValues {
		if !slices.Contains(words, name) {
			delete(up.ExpressionAttributeValues, name)
		}
	}
	up.ExpressionAttributeNames = maps.Clone(up.ExpressionAttributeNames)
	for name := range up.ExpressionAttributeNames {
		if !slices.Contains(words, name) {
			delete(up.ExpressionAttributeNames, name)
		}
	}
	if len(up.ExpressionAttributeValues) == 0 {
		up.ExpressionAttributeValues = nil
	}
	return &up
}

// lookFirst reads whether the time is free, and gives the refusal if it is not.
func (w *worker) lookFirst(ctx context.Context, in input) (output, bool, error) {
	if in.kind != book && in.kind != hold && in.kind != move && in.kind != bookHeld {
		return output{}, false, nil
	}
	if in.kind == move || in.kind == bookHeld {
		return w.lookAround(ctx, in)
	}
	return w.free(ctx, in, "")
}

// lookAround finds out what a move or the booking of a hold is about: its service, and for a move its patient.
func (w *worker) lookAround(ctx context.Context, in input) (output, bool, error) {
	k := w.h.table.For(w.h.by)
	key := k.Appointment(in.id)
	if in.kind == bookHeld {
		key = k.Hold(in.id)
	}
	var got booking.Hold // an appointment has what matters of it
	if err := k.Get(ctx, key, &got); err != nil {
		return output{}, false, nil //nolint:nilerr // the diary itself will say what is wrong
	}
	in.service = slices.IndexFunc(w.h.services, func(s clinic.Service) bool { return s.ID == got.ServiceID })
	if in.kind == move {
		in.patient = slices.Index(w.h.patients, got.PatientID)
	} else {
		in.practitioner = slices.Index(w.h.practitioners, got.PractitionerID)
		in.start = int(table.TickOf(got.Start) - w.at(in.day, 0))
	}
	return w.free(ctx, in, in.id)
}

// free tells whether everything is free but for what the record has itself.
func (w *worker) free(ctx context.Context, in input, own string) (output, bool, error) {
	shape := w.rules.shapes[in.service]
	start := w.at(in.day, in.start)
	core := table.Span{From: start, To: start + table.Tick(shape.length)}
	full := table.Span{From: core.From - table.Tick(shape.before), To: core.To + table.Tick(shape.after)}
	refusal := output{outcome: table.TimeTaken().Code}
	needed := map[string]string{w.h.practitioners[in.practitioner]: booking.PractitionerBusy}
	for _, room := range shape.rooms {
		needed[w.h.rooms[room]] = booking.RoomBusy
	}
	for resource, reason := range needed {
		got, err := w.days(ctx, resource, full)
		if err != nil {
			return output{}, false, err
		}
		if w.busy(got, full, own) {
			refusal.reasons = append(refusal.reasons, reason)
		}
	}
	if in.patient >= 0 {
		got, err := w.diary(ctx, w.h.patients[in.patient])
		if err != nil {
			return output{}, false, err
		}
		if w.busy(got, core, own) {
			refusal.reasons = append(refusal.reasons, booking.PatientBusy)
		}
	}
	return refusal, len(refusal.reasons) > 0, nil
}

func (w *worker) busy(o table.Occupancy, over table.Span, own string) bool {
	return slices.ContainsFunc(o.Taken, func(t table.Tenure) bool {
		mine := own != "" && t.HeldBy(raw(own))
		return over.From <= t.Tick && t.Tick < over.To && t.Counts(w.h.clock.now()) && !mine
	})
}

func (w *worker) diary(ctx context.Context, patient string) (table.Occupancy, error) {
	for {
		got, err := w.h.table.For(w.h.by).DiaryOf(ctx, patient)
		if !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return got, err
		}
	}
}
