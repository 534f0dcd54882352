package main

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/web"
)

// body is what a client sends of a T: what may be set and nothing else. The id comes from the address and the version
// from If-Match; for a new record both are empty.
type body[T any] interface {
	record(id string, version int64) T
}

type createIn[B any] struct {
	web.Keyed
	Body B
}

type changeIn[B any] struct {
	web.Keyed
	web.Matched
	ID   string `path:"id"`
	Body B
}

type getIn struct {
	ID string `path:"id"`
}

// list answers with all records of a kind, which are few enough for one page.
func list[T any](all func(context.Context, access.Caller) ([]T, error)) web.Func[struct{}, web.Page[T]] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (web.Page[T], error) {
		items, err := all(ctx, r.By)
		return web.NewPage(items, ""), err
	}
}

func get[T any](one func(context.Context, access.Caller, string) (T, error)) web.Func[getIn, T] {
	return func(ctx context.Context, r web.Request, in *getIn) (T, error) {
		return one(ctx, r.By, in.ID)
	}
}

func create[B body[T], T, Out any](
	do func(context.Context, access.Caller, access.Once, T) (Out, error),
) web.Func[createIn[B], Out] {
	return func(ctx context.Context, r web.Request, in *createIn[B]) (Out, error) {
		return do(ctx, r.By, r.Once, in.Body.record("", 0))
	}
}

func change[B body[T], T, Out any](
	do func(context.Context, access.Caller, access.Once, T) (Out, error),
) web.Func[changeIn[B], Out] {
	return func(ctx context.Context, r web.Request, in *changeIn[B]) (Out, error) {
		return do(ctx, r.By, r.Once, in.Body.record(in.ID, r.Version))
	}
}
