// Package gate makes the HTTP edge of a function, and joins it to what it may ask of the records. Its rule: it is not
// part of package app, so that only functions with routes carry the API framework, which costs the others up to a tenth
// of their start.
package gate

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/cursor"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/web"
)

// Edge is the HTTP edge of a function's main. It opens the connection to the table, which the first request needs.
func Edge(ctx context.Context, a *app.App) web.Edge {
	a.Warm(ctx)
	return web.Edge{
		Log: a.Log, Now: a.Now, OrganisationClaim: a.OrganisationClaim(), Gate: New(a.Directory, a.Table),
	}
}

// New is how the HTTP edge reaches memberships, relationships, recorded answers and the audit trail.
func New(d *clinic.Directory, t *table.Table) web.Gate {
	guard := care.Guard{Table: t, Now: d.Now}
	cursors := cursor.New(t, d.Now)
	return web.Gate{
		Caller: d.Caller,
		Recall: func(ctx context.Context, by access.Caller, once access.Once) ([]byte, bool, error) {
			return t.For(by).Recall(ctx, once)
		},
		Related: func(ctx context.Context, by access.Caller, p access.Permission, patient string) (string, error) {
			if overseen(p) && by.Can(access.PatientAudit) {
				return guard.Oversees(ctx, by, patient)
			}
			return guard.Related(ctx, by, p, patient)
		},
		Seal: func(ctx context.Context, by access.Caller, of []string, position string) (string, error) {
			return cursors.Seal(ctx, by.Org(), of, position)
		},
		Open: func(ctx context.Context, by access.Caller, of []string, sealed string) (string, error) {
			return cursors.Open(ctx, by.Org(), of, sealed)
		},
		Note: func(ctx context.Context, by access.Caller, n web.Noted) error {
			name := event.RecordRead
			if n.Denied {
				name = event.ReadDenied
			}
			return t.For(by).Note(ctx, n.Action, n.Target, event.Event{Name: name, Refs: n.Refs})
		},
	}
}

// overseen tells what those who watch over access do to anybody's relationships, without one of their own.
func overseen(p access.Permission) bool {
	return p == access.RelationshipList || p == access.RelationshipEnd
}
