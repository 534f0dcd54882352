package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"almanac/shared/connection"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// The wrongly built variants lack one thing each that the product has. If the check of a case did not catch its own,
// the check would be worth nothing.

// blind is a provider that never finds what was made: whoever asks for a room makes another one.
type blind struct{ video.Provider }

// Upcoming lists nothing.
func (blind) Upcoming(context.Context, video.Host) ([]video.Room, error) { return nil, nil }

// All lists nothing either.
func (blind) All(context.Context, video.Host) ([]video.Room, error) { return nil, nil }

// believing is a provider that tells what it knew, without looking: the first that it read of a room.
type believing struct {
	video.Provider
	read map[string]video.Room
}

// Get gives a room as it was read first.
func (b believing) Get(ctx context.Context, h video.Host, ref string) (video.Room, error) {
	if room, ok := b.read[ref]; ok {
		return room, nil
	}
	room, err := b.Provider.Get(ctx, h, ref)
	if err == nil {
		b.read[ref] = room
	}
	return room, err
}

// Upcoming lists no rooms, so that nothing else is noticed either.
func (b believing) Upcoming(context.Context, video.Host) ([]video.Room, error) { return nil, nil }

// together gives all accounts one name, so that the failures of one close the way for all.
func together(s *connection.Store) zoom.Tokens {
	return func(ctx context.Context, h video.Host, rejected string) (zoom.Access, error) {
		a, err := s.Token(ctx, h, rejected)
		a.Account = "all"
		return a, err
	}
}

// spoil lets the table take transactions without some of their conditions.
func (w *world) spoil(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		step := middleware.InitializeMiddlewareFunc("spoil", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			tx, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput)
			if ok && w.strip != nil {
				stripped := *tx
				stripped.TransactItems = nil
				for _, it := range tx.TransactItems {
					if it, keep := w.strip(it); keep {
						stripped.TransactItems = append(stripped.TransactItems, it)
					}
				}
				in.Parameters = &stripped
			}
			return next.HandleInitialize(ctx, in)
		})
		return stack.Initialize.Add(step, middleware.Before)
	})
}

// unconditional takes the conditions off what is written under a sort key.
func unconditional(sk string) func(types.TransactWriteItem) (types.TransactWriteItem, bool) {
	return func(it types.TransactWriteItem) (types.TransactWriteItem, bool) {
		if it.Put == nil || text(it.Put.Item["SK"]) != sk {
			return it, true
		}
		put := *it.Put
		put.ConditionExpression, put.ExpressionAttributeValues = nil, nil
		return types.TransactWriteItem{Put: &put}, true
	}
}

// forgetful takes the checks out that somebody's record is still there.
func forgetful(it types.TransactWriteItem) (types.TransactWriteItem, bool) {
	return it, it.ConditionCheck == nil || text(it.ConditionCheck.Key["SK"]) != "DIARY"
}

func text(v types.AttributeValue) string {
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return s.Value
}
