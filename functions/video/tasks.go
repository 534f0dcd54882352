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
	aboutDone = "Puts down that somebody has seen to it. The same matter is not raised again."
)

type tasksIn struct {
	State string `query:"state" enum:"open,done" default:"open"`
	After string `query:"after" maxLength:"300" doc:"The next of the page before: for the same person and request, within an hour."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func tasks(s *task.Service) web.Func[tasksIn, web.Page[task.Task]] {
	return func(ctx context.Context, r web.Request, in *tasksIn) (web.Page[task.Task], error) {
		all, next, err := s.List(ctx, r.By, task.State(in.State), in.After, in.Limit)
		return web.NewPage(all, next), err
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
