// Package gate joins the HTTP edge to what it may ask of the records. Its rule: it is not part of package app, so that
// only functions with routes carry the API framework, which costs the others up to a tenth of their start.
package gate

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/web"
)

// New is how the HTTP edge reaches memberships, recorded answers and the audit trail.
func New(d *clinic.Directory, t *table.Table) web.Gate {
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
