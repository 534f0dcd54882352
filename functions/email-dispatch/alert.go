package main

import (
	"context"
	"errors"
	"slices"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/clinic"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/mail"
	"almanac/shared/table"
)

// alert tells every privacy officer that an alert waits. Each is told once, whatever becomes of the others.
func (d dispatcher) alert(ctx context.Context, by access.Caller, m event.Message) error {
	k := d.table.For(by)
	raised, err := raisedBy(ctx, k, m)
	if err != nil {
		return err
	}
	snap, err := d.directory.Snapshot(ctx, by)
	if err != nil {
		return err
	}
	var failed []error
	for _, officer := range officers(snap, raised.Subject) {
		e := delivery.Errand{Message: m, About: raised.ID, Patient: raised.PatientID, Reader: officer.Subject}
		failed = append(failed, d.ledger.Deliver(ctx, by, e, d.notice(snap, raised, officer, m)))
	}
	return errors.Join(failed...)
}

// raisedBy reads the alert that an event raised. The message names neither: the event does.
func raisedBy(ctx context.Context, k table.Clinic, m event.Message) (alert.Alert, error) {
	rows, err := k.Under(ctx, k.Patient(m.Target), table.Events+m.Event)
	if err != nil {
		return alert.Alert{}, err
	}
	var e event.Event
	var a alert.Alert
	if len(rows) == 0 {
		return a, fault.New(fault.NotFound, "not_found", "There is no such event.")
	}
	if err := rows[0].Decode(&e); err != nil {
		return a, err
	}
	return a, k.Get(ctx, k.Alert(e.Refs[alert.Ref]), &a)
}

// notice makes the mail to one officer ready.
func (d dispatcher) notice(
	snap *clinic.Snapshot, a alert.Alert, officer clinic.Staff, m event.Message,
) delivery.Prepare {
	return func(context.Context) (delivery.Send, error) {
		if a.State == alert.Reviewed {
			return nil, delivery.Skip(delivery.Over)
		}
		parcel, err := d.writer.Notify(mail.Notice{
			ID: m.Event, To: mail.Person{Name: officer.Name, Email: officer.Email},
			Organisation: snap.Organisation.Name, Reference: a.ID, Due: a.Due.In(snap.Home()), At: d.now(),
		})
		if err != nil {
			return nil, err
		}
		parcel.Tags = map[string]string{"organisation": m.Org, "alert": a.ID, "event": m.Event}
		return func(ctx context.Context) (string, error) { return d.post.Send(ctx, parcel) }, nil
	}
}

// officers are the privacy officers; the managers, where there is none besides the person whom the alert is about. The
// order is the same each time.
func officers(snap *clinic.Snapshot, about string) []clinic.Staff {
	with := func(role access.Role) []clinic.Staff {
		var out []clinic.Staff
		for _, s := range snap.Staff {
			if !s.Left && slices.Contains(s.Roles, role) {
				out = append(out, s)
			}
		}
		slices.SortFunc(out, func(a, b clinic.Staff) int {
			if a.Subject < b.Subject {
				return -1
			}
			return 1
		})
		return out
	}
	all := with(access.PrivacyOfficer)
	if slices.ContainsFunc(all, func(s clinic.Staff) bool { return s.Subject != about }) {
		return all
	}
	return with(access.Manager)
}
