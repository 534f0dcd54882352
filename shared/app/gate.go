package app

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/web"
)

// NewGate is how the HTTP edge reaches memberships, recorded answers and the audit trail.
func NewGate(d *clinic.Directory, t *table.Table) web.Gate {
	return web.Gate{
		Caller: d.Caller,
		Recall: func(ctx context.Context, by access.Caller, once access.Once) ([]byte, bool, error) {
			return t.For(by).Recall(ctx, once)
		},
		Note: func(ctx context.Context, by access.Caller, action access.Permission, target string, denied bool) error {
			name := event.RecordRead
			if denied {
				name = event.ReadDenied
			}
			return t.For(by).Note(ctx, action, target, event.Event{Name: name})
		},
	}
}
