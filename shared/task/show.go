package task

import (
	"context"

	"almanac/shared/access"
)

// Show gives a task with the version that doing it must match. One that the caller does not see is fault.NotFound, as
// one that there is not.
func (s *Service) Show(ctx context.Context, by access.Caller, task string) (Task, error) {
	t, err := s.seen(ctx, by, task)
	if err != nil {
		return Task{}, err
	}
	return t.shown(), nil
}

// seen reads a task that the caller sees.
func (s *Service) seen(ctx context.Context, by access.Caller, task string) (Task, error) {
	if !valid(task) {
		return Task{}, gone()
	}
	k := s.table.For(by)
	var t Task
	if err := k.Get(ctx, k.Task(task), &t); err != nil {
		return Task{}, err
	}
	if !sees(by, t) {
		return Task{}, gone()
	}
	return t, nil
}
