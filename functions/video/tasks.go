package main

import (
	"context"

	"almanac/shared/task"
	"almanac/shared/web"
)

const (
	aboutTasks = "What staff must see to that could not be settled by itself, such as a time that the practitioner " +
		"changed at the video provider and that is taken: those that wait, the oldest first, or those that are " +
		"done, the latest first. It shows those of the sites where the caller works, and of the whole organisation. " +
		"The list may lag behind by a moment."
	aboutTask = "One task, with the version that doing it must match. One of a site where the caller does not work " +
		"is answered as if there were none."
	aboutDone = "Puts down that somebody has seen to it. The same matter is not raised again. If-Match takes the " +
		"ETag that reading the task gives."
)

type tasksIn struct {
	State string `query:"state" enum:"open,done" default:"open"`
	web.Paged
}

func tasks(s *task.Service) web.Func[tasksIn, web.Page[task.Task]] {
	return func(ctx context.Context, r web.Request, in *tasksIn) (web.Page[task.Task], error) {
		all, next, err := s.List(ctx, r.By, task.State(in.State), in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}

type taskIn struct {
	ID string `path:"id" maxLength:"40"`
}

func one(s *task.Service) web.Func[taskIn, task.Task] {
	return func(ctx context.Context, r web.Request, in *taskIn) (task.Task, error) {
		return s.Show(ctx, r.By, in.ID)
	}
}

type doneIn struct {
	web.Keyed
	web.Matched
	ID string `path:"id" maxLength:"40"`
}

func done(s *task.Service) web.Func[doneIn, task.Settled] {
	return func(ctx context.Context, r web.Request, in *doneIn) (task.Settled, error) {
		return s.Done(ctx, r.By, r.Once, in.ID, r.Version)
	}
}
