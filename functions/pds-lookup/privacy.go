package main

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/recordview"
	"almanac/shared/scr"
	"almanac/shared/seal"
)

// privacy tells the NHS's privacy officers that a record was opened without the patient's permission.
type privacy struct {
	views *recordview.Service
	spine *scr.Client // nil where this installation is not connected
}

// newPrivacy makes what tells them. Its client shares the tokens of the register's; clock is the computer's own.
func newPrivacy(
	a *app.App, keeper *seal.Keeper, register *pds.Client, clock func() time.Time,
) (privacy, error) {
	p := privacy{views: recordview.New(recordview.Settings{
		Table: a.Table, Keys: keeper, Patients: patient.New(a.Table, keeper, a.Now, a.ID), Directory: a.Directory,
		Now: a.Now, NewID: a.ID,
	})}
	set, err := a.NHS()
	if err != nil || set.SCR == "" || register == nil {
		return p, err
	}
	p.spine, err = scr.New(scr.Settings{
		URL: set.SCR, Token: register.Another, Pace: a.Table.Pace("scr", clock).Wait,
	})
	return p, err
}

// tell carries out one event of a view granted in an emergency. Until it succeeded the alert is owed, so it stays in
// the queue, and where it cannot succeed it ends among the dead letters, which raise an alarm.
func (p privacy) tell(ctx context.Context, by access.Caller, m event.Message) error {
	return p.views.Tell(ctx, by, m.Target, m.Event, func(ctx context.Context, a recordview.PrivacyAlert) error {
		if p.spine == nil {
			return fault.New(fault.Unavailable, "record_unavailable", "This installation is not connected to the NHS.")
		}
		return p.spine.Tell(ctx, scr.Call{ODS: a.ODS, Of: a.View}, scr.Alert{
			ID: a.ID, Number: a.Number, User: a.User, Role: a.Role, ASID: a.ASID,
			Type: scr.TypeAccess, Reason: reasonOf(a.Reason), At: a.At,
		})
	})
}

// reasonOf gives the NHS's code of a reason.
func reasonOf(reason string) string {
	switch reason {
	case recordview.PublicInterest:
		return scr.ReasonPublicInterest
	case recordview.Statute:
		return scr.ReasonStatute
	case recordview.CourtOrder:
		return scr.ReasonCourtOrder
	}
	return scr.ReasonNoPermission
}
