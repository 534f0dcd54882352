package main

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/connection"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/mail"
)

// reconnect asks whoever connected an account to connect it again. One that was, or that is gone, needs no mail.
func (d dispatcher) reconnect(ctx context.Context, by access.Caller, m event.Message) error {
	k := d.table.For(by)
	var con connection.Connection
	if err := k.Get(ctx, k.Connection(m.Target), &con); err != nil {
		return err
	}
	snap, err := d.directory.Snapshot(ctx, by)
	if err != nil {
		return err
	}
	owner, ok := snap.Staff[con.Subject]
	errand := delivery.Errand{Message: m, About: con.ID, Reader: con.Subject}
	return d.ledger.Deliver(ctx, by, errand, func(context.Context) (delivery.Send, error) {
		switch {
		case con.State != connection.NeedsReauth:
			return nil, delivery.Skip(delivery.Superseded)
		case !ok || owner.Left:
			return nil, delivery.Skip(delivery.NoAddress)
		}
		parcel, err := d.writer.Remind(mail.Reconnect{
			ID: m.Event, To: mail.Person{Name: owner.Name, Email: owner.Email},
			Organisation: snap.Organisation.Name, Clinics: con.Provider == connection.Admin, At: d.now(),
		})
		if err != nil {
			return nil, err
		}
		parcel.Tags = map[string]string{"organisation": m.Org, "connection": con.ID, "event": m.Event}
		return func(ctx context.Context) (string, error) { return d.post.Send(ctx, parcel) }, nil
	})
}
