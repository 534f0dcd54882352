package task

import (
	"context"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// List lists the tasks of the sites where the caller works, and those of the whole organisation, a page at a time:
// those that wait, the oldest first, or those that are done, the latest first. after is what the page before gave as
// next. The list may lag behind by a moment.
func (s *Service) List(
	ctx context.Context, by access.Caller, state State, after string, limit int,
) ([]Task, string, error) {
	if err := table.Position(after, Prefix); err != nil {
		return nil, "", err
	}
	k := s.table.For(by)
	at, out := k.Listing(table.Tasks, string(state), time.Time{}, ""), []Task{}
	for {
		page, next, err := table.List[Task](ctx, k, at, after, limit, state == Done)
		if err != nil {
			return nil, "", err
		}
		for i, t := range page {
			if !sees(by, t) {
				continue
			}
			if out = append(out, t.shown()); len(out) == limit {
				if i < len(page)-1 {
					next = t.position()
				}
				return out, next, nil
			}
		}
		if after = next; after == "" {
			return out, "", nil
		}
	}
}

// sees tells whether a task is one of the caller's.
func sees(by access.Caller, t Task) bool { return t.SiteID == "" || by.WorksAt(t.SiteID) }

// Settled is what ending a task is answered with.
type Settled struct {
	ID      string `json:"id"`
	State   State  `json:"state" enum:"done"`
	Version int64  `json:"version"`
}

// ETagVersion is the version that an ETag tells.
func (s Settled) ETagVersion() int64 { return s.Version }

// Done puts down that the caller has seen to a task; version is that of the caller's copy. Errors: fault.NotFound,
// also for one that the caller does not see; Stale; Conflict "task_done" for one that somebody has seen to; and those
// of table.Clinic.Write.
func (s *Service) Done(
	ctx context.Context, by access.Caller, once access.Once, task string, version int64,
) (Settled, error) {
	t, err := s.seen(ctx, by, task)
	switch {
	case err != nil:
		return Settled{}, err
	case t.State == Done:
		return Settled{}, fault.New(fault.Conflict, "task_done", "Somebody has seen to this task already.")
	case t.Version != version:
		return Settled{}, fault.New(fault.Stale, "stale",
			"This was changed by somebody else in the meantime. Look again.")
	}
	k, now := s.table.For(by), s.now().UTC().Truncate(time.Second)
	t.State, t.DoneAt, t.DoneBy = Done, &now, by.Person()
	out := Settled{ID: t.ID, State: Done, Version: version + 1}
	return out, k.Write(ctx, table.Change{
		Action: access.TaskDone, Target: t.ID, Once: once, Answer: out,
		Put:   t.items(k),
		Event: event.Event{Name: event.TaskDone, Why: t.Kind, Before: version, Version: version + 1},
	})
}

func gone() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

// text says what happened and what to do.
func text(kind string) string {
	i := slices.IndexFunc(texts(), func(t [2]string) bool { return t[0] == kind })
	if i < 0 {
		return "Something needs attention."
	}
	return texts()[i][1]
}
